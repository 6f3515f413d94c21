//! Lines that are cut at every byte, or bring one byte at a time, and bytes that are no answer.

use std::collections::BTreeSet;

use redis_ipc::{
    CallError, Component, Connection, Endpoint, Error, Misunderstanding, Options, Outcome, Service,
    Stop, Taken,
};
use redis_ipc_tests::bus::{Caller, PATIENCE, Serving, endpoint, join};
use redis_ipc_tests::proxy::{Line, Proxy};
use redis_ipc_tests::puppet::Puppet;
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

use super::{SHORT, until};

fn place(proxy: &Proxy) -> Endpoint {
    Endpoint::unix(proxy.socket()).unwrap()
}

/// A request whose end shows, with what its line has carried before and behind it.
fn probe(proxy: &Proxy) -> ((usize, usize), (usize, usize)) {
    let begin = proxy.passed();
    let mut connection = Connection::open(&place(proxy)).unwrap();
    let greeted = proxy.passed();
    connection.incr("n").unwrap();
    let end = proxy.passed();
    let since = |now: (usize, usize)| (now.0 - begin.0, now.1 - begin.1);
    (since(greeted), since(end))
}

#[test]
fn a_line_cut_at_any_byte_of_a_request_says_what_became_of_it() {
    let server = Server::start();
    let proxy = Proxy::start(&server.socket());
    let (greeted, end) = probe(&proxy);
    for cut in 0..=end.0 {
        proxy.next(Line::whole().cut_to_server(cut));
        server.cli(&["SET", "n", "0"]);
        let opened = Connection::open(&place(&proxy));
        if cut <= greeted.0 {
            // At the last byte of the greeting its answer may still come through.
            if let Err(error) = opened {
                assert_eq!(error.outcome(), Outcome::NotSent, "{cut}: {error}");
                assert!(error.is_temporary(), "{cut}: {error}");
                continue;
            }
            assert_eq!(cut, greeted.0);
            continue;
        }
        let mut connection = opened.unwrap();
        let first = connection.incr("n");
        if let Err(error) = &first {
            assert_eq!(error.outcome(), Outcome::Unknown, "{cut}: {error}");
        }
        let executed = i64::from(cut == end.0);
        let mut next = connection.incr("n");
        if let (Ok(1), Err(error)) = (first, &next) {
            // The answer came through, and the line broke under the next request.
            assert_eq!(error.outcome(), Outcome::Unknown, "{cut}: {error}");
            next = connection.incr("n");
        }
        // The next request makes a connection of its own, and nothing is done twice.
        assert_eq!(next.unwrap(), executed + 1, "{cut}");
    }
}

#[test]
fn the_error_of_one_request_is_not_the_verdict_on_those_behind_it() {
    let server = Server::start();
    let proxy = Proxy::start(&server.socket());
    // The first request is refused, the others are executed until the line breaks.
    proxy.next(Line::whole().cut_to_server(500_000));
    let mut connection = Connection::open(&place(&proxy)).unwrap();
    let mut pipeline = connection.pipeline();
    let item = "x".repeat(1000);
    pipeline.command(&["NONSENSE"]).unwrap();
    let failed = (0..2000).find_map(|_| pipeline.command(&["RPUSH", "list", &item]).err());
    let error = match failed {
        Some(error) => error,
        None => pipeline.send().map(drop).unwrap_err(),
    };
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    until("some of it was executed", || {
        server.cli(&["LLEN", "list"]) != 0
    });
    // A single one it is the verdict on, whatever the server does then.
    server.cli(&["CONFIG", "SET", "proto-max-bulk-len", "1mb"]);
    let options = Options::default().message_limit(16 << 20);
    let mut connection = Connection::open_with(&endpoint(&server), options).unwrap();
    let error = connection.set("key", vec![b'x'; 8 << 20]).unwrap_err();
    assert_eq!(error.outcome(), Outcome::Rejected, "{error}");
    assert!(error.to_string().contains("invalid bulk length"), "{error}");
}

#[test]
fn a_line_cut_at_any_byte_of_a_reply_leaves_the_outcome_unknown() {
    let server = Server::start();
    let proxy = Proxy::start(&server.socket());
    let (greeted, end) = probe(&proxy);
    for cut in 0..=end.1 + 4 {
        proxy.next(Line::whole().cut_to_client(cut));
        server.cli(&["SET", "n", "0"]);
        let opened = Connection::open(&place(&proxy));
        // The greeting's answer holds the number of the connection, of one to four digits.
        assert!(opened.is_err() || cut >= greeted.1, "{cut}");
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(error) => {
                assert_eq!(error.outcome(), Outcome::NotSent, "{cut}");
                assert!(cut < greeted.1 + 4, "{cut}");
                continue;
            }
        };
        if let Err(error) = connection.incr("n") {
            assert_eq!(error.outcome(), Outcome::Unknown, "{cut}: {error}");
            let n = connection.incr("n").unwrap();
            assert!((1..=2).contains(&n), "{cut}: {n}");
        }
    }
}

