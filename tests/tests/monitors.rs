//! MONITOR on a real server.

use std::time::{Duration, SystemTime};

use redis_ipc::{Endpoint, Error, Monitor, Options};
use redis_ipc_tests::server::Server;

const PATIENCE: Duration = Duration::from_secs(60);

fn open(server: &Server) -> Monitor {
    Monitor::open(&Endpoint::unix(server.socket()).unwrap()).unwrap()
}

#[test]
fn what_clients_ask_for_is_seen_with_who_and_where() {
    let server = Server::start();
    let mut monitor = open(&server);
    let mut client = server.client();
    let every: Vec<u8> = (0..=255).collect();
    client.command(&[&b"SET"[..], b"key", &every]);
    client.command(&["SELECT", "3"]);
    client.command(&["GET", "key"]);
    let set = monitor.next(Some(PATIENCE)).unwrap().unwrap();
    assert_eq!(set.words, [&b"SET"[..], b"key", &every]);
    assert_eq!(set.database, 0);
    assert_eq!(set.client, format!("unix:{}", server.path()));
    let age = SystemTime::now().duration_since(set.at).unwrap_or_default();
    assert!(age < PATIENCE, "{age:?}");
    let rest: Vec<_> = monitor
        .until_silent(Duration::from_millis(500))
        .map(|command| command.unwrap())
        .collect();
    assert_eq!(rest.len(), 2);
    assert_eq!(rest[1].text(), "GET key");
    assert_eq!(rest[1].database, 3);
}

#[test]
fn a_time_out_is_an_outcome() {
    let server = Server::start();
    let mut monitor = open(&server);
    assert_eq!(monitor.next(Some(Duration::from_millis(10))).unwrap(), None);
    server.cli(&["PING"]);
    assert_eq!(
        monitor.next(Some(PATIENCE)).unwrap().unwrap().text(),
        "PING"
    );
}

#[test]
fn an_argument_may_be_long_and_one_too_long_is_left_out() {
    let server = Server::start();
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    let options = Options::default().message_limit(200_000);
    let mut monitor = Monitor::open_with(&endpoint, options).unwrap();
    for length in [150_000, 250_000, 10] {
        server.cli(&["ECHO", &"x".repeat(length)]);
    }
    let long = monitor.next(Some(PATIENCE)).unwrap().unwrap();
    assert_eq!(long.words[1].len(), 150_000);
    assert!(matches!(
        monitor.next(Some(PATIENCE)),
        Err(Error::TooLong { .. })
    ));
    let short = monitor.next(Some(PATIENCE)).unwrap().unwrap();
    assert_eq!(short.words[1].len(), 10);
}

#[test]
fn a_lost_server_is_an_error_and_the_next_call_goes_on() {
    let mut server = Server::start();
    let mut monitor = open(&server);
    server.kill();
    assert!(monitor.next(Some(PATIENCE)).unwrap_err().is_disconnection());
    server.restart();
    // The server's own start asks it too.
    while monitor
        .next(Some(Duration::from_millis(50)))
        .unwrap()
        .is_some()
    {}
    server.cli(&["PING"]);
    assert_eq!(
        monitor.next(Some(PATIENCE)).unwrap().unwrap().text(),
        "PING"
    );
}

#[test]
fn a_server_that_refuses_is_quoted() {
    let server = Server::setup()
        .config("user default on nopass ~* &* +@all -monitor")
        .start();
    match Monitor::open(&Endpoint::unix(server.socket()).unwrap()) {
        Err(Error::Server(error)) => assert_eq!(error.code(), "NOPERM"),
        other => panic!("{other:?}"),
    }
}
