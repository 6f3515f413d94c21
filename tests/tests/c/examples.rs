//! The examples, built as their first lines say, each against a component of the other language.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use redis_ipc::{CallError, Component, Endpoint, Failure, Options, Service, Stop};
use redis_ipc_tests::server::Server;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::programs::{C99, CPP17, Linked, Program, succeed};

const PATIENCE: Duration = Duration::from_secs(60);

fn example(name: &str) -> Program {
    let source = format!("blocking/examples/c/{name}");
    match name.ends_with(".c") {
        true => Program::of(&source, "gcc", C99, Linked::Dynamically),
        false => Program::of(&source, "g++", CPP17, Linked::Dynamically),
    }
}

fn component(server: &Server, name: &str) -> Component {
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    Component::connect_to(&endpoint, name, "main", Options::default()).unwrap()
}

/// Looks until it is so; the looks are commands to the server, so they take time by themselves.
#[track_caller]
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "{what}");
    }
}

/// An example that runs on.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.stdin(Stdio::piped()).spawn().unwrap())
    }

    /// Ends it by SIGTERM; what it has printed.
    fn terminate(mut self) -> String {
        let pid = Pid::from_child(&self.0);
        kill_process(pid, Signal::TERM).unwrap();
        drop(self.0.stdin.take());
        let output = self.0.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn every_example_compiles_with_every_compiler() {
    for name in ["printer.c", "reporter.c", "listener.c"] {
        let source = format!("blocking/examples/c/{name}");
        Program::of(&source, "clang", C99, Linked::Statically);
        for compiler in ["g++", "clang++"] {
            Program::of(&source, compiler, CPP17, Linked::Dynamically);
        }
    }
    let desk = "blocking/examples/c/desk.cpp";
    Program::of(desk, "clang++", CPP17, Linked::Statically);
}

#[test]
fn a_caller_in_rust_has_a_printer_in_c_print_and_cancel() {
    let server = Server::start();
    let program = example("printer.c");
    let printer = Running::start(&mut program.command(&server, &[]));
    let mut desk = component(&server, "desk");
    let printed: Value = desk
        .call("printer.print", &json!({"copies": 3}), PATIENCE)
        .unwrap();
    assert_eq!(printed, json!({"pages": 3}));
    let refused = desk.call::<_, Value>("printer.print", &json!({"copies": 0}), PATIENCE);
    assert!(matches!(refused, Err(CallError::Failed(f)) if f.code() == "no-copies"));
    let idle: Value = desk.call("printer.cancel", &json!({}), PATIENCE).unwrap();
    assert_eq!(idle, json!({"cancelled": false}));

    // While one prints on and on, another one cancels.
    let socket = server.socket();
    let other = thread::spawn(move || {
        let endpoint = Endpoint::unix(socket).unwrap();
        let mut other =
            Component::connect_to(&endpoint, "other", "main", Options::default()).unwrap();
        other.call::<_, Value>("printer.print", &json!({"copies": 1_000_000}), PATIENCE)
    });
    until("it prints", || {
        desk.status_of("printer")
            .unwrap()
            .get::<String>("state")
            .unwrap()
            .as_deref()
            == Some("printing")
    });
    let cancelled: Value = desk.call("printer.cancel", &json!({}), PATIENCE).unwrap();
    assert_eq!(cancelled, json!({"cancelled": true}));
    let ended = other.join().unwrap();
    assert!(matches!(ended, Err(CallError::Failed(f)) if f.code() == "cancelled"));
    assert_eq!(printer.terminate(), "3 pages\n");
}

#[test]
fn a_caller_in_cpp_has_a_printer_in_rust_print() {
    let server = Server::start();
    let desk = example("desk.cpp");
    let stop = Stop::new();
    let served = stop.clone();
    let socket = server.socket();
    let printer = thread::spawn(move || {
        let endpoint = Endpoint::unix(socket).unwrap();
        let mut printer =
            Component::connect_to(&endpoint, "printer", "main", Options::default()).unwrap();
        Service::new()
            .on("print", |job: Value, _| match job["file"].as_str() {
                Some("/tmp/\"a\".pdf") => Ok(json!({"pages": job["copies"]})),
                _ => Err(Failure::new("no-file", format!("what is {job}?"))),
            })
            .until(served)
            .run(&mut printer)
            .unwrap();
    });
    let printed = succeed(desk.command(&server, &[]).args(["/tmp/\"a\".pdf", "7"]));
    assert_eq!(String::from_utf8_lossy(&printed.stdout), "7 pages\n");
    let refused = desk
        .command(&server, &[])
        .arg("/tmp/b.pdf")
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let words = String::from_utf8_lossy(&refused.stderr);
    assert!(words.starts_with("desk: no-file: what is"), "{words}");
    stop.request();
    printer.join().unwrap();
}

#[test]
fn a_reporter_in_c_reports_as_often_as_its_settings_say() {
    let server = Server::start();
    let program = example("reporter.c");
    let mut desk = component(&server, "db");
    desk.settings("system")
        .unwrap()
        .set("interval_ms", &10)
        .unwrap();
    let reporter = Running::start(&mut program.command(&server, &[]));
    let mut watcher = component(&server, "watcher");
    until("it reports", || {
        watcher
            .status_of("system")
            .unwrap()
            .get::<f64>("load")
            .unwrap()
            .is_some()
    });
    // It goes on reporting: what is removed is there again.
    server.cli(&["DEL", "status.system"]);
    until("it reports again", || {
        watcher
            .status_of("system")
            .unwrap()
            .get::<f64>("load15")
            .unwrap()
            .is_some()
    });
    assert_eq!(reporter.terminate(), "");
}

#[test]
fn a_listener_on_epoll_hears_events_in_order_and_ends_with_its_input() {
    let server = Server::start();
    let program = example("listener.c");
    let mut listener = Running::start(program.command(&server, &[]).arg("printer"));
    let mut words = BufReader::new(listener.0.stderr.take().unwrap());
    let mut line = String::new();
    words.read_line(&mut line).unwrap();
    assert_eq!(line, "listening\n");
    let mut printer = component(&server, "printer");
    let mut printer2 = component(&server, "printer2");
    let mut heard = BufReader::new(listener.0.stdout.take().unwrap());
    for round in 0..200 {
        printer2.publish(Some("page"), &json!({"n": -1})).unwrap();
        printer.publish(Some("page"), &json!({"n": round})).unwrap();
        printer.publish(None, &json!({"n": round})).unwrap();
    }
    for round in 0..200 {
        for channel in ["page ", ""] {
            line.clear();
            heard.read_line(&mut line).unwrap();
            assert_eq!(line, format!("printer {channel}{{\"n\":{round}}}\n"));
        }
    }
    drop(listener.0.stdin.take());
    assert!(listener.0.wait().unwrap().success());
}
