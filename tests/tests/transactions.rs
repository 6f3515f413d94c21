//! WATCH, MULTI and EXEC against a real server.

use redis_ipc::{Connection, Endpoint, Error, Outcome, Reply, Transaction};
use redis_ipc_tests::server::Server;

fn open(server: &Server) -> Connection {
    Connection::open(&Endpoint::unix(server.socket()).unwrap()).unwrap()
}

fn transaction(requests: &[&[&str]]) -> Transaction {
    let mut transaction = Transaction::new();
    for request in requests {
        transaction.command(request);
    }
    transaction
}

fn server_error(error: Error) -> (String, Outcome) {
    let outcome = error.outcome();
    match error {
        Error::Server(error) => (error.text().to_owned(), outcome),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_transaction_is_executed_and_its_replies_come_in_order() {
    let server = Server::start();
    let mut connection = open(&server);
    let all = transaction(&[
        &["SET", "key", "text"],
        &["RPUSH", "list", "a", "b"],
        &["LRANGE", "list", "0", "-1"],
        &["GET", "nothing"],
    ]);
    for length in [2_usize, 4] {
        let replies: Vec<_> = connection.exec(&all).unwrap().unwrap().collect();
        assert_eq!(replies[0], Reply::Simple(b"OK"));
        assert_eq!(replies[1].integer(), i64::try_from(length).ok());
        assert_eq!(replies[2].elements().unwrap().len(), length);
        assert!(replies[3].is_null());
    }
    assert_eq!(connection.get("key").unwrap().unwrap(), b"text");
}

#[test]
fn an_empty_transaction_is_executed() {
    let server = Server::start();
    let replies = open(&server)
        .exec(&Transaction::new())
        .unwrap()
        .map(|r| r.len());
    assert_eq!(replies, Some(0));
}

#[test]
fn a_change_of_a_watched_key_is_an_outcome_and_not_an_error() {
    let server = Server::start();
    let mut connection = open(&server);
    let increase = transaction(&[&["SET", "key", "mine"]]);

    let mut watch = connection.watch(&["key"]).unwrap();
    assert_eq!(watch.get("key").unwrap(), None);
    server.cli(&["SET", "key", "theirs"]);
    assert!(watch.exec(&increase).unwrap().is_none());
    assert!(matches!(watch.exec(&increase), Err(Error::Usage(_))));
    drop(watch);
    assert_eq!(connection.get("key").unwrap().unwrap(), b"theirs");

    let mut watch = connection.watch(&["key"]).unwrap();
    assert!(watch.exec(&increase).unwrap().is_some());
    drop(watch);
    assert_eq!(connection.get("key").unwrap().unwrap(), b"mine");
}

#[test]
fn keys_of_a_watch_that_was_dropped_are_let_go() {
    let server = Server::start();
    let mut connection = open(&server);
    drop(connection.watch(&["key"]).unwrap());
    server.cli(&["SET", "key", "theirs"]);
    let replies = connection.exec(&transaction(&[&["GET", "key"]])).unwrap();
    assert_eq!(replies.unwrap().next(), Some(Reply::Bulk(b"theirs")));
}

#[test]
fn a_watch_does_not_outlive_its_connection() {
    let server = Server::start();
    let mut connection = open(&server);
    let mut watch = connection.watch(&["key"]).unwrap();
    let client = watch.server().client_id().to_string();
    server.cli(&["SET", "key", "theirs"]);
    assert_eq!(server.cli(&["CLIENT", "KILL", "ID", &client]), 1);
    // A read is sent again on a new connection, on which nobody watches.
    assert_eq!(watch.get("key").unwrap().unwrap(), b"theirs");
    let mine = transaction(&[&["SET", "key", "mine"]]);
    assert!(watch.exec(&mine).unwrap().is_none());
    drop(watch);
    assert_eq!(connection.get("key").unwrap().unwrap(), b"theirs");
}

#[test]
fn a_request_that_the_server_refuses_keeps_all_from_being_executed() {
    let server = Server::start();
    let mut connection = open(&server);
    let wrong = transaction(&[&["SET", "key", "text"], &["NOSUCH"], &["GET"]]);
    let (text, outcome) = server_error(connection.exec(&wrong).unwrap_err());
    assert!(text.starts_with("ERR unknown command 'NOSUCH'"), "{text}");
    assert_eq!(outcome, Outcome::Rejected);
    assert!(!connection.exists("key").unwrap());
}

#[test]
fn an_error_inside_leaves_the_other_effects_and_says_so() {
    let server = Server::start();
    let mut connection = open(&server);
    connection.set("text", "text").unwrap();
    let mixed = transaction(&[&["RPUSH", "list", "a"], &["LPOP", "text"], &["INCR", "n"]]);
    let (text, outcome) = server_error(connection.exec(&mixed).unwrap_err());
    assert!(text.starts_with("WRONGTYPE"), "{text}");
    assert_eq!(outcome, Outcome::Unknown);
    assert_eq!(connection.llen("list").unwrap(), 1);

    let replies: Vec<_> = connection.exec_each(&mixed).unwrap().unwrap().collect();
    assert_eq!(replies[0], Reply::Integer(2));
    assert_eq!(replies[1].error().unwrap().code(), b"WRONGTYPE");
    assert_eq!(replies[2], Reply::Integer(2));
}

#[test]
fn full_memory_rejects_all_and_may_be_tried_later() {
    let server = Server::setup().config("maxmemory 1").start();
    let mut connection = open(&server);
    let writes = transaction(&[&["SET", "key", "text"]]);
    let error = connection.exec(&writes).unwrap_err();
    assert!(error.is_temporary(), "{error}");
    assert_eq!(error.outcome(), Outcome::Rejected);
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    assert!(connection.exec(&writes).unwrap().is_some());
}

#[test]
fn where_multi_is_forbidden_the_outcome_is_unknown() {
    let server = Server::setup().config("rename-command MULTI \"\"").start();
    let mut connection = open(&server);
    let (text, outcome) = server_error(
        connection
            .exec(&transaction(&[&["SET", "key", "text"]]))
            .unwrap_err(),
    );
    assert!(text.contains("MULTI"), "{text}");
    assert_eq!(outcome, Outcome::Unknown);
    assert!(connection.exists("key").unwrap());
}

#[test]
fn a_transaction_that_does_not_fit_is_not_sent_and_the_watch_goes_on() {
    let server = Server::start();
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    let options = redis_ipc::Options::default().message_limit(1024);
    let mut connection = Connection::open_with(&endpoint, options).unwrap();
    let long = transaction(&[&["SET", "key", &"x".repeat(2000)]]);
    let mut watch = connection.watch(&["key"]).unwrap();
    let error = watch.exec(&long).unwrap_err();
    assert!(matches!(error, Error::TooLong { .. }));
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(watch.exec(&transaction(&[&["PING"]])).unwrap().is_some());
}

#[test]
fn counters_of_many_threads_add_up() {
    const THREADS: usize = 4;
    const TIMES: usize = 50;
    let server = Server::start();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut connection = open(&server);
                for _ in 0..TIMES {
                    add_one(&mut connection);
                }
            });
        }
    });
    let sum = (THREADS * TIMES).to_string();
    assert_eq!(server.cli(&["GET", "counter"]), sum.as_str());
}

fn add_one(connection: &mut Connection) {
    loop {
        let mut watch = connection.watch(&["counter"]).unwrap();
        let count = watch.get("counter").unwrap().unwrap_or(b"0".to_vec());
        let count: u32 = String::from_utf8(count).unwrap().parse().unwrap();
        let next = transaction(&[&["SET", "counter", &(count + 1).to_string()]]);
        if watch.exec(&next).unwrap().is_some() {
            return;
        }
    }
}
