//! Typed commands against a real server, each in both versions of the protocol: what is asked for
//! is what the server does, and its reply is read as what it is.

mod bits_and_places;
mod collections;
mod keys;
mod lists;
mod server;
mod sorted_sets;
mod streams;
mod strings;

use redis_ipc::{Connection, Error};
use redis_ipc_tests::bus::endpoint;
use redis_ipc_tests::server::Server;

/// Runs a test over RESP3 and, with a server that knows no HELLO, over RESP2.
#[track_caller]
fn in_both_protocols(test: impl Fn(&mut Connection)) {
    for (setup, protocol) in [
        (Server::setup(), 3),
        (Server::setup().config("rename-command HELLO \"\""), 2),
    ] {
        let server = setup.start();
        let mut connection = Connection::open(&endpoint(&server)).unwrap();
        assert_eq!(connection.server().protocol(), protocol);
        test(&mut connection);
    }
}

/// Text as the bytes of a reply.
fn text(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn texts(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| text(word)).collect()
}

/// The same in any order.
#[track_caller]
fn any_order(mut given: Vec<Vec<u8>>, expected: &[&str]) {
    given.sort();
    assert_eq!(given, texts(expected));
}

#[track_caller]
fn code(error: &Error) -> &str {
    match error {
        Error::Server(error) => error.code(),
        other => panic!("not the server's error: {other:?}"),
    }
}

#[test]
fn any_command_is_read_as_any_type() {
    in_both_protocols(|server| {
        server.zadd("z", &[(1.5, "a"), (2.0, "b")]).unwrap();
        let all: Vec<(String, f64)> = server
            .query(&["ZRANGE", "z", "0", "-1", "WITHSCORES"])
            .unwrap();
        assert_eq!(all, [("a".to_owned(), 1.5), ("b".to_owned(), 2.0)]);
        let error = server
            .query::<i64>(&["ZRANGE", "z", "0", "-1"])
            .unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
        // It was understood, and so the line is still good.
        server.ping().unwrap();
    });
}

#[test]
fn the_replies_of_a_pipeline_are_read_as_their_types() {
    in_both_protocols(|server| {
        let mut pipeline = server.pipeline();
        pipeline.command(&["INCR", "n"]).unwrap();
        pipeline.command(&["LPUSH", "n", "x"]).unwrap();
        pipeline.command(&["HSET", "h", "a", "1"]).unwrap();
        pipeline.command(&["HGETALL", "h"]).unwrap();
        let mut replies = pipeline.send().unwrap();
        assert_eq!(replies.next_as::<u64>().unwrap(), Some(1));
        assert_eq!(code(&replies.next_as::<u64>().unwrap_err()), "WRONGTYPE");
        let odd = replies.next_as::<Vec<String>>().unwrap_err();
        assert!(matches!(odd, Error::Protocol { .. }), "{odd:?}");
        let hash = replies.next_as::<Vec<(String, i64)>>().unwrap();
        assert_eq!(hash, Some(vec![("a".to_owned(), 1)]));
        assert_eq!(replies.next_as::<()>().unwrap(), None);
    });
}
