//! A call that somebody does not want to wait for any longer.

use std::time::{Duration, Instant};

use redis_ipc::{CallError, Component, Endpoint, Options, Stop, Taken};
use redis_ipc_tests::server::Server;

const LONG: Duration = Duration::from_secs(30);

/// Calls, asks for a stop once `is_time`, and returns what the call came to.
fn stopped_call(server: &Server, is_time: impl Fn() -> bool + Send) -> CallError {
    let stop = Stop::new();
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    let mut desk = Component::connect_to(&endpoint, "desk", "main", Options::default()).unwrap();
    desk.set_call_stop(stop.clone());
    let began = Instant::now();
    let error = std::thread::scope(|scope| {
        scope.spawn(move || {
            while !is_time() {
                std::thread::yield_now();
            }
            stop.request();
        });
        desk.call_text("printer", "{}", LONG).unwrap_err()
    });
    assert!(began.elapsed() < LONG / 2);
    error
}

#[test]
fn a_call_that_is_stopped_takes_its_command_back() {
    let server = Server::start();
    let waiting = || server.cli(&["LLEN", "queues.commands.printer"]) == 1;
    match stopped_call(&server, waiting) {
        CallError::TimedOut { taken, .. } => assert_eq!(taken, Taken::No),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.cli(&["LLEN", "queues.commands.printer"]), 0);
}

#[test]
fn a_call_that_is_stopped_says_that_its_command_was_taken() {
    let server = Server::start();
    let taken = || !server.cli(&["LPOP", "queues.commands.printer"]).is_nil();
    match stopped_call(&server, taken) {
        CallError::TimedOut { taken, .. } => assert_eq!(taken, Taken::Yes),
        other => panic!("{other:?}"),
    }
}
