//! What happens to servers, lines and processes, and what becomes of those who use them: one
//! room a kind of fault, the rows being those of `FAULTS.md` beside the crate's README.

mod bytes;
mod delivery;
mod gone;
mod paused;
mod refused;
mod system;

use std::time::{Duration, Instant};

use redis_ipc::{BusEvent, CallError, Component, Connection, Error, Outcome, Turn};
use redis_ipc_tests::bus::{PATIENCE, endpoint};
use redis_ipc_tests::server::Server;

/// Short beside [`PATIENCE`], long beside what a server needs.
const SHORT: Duration = Duration::from_millis(200);

#[track_caller]
fn open(server: &Server) -> Connection {
    Connection::open(&endpoint(server)).unwrap()
}

/// The next thing that happens to a component's bus; ticks are passed over.
#[track_caller]
fn bus_event(component: &mut Component) -> BusEvent {
    loop {
        match component.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Bus(event)) => return event,
            Some(Turn::Tick) => {}
            other => panic!("no event of the bus: {other:?}"),
        }
    }
}

/// Serves until a command has been answered with its own payload; returns what happened to the
/// bus before.
#[track_caller]
fn echo_one(component: &mut Component) -> Vec<BusEvent> {
    let mut events = Vec::new();
    loop {
        match component.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Command(command)) => {
                let text = command.text().to_owned();
                command.answer_text(&text).unwrap();
                return events;
            }
            Some(Turn::Bus(event)) => events.push(event),
            Some(Turn::Tick) => {}
            other => panic!("no command: {other:?}"),
        }
    }
}

#[track_caller]
fn refusal(error: &Error) -> (&str, Outcome, bool) {
    match error {
        Error::Server(refused) => (refused.code(), error.outcome(), error.is_temporary()),
        other => panic!("not the server's error: {other:?}"),
    }
}

#[track_caller]
fn bus_error<T: std::fmt::Debug>(outcome: Result<T, CallError>) -> Error {
    match outcome {
        Err(CallError::Bus(error)) => error,
        other => panic!("not the bus's error: {other:?}"),
    }
}

/// Waits for something that another process or thread brings about.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::yield_now();
    }
}

/// The bytes of a field of CLIENT LIST for every client whose name begins so.
fn clients<'l>(list: &'l str, name: &str, field: &str) -> Vec<&'l str> {
    let of = |line: &'l str, field: &str| {
        let fields = line.split(' ');
        fields
            .filter_map(|one| one.split_once('='))
            .find_map(|(key, value)| (key == field).then_some(value))
            .unwrap_or_default()
    };
    list.lines()
        .filter(|line| of(line, "name").starts_with(name))
        .map(|line| of(line, field))
        .collect()
}
