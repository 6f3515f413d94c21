//! What is no command is taken off its queue, counted and told; the next one is served.

use redis_ipc::{Component, Endpoint, Error, Options};
use redis_ipc_tests::bus::{Caller, Members, endpoint, join, join_with, next_command};
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

const QUEUE: &str = "queues.commands.c";
const HEAD: &str = r#""results_queue":"queues.results.desk.raw","command_id":"x""#;

/// A command with something in it that nests so deeply, the command's own object included.
fn nested(depth: usize) -> String {
    let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
    format!("{{\"a\":{open}{close},{HEAD}}}")
}

/// What is no command, and a word of what is said about it.
fn malformed() -> Vec<(Vec<u8>, &'static str)> {
    let text = |text: &str, word| (text.as_bytes().to_vec(), word);
    let head = |members: &str| format!("{{{members}}}").into_bytes();
    let long = "x".repeat(600);
    vec![
        text("", "object"),
        text(" ", "object"),
        text("\0", "object"),
        text("not JSON", "object"),
        text("[]", "object"),
        text("\"text\"", "object"),
        text("null", "object"),
        text("17", "object"),
        text("{", "JSON"),
        text("{}", "results_queue is missing"),
        text(&format!("{{{HEAD}}} {{}}"), "JSON"),
        text(&format!("{{{HEAD},}}"), "JSON"),
        text(&format!("{{{HEAD}}}\0"), "JSON"),
        text(&format!("{{\"a\":\"\0\",{HEAD}}}"), "JSON"),
        text(&format!("{{\"a\":NaN,{HEAD}}}"), "JSON"),
        text(&format!("{{\"a\":01,{HEAD}}}"), "JSON"),
        text(&format!("{{\"a\":\"\\x\",{HEAD}}}"), "JSON"),
        text(&format!("\u{feff}{{{HEAD}}}"), "object"),
        (
            [b"{\"a\":\"\xff\",", HEAD.as_bytes(), b"}"].concat(),
            "UTF-8",
        ),
        ([b"{\"\xc3\":1,", HEAD.as_bytes(), b"}"].concat(), "UTF-8"),
        (b"\xff\xfe{\x00}\x00".to_vec(), "object"),
        (nested(33).into_bytes(), "deep"),
        (nested(1000).into_bytes(), "deep"),
        (nested(100_000).into_bytes(), "deep"),
        (b"[".repeat(100_000), "object"),
        (b"{\"a\":".repeat(100_000), "deep"),
        (head(r#""command_id":"x""#), "results_queue is missing"),
        (
            head(r#""results_queue":"queues.results.desk.raw""#),
            "command_id is missing",
        ),
        (
            head(r#""results_queue":null,"command_id":"x""#),
            "results_queue is not a text",
        ),
        (
            head(r#""results_queue":"queues.results.desk.raw","command_id":7"#),
            "command_id is not a text",
        ),
        (
            head(&format!("{HEAD},\"command_id\":[\"x\"]")),
            "command_id is not a text",
        ),
        (
            head(&format!("{HEAD},\"results_queue\":\"settings.db\"")),
            "results queue",
        ),
        (
            head(&format!(
                r#""results_queue":"queues.results.desk.raw","command_id":"{long}""#
            )),
            "600",
        ),
        (
            head(&format!(
                r#""results_queue":"queues.results.{long}","command_id":"x""#
            )),
            "615",
        ),
    ]
}

#[test]
fn what_is_no_command_is_taken_off_counted_and_told_and_the_next_one_is_served() {
    let server = Server::start();
    let mut component = join(&server, "c");
    component.serve_main().unwrap();
    let mut listener = server.client();
    listener.command(&["SUBSCRIBE", "channel.debug.c"]);
    let mut caller = Caller::new(&server);
    let mut dropped = 0;
    for (message, word) in malformed() {
        let shown = String::from_utf8_lossy(&message[..message.len().min(80)]).into_owned();
        caller.push(QUEUE, &message);
        let id = caller.ask(QUEUE, "\"good\":true");
        let command = next_command(&mut component);
        assert_eq!(command.command_id(), id, "{shown}");
        command.answer(&json!({})).unwrap();
        assert_eq!(caller.result_value()["command_id"], *id);

        dropped += 1;
        assert_eq!(component.counters().commands_dropped, dropped, "{shown}");
        let told = Members::of(&listener.receive().texts()[2]);
        let said = told.value("message").as_str().unwrap();
        assert!(said.contains(word), "{said:?} of {shown:?}");
        assert_eq!(told.value("component"), "c");
        assert!(said.len() < 300, "{said}");
    }
    assert_eq!(server.cli(&["DBSIZE"]), 0, "nothing else was written");
    assert_eq!(component.counters().results_dropped, 0);
}

#[test]
fn a_look_at_another_queue_drops_what_is_no_command_likewise() {
    let server = Server::start();
    let mut component = join(&server, "c");
    component.serve(&["work"]).unwrap();
    let mut caller = Caller::new(&server);
    let all = malformed();
    for (message, _) in &all {
        caller.push("queues.commands.c.cancel", message);
    }
    let id = caller.ask("queues.commands.c.cancel", "");
    let job = component.take(Some("cancel")).unwrap().unwrap();
    assert_eq!(job.command_id(), id);
    assert_eq!(component.counters().commands_dropped, all.len() as u64);
}

#[test]
fn a_command_at_the_cap_is_served_and_one_over_it_dropped() {
    let server = Server::start();
    let limit = 8192;
    let options = Options::default().message_limit(limit);
    let mut component = join_with(&server, "c", options);
    component.serve_main().unwrap();
    let mut caller = Caller::new(&server);
    // What the pop's reply has around the message: two sizes, the queue's name, line ends.
    let around = format!("*2\r\n$17\r\n{QUEUE}\r\n$8192\r\n\r\n").len();
    let with = |length: usize| {
        let empty = format!("{{\"a\":\"\",{HEAD}}}").len();
        format!("{{\"a\":\"{}\",{HEAD}}}", "x".repeat(length - empty))
    };
    for over in [0, 1, 2, 100, limit, 100 * limit] {
        let message = with(limit - around + over);
        caller.push(QUEUE, &message);
        let good = caller.ask(QUEUE, "");
        let mut command = next_command(&mut component);
        if over == 0 {
            assert_eq!(command.text().len(), message.len() - HEAD.len() - 1);
            drop(command);
            caller.result();
            command = next_command(&mut component);
        }
        assert_eq!(command.command_id(), good, "{over} bytes over the cap");
        command.answer(&json!({})).unwrap();
        caller.result();
    }
    assert_eq!(component.counters().commands_dropped, 5);
}

#[test]
fn results_go_to_results_queues_only() {
    let server = Server::start();
    let mut component = join(&server, "c");
    component.serve_main().unwrap();
    let mut listener = server.client();
    listener.command(&["SUBSCRIBE", "channel.debug.c"]);
    let mut caller = Caller::new(&server);
    let long = format!("queues.results.{}", "x".repeat(113));
    for hostile in [
        "settings.db",
        "queues.commands.other",
        "queues.commands.c",
        "queues.results.",
        "queues.results",
        "",
        "queues.results.a\\nb",
        "queues.results.\\u0000",
        "queues.results.a\\u001f",
        "queues.results.\\u007f",
        "Queues.results.a",
        " queues.results.a",
        &long,
    ] {
        caller.push(
            QUEUE,
            format!(r#"{{"results_queue":"{hostile}","command_id":"x"}}"#),
        );
        let id = caller.ask(QUEUE, "");
        let command = next_command(&mut component);
        assert_eq!(command.command_id(), id, "{hostile}");
        command.answer(&json!({})).unwrap();
        caller.result();
        let told = Members::of(&listener.receive().texts()[2]);
        let said = told.value("message").as_str().unwrap();
        assert!(said.contains("results queue"), "{said}");
    }
    assert_eq!(component.counters().commands_dropped, 13);
    assert_eq!(server.cli(&["DBSIZE"]), 0, "nothing was written anywhere");
}

#[test]
fn what_an_original_could_have_sent_is_served_names_with_blanks_included() {
    let server = Server::start();
    let mut component = join(&server, "c");
    component.serve_main().unwrap();
    for results in ["queues.results.my desk.ui 1", "queues.results.dÜsk.m*"] {
        let command = format!(
            r#"{{ "results_queue": "{results}", "command_id": "my desk-ui 1-7-0", "component": "my desk", "thread": 5, "tid": "six", "timestamp": null }}"#
        );
        server.cli(&["RPUSH", QUEUE, &command]);
        let command = next_command(&mut component);
        let sender = command.sender().clone();
        assert_eq!((&*sender.component, &*sender.thread), ("my desk", ""));
        assert_eq!((sender.tid, &*sender.timestamp), (None, ""));
        command.answer(&json!({})).unwrap();
        let item = server.cli(&["BLPOP", results, "9"]);
        assert!(item.items()[1].text().contains("my desk-ui 1-7-0"));
    }
}

#[test]
fn events_and_debug_messages_that_are_none_are_dropped_counted_and_told() {
    let server = Server::start();
    let mut component = join(&server, "c");
    component.subscribe_events(None, None).unwrap();
    component.subscribe_debug(None).unwrap();
    let messages: [(&str, &[u8]); 7] = [
        ("channel.events.x", b""),
        ("channel.events.x", b"[]"),
        ("channel.events.x", b"{\"a\":\"\xff\"}"),
        ("channel.events.x", b"{\"a\":1"),
        ("channel.debug.x", b"{}"),
        ("channel.debug.x", b"{\"message\":7,\"level\":1}"),
        ("channel.debug.x", b"text"),
    ];
    for (channel, message) in messages {
        server.cli(&[b"PUBLISH", channel.as_bytes(), message]);
        match component
            .next(Some(redis_ipc_tests::bus::PATIENCE))
            .unwrap()
        {
            Some(redis_ipc::Turn::Debug(debug)) => {
                assert_eq!(debug.component(), "c");
                assert!(
                    debug.message().starts_with("dropped a message"),
                    "{debug:?}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(component.counters().messages_dropped, 7);
}

#[test]
fn names_that_redis_would_take_and_a_pattern_mishear_are_refused_with_the_rule() {
    let server = Server::start();
    let mut component = join(&server, "c");
    let mut monitor = server.monitor();
    let long = "x".repeat(65);
    for name in [
        "", "db*", "a?", "a[b]", "a b", "a\n", "a\0", "ÿ", "a:b", "a\\b", &long,
    ] {
        let check = |outcome: Result<(), Error>| {
            let error = outcome.unwrap_err();
            assert!(matches!(error, Error::Name { .. }), "{name:?}: {error:?}");
            let text = error.to_string();
            assert!(text.contains("1 to 64 of the characters"), "{text}");
        };
        let endpoint: Endpoint = endpoint(&server);
        let join = |component, thread| {
            Component::connect_to(&endpoint, component, thread, Options::default()).map(drop)
        };
        check(join(name, "main"));
        check(join("c", name));
        let call = |component: &mut Component, recipient: &str| {
            let outcome =
                component.call::<_, Value>(recipient, &json!({}), redis_ipc_tests::bus::PATIENCE);
            match outcome {
                Err(redis_ipc::CallError::Bus(error)) => Err(error),
                other => panic!("{other:?}"),
            }
        };
        check(call(&mut component, name));
        check(call(&mut component, &format!("{name}.x")));
        check(call(&mut component, &format!("x.{name}")));
        check(component.serve(&["x", name]));
        check(component.take(Some(name)).map(drop));
        check(component.publish(Some(name), &json!({})).map(drop));
        check(component.subscribe_events(Some(name), None));
        check(component.subscribe_events(None, Some(name)));
        check(component.unsubscribe_events(Some(name), None));
        check(component.subscribe_debug(Some(name)));
        check(component.watch_settings(name));
        check(component.watch_status(name));
        check(component.settings(name).map(drop));
        check(component.status_of(name).map(drop));
    }
    assert_eq!(monitor.texts(), [""; 0], "nothing was sent");
}

#[test]
fn names_that_make_too_long_a_key_are_refused_with_both_lengths() {
    let server = Server::start();
    let (name, part) = ("n".repeat(64), "p".repeat(50));
    let mut component = join(&server, &name);
    let check = |error: Error, length: &str| {
        let text = error.to_string();
        assert!(matches!(error, Error::Key(_)), "{error:?}");
        assert!(text.contains(length) && text.contains("127"), "{text}");
    };
    check(component.serve(&[&part]).unwrap_err(), "131");
    check(
        component.publish(Some(&part), &json!({})).unwrap_err(),
        "130",
    );
    let outcome = Component::connect_to(&endpoint(&server), &name, &part, Options::default());
    check(outcome.unwrap_err(), "130");
    component.serve(&[&part[..46]]).unwrap();
}
