//! Streams and their groups of readers.

use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

use redis_ipc::Connection;
use redis_ipc::commands::{Entry, Since, StreamId, Trim};
use redis_ipc_tests::bus::PATIENCE;

use super::{code, in_both_protocols, text};

const NOW: Option<Duration> = Some(Duration::ZERO);

fn id(count: u64) -> StreamId {
    StreamId::new(1, count)
}

fn entry(count: u64) -> Entry {
    let fields = vec![(text("n"), text(&count.to_string()))];
    Entry {
        id: id(count),
        fields,
    }
}

fn fill(server: &mut Connection) {
    for count in 1..=4 {
        let added = server.xadd_as("s", id(count), &[("n", count.to_string())]);
        assert_eq!(added.unwrap(), id(count));
    }
}

#[test]
fn entries_are_appended_counted_and_removed() {
    in_both_protocols(|server| {
        fill(server);
        let low = server.xadd_as("s", id(1), &[("n", "1")]).unwrap_err();
        assert_eq!(code(&low), "ERR");
        let now = server.xadd("s", &[("a", "1"), ("b", "2")]).unwrap();
        assert!(now > id(4));
        assert_eq!(server.xlen("s").unwrap(), 5);
        assert_eq!(server.xdel("s", &[now, id(9)]).unwrap(), 1);
        assert_eq!(server.xtrim("s", Trim::ToLength(3)).unwrap(), 1);
        assert_eq!(server.xtrim("s", Trim::Before(id(3))).unwrap(), 1);
        server.xtrim("s", Trim::ToAboutLength(1)).unwrap();
        server.xtrim("s", Trim::AboutBefore(id(3))).unwrap();
        let last = server.xadd_trimmed("s", Trim::ToLength(1), &[("n", "5")]);
        let left = server.xrange("s", .., None).unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].id, last.unwrap());
    });
}

#[test]
fn ranges_are_read_in_both_directions() {
    in_both_protocols(|server| {
        fill(server);
        let mut range = |count| server.xrange("s", id(2).., count).unwrap();
        assert_eq!(range(None), [entry(2), entry(3), entry(4)]);
        assert_eq!(range(Some(1)), [entry(2)]);
        let some = server.xrange("s", id(2)..id(4), None).unwrap();
        assert_eq!(some, [entry(2), entry(3)]);
        let behind = (Excluded(id(3)), Unbounded);
        assert_eq!(server.xrange("s", behind, None).unwrap(), [entry(4)]);
        let back = server.xrevrange("s", ..id(3), Some(9)).unwrap();
        assert_eq!(back, [entry(2), entry(1)]);
        assert_eq!(server.xrange("none", .., None).unwrap(), []);
    });
}

#[test]
fn many_streams_are_read_and_waited_for() {
    in_both_protocols(|server| {
        fill(server);
        let streams = [("none", StreamId::MIN), ("s", id(3))];
        let read = server.xread(&streams, None).unwrap();
        assert_eq!(read, [(text("s"), vec![entry(4)])]);
        let read = server.xread_blocking(&streams, Some(1), None).unwrap();
        assert_eq!(read, [(text("s"), vec![entry(4)])]);
        let end = [("s", id(4))];
        assert_eq!(server.xread(&end, None).unwrap(), []);
        let soon = Some(Duration::from_millis(5));
        assert_eq!(server.xread_blocking(&end, None, soon).unwrap(), []);
    });
}

#[test]
fn a_group_shares_entries_until_they_are_acknowledged() {
    in_both_protocols(|server| {
        fill(server);
        let all = Since::Entry(StreamId::MIN);
        server.xgroup_create("s", "g", all, false).unwrap();
        let again = server.xgroup_create("s", "g", all, false).unwrap_err();
        assert_eq!(code(&again), "BUSYGROUP");
        server.xgroup_create("new", "g", Since::Now, true).unwrap();
        let one = server.xreadgroup("g", "one", &["s"], Some(2), NOW);
        assert_eq!(one.unwrap(), [(text("s"), vec![entry(1), entry(2)])]);
        let two = server.xreadgroup("g", "two", &["s", "new"], None, Some(PATIENCE));
        assert_eq!(two.unwrap(), [(text("s"), vec![entry(3), entry(4)])]);
        assert_eq!(
            server.xreadgroup("g", "one", &["s"], None, NOW).unwrap(),
            []
        );
        assert_eq!(server.xack("s", "g", &[id(1), id(9)]).unwrap(), 1);
        let begun = [("s", StreamId::MIN)];
        let mine = server.xreadgroup_pending("g", "one", &begun, None);
        assert_eq!(mine.unwrap(), [(text("s"), vec![entry(2)])]);
        let pending = server.xpending("s", "g").unwrap();
        assert_eq!((pending.count, pending.ends), (3, Some((id(2), id(4)))));
        assert_eq!(
            pending.consumers,
            [("one".to_owned(), 1), ("two".to_owned(), 2)]
        );
        let two = server.xpending_range("s", "g", .., 9, Some("two")).unwrap();
        assert_eq!((two.len(), two[0].id, two[0].deliveries), (2, id(3), 1));
        assert_eq!(two[0].consumer, "two");
        assert_eq!(server.xpending("new", "g").unwrap().count, 0);
    });
}

#[test]
fn entries_of_a_reader_that_is_gone_are_taken_over() {
    in_both_protocols(|server| {
        fill(server);
        server
            .xgroup_create("s", "g", Since::Entry(StreamId::MIN), false)
            .unwrap();
        server.xreadgroup("g", "gone", &["s"], None, NOW).unwrap();
        server.xdel("s", &[id(2)]).unwrap();
        let idle = Duration::ZERO;
        let taken = server.xclaim("s", "g", "heir", idle, &[id(1), id(2)]);
        assert_eq!(taken.unwrap(), [entry(1)]);
        let taken = server.xautoclaim("s", "g", "heir", idle, id(2), 9);
        assert_eq!(taken.unwrap(), (StreamId::MIN, vec![entry(3), entry(4)]));
        let hour = Duration::from_secs(3600);
        let none = server.xclaim("s", "g", "gone", hour, &[id(3)]).unwrap();
        assert_eq!(none, []);
        assert_eq!(server.xgroup_delconsumer("s", "g", "heir").unwrap(), 3);
        server.xgroup_set_id("s", "g", Since::Entry(id(3))).unwrap();
        let next = server.xreadgroup("g", "heir", &["s"], None, NOW).unwrap();
        assert_eq!(next, [(text("s"), vec![entry(4)])]);
        assert!(server.xgroup_destroy("s", "g").unwrap());
        assert!(!server.xgroup_destroy("s", "g").unwrap());
    });
}
