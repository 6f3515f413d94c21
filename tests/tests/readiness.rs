//! A component in a loop of the program's own, and commands that are taken by hand.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use redis_ipc::{BusEvent, Component, Endpoint, Error, Options, Turn};
use redis_ipc_tests::fork::in_child;
use redis_ipc_tests::server::Server;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);

fn component(server: &Server, name: &str) -> Component {
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    Component::connect_to(&endpoint, name, "main", Options::default()).unwrap()
}

/// Whether there is something to do within so many milliseconds.
fn is_readable(component: &mut Component, milliseconds: i64) -> bool {
    let fd = component.poll_fd().unwrap();
    let timeout = Timespec {
        tv_sec: milliseconds / 1000,
        tv_nsec: milliseconds % 1000 * 1_000_000,
    };
    poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)).unwrap() > 0
}

/// Does what there is to do without waiting, until nothing is left; what that was.
fn dispatch(component: &mut Component) -> Vec<String> {
    let mut done = Vec::new();
    while let Some(turn) = component.next(Some(Duration::ZERO)).unwrap() {
        done.push(match turn {
            Turn::Command(command) => {
                let text = command.text().to_owned();
                command.answer_text("{}").unwrap();
                text
            }
            Turn::Event(event) => event.text().to_owned(),
            Turn::Changed(watched) => format!("{:?}", watched.fields()),
            Turn::Bus(BusEvent::Disconnected { .. }) => "gone".to_owned(),
            Turn::Bus(BusEvent::Reconnected { .. }) => "back".to_owned(),
            Turn::Bus(_) => "other".to_owned(),
            Turn::Tick => "tick".to_owned(),
            other => format!("{other:?}"),
        });
    }
    done
}

/// Waits by the descriptor and does what there is to do, until `wanted` is among it.
#[track_caller]
fn until(component: &mut Component, wanted: &str) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    let mut done = Vec::new();
    while !done.iter().any(|one| one == wanted) {
        assert!(Instant::now() < deadline, "{wanted} is not among {done:?}");
        assert!(is_readable(component, 20_000), "{wanted}: nothing to do");
        done.extend(dispatch(component));
    }
    done
}

fn settle(component: &mut Component) {
    while is_readable(component, 30) {
        dispatch(component);
    }
}

fn resp2(server: &Server) {
    server.cli(&["ACL", "SETUSER", "default", "-hello"]);
}

