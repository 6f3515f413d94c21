//! Lists, and waiting for what comes into them.

use std::time::{Duration, Instant};

use redis_ipc::commands::{End, Side};
use redis_ipc::{Connection, Error, Options, Outcome};
use redis_ipc_tests::bus::{PATIENCE, endpoint, until_blocked};
use redis_ipc_tests::server::Server;

use super::{code, in_both_protocols, text, texts};

#[test]
fn elements_are_pushed_read_and_taken_at_both_ends() {
    in_both_protocols(|server| {
        assert_eq!(server.rpushx("l", "x").unwrap(), 0);
        assert_eq!(server.lpushx("l", "x").unwrap(), 0);
        assert_eq!(server.rpush("l", "b").unwrap(), 1);
        assert_eq!(server.lpush("l", "a").unwrap(), 2);
        assert_eq!(server.rpush_all("l", &["c", "d"]).unwrap(), 4);
        assert_eq!(server.lpush_all("l", &["2", "1"]).unwrap(), 6);
        let all = texts(&["1", "2", "a", "b", "c", "d"]);
        assert_eq!(server.lrange("l", 0, -1).unwrap(), all);
        assert_eq!(server.llen("l").unwrap(), 6);
        assert_eq!(server.lindex("l", -1).unwrap(), Some(text("d")));
        assert_eq!(server.lindex("l", 9).unwrap(), None);
        assert_eq!(server.lpop("l").unwrap(), Some(text("1")));
        assert_eq!(server.rpop("l").unwrap(), Some(text("d")));
        assert_eq!(server.lpop_many("l", 2).unwrap(), texts(&["2", "a"]));
        assert_eq!(server.rpop_many("l", 9).unwrap(), texts(&["c", "b"]));
        assert_eq!(server.lpop_many("l", 2).unwrap(), texts(&[]));
        assert_eq!(server.rpop("l").unwrap(), None);
    });
}

#[test]
fn elements_are_changed_in_the_middle() {
    in_both_protocols(|server| {
        server.rpush_all("l", &["a", "b", "a", "c", "a"]).unwrap();
        assert_eq!(server.lpos("l", "c").unwrap(), Some(3));
        assert_eq!(server.lpos("l", "z").unwrap(), None);
        server.lset("l", 1, "B").unwrap();
        assert_eq!(code(&server.lset("l", 9, "x").unwrap_err()), "ERR");
        assert_eq!(
            server.linsert("l", Side::Before, "B", "1").unwrap(),
            Some(6)
        );
        assert_eq!(
            server.linsert("l", Side::Behind, "B", "2").unwrap(),
            Some(7)
        );
        assert_eq!(server.linsert("l", Side::Behind, "z", "3").unwrap(), None);
        assert_eq!(
            server.linsert("none", Side::Behind, "z", "3").unwrap(),
            None
        );
        assert_eq!(server.lrem_some("l", -1, "a").unwrap(), 1);
        assert_eq!(
            server.lrange("l", 0, -1).unwrap(),
            texts(&["a", "1", "B", "2", "a", "c"])
        );
        assert_eq!(server.lrem("l", "a").unwrap(), 2);
        server.ltrim("l", 1, 2).unwrap();
        assert_eq!(server.lrange("l", 0, -1).unwrap(), texts(&["B", "2"]));
    });
}

#[test]
fn elements_move_from_end_to_end() {
    in_both_protocols(|server| {
        server.rpush_all("l", &["a", "b", "c"]).unwrap();
        let moved = server.lmove("l", End::Head, "m", End::Tail).unwrap();
        assert_eq!(moved, Some(text("a")));
        let moved = server.lmove("l", End::Tail, "m", End::Head).unwrap();
        assert_eq!(moved, Some(text("c")));
        assert_eq!(server.lrange("m", 0, -1).unwrap(), texts(&["c", "a"]));
        assert_eq!(
            server.lmove("none", End::Head, "m", End::Head).unwrap(),
            None
        );
        let soon = Some(Duration::ZERO);
        let moved = server.blmove("l", End::Head, "m", End::Head, soon);
        assert_eq!(moved.unwrap(), Some(text("b")));
        let moved = server.blmove("l", End::Head, "m", End::Head, soon);
        assert_eq!(moved.unwrap(), None);
    });
}

#[test]
fn a_pop_waits_for_what_comes_and_no_longer_than_is_said() {
    in_both_protocols(|server| {
        let limit = Duration::from_millis(60);
        let begin = Instant::now();
        assert_eq!(server.blpop(&["x", "y"], Some(limit)).unwrap(), None);
        assert!(begin.elapsed() >= limit - Duration::from_millis(1));
        server.rpush_all("y", &["a", "b", "c"]).unwrap();
        let keys = ["x", "y"];
        let taken = server.blpop(&keys, None).unwrap();
        assert_eq!(taken, Some((text("y"), text("a"))));
        let taken = server.brpop(&keys, Some(PATIENCE)).unwrap();
        assert_eq!(taken, Some((text("y"), text("c"))));
    });
}

#[test]
fn a_pop_outlasts_the_reply_limit_and_can_be_ended_without_losing_anything() {
    let server = Server::start();
    let options = Options::default().reply_limit(Duration::from_millis(500));
    let mut waiter = Connection::open_with(&endpoint(&server), options).unwrap();
    let id = waiter.client_id().unwrap();
    let mut other = Connection::open(&endpoint(&server)).unwrap();
    let taken = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| waiter.blpop(&["l"], None));
        until_blocked(&server, 1);
        std::thread::sleep(Duration::from_millis(1200));
        assert!(other.client_unblock(id).unwrap());
        waiting.join().unwrap()
    });
    assert_eq!(taken.unwrap(), None);
    assert!(!other.client_unblock(id).unwrap());
    other.rpush("l", "kept").unwrap();
    assert_eq!(
        waiter.blpop(&["l"], None).unwrap(),
        Some((text("l"), text("kept")))
    );
}

#[test]
fn a_server_that_never_says_that_time_is_up_does_not_hold_a_pop() {
    let server = Server::start();
    let options = Options::default().reply_limit(Duration::from_millis(100));
    let mut waiter = Connection::open_with(&endpoint(&server), options).unwrap();
    server.pause();
    let begin = Instant::now();
    let error = waiter.blpop(&["l"], Some(Duration::from_millis(100)));
    let error = error.unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    server.resume();
}
