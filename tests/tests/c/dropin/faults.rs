//! What the original does wrong, and the drop-in does not.

use redis_ipc_tests::server::Server;
use redis_ipc_tests::value::Value;

use super::driver::{Driver, NULL};

const QUEUE: &str = "queues.commands.printer";

#[test]
fn a_server_that_is_started_anew_is_found_again_with_every_subscription() {
    let mut server = Server::start();
    let mut web = Driver::joined(&server, "web", "main");
    web.does(&["subscribe_events", "printer", NULL], "0");
    server.kill();
    // No SIGPIPE ends it, and nothing hangs.
    web.does(&["event", NULL, "{}"], "-1");
    web.does(&["write_status_field", "a", "b"], "-1");
    web.does(&["read_status_field", "web", "a"], "NULL");
    web.does(&["hear_within", "100"], "NULL");
    assert!(
        web.tell(&["call", "printer", NULL, "1", "{}"])
            .starts_with("NULL")
    );
    server.restart();
    web.does(&["write_status_field", "a", "b"], "0");
    web.does(&["read_status_field", "web", "a"], "b");
    web.begin(&["hear"]);
    let mut publisher = server.client();
    let event = r#"{"n": 1}"#;
    while publisher.command(&["PUBLISH", "channel.events.printer", event]) == 0 {}
    assert_eq!(web.answer(), r#"{ "n": 1 }"#);
    web.end();
}

#[test]
fn a_receive_outlives_the_server() {
    let mut server = Server::start();
    let mut printer = Driver::joined(&server, "printer", "main");
    printer.begin(&["receive", NULL, "15"]);
    while !server.cli(&["CLIENT", "LIST"]).text().contains("cmd=blpop") {}
    server.restart();
    let command = r#"{"command_id":"1","results_queue":"queues.results.a.b"}"#;
    assert_eq!(server.client().command(&["RPUSH", QUEUE, command]), 1);
    let received = printer.answer();
    assert!(received.contains(r#""command_id": "1""#), "{received}");
}

#[test]
fn a_wait_that_was_in_vain_loses_no_subscription() {
    let server = Server::start();
    let mut web = Driver::joined(&server, "web", "main");
    web.does(&["subscribe_debug", "printer"], "0");
    for _ in 0..3 {
        web.does(&["hear_within", "20"], "NULL");
    }
    let listeners = server.cli(&["PUBLISH", "channel.debug.printer", "[1]"]);
    assert_eq!(listeners, 1);
    web.does(&["hear"], "[ 1 ]");
}

#[test]
fn letting_go_leaves_nothing_and_only_what_is_meant_is_heard() {
    let server = Server::start();
    let mut web = Driver::joined(&server, "web", "main");
    let publish = |channel: &str, text: &str| server.cli(&["PUBLISH", channel, text]).integer();
    for names in [
        ["printer", NULL],
        ["printer", "warnings"],
        [NULL, "warnings"],
        [NULL, NULL],
    ] {
        web.does(&["subscribe_events", names[0], names[1]], "0");
    }
    web.does(&["subscribe_debug", "printer"], "0");
    web.does(&["unsubscribe_events"], "0");
    assert_eq!(publish("channel.events.printer.warnings", "1"), 0);
    assert_eq!(publish("channel.debug.printer", "2"), 1);
    web.does(&["hear"], "2");
    web.does(&["unsubscribe_debug"], "0");
    assert_eq!(server.cli(&["PUBSUB", "NUMPAT"]), 0);
    // The pattern for the events of `printer` matches those of `printer2` as well.
    web.does(&["subscribe_events", "printer", NULL], "0");
    assert_eq!(publish("channel.events.printer2", "3"), 1);
    assert_eq!(publish("channel.events.printer.jam", "4"), 1);
    web.does(&["hear"], "4");
}

#[test]
fn results_that_are_not_ours_neither_end_nor_prolong_the_wait() {
    let server = Server::start();
    let mut desk = Driver::joined(&server, "desk", "main");
    let mut peer = server.client();
    desk.begin(&["call", "printer", NULL, "15", r#"{"a":1}"#]);
    let Value::Array(item) = peer.command(&["BLPOP", QUEUE, "10"]) else {
        panic!("no command");
    };
    let command: serde_json::Value = serde_json::from_str(&item[1].text()).unwrap();
    let id = command["command_id"].as_str().unwrap().to_owned();
    for result in ["{}", "no JSON", "[1]", r#"{"command_id":"another"}"#] {
        peer.command(&["RPUSH", "queues.results.desk.main", result]);
    }
    let ours = format!(r#"{{"error": {{"code": "x", "message": "y"}}, "command_id": "{id}"}}"#);
    peer.command(&["RPUSH", "queues.results.desk.main", &ours]);
    let answer = desk.answer();
    assert!(
        answer.starts_with(&format!(
            r#"{{ "error": {{ "code": "x", "message": "y" }}, "command_id": "{id}" }}"#
        )),
        "{answer}"
    );
    assert_eq!(server.cli(&["EXISTS", "queues.results.desk.main"]), 0);
}

#[test]
fn a_command_that_nobody_took_is_taken_back() {
    let server = Server::start();
    let mut desk = Driver::joined(&server, "desk", "main");
    let answer = desk.tell(&["call", "printer", NULL, "1", "{}"]);
    assert!(answer.starts_with("NULL\t"), "{answer}");
    assert_eq!(server.cli(&["EXISTS", QUEUE]), 0);
}

#[test]
fn the_flags_of_the_server_stay_and_a_forbidden_config_is_told() {
    let server = Server::setup().config("notify-keyspace-events gE").start();
    drop(Driver::joined(&server, "web", "main"));
    let flags = server.cli(&["CONFIG", "GET", "notify-keyspace-events"]);
    let Value::Array(pair) = flags else {
        panic!("{flags:?}")
    };
    for flag in ["g", "E", "K", "h"] {
        assert!(pair[1].text().contains(flag), "{}", pair[1].text());
    }
    let server = Server::setup().config("rename-command CONFIG \"\"").start();
    let told = Driver::joined(&server, "web", "main").end();
    assert!(
        told.contains("(web) [ERROR] the server said: ERR unknown command"),
        "{told}"
    );
}

#[test]
fn names_that_only_the_original_allows_and_answers_by_others_work() {
    let server = Server::start();
    let mut desk = Driver::joined(&server, "front desk", "ui.1");
    let mut printer = Driver::joined(&server, "my printer", "main");
    let mut helper = Driver::joined(&server, "my printer", "helper");
    printer.begin(&["receive", "print now", "10"]);
    desk.begin(&["call", "my printer", "print now", "10", "{}"]);
    let command = printer.answer();
    helper.does(&["answer_to", &command, r#"{"by":"helper"}"#], "0");
    let answer = desk.answer();
    assert!(answer.starts_with(r#"{ "by": "helper""#), "{answer}");
    desk.does(&["cleanup_other", &helper.id().to_string()], "-1");
    desk.does(&["cleanup"], "0");
    desk.does(&["cleanup"], "-1");
}