#[test]
fn a_read_whose_reply_is_cut_at_any_byte_is_repeated_by_itself() {
    let server = Server::start();
    let proxy = Proxy::start(&server.socket());
    server.cli(&["SET", "n", "1234"]);
    let (greeted, _) = probe(&proxy);
    for cut in greeted.1 + 4..greeted.1 + 12 {
        proxy.next(Line::whole().cut_to_client(cut));
        let mut connection = Connection::open(&place(&proxy)).unwrap();
        let n = connection.get("n").unwrap();
        assert_eq!(n.as_deref(), Some(&b"1235"[..]), "{cut}");
    }
}

#[test]
fn everything_works_with_bytes_that_travel_alone() {
    let server = Server::start();
    let proxy = Proxy::start(&server.socket());
    for _ in 0..3 {
        proxy.next(Line::whole().bytewise());
    }
    let mut echo =
        Component::connect_to(&place(&proxy), "echo", "main", Options::default()).unwrap();
    echo.subscribe_events(Some("printer"), None).unwrap();
    let mut desk =
        Component::connect_to(&place(&proxy), "desk", "main", Options::default()).unwrap();
    let _serving = Serving::start(&server, echo, || {
        Service::new().on_command(|value: Value, _| Ok(value))
    });
    for n in 0..20 {
        let sent = json!({"n": n, "text": "ü".repeat(n * 7)});
        let answer: Value = desk.call("echo", &sent, PATIENCE).unwrap();
        assert_eq!(answer, sent);
        server.cli(&["PUBLISH", "channel.events.printer", "{}"]);
    }
}

#[test]
fn a_callers_line_cut_at_any_byte_never_brings_a_wrong_answer() {
    let server = Server::start();
    let proxy = Proxy::start(&server.socket());
    let echo = join(&server, "echo");
    let _serving = Serving::start(&server, echo, || {
        Service::new().on_command(|value: Value, _| Ok(value))
    });
    let mut desk =
        Component::connect_to(&place(&proxy), "desk", "main", Options::default()).unwrap();
    // What a call on a fresh connection takes, the greeting included.
    proxy.break_clients();
    let begin = proxy.passed();
    let _: Value = desk.call("echo", &json!({"n": 7}), PATIENCE).unwrap();
    let once = proxy.passed();
    let (sent, received) = (once.0 - begin.0, once.1 - begin.1);
    let mut outcomes = BTreeSet::new();
    let lines = (1..=sent)
        .map(|n| Line::whole().cut_to_server(n))
        .chain((1..=received).map(|n| Line::whole().cut_to_client(n)));
    for (n, line) in lines.enumerate() {
        proxy.break_clients();
        proxy.next(line);
        let payload = json!({ "n": n });
        for _ in 0..2 {
            match desk.call::<_, Value>("echo", &payload, PATIENCE) {
                Ok(answer) => {
                    assert_eq!(answer, payload);
                    outcomes.insert("answered");
                }
                Err(CallError::TimedOut {
                    taken: Taken::No, ..
                }) => {
                    outcomes.insert("taken back");
                }
                Err(error) => {
                    let outcome = error.outcome().unwrap();
                    assert_ne!(outcome, Outcome::Rejected, "{error}");
                    outcomes.insert(match outcome {
                        Outcome::NotSent => "not sent",
                        _ => "unknown",
                    });
                }
            }
        }
    }
    assert!(
        outcomes.contains("answered") && outcomes.contains("unknown"),
        "{outcomes:?}"
    );
}