#[test]
fn one_descriptor_tells_of_commands_events_changes_and_ticks_under_either_protocol() {
    for old in [false, true] {
        let server = Server::start();
        if old {
            resp2(&server);
        }
        let mut worker = component(&server, "worker");
        let fd = worker.poll_fd().unwrap().as_raw_fd();
        worker.serve(&["a", "b"]).unwrap();
        worker.subscribe_events(Some("desk"), None).unwrap();
        worker.watch_settings("worker").unwrap();
        until(&mut worker, "[]");
        settle(&mut worker);
        assert!(!is_readable(&mut worker, 0), "nothing is to be done");

        let mut desk = component(&server, "desk");
        for round in 0..20 {
            let event = json!({"n": round});
            desk.publish(Some("x"), &event).unwrap();
            desk.publish(None, &event).unwrap();
            let heard = until(&mut worker, &event.to_string());
            assert!(heard.len() <= 2, "{heard:?}");
            settle(&mut worker);
        }
        server.cli(&["HSET", "settings.worker", "k", "v"]);
        until(&mut worker, r#"[("k", "v")]"#);
        let command = r#"{"n":1,"results_queue":"queues.results.desk.main","command_id":"1","timestamp":"1.0","component":"desk","thread":"main","tid":1}"#;
        for _ in 0..3 {
            server.cli(&["RPUSH", "queues.commands.worker.b", command]);
            until(&mut worker, r#"{"n":1}"#);
        }
        worker.set_tick(Duration::from_millis(5));
        until(&mut worker, "tick");
        worker.set_tick(Duration::ZERO);
        settle(&mut worker);
        assert!(!is_readable(&mut worker, 0), "nothing is to be done");
        assert_eq!(worker.poll_fd().unwrap().as_raw_fd(), fd);
    }
}

#[test]
fn one_descriptor_tells_of_a_bus_that_goes_away_and_comes_back() {
    let mut server = Server::start();
    let mut ear = component(&server, "ear");
    ear.subscribe_events(None, None).unwrap();
    settle(&mut ear);
    server.kill();
    until(&mut ear, "gone");
    server.restart();
    until(&mut ear, "back");
    settle(&mut ear);
    component(&server, "desk")
        .publish(None, &json!({"n": 1}))
        .unwrap();
    until(&mut ear, r#"{"n":1}"#);
}

#[test]
fn what_was_set_aside_while_something_else_was_done_is_told() {
    let server = Server::start();
    let mut ear = component(&server, "ear");
    let mut desk = component(&server, "desk");
    ear.subscribe_events(Some("desk"), None).unwrap();
    settle(&mut ear);
    desk.publish(None, &json!({"n": 1})).unwrap();
    // This reads the line, and finds the event there.
    ear.subscribe_events(Some("other"), None).unwrap();
    until(&mut ear, r#"{"n":1}"#);
}

#[test]
fn a_child_leaves_its_parents_descriptor_alone() {
    let server = Server::start();
    let mut ear = component(&server, "ear");
    settle(&mut ear);
    assert!(!ear.is_inherited());
    in_child(|| {
        assert!(ear.is_inherited());
        assert!(matches!(ear.poll_fd(), Err(Error::Forked { .. })));
    })
    .join();
    assert!(!is_readable(&mut ear, 0));
}

#[test]
fn a_queue_is_received_from_without_leaving_a_pop_behind() {
    let server = Server::start();
    let mut worker = component(&server, "worker");
    let command = r#"{"n":1,"results_queue":"queues.results.desk.main","command_id":"1","timestamp":"1.0","component":"desk","thread":"main","tid":1}"#;
    let short = Some(Duration::from_millis(5));
    assert_eq!(worker.receive(Some("a"), short).unwrap(), None);
    server.cli(&[
        "RPUSH",
        "queues.commands.worker.a",
        "no command",
        command,
        command,
    ]);
    let job = worker.receive(Some("a"), None).unwrap().unwrap();
    assert_eq!((job.text(), job.subqueue()), (r#"{"n":1}"#, Some("a")));
    worker.answer_text(job, r#"{"done":true}"#).unwrap();
    let left = server.cli(&["LLEN", "queues.commands.worker.a"]);
    assert_eq!(left.integer(), 1);
    assert_eq!(worker.counters().commands_dropped, 1);
    worker.serve(&["a"]).unwrap();
    assert!(matches!(
        worker.receive(Some("a"), short),
        Err(Error::Usage(_))
    ));
}

#[test]
fn a_kept_job_is_taken_up_unless_the_next_command_is_asked_for() {
    let server = Server::start();
    let mut worker = component(&server, "worker");
    let command = r#"{"n":1,"results_queue":"queues.results.desk.main","command_id":"1","timestamp":"1.0","component":"desk","thread":"main","tid":1}"#;
    server.cli(&["RPUSH", "queues.commands.worker", command, command]);
    worker.serve_main().unwrap();
    for _ in 0..2 {
        let Some(Turn::Command(command)) = worker.next(Some(PATIENCE)).unwrap() else {
            panic!("no command");
        };
        let job = command.keep();
        let command = worker.take_up(job).unwrap();
        command.answer_text("{}").unwrap();
    }
    // The second answer has asked for a third command.
    server.cli(&["RPUSH", "queues.commands.worker", command]);
    let Some(Turn::Command(command)) = worker.next(Some(PATIENCE)).unwrap() else {
        panic!("no command");
    };
    let job = command.keep();
    assert!(worker.next(Some(Duration::ZERO)).unwrap().is_none());
    let job = worker.take_up(job).unwrap_err();
    worker.answer_text(job, "{}").unwrap();
    worker.rest().unwrap();
    let results = server.cli(&["LLEN", "queues.results.desk.main"]);
    assert_eq!(results.integer(), 3);
}
