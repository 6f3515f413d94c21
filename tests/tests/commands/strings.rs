//! Text, bytes and numbers.

use std::time::Duration;

use redis_ipc::commands::{Life, SetOptions};

use super::{code, in_both_protocols, text};

#[test]
fn values_are_set_read_and_changed() {
    in_both_protocols(|server| {
        assert_eq!(server.get("k").unwrap(), None);
        server.set("k", b"\0\xff\r\n").unwrap();
        assert_eq!(server.get("k").unwrap(), Some(b"\0\xff\r\n".to_vec()));
        assert_eq!(
            server.getset("k", "new").unwrap(),
            Some(b"\0\xff\r\n".to_vec())
        );
        assert_eq!(server.append("k", " text").unwrap(), 8);
        assert_eq!(server.strlen("k").unwrap(), 8);
        assert_eq!(server.strlen("none").unwrap(), 0);
        assert_eq!(server.getrange("k", -4, -1).unwrap(), text("text"));
        assert_eq!(server.setrange("k", 3, "+").unwrap(), 8);
        assert_eq!(server.getdel("k").unwrap(), Some(text("new+text")));
        assert_eq!(server.getdel("k").unwrap(), None);
        server.mset(&[("a", "1"), ("b", "2")]).unwrap();
        assert!(!server.msetnx(&[("b", "3"), ("c", "3")]).unwrap());
        assert!(server.msetnx(&[("c", "3")]).unwrap());
        let many = server.mget(&["a", "none", "c"]).unwrap();
        assert_eq!(many, [Some(text("1")), None, Some(text("3"))]);
        server.rpush("list", "x").unwrap();
        assert_eq!(code(&server.get("list").unwrap_err()), "WRONGTYPE");
    });
}

#[test]
fn values_are_set_under_conditions() {
    in_both_protocols(|server| {
        let present = SetOptions::new().if_present();
        let absent = SetOptions::new().if_absent();
        assert!(!server.set_with("k", "1", &present).unwrap());
        assert!(server.set_with("k", "1", &absent).unwrap());
        assert!(!server.set_with("k", "2", &absent).unwrap());
        assert!(server.set_with("k", "2", &present).unwrap());
        assert!(!server.setnx("k", "3").unwrap() && server.setnx("n", "3").unwrap());
        let minute = Duration::from_secs(60);
        let short = SetOptions::new().expire(minute);
        assert!(server.set_with("k", "3", &short).unwrap());
        let left = |life| matches!(life, Life::Left(left) if left <= minute);
        assert!(left(server.ttl("k").unwrap()));
        let keep = SetOptions::new().keep_expiry();
        assert!(server.set_with("k", "4", &keep).unwrap());
        assert!(left(server.ttl("k").unwrap()));
        assert_eq!(server.getex("k", None).unwrap(), Some(text("4")));
        assert_eq!(server.ttl("k").unwrap(), Life::Forever);
        assert_eq!(server.getex("k", Some(minute)).unwrap(), Some(text("4")));
        assert!(left(server.ttl("k").unwrap()));
        assert_eq!(server.getex("none", None).unwrap(), None);
        server.setex("s", minute, "v").unwrap();
        assert!(left(server.ttl("s").unwrap()));
    });
}

#[test]
fn numbers_are_counted_with() {
    in_both_protocols(|server| {
        assert_eq!(server.incr("n").unwrap(), 1);
        assert_eq!(server.incr_by("n", 41).unwrap(), 42);
        assert_eq!(server.decr("n").unwrap(), 41);
        assert_eq!(server.decr_by("n", 50).unwrap(), -9);
        assert_eq!(server.incr_by("n", i64::MIN + 9).unwrap(), i64::MIN);
        assert_eq!(code(&server.decr("n").unwrap_err()), "ERR");
        assert!((server.incr_by_float("f", 0.5).unwrap() - 0.5).abs() < f64::EPSILON);
        assert!((server.incr_by_float("f", -1e3).unwrap() + 999.5).abs() < 1e-9);
    });
}
