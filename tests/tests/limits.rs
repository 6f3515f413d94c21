//! Limits of time on real servers that stand still.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use redis_ipc::{Connection, Endpoint, Error, Options, Outcome};
use redis_ipc_tests::server::Server;

const SHORT: Duration = Duration::from_millis(60);

fn endpoints(server: &Server) -> [Endpoint; 2] {
    [
        Endpoint::unix(server.socket()).unwrap(),
        Endpoint::tcp("127.0.0.1", server.port()),
    ]
}

/// What failed after how long, with the limit that the error names.
fn timed_out(error: &Error, begin: Instant) -> (Outcome, Duration) {
    // The default limits are 5 s; a busy machine is given some of that.
    assert!(
        begin.elapsed() < Duration::from_secs(4),
        "{:?}",
        begin.elapsed()
    );
    match error {
        Error::TimedOut { outcome, limit } => (*outcome, *limit),
        other => panic!("{other}"),
    }
}

#[test]
fn a_reply_has_its_own_limit_and_blocking_requests_have_theirs() {
    let server = Server::setup().tcp().start();
    for endpoint in endpoints(&server) {
        let options = Options::default().receive_limit(SHORT);
        let mut connection = Connection::open_with(&endpoint, options).unwrap();
        let pop = ["BLPOP", "nothing", "0.2"];
        let reply = connection
            .blocking_command(&pop, Duration::from_secs(5))
            .unwrap();
        assert!(reply.is_null());

        server.pause();
        let begin = Instant::now();
        let error = connection.incr("n").unwrap_err();
        assert_eq!(timed_out(&error, begin), (Outcome::Unknown, SHORT));
        server.resume();
        // It may need longer than that at first.
        let begin = Instant::now();
        while let Err(error) = connection.ping() {
            timed_out(&error, begin);
        }
    }
}

#[test]
fn each_reply_of_a_pipeline_has_the_whole_limit() {
    let server = Server::start();
    let options = Options::default().receive_limit(Duration::from_secs(2));
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    let mut connection = Connection::open_with(&endpoint, options).unwrap();
    let mut pipeline = connection.pipeline();
    for _ in 0..3 {
        pipeline.command(&["BLPOP", "nothing", "0.8"]).unwrap();
    }
    let mut replies = pipeline.send().unwrap();
    while let Some(reply) = replies.next().unwrap() {
        assert!(reply.is_null());
    }
}

#[test]
fn sending_has_its_own_limit_when_the_server_takes_nothing() {
    let server = Server::setup().tcp().start();
    let long = "x".repeat(16 * 1024 * 1024);
    for endpoint in endpoints(&server) {
        let options = Options::default()
            .message_limit(32 * 1024 * 1024)
            .send_limit(SHORT);
        let mut connection = Connection::open_with(&endpoint, options).unwrap();
        server.pause();
        let begin = Instant::now();
        let error = connection.set("key", &long).unwrap_err();
        assert_eq!(timed_out(&error, begin), (Outcome::Unknown, SHORT));
        server.resume();
        assert!(!connection.exists("key").unwrap());
    }
}

#[test]
fn connecting_to_a_server_that_stands_still_ends_at_its_limit() {
    let server = Server::setup().tcp().start();
    server.pause();
    for endpoint in endpoints(&server) {
        let begin = Instant::now();
        let options = Options::default().connect_limit(SHORT);
        let error = Connection::open_with(&endpoint, options).unwrap_err();
        assert!(
            begin.elapsed() < Duration::from_secs(4),
            "{:?}",
            begin.elapsed()
        );
        match &error {
            Error::Connect { source, .. } => assert_eq!(source.kind(), ErrorKind::TimedOut),
            other => panic!("{other}"),
        }
    }
    server.resume();
}
