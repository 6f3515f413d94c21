//! Hashes and sets.

use super::{any_order, in_both_protocols, text};

#[test]
fn fields_of_a_hash_are_set_read_and_counted_with() {
    in_both_protocols(|server| {
        assert!(server.hset("h", "a", "1").unwrap() && !server.hset("h", "a", "2").unwrap());
        assert_eq!(server.hset_all("h", &[("a", "3"), ("b", "4")]).unwrap(), 1);
        assert!(!server.hsetnx("h", "a", "5").unwrap());
        assert!(server.hsetnx("h", "c", "5").unwrap());
        assert_eq!(server.hget("h", "a").unwrap(), Some(text("3")));
        assert_eq!(server.hget("h", "z").unwrap(), None);
        let many = server.hmget("h", &["b", "z"]).unwrap();
        assert_eq!(many, [Some(text("4")), None]);
        assert!(server.hexists("h", "a").unwrap() && !server.hexists("h", "z").unwrap());
        assert_eq!(server.hlen("h").unwrap(), 3);
        assert_eq!(server.hstrlen("h", "a").unwrap(), 1);
        any_order(server.hkeys("h").unwrap(), &["a", "b", "c"]);
        any_order(server.hvals("h").unwrap(), &["3", "4", "5"]);
        any_order(server.hrandfield("h", 9).unwrap(), &["a", "b", "c"]);
        let mut all = server.hgetall("h").unwrap();
        all.sort();
        assert_eq!(all[2], (text("c"), text("5")));
        assert_eq!(server.hgetall("none").unwrap(), []);
        assert_eq!(server.hincr_by("h", "n", -7).unwrap(), -7);
        let half = server.hincr_by_float("h", "n", 0.5).unwrap();
        assert!((half + 6.5).abs() < 1e-9, "{half}");
        assert_eq!(server.hdel("h", &["a", "z"]).unwrap(), 1);
    });
}

#[test]
fn members_of_a_set_come_and_go() {
    in_both_protocols(|server| {
        assert_eq!(server.sadd("s", &["a", "b", "b", "c"]).unwrap(), 3);
        assert!(server.sismember("s", "a").unwrap() && !server.sismember("s", "z").unwrap());
        assert_eq!(server.smismember("s", &["a", "z"]).unwrap(), [true, false]);
        any_order(server.smembers("s").unwrap(), &["a", "b", "c"]);
        assert_eq!(server.scard("s").unwrap(), 3);
        assert!(server.srandmember("s").unwrap().is_some());
        any_order(server.srandmember_many("s", 9).unwrap(), &["a", "b", "c"]);
        assert!(server.smove("s", "other", "c").unwrap());
        assert!(!server.smove("s", "other", "c").unwrap());
        assert_eq!(server.srem("s", &["b", "z"]).unwrap(), 1);
        assert_eq!(server.spop("s").unwrap(), Some(text("a")));
        assert_eq!(server.spop("s").unwrap(), None);
        assert_eq!(server.spop_many("other", 9).unwrap(), [text("c")]);
        assert_eq!(server.smembers("none").unwrap(), Vec::<Vec<u8>>::new());
    });
}

#[test]
fn sets_are_combined() {
    in_both_protocols(|server| {
        server.sadd("x", &["a", "b", "c"]).unwrap();
        server.sadd("y", &["b", "c", "d"]).unwrap();
        any_order(server.sinter(&["x", "y"]).unwrap(), &["b", "c"]);
        any_order(server.sunion(&["x", "y"]).unwrap(), &["a", "b", "c", "d"]);
        any_order(server.sdiff(&["x", "y"]).unwrap(), &["a"]);
        assert_eq!(server.sinterstore("i", &["x", "y"]).unwrap(), 2);
        assert_eq!(server.sunionstore("u", &["x", "y"]).unwrap(), 4);
        assert_eq!(server.sdiffstore("d", &["x", "y"]).unwrap(), 1);
        any_order(server.smembers("d").unwrap(), &["a"]);
    });
}
