//! A server that stands still, or does not know what time it is.

use std::time::{Duration, Instant};

use redis_ipc::{CallError, Connection, Error, Options, Outcome, Transaction};
use redis_ipc_tests::bus::{Caller, PATIENCE, endpoint, join};
use redis_ipc_tests::puppet::Puppet;
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

use super::{SHORT, bus_error, echo_one, until};

/// Far below the default limits; what is answered at all is answered within it also where the
/// machine has much else to do.
const LIMIT: Duration = Duration::from_secs(1);

/// Far beyond that limit, still below the default ones.
const LATE: Duration = Duration::from_millis(4500);

#[test]
fn a_request_to_a_server_that_stands_still_ends_in_time_and_is_executed_later() {
    let server = Server::setup().tcp().start();
    let tcp = redis_ipc::Endpoint::tcp("127.0.0.1", server.port());
    for (place, count) in [(endpoint(&server), 1), (tcp, 2)] {
        let options = Options::default().reply_limit(LIMIT).connect_limit(LIMIT);
        let mut connection = Connection::open_with(&place, options).unwrap();
        server.pause();
        let begin = Instant::now();
        let error = connection.incr("n").unwrap_err();
        assert!(begin.elapsed() >= LIMIT && begin.elapsed() < LATE);
        assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
        assert_eq!(error.outcome(), Outcome::Unknown);
        // No request of ours went out on this connection: it could not be made.
        let begin = Instant::now();
        let error = connection.incr("m").unwrap_err();
        assert!(begin.elapsed() < LATE);
        assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
        server.resume();
        // The answer that comes now belongs to nobody.
        assert_eq!(connection.get("other").unwrap(), None);
        until("what was sent is executed", || {
            server.cli(&["GET", "n"]) == count.to_string().as_str()
        });
        assert_eq!(server.cli(&["EXISTS", "m"]), 0);
    }
}

#[test]
fn a_request_that_has_to_connect_first_has_no_more_time_than_any_other() {
    type Attempt = fn(&mut Connection) -> Result<(), Error>;
    let server = Server::start();
    // The connect limit is the default one, far beyond what the test waits for.
    let options = Options::default().reply_limit(LIMIT);
    let mut connection = Connection::open_with(&endpoint(&server), options.clone()).unwrap();
    server.pause();
    assert!(connection.incr("n").is_err());
    let attempts: [Attempt; 4] = [
        |connection| connection.incr("n").map(drop),
        |connection| connection.get("n").map(drop),
        |connection| connection.pipeline().command(&["PING"]).map(drop),
        |connection| {
            connection
                .exec(Transaction::new().command(&["PING"]))
                .map(drop)
        },
    ];
    for attempt in attempts {
        let begin = Instant::now();
        let error = attempt(&mut connection).unwrap_err();
        assert!(begin.elapsed() < LATE, "{:?}", begin.elapsed());
        assert!(matches!(error, Error::Connect { .. }), "{error:?}");
        assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
        assert!(error.is_temporary(), "{error}");
    }
    server.resume();
    assert_eq!(connection.get("other").unwrap(), None);
}

#[test]
fn a_large_request_to_a_server_that_reads_nothing_ends_in_time() {
    let server = Server::start();
    let options = Options::default().reply_limit(LIMIT).connect_limit(LIMIT);
    let mut connection =
        Connection::open_with(&endpoint(&server), options.message_limit(16 << 20)).unwrap();
    server.pause();
    let begin = Instant::now();
    // More than the kernel takes: the wait is one for room.
    let error = connection.set("key", vec![b'x'; 8 << 20]).unwrap_err();
    assert!(begin.elapsed() < LATE);
    assert_eq!(error.outcome(), Outcome::Unknown, "a part of it went out");
    server.resume();
    assert_eq!(connection.get("other").unwrap(), None);
    assert_eq!(server.cli(&["EXISTS", "key"]), 0, "half a request is none");
}

#[test]
fn a_call_to_a_server_that_stands_still_ends_in_time() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    server.pause();
    let begin = Instant::now();
    let error = bus_error(desk.call::<_, Value>("echo", &json!({"n": 1}), SHORT));
    assert!(begin.elapsed() < LATE, "{:?}", begin.elapsed());
    assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    // Now there is no connection, and none is to be had.
    let begin = Instant::now();
    let error = bus_error(desk.call::<_, Value>("echo", &json!({"n": 2}), SHORT));
    assert!(begin.elapsed() < LATE, "{:?}", begin.elapsed());
    assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    server.resume();
    // The first one was executed: it is in its queue. Its answer is not taken for that of a
    // later call.
    let mut echo = join(&server, "echo");
    echo.serve_main().unwrap();
    std::thread::scope(|scope| {
        let echo = scope.spawn(|| {
            echo_one(&mut echo);
            echo_one(&mut echo);
        });
        let answer: Value = desk.call("echo", &json!({"n": 3}), PATIENCE).unwrap();
        assert_eq!(answer, json!({"n": 3}));
        echo.join().unwrap();
    });
    assert_eq!(desk.counters().stale_results, 1);
}

#[test]
fn a_component_whose_server_stood_still_for_a_while_goes_on() {
    let server = Server::start();
    let mut echo = join(&server, "echo");
    echo.serve_main().unwrap();
    assert!(echo.next(Some(Duration::ZERO)).unwrap().is_none());
    server.pause();
    assert!(echo.next(Some(SHORT)).unwrap().is_none());
    server.resume();
    let mut caller = Caller::new(&server);
    caller.ask("queues.commands.echo", "\"n\":1");
    let _ = echo_one(&mut echo);
    assert_eq!(caller.result_value()["n"], 1);
    assert_eq!(echo.counters().pops_unknown, 0);
}

#[test]
fn a_server_whose_clock_was_set_back_does_not_prolong_a_call() {
    // It never says that time is up.
    let puppet = Puppet::start(|words| (words[0] == "BLPOP").then(Vec::new));
    let place = redis_ipc::Endpoint::unix(puppet.socket()).unwrap();
    let mut desk =
        redis_ipc::Component::connect_to(&place, "desk", "main", Options::default()).unwrap();
    let begin = Instant::now();
    let outcome = desk.call::<_, Value>("echo", &json!({}), SHORT);
    assert!(begin.elapsed() >= SHORT && begin.elapsed() < LATE);
    assert!(
        matches!(outcome, Err(CallError::TimedOut { .. })),
        "{outcome:?}"
    );
    let requests = puppet.requests();
    assert!(requests.iter().any(|request| request.starts_with("LREM")));
}
