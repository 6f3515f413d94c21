//! SCAN and its kin on a real server.

use std::collections::BTreeSet;

use redis_ipc::{Connection, Endpoint, Error};
use redis_ipc_tests::server::Server;

const MANY: usize = 2000;

fn open(server: &Server) -> Connection {
    Connection::open(&Endpoint::unix(server.socket()).unwrap()).unwrap()
}

fn fill(connection: &mut Connection, request: impl Fn(usize) -> Vec<String>) {
    let mut pipeline = connection.pipeline();
    for number in 0..MANY {
        pipeline.command(&request(number)).unwrap();
    }
    let mut replies = pipeline.send().unwrap();
    while let Some(reply) = replies.next().unwrap() {
        assert!(reply.error().is_none());
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn every_key_comes_and_only_those_that_are_asked_for() {
    let server = Server::start();
    let mut connection = open(&server);
    fill(&mut connection, |n| match n % 2 {
        0 => words(&["SET", &format!("text:{n}"), "x"]),
        _ => words(&["RPUSH", &format!("list:{n}"), "x"]),
    });
    let keys = |scan: redis_ipc::Scan<'_, Vec<u8>>| -> BTreeSet<Vec<u8>> {
        scan.collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(keys(connection.scan()).len(), MANY);
    assert_eq!(keys(connection.scan().count(500)).len(), MANY);
    let lists = keys(connection.scan().matching("list:*"));
    assert_eq!(lists.len(), MANY / 2);
    assert_eq!(keys(connection.scan().of_type("list")), lists);
    let one = keys(
        connection
            .scan()
            .matching("*:77")
            .of_type("list")
            .count(100),
    );
    assert_eq!(one, BTreeSet::from([b"list:77".to_vec()]));
    assert!(keys(connection.scan().matching("none*")).is_empty());
}

#[test]
fn members_come_with_what_belongs_to_them() {
    let server = Server::start();
    let mut connection = open(&server);
    fill(&mut connection, |n| {
        words(&["HSET", "hash", &format!("f{n}"), &n.to_string()])
    });
    fill(&mut connection, |n| words(&["SADD", "set", &n.to_string()]));
    fill(&mut connection, |n| {
        words(&["ZADD", "sorted", &format!("{n}.5"), &n.to_string()])
    });
    server.cli(&["ZADD", "sorted", "-inf", "least", "1e300", "most"]);

    let fields: BTreeSet<_> = connection.hscan("hash").map(Result::unwrap).collect();
    assert_eq!(fields.len(), MANY);
    assert!(fields.contains(&(b"f1999".to_vec(), b"1999".to_vec())));
    let members: BTreeSet<_> = connection.sscan("set").map(Result::unwrap).collect();
    assert_eq!(members.len(), MANY);
    let scores: Vec<_> = connection.zscan("sorted").map(Result::unwrap).collect();
    assert!(scores.contains(&(b"77".to_vec(), 77.5)));
    assert!(scores.contains(&(b"least".to_vec(), f64::NEG_INFINITY)));
    assert!(scores.contains(&(b"most".to_vec(), 1e300)));
    assert!(connection.sscan("nothing").count(5).next().is_none());
}

#[test]
fn an_error_ends_it() {
    let server = Server::start();
    let mut connection = open(&server);
    connection.set("text", "x").unwrap();
    let mut scan = connection.hscan("text");
    assert!(matches!(scan.next(), Some(Err(Error::Server(e))) if e.code() == "WRONGTYPE"));
    assert!(scan.next().is_none());
}

#[test]
fn a_server_that_was_started_anew_ends_it() {
    let mut server = Server::setup().persistent().start();
    let mut connection = open(&server);
    fill(&mut connection, |n| words(&["SET", &n.to_string(), "x"]));
    let mut scan = connection.scan();
    assert!(matches!(scan.next(), Some(Ok(_))));
    server.restart();
    let error = scan.find_map(Result::err).unwrap();
    assert!(error.is_disconnection(), "{error}");
    assert!(scan.next().is_none());
    assert!(connection.scan().map(Result::unwrap).count() >= MANY);
}
