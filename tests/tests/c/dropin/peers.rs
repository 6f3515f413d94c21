//! Programs that use the drop-in, on one bus with ours.

use std::process::Command;
use std::thread;

use redis_ipc::{Failure, Service, Stop, Turn};
use redis_ipc_tests::bus::{PATIENCE, join};
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

use super::driver::{Driver, NULL};
use crate::programs::root;

#[test]
fn a_rust_component_calls_and_is_called() {
    let server = Server::start();
    let mut printer = Driver::joined(&server, "printer", "main");
    let mut desk = join(&server, "desk");
    printer.begin(&["receive", "print", "15"]);
    let caller = thread::spawn(move || {
        let answer = desk.call::<_, Value>("printer.print", &json!({"copies": 2}), PATIENCE);
        answer.unwrap()
    });
    let command = printer.answer();
    assert!(command.starts_with(r#"{ "copies": 2"#), "{command}");
    printer.does(&["answer", r#"{"pages":2}"#], "0");
    assert_eq!(caller.join().unwrap(), json!({"pages": 2}));

    let mut scanner = join(&server, "scanner");
    let stop = Stop::new();
    let asked = stop.clone();
    let serving = thread::spawn(move || {
        Service::new()
            .on("scan", |job: Value, _| Ok(json!({"scanned": job["page"]})))
            .on("fail", |_: Value, _| {
                Err::<Value, _>(Failure::new("jam", "paper"))
            })
            .until(asked)
            .run(&mut scanner)
    });
    let answer = printer.tell(&["call", "scanner", "scan", "15", r#"{"page":7}"#]);
    assert!(answer.starts_with(r#"{ "scanned": 7"#), "{answer}");
    let answer = printer.tell(&["call", "scanner", "fail", "15", "{}"]);
    assert!(
        answer.contains(r#""code": "jam", "message": "paper""#),
        "{answer}"
    );
    stop.request();
    serving.join().unwrap().unwrap();
}

#[test]
fn events_debug_messages_settings_and_status_go_both_ways() {
    let server = Server::start();
    let mut c = Driver::joined(&server, "printer", "main");
    let mut rust = join(&server, "web");
    rust.subscribe_events(Some("printer"), None).unwrap();
    c.does(&["subscribe_events", "web", NULL], "0");
    c.does(&["subscribe_debug", "web"], "0");
    c.does(&["event", "jam", r#"{"tray":1}"#], "0");
    match rust.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Event(event)) => {
            assert_eq!(event.subchannel(), Some("jam"));
            assert_eq!(event.payload::<Value>().unwrap(), json!({"tray": 1}));
        }
        other => panic!("{other:?}"),
    }
    rust.publish(None, &json!({"a": "b/c"})).unwrap();
    let heard = c.tell(&["hear"]);
    assert!(
        heard.starts_with(r#"{ "a": "b\/c", "channel": "channel.events.web""#),
        "{heard}"
    );
    rust.debug(redis_ipc::Level::INFO, "hello").unwrap();
    let heard = c.tell(&["hear"]);
    assert!(
        heard.starts_with(r#"{ "message": "hello", "level": 3"#),
        "{heard}"
    );
    c.does(&["write_status_field", "state", "busy"], "0");
    let state: Option<String> = rust.status_of("printer").unwrap().get("state").unwrap();
    assert_eq!(state.as_deref(), Some("busy"));
    rust.status().unwrap().set("n", &5).unwrap();
    c.does(&["read_status_field", "web", "n"], "5");
}

#[test]
fn ipc_tool_calls_a_program_with_the_drop_in_and_is_called_by_one() {
    let server = Server::start();
    let tool = |arguments: &[&str]| {
        let mut command = Command::new(root().join("target/debug/ipc-tool"));
        command
            .args(arguments)
            .env("RIPC_SERVER_PATH", server.socket());
        command
    };
    let mut printer = Driver::joined(&server, "printer", "main");
    printer.begin(&["receive", "print", "15"]);
    let mut call = tool(&["call", "printer.print", r#"{"copies":2}"#]);
    let caller = thread::spawn(move || call.output().unwrap());
    printer.answer();
    printer.does(&["answer", r#"{"pages":2}"#], "0");
    let said = caller.join().unwrap();
    assert!(said.status.success(), "{said:?}");
    assert!(
        String::from_utf8_lossy(&said.stdout).contains("pages"),
        "{said:?}"
    );

    let mut serve = tool(&["serve", "scanner.scan", "--exec", "cat"]);
    let mut scanner = serve.spawn().unwrap();
    let answer = printer.tell(&["call", "scanner", "scan", "15", r#"{"page":7}"#]);
    assert!(answer.starts_with(r#"{ "page": 7"#), "{answer}");
    scanner.kill().unwrap();
    scanner.wait().unwrap();
}
