//! Pipelines that are larger than what holds them, on a real server.

use redis_ipc::{Connection, Endpoint, Error, Options, Outcome, Replies};
use redis_ipc_tests::server::Server;

const LIMIT: usize = 4096;

fn open(server: &Server, limit: usize) -> Connection {
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    Connection::open_with(&endpoint, Options::default().message_limit(limit)).unwrap()
}

/// The lengths of a list after each of `count` pushes.
fn counts_up_to(count: i64, mut replies: Replies<'_>) {
    for length in 1..=count {
        let reply = replies.next().unwrap();
        assert_eq!(reply.and_then(|reply| reply.integer()), Some(length));
    }
    assert!(replies.next().unwrap().is_none());
}

#[test]
fn requests_that_do_not_fit_the_buffer_together_go_out_in_pieces() {
    let server = Server::start();
    let mut connection = open(&server, LIMIT);
    let value = "v".repeat(1000);
    let mut pipeline = connection.pipeline();
    for _ in 0..100 {
        pipeline.command(&["RPUSH", "list", &value]).unwrap();
    }
    counts_up_to(100, pipeline.send().unwrap());
}

#[test]
fn a_request_that_does_not_fit_the_buffer_alone_is_refused_and_the_others_stay() {
    let server = Server::start();
    let mut connection = open(&server, LIMIT);
    let (short, long) = ("v".repeat(1000), "v".repeat(LIMIT));
    let mut pipeline = connection.pipeline();
    for _ in 0..3 {
        pipeline.command(&["RPUSH", "list", &short]).unwrap();
    }
    match pipeline.command(&["RPUSH", "list", &long]) {
        Err(Error::TooLong { outcome, sizes }) => {
            assert_eq!(outcome, Outcome::NotSent);
            assert_eq!(sizes.capacity, LIMIT);
            assert!(sizes.needed > LIMIT);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pipeline.len(), 3);
    pipeline.command(&["RPUSH", "list", &short]).unwrap();
    counts_up_to(4, pipeline.send().unwrap());
}

#[test]
fn replies_that_do_not_fit_the_buffer_together_all_come() {
    let server = Server::start();
    let mut connection = open(&server, LIMIT);
    let value = "v".repeat(1000);
    connection.set("key", &value).unwrap();
    let mut pipeline = connection.pipeline();
    for _ in 0..500 {
        pipeline.command(&["GET", "key"]).unwrap();
    }
    let mut replies = pipeline.send().unwrap();
    for left in (0..500).rev() {
        let reply = replies.next().unwrap().unwrap();
        assert_eq!(reply.bytes(), Some(value.as_bytes()));
        assert_eq!(replies.left(), left);
    }
}