#[test]
fn a_serving_line_cut_at_any_byte_loses_nothing_that_is_served_at_least_once() {
    let server = Server::start();
    let proxy = Proxy::start(&server.socket());
    let mut printer =
        Component::connect_to(&place(&proxy), "printer", "main", Options::default()).unwrap();
    let mut caller = Caller::new(&server);
    let stop = Stop::new();
    let until = stop.clone();
    let begin = proxy.passed();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let served = Service::new()
                .on("print", |value: Value, _| Ok(value))
                .at_least_once(1000)
                .until(until)
                .run(&mut printer);
            assert!(served.is_ok(), "{served:?}");
        });
        for n in 0..400_usize {
            // A prime, so that the cuts come by at every place sooner or later.
            let bytes = 1 + n * 37;
            proxy.next(match n % 2 {
                0 => Line::whole().cut_to_server(bytes % 4001),
                _ => Line::whole().cut_to_client(bytes % 7001),
            });
        }
        for n in 0..300 {
            let id = caller.ask("queues.commands.printer.print", &format!("\"n\":{n}"));
            loop {
                let result = caller.result_value();
                // One that was answered twice comes twice, with the same answer.
                let of: i64 = result["n"].as_i64().unwrap();
                assert!(of <= n, "{result}");
                if result["command_id"] == id.as_str() {
                    assert_eq!(of, n);
                    break;
                }
            }
        }
        stop.request();
    });
    assert!(proxy.passed().0 > begin.0);
    assert_eq!(server.cli(&["LLEN", "queues.commands.printer.print"]), 0);
    // The last write may have been cut between its result and the removal of its command, and the
    // stop have come before the line was back: that command is served again at the next start.
    let at_work = server.cli(&["LLEN", "queues.at-work.main.printer.print"]);
    assert!(at_work == 0 || at_work == 1, "{at_work:?}");
}

/// What the server says to GET, and what it ends in.
fn get(answer: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let answer = answer.to_vec();
    let puppet = Puppet::start(move |words| (words[0] == "GET").then(|| answer.clone()));
    let place = Endpoint::unix(puppet.socket()).unwrap();
    let options = Options::default().reply_limit(SHORT);
    let mut connection = Connection::open_with(&place, options).unwrap();
    let outcome = connection.get("key");
    // Whatever it was, the connection, or the next one, goes on.
    connection.set("key", "value").unwrap();
    outcome
}

#[test]
fn what_is_no_answer_is_an_error_and_the_next_request_goes_on() {
    let deep = "*1\r\n".repeat(100_000);
    for bytes in [
        &b"$-5\r\n"[..],
        b"*-2\r\n",
        b"$ 3\r\nabc\r\n",
        b"$+3\r\nabc\r\n",
        b"$03\r\nabc\r\n",
        b"$3\r\nabcXY",
        b"*4294967295\r\n",
        b"$9223372036854775808\r\n",
        b":9223372036854775808\r\n",
        b":-9223372036854775809\r\n",
        b"inline garbage\r\n",
        b"\x00\r\n",
        b"$?\r\n",
        b"*?\r\n",
        deep.as_bytes(),
        &[b":", "1".repeat(70_000).as_bytes()].concat(),
    ] {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(30)]).into_owned();
        match get(bytes) {
            Err(
                error @ Error::Protocol {
                    why: Misunderstanding::Bytes(_),
                },
            ) => {
                assert_eq!(error.outcome(), Outcome::Unknown, "{shown}");
                assert!(error.to_string().contains("not RESP"), "{error}");
            }
            other => panic!("{shown:?}: {other:?}"),
        }
    }
}

#[test]
fn what_is_an_answer_of_another_kind_is_named() {
    for bytes in [&b"*0\r\n"[..], b":1\r\n", b"%0\r\n"] {
        match get(bytes) {
            Err(Error::Protocol {
                why: Misunderstanding::Type { request, .. },
            }) => {
                assert_eq!(request, "GET");
            }
            other => panic!("{bytes:?}: {other:?}"),
        }
    }
}

#[test]
fn bytes_of_any_kind_and_pushes_between_replies_are_taken_as_they_are() {
    assert_eq!(get(b"+\xff\r\n").unwrap().unwrap(), b"\xff");
    assert_eq!(get(b"$3\r\nabc\r\n").unwrap().unwrap(), b"abc");
    assert_eq!(get(b"$-1\r\n").unwrap(), None);
    assert_eq!(get(b"*-1\r\n").unwrap(), None);
    assert_eq!(get(b"_\r\n").unwrap(), None);
    let pushed = b">2\r\n+invalidate\r\n*1\r\n+key\r\n$3\r\nabc\r\n";
    assert_eq!(get(pushed).unwrap().unwrap(), b"abc");
    let attributed = b"|1\r\n+ttl\r\n:3\r\n$3\r\nabc\r\n";
    assert_eq!(get(attributed).unwrap().unwrap(), b"abc");
    let verbatim = b"=7\r\ntxt:abc\r\n";
    assert_eq!(get(verbatim).unwrap().unwrap(), b"abc");
}

#[test]
fn half_an_answer_that_never_goes_on_ends_in_time() {
    match get(b"$3\r\nab") {
        Err(error @ Error::TimedOut { .. }) => assert_eq!(error.outcome(), Outcome::Unknown),
        other => panic!("{other:?}"),
    }
}
