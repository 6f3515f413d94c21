//! Keys.

use std::time::{Duration, SystemTime};

use redis_ipc::commands::{Life, Sort};

use super::{any_order, code, in_both_protocols, text, texts};

#[test]
fn keys_are_found_named_and_removed() {
    in_both_protocols(|server| {
        server.mset(&[("a", "1"), ("b", "2"), ("c", "3")]).unwrap();
        server.hset("h", "f", "v").unwrap();
        assert!(server.exists("a").unwrap() && !server.exists("z").unwrap());
        assert_eq!(server.exists_many(&["a", "a", "b", "z"]).unwrap(), 3);
        assert_eq!(server.touch(&["a", "z"]).unwrap(), 1);
        assert_eq!(server.key_type("h").unwrap().as_deref(), Some("hash"));
        assert_eq!(server.key_type("z").unwrap(), None);
        any_order(server.keys("[ab]").unwrap(), &["a", "b"]);
        assert_eq!(server.dbsize().unwrap(), 4);
        server.rename("a", "x").unwrap();
        assert_eq!(code(&server.rename("a", "x").unwrap_err()), "ERR");
        assert!(!server.renamenx("x", "b").unwrap());
        assert!(server.renamenx("x", "a").unwrap());
        assert!(server.copy("a", "d", false).unwrap());
        assert!(!server.copy("b", "d", false).unwrap());
        assert!(server.copy("b", "d", true).unwrap());
        assert_eq!(server.get("d").unwrap(), Some(text("2")));
        assert!(server.move_to("d", 5).unwrap() && !server.move_to("d", 5).unwrap());
        assert_eq!(server.del(&["a", "z"]).unwrap(), 1);
        assert_eq!(server.unlink(&["b", "c", "h"]).unwrap(), 3);
        assert_eq!(server.randomkey().unwrap(), None);
    });
}

#[test]
fn keys_stay_as_long_as_is_said() {
    in_both_protocols(|server| {
        let hour = Duration::from_secs(3600);
        assert_eq!(server.ttl("k").unwrap(), Life::Missing);
        assert!(!server.expire("k", hour).unwrap());
        server.set("k", "v").unwrap();
        assert_eq!(server.ttl("k").unwrap(), Life::Forever);
        assert!(server.expire("k", hour).unwrap());
        let near = |life| matches!(life, Life::Left(left) if left <= hour && left > hour / 2);
        assert!(near(server.ttl("k").unwrap()));
        assert!(server.persist("k").unwrap() && !server.persist("k").unwrap());
        assert!(server.expire_at("k", SystemTime::now() + hour).unwrap());
        assert!(near(server.ttl("k").unwrap()));
        assert!(server.expire_at("k", SystemTime::UNIX_EPOCH).unwrap());
        assert_eq!(server.ttl("k").unwrap(), Life::Missing);
    });
}

#[test]
fn a_value_is_carried_over_in_the_servers_own_form() {
    in_both_protocols(|server| {
        server.rpush_all("list", &["a", "b"]).unwrap();
        let dump = server.dump("list").unwrap().unwrap();
        assert_eq!(server.dump("none").unwrap(), None);
        server.restore("copy", None, &dump, false).unwrap();
        let busy = server.restore("copy", None, &dump, false).unwrap_err();
        assert_eq!(code(&busy), "BUSYKEY");
        let life = Duration::from_secs(60);
        server.restore("copy", Some(life), &dump, true).unwrap();
        assert!(matches!(server.ttl("copy").unwrap(), Life::Left(_)));
        assert_eq!(server.lrange("copy", 0, -1).unwrap(), texts(&["a", "b"]));
        assert_eq!(
            server.object_encoding("list").unwrap(),
            server.object_encoding("copy").unwrap()
        );
        assert_eq!(server.object_encoding("none").unwrap(), None);
        assert!(server.memory_usage("list").unwrap() > Some(0));
        assert_eq!(server.memory_usage("none").unwrap(), None);
    });
}

#[test]
fn members_are_sorted_in_every_way() {
    in_both_protocols(|server| {
        server.rpush_all("ids", &["3", "1", "2"]).unwrap();
        let pairs = [("weight.1", "30"), ("weight.2", "20"), ("weight.3", "10")];
        server.mset(&pairs).unwrap();
        server
            .mset(&[("name.1", "one"), ("name.3", "three")])
            .unwrap();
        let mut sort = |sort: Sort| server.sort("ids", &sort).unwrap();
        let some = |words: &[&str]| words.iter().map(|w| Some(text(w))).collect::<Vec<_>>();
        assert_eq!(sort(Sort::new()), some(&["1", "2", "3"]));
        let by = Sort::new().by("weight.*");
        assert_eq!(sort(by.clone()), some(&["3", "2", "1"]));
        let named = sort(by.clone().get("#").get("name.*").limit(0, 2));
        let expected = [Some("3"), Some("three"), Some("2"), None];
        assert_eq!(named, expected.map(|word| word.map(text)));
        assert_eq!(sort(Sort::new().descending().limit(0, 1)), some(&["3"]));
        let words = Sort::new().alpha();
        server.rpush_all("words", &["b", "10", "9"]).unwrap();
        assert_eq!(
            server.sort("words", &words).unwrap(),
            some(&["10", "9", "b"])
        );
        assert_eq!(server.sort_into("words", &words, "sorted").unwrap(), 3);
        let sorted = server.lrange("sorted", 0, -1).unwrap();
        assert_eq!(sorted, texts(&["10", "9", "b"]));
    });
}
