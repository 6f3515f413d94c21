//! Servers that die or stand still, and lines that are cut, in the middle of a session.

use std::time::{Duration, Instant};

use redis_ipc::{BusEvent, Component, Connection, Endpoint, Error, Options, Outcome, Tls, Turn};
use redis_ipc_tests::bus::{Caller, PATIENCE, until_blocked};
use redis_ipc_tests::proxy::{Line, Proxy};
use redis_ipc_tests::tls::Authority;

use super::server;

/// Far below the default limits; a handshake is done within it also where the machine has much
/// else to do.
const LIMIT: Duration = Duration::from_secs(1);
/// More than three of those, and less than two with one of the default ones.
const LATE: Duration = Duration::from_millis(6500);

#[test]
fn a_server_killed_while_a_reply_is_awaited_leaves_the_outcome_unknown() {
    let (mut server, _authority, endpoint) = server();
    let mut connection = Connection::open(&endpoint).unwrap();
    let error = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let pop = connection.blocking_command(&["BLPOP", "list", "0"], PATIENCE);
            pop.map(drop)
        });
        until_blocked(&server, 1);
        server.kill();
        waiting.join().unwrap().unwrap_err()
    });
    assert!(matches!(error, Error::Disconnected { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    server.restart();
    connection.set("key", "value").unwrap();
}

#[test]
fn without_a_server_nothing_is_sent_and_the_next_request_finds_it_again() {
    let (mut server, _authority, endpoint) = server();
    let mut connection = Connection::open(&endpoint).unwrap();
    server.kill();
    // Over TCP the first write may still be taken by the system.
    let first = connection.set("key", "value").unwrap_err();
    assert_ne!(first.outcome(), Outcome::Rejected);
    let second = connection.set("key", "value").unwrap_err();
    assert!(matches!(second, Error::Connect { .. }), "{second:?}");
    assert_eq!(second.outcome(), Outcome::NotSent);
    server.restart();
    connection.set("key", "value").unwrap();
}

#[test]
fn a_component_serves_again_after_a_restart() {
    let (mut server, _authority, endpoint) = server();
    let mut component =
        Component::connect_to(&endpoint, "echo", "main", Options::default()).unwrap();
    component.serve_main().unwrap();
    server.kill();
    let mut next = || loop {
        match component.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Bus(event)) => break event,
            Some(Turn::Tick) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(next(), BusEvent::Disconnected { .. }));
    server.restart();
    while !matches!(next(), BusEvent::Reconnected { .. }) {}
    let mut caller = Caller::new(&server);
    caller.ask("queues.commands.echo", "\"n\":1");
    loop {
        match component.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Command(command)) => break command.answer_text("{\"n\":2}").unwrap(),
            Some(Turn::Bus(_) | Turn::Tick) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(caller.result_value()["n"], 2);
}

#[test]
fn a_server_that_stands_still_ends_neither_a_handshake_nor_a_request_late() {
    let (server, _authority, endpoint) = server();
    let options = Options::default().reply_limit(LIMIT).connect_limit(LIMIT);
    let options = options.message_limit(16 << 20);
    let open = || Connection::open_with(&endpoint, options.clone());
    let mut connection = open().unwrap();
    let mut other = open().unwrap();
    server.pause();
    let begin = Instant::now();
    let error = open().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(error.to_string().contains("TLS"), "{error}");
    let error = connection.incr("n").unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    // More than the system takes: the wait is one for room.
    let error = other.set("key", vec![b'x'; 12 << 20]).unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    assert!(begin.elapsed() < LATE, "{:?}", begin.elapsed());
    server.resume();
    assert_eq!(connection.get("other").unwrap(), None);
    assert_eq!(server.cli(&["EXISTS", "key"]), 0, "half a request is none");
}

/// What passed before a connection was greeted, and before a request was answered.
fn probe(proxy: &Proxy, endpoint: &Endpoint) -> [(usize, usize); 2] {
    let begin = proxy.passed();
    let mut connection = Connection::open(endpoint).unwrap();
    let greeted = proxy.passed();
    connection.incr("n").unwrap();
    let end = proxy.passed();
    [greeted, end].map(|now| (now.0 - begin.0, now.1 - begin.1))
}

#[test]
fn a_line_cut_at_any_byte_says_what_became_of_a_request() {
    let (server, authority, _) = server();
    let proxy = Proxy::start_tcp(server.port());
    let endpoint = through(&proxy, &authority);
    let [greeted, end] = probe(&proxy, &endpoint);
    // Every byte of the request and its reply, and of what comes before now and then: the
    // sizes of a handshake vary by a few bytes.
    let behind = |before: usize, end: usize| {
        let early = (0..before).step_by(67);
        early.chain(before.saturating_sub(8)..end + 8)
    };
    let sent = behind(greeted.0, end.0).map(|cut| Line::whole().cut_to_server(cut));
    let received = behind(greeted.1, end.1).map(|cut| Line::whole().cut_to_client(cut));
    for line in sent.chain(received) {
        server.cli(&["SET", "n", "0"]);
        proxy.next(line);
        let mut connection = match Connection::open(&endpoint) {
            Ok(connection) => connection,
            Err(error) => {
                assert_eq!(error.outcome(), Outcome::NotSent, "{line:?}: {error}");
                assert!(error.is_temporary(), "{line:?}: {error}");
                continue;
            }
        };
        let first = connection.incr("n");
        let Err(error) = first else {
            assert_eq!(first.unwrap(), 1, "{line:?}");
            continue;
        };
        assert_eq!(error.outcome(), Outcome::Unknown, "{line:?}");
        let n = connection.incr("n").unwrap();
        assert!((1..=2).contains(&n), "{line:?}: {n}");
    }
}

#[test]
fn everything_works_with_bytes_that_travel_alone() {
    let (server, authority, _) = server();
    let proxy = Proxy::start_tcp(server.port());
    proxy.next(Line::whole().bytewise());
    let mut connection = Connection::open(&through(&proxy, &authority)).unwrap();
    let value = "v".repeat(20_000);
    connection.set("key", &value).unwrap();
    assert_eq!(connection.get("key").unwrap(), Some(value.into_bytes()));
}

fn through(proxy: &Proxy, authority: &Authority) -> Endpoint {
    let tls = Tls::new().ca(authority.ca());
    Endpoint::tcp("127.0.0.1", proxy.port()).with_tls(tls)
}
