//! `ipc-tool event` and `ipc-tool debug`.

use std::process::{Command, Stdio};

use crate::support::{Started, Tool, wait_until};
use redis_ipc_tests::server::Server;

#[test]
fn events_are_heard_by_component_by_subchannel_by_both_or_all() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let watch = |channels: &[&str]| {
        let words = [&["event", "watch"], channels].concat();
        tool.start_ready(&words)
    };
    let all = watch(&[]);
    let printer = watch(&["printer"]);
    let warnings = watch(&[".warnings"]);
    let both = watch(&["printer.warnings", "scanner"]);
    for (name, sub) in [
        ("printer2", "warnings"),
        ("scanner", "warnings"),
        ("printer", "jobs"),
        ("printer", "warnings"),
    ] {
        tool.ok(&["--as", name, "event", "send", "--sub", sub, "{\"n\":1}"]);
    }
    let lines = |count, watch: &Started| -> Vec<String> {
        let line = |_| watch.line().split_once(' ').expect("a name").0.to_owned();
        (0..count).map(line).collect()
    };
    assert_eq!(
        lines(4, &all),
        [
            "printer2.warnings",
            "scanner.warnings",
            "printer.jobs",
            "printer.warnings"
        ]
    );
    assert_eq!(lines(2, &printer), ["printer.jobs", "printer.warnings"]);
    assert_eq!(
        lines(3, &warnings),
        ["printer2.warnings", "scanner.warnings", "printer.warnings"]
    );
    assert_eq!(lines(2, &both), ["scanner.warnings", "printer.warnings"]);
}

#[test]
fn an_event_is_printed_for_people_and_for_machines() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let people = tool.start_ready(&["event", "watch"]);
    let machines = tool.start_ready(&["event", "watch", "--json"]);
    let ran = tool.run_with("{\n\"tray\": 2}", &["event", "send", "-", "--json"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "{\"listeners\":2}\n"));
    assert_eq!(people.line(), "ipc-tool  {\"tray\": 2}");
    let line = machines.line();
    let start = "{\"component\":\"ipc-tool\",\"subchannel\":null,\"event\":{\"tray\": 2},\
                 \"sender\":{\"component\":\"ipc-tool\",\"thread\":\"cli-";
    assert!(line.starts_with(start), "{line}");
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(value["sender"]["tid"].is_number() && value["sender"]["timestamp"].is_string());
}

#[test]
fn an_event_that_nobody_hears_is_no_error() {
    let server = Server::start();
    let ran = Tool::on(&server).run(&["event", "send", "{}"]);
    assert_eq!((ran.code, &*ran.stdout), (0, ""));
    assert_eq!(ran.stderr, "ipc-tool: nobody listens\n");
}

#[test]
fn debug_messages_are_filtered_by_component_and_level() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let all = tool.start_ready(&["debug", "watch"]);
    let urgent = tool.start_ready(&["debug", "watch", "--level", "1", "printer", "--json"]);
    for (name, level, text) in [
        ("scanner", "0", "jam"),
        ("printer", "2", "warm"),
        ("printer", "1", "paper \u{1b}[31m is low"),
    ] {
        tool.ok(&["--as", name, "debug", "send", "--level", level, text]);
    }
    assert_eq!(all.line(), "scanner  0  jam");
    assert_eq!(all.line(), "printer  2  warm");
    assert_eq!(all.line(), "printer  1  paper \\u{1b}[31m is low");
    let line = urgent.line();
    let start = "{\"component\":\"printer\",\"level\":1,\"message\":\"paper \\u001b[31m is low\",";
    assert!(line.starts_with(start), "{line}");
}

#[test]
fn a_debug_message_above_the_verbosity_is_not_sent() {
    let server = Server::start();
    let tool = Tool::on(&server);
    tool.ok(&["settings", "set", "redis-ipc", "debug_verbosity", "3"]);
    let mut monitor = server.monitor();
    let ran = tool.run(&["debug", "send", "--level", "4", "detail"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("up to level 3 only"), "{}", ran.stderr);
    tool.ok(&["debug", "send", "--level", "3", "--", "--help"]);
    let published = monitor.texts();
    let published: Vec<_> = published
        .iter()
        .filter(|text| text.starts_with("PUBLISH"))
        .collect();
    assert_eq!(published.len(), 1);
    assert!(
        published[0].contains("\"message\":\"--help\""),
        "{published:?}"
    );
}

#[test]
fn the_end_of_the_reader_is_the_end_of_the_watch() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let mut watch = tool
        .command(&["event", "watch"])
        .spawn()
        .expect("ipc-tool runs");
    let mut head = Command::new("head")
        .args(["-n", "1"])
        .stdin(watch.stdout.take().expect("a pipe"))
        .stdout(Stdio::null())
        .spawn()
        .expect("head runs");
    wait_until(|| server.cli(&["PUBSUB", "NUMPAT"]) == 1);
    tool.ok(&["event", "send", "{}"]);
    assert!(head.wait().expect("a child").success());
    // Without a second event.
    let output = watch.wait_with_output().expect("a child");
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "ipc-tool: listening\n"
    );
}

#[test]
fn a_watch_outlives_its_server() {
    let mut server = Server::start();
    let tool = Tool::on(&server);
    let watch = tool.start_ready(&["event", "watch", "printer"]);
    server.restart();
    assert!(watch.complaint().ends_with("trying again"));
    let note = watch.complaint();
    assert!(note.contains("back") || note.contains("anew"), "{note}");
    tool.ok(&["--as", "printer", "event", "send", "{}"]);
    assert_eq!(watch.line(), "printer  {}");
}
