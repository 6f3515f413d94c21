//! Who gets a command, an answer or a message when somebody dies, is slow or means no good.

use std::time::{Duration, Instant};

use redis_ipc::{
    BusEvent, CallError, Component, Connection, Delivery, Endpoint, Options, Outcome, Service,
    Taken, Turn,
};
use redis_ipc_tests::bus::{Caller, PATIENCE, Serving, endpoint, join, until_blocked};
use redis_ipc_tests::proxy::{Line, Proxy};
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

use super::system::Child;
use super::{SHORT, bus_event, clients, echo_one, until};

/// The body of a component in a process of its own, which takes a command and goes no further.
pub(super) fn take_one_and_wait(place: &Endpoint, delivery: &str) {
    let mut printer = Component::connect_to(place, "printer", "main", Options::default()).unwrap();
    if delivery == "at-least-once" {
        printer.set_delivery(Delivery::AtLeastOnce { tries: 9 });
    }
    printer.serve(&["print"]).unwrap();
    loop {
        if let Some(Turn::Command(mut command)) = printer.next(None).unwrap() {
            let id = command.command_id().to_owned();
            let work = command.component().connection();
            work.rpush("taken", id).unwrap();
            loop {
                std::thread::park();
            }
        }
    }
}

#[test]
fn a_component_that_is_killed_at_work_loses_its_command_at_most_once_and_not_at_least_once() {
    for (delivery, left) in [("at-most-once", 0), ("at-least-once", 1)] {
        let server = Server::start();
        let mut caller = Caller::new(&server);
        let child = Child::start("take-one-and-wait", &[&server.path(), delivery]);
        let id = caller.ask("queues.commands.printer.print", "\"n\":1");
        let taken = server.client().command(&["BLPOP", "taken", "50"]);
        assert_eq!(taken.items()[1], id.as_str());
        child.kill();
        let at_work = server.cli(&["LLEN", "queues.at-work.main.printer.print"]);
        assert_eq!(at_work, left);
        assert_eq!(server.cli(&["LLEN", "queues.commands.printer.print"]), 0);
        let mut next = join(&server, "printer");
        next.set_delivery(Delivery::AtLeastOnce { tries: 9 });
        next.serve(&["print"]).unwrap();
        let patience = if left == 0 { SHORT } else { PATIENCE };
        match (next.next(Some(patience)).unwrap(), left) {
            (None, 0) => {}
            (Some(Turn::Command(command)), 1) => {
                assert_eq!((command.command_id(), command.tries()), (id.as_str(), 1));
                command.answer(&json!({"n": 1})).unwrap();
                assert_eq!(caller.result_value()["n"], 1);
            }
            (other, _) => panic!("{delivery}: {other:?}"),
        }
    }
}

#[test]
fn a_pop_that_was_in_flight_when_its_line_broke_is_counted_and_taken_up_anew() {
    let server = Server::start();
    let mut echo = join(&server, "echo");
    echo.serve_main().unwrap();
    assert!(echo.next(Some(Duration::ZERO)).unwrap().is_none());
    until_blocked(&server, 1);
    let list = server.cli(&["CLIENT", "LIST"]).text();
    let popping = clients(&list, "echo.main", "cmd")
        .iter()
        .position(|c| *c == "blpop")
        .unwrap();
    server.cli(&[
        "CLIENT",
        "KILL",
        "ID",
        clients(&list, "echo.main", "id")[popping],
    ]);
    assert!(matches!(
        bus_event(&mut echo),
        BusEvent::Disconnected { .. }
    ));
    assert_eq!(echo.counters().pops_unknown, 1);
    let mut caller = Caller::new(&server);
    caller.ask("queues.commands.echo", "\"n\":1");
    let events = echo_one(&mut echo);
    assert!(
        matches!(events[..], [BusEvent::Reconnected { .. }]),
        "{events:?}"
    );
    assert_eq!(caller.result_value()["n"], 1);
}

#[test]
fn a_former_line_that_the_server_still_holds_takes_nothing_any_more() {
    for delivery in [Delivery::AtMostOnce, Delivery::AtLeastOnce { tries: 3 }] {
        let server = Server::start();
        // The server does not see that the component's end is closed.
        let proxy = Proxy::start(&server.socket());
        proxy.next(Line::whole());
        proxy.next(Line::whole().held());
        let place = Endpoint::unix(proxy.socket()).unwrap();
        let mut echo = Component::connect_to(&place, "echo", "main", Options::default()).unwrap();
        echo.set_delivery(delivery);
        echo.serve_main().unwrap();
        assert!(echo.next(Some(Duration::ZERO)).unwrap().is_none());
        until_blocked(&server, 1);
        proxy.break_clients();
        until("the component is back", || {
            matches!(bus_event(&mut echo), BusEvent::Reconnected { .. })
        });
        let mut caller = Caller::new(&server);
        caller.ask("queues.commands.echo", "\"n\":1");
        echo_one(&mut echo);
        assert_eq!(caller.result_value()["n"], 1);
    }
}

#[test]
fn a_slow_component_hears_what_was_sent_is_told_of_the_gap_and_listens_again() {
    for resp2 in [false, true] {
        let setup = Server::setup().config("client-output-buffer-limit pubsub 256kb 0 0");
        let server = match resp2 {
            true => setup.config("rename-command HELLO \"\"").start(),
            false => setup.start(),
        };
        let mut ui = join(&server, "ui");
        ui.subscribe_events(Some("printer"), None).unwrap();
        let mut client = server.client();
        let payload = json!({"text": "x".repeat(10_000)}).to_string();
        let channel = "channel.events.printer";
        let mut sent = 0;
        while client.command(&["PUBLISH", channel, &payload]) == 1 {
            sent += 1;
        }
        let mut heard = 0;
        loop {
            match ui.next(Some(PATIENCE)).unwrap() {
                Some(Turn::Event(event)) => {
                    assert_eq!(event.text().len(), payload.len());
                    heard += 1;
                }
                Some(Turn::Bus(BusEvent::Disconnected { .. })) => break,
                other => panic!("{other:?}"),
            }
        }
        assert!(heard > 5 && heard <= sent, "{heard} of {sent}");
        assert!(matches!(bus_event(&mut ui), BusEvent::Reconnected { .. }));
        assert_eq!(client.command(&["PUBLISH", channel, "{\"n\":1}"]), 1);
        match ui.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Event(event)) => assert_eq!(event.text(), "{\"n\":1}"),
            other => panic!("{other:?}"),
        };
    }
}

#[test]
fn connections_that_the_server_closes_for_idleness_cost_no_request() {
    let server = Server::setup().tcp().config("timeout 1").start();
    let tcp = Endpoint::tcp("127.0.0.1", server.port());
    for place in [endpoint(&server), tcp] {
        let mut connection = Connection::open(&place).unwrap();
        let mut desk = Component::connect_to(&place, "desk", "main", Options::default()).unwrap();
        let mut echo = join(&server, "echo");
        echo.subscribe_events(Some("printer"), None).unwrap();
        let serving = Serving::start(&server, echo, || {
            Service::new().on_command(|value: Value, _| Ok(value))
        });
        for n in 0..2 {
            // A listener and one that pops are never idle to the server.
            until("the server has closed what is idle", || {
                let list = server.cli(&["CLIENT", "LIST"]).text();
                clients(&list, "desk.main", "id").is_empty()
            });
            connection.rpush("list", "item").unwrap();
            let answer: Value = desk.call("echo", &json!({"n": n}), PATIENCE).unwrap();
            assert_eq!(answer, json!({"n": n}));
        }
        let echo = serving.end();
        assert_eq!(echo.counters(), redis_ipc::Counters::default());
        assert_eq!(server.cli(&["DEL", "list"]), 1);
    }
}

#[test]
fn a_results_queue_that_is_somebody_elses_key_is_never_written() {
    let server = Server::start();
    server.cli(&["HSET", "settings.db", "theme", "dark"]);
    let mut echo = join(&server, "echo");
    echo.serve_main().unwrap();
    let mut caller = Caller::new(&server);
    let long = format!("queues.results.{}", "x".repeat(113));
    let hostile = [
        "settings.db",
        "queues.commands.printer",
        "queues.result",
        "xqueues.results.desk.raw",
        "queues.results.a\\u0000b",
        "queues.results.a\\nb",
        "",
        &long,
    ];
    for key in hostile {
        caller.push(
            "queues.commands.echo",
            format!(r#"{{"results_queue":"{key}","command_id":"1"}}"#),
        );
    }
    caller.ask("queues.commands.echo", "\"n\":1");
    echo_one(&mut echo);
    assert_eq!(caller.result_value()["n"], 1);
    assert_eq!(echo.counters().commands_dropped, hostile.len() as u64);
    let mut keys = server.cli(&["KEYS", "*"]).texts();
    keys.sort();
    assert_eq!(keys, ["settings.db"]);
    assert_eq!(server.cli(&["HGETALL", "settings.db"]).items().len(), 2);
}

#[test]
fn names_that_could_be_patterns_or_break_a_line_are_refused_with_the_rule() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    let long = "x".repeat(65);
    let names = ["a*", "a?", "[a]", "a b", "a\nb", "a\0b", "ü", "", &long];
    let mut monitor = server.monitor();
    for name in names {
        let error = Component::connect_to(&endpoint(&server), name, "main", Options::default());
        let error = error.unwrap_err();
        assert!(error.to_string().contains("is not a name"), "{error}");
        assert_eq!(error.outcome(), Outcome::NotSent);
        let called = desk.call::<_, Value>(name, &json!({}), SHORT);
        assert!(
            matches!(called, Err(CallError::Bus(redis_ipc::Error::Name { .. }))),
            "{called:?}"
        );
        assert!(desk.subscribe_events(Some(name), None).is_err(), "{name:?}");
        assert!(desk.publish(Some(name), &json!({})).is_err(), "{name:?}");
        assert!(desk.watch_settings(name).is_err(), "{name:?}");
    }
    assert_eq!(monitor.texts(), [""; 0], "nothing of it reaches the server");
    // Names that are allowed and a key that is too long.
    let name = "x".repeat(64);
    let called = desk.call::<_, Value>(&format!("{name}.{name}"), &json!({}), SHORT);
    match called {
        Err(CallError::Bus(error @ redis_ipc::Error::Key(_))) => {
            assert!(error.to_string().contains("127"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_queue_of_a_dead_consumer_grows_to_its_cap_and_no_further() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    desk.set_queue_limit(3);
    let mut caller = Caller::new(&server);
    for _ in 0..3 {
        caller.ask("queues.commands.dead", "");
    }
    for _ in 0..5 {
        match desk.call::<_, Value>("dead", &json!({}), PATIENCE) {
            Err(error @ CallError::Overloaded { .. }) => {
                assert_eq!(error.outcome(), Some(Outcome::NotSent));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(server.cli(&["LLEN", "queues.commands.dead"]), 3);
}

#[test]
fn a_command_whose_caller_gave_up_is_not_executed_if_it_was_still_waiting() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    match desk.call::<_, Value>("echo", &json!({"n": 1}), 5 * SHORT) {
        Err(CallError::TimedOut {
            taken: Taken::No, ..
        }) => {}
        other => panic!("{other:?}"),
    }
    let mut echo = join(&server, "echo");
    echo.serve_main().unwrap();
    let begin = Instant::now();
    assert!(echo.next(Some(SHORT)).unwrap().is_none());
    assert!(begin.elapsed() >= SHORT);
}

/// A command of a caller that stopped waiting long ago.
fn expired(n: u32) -> String {
    json!({
        "n": n, "results_queue": Caller::RESULTS, "command_id": format!("old-{n}"),
        "command_deadline": "1600000000.000000",
    })
    .to_string()
}

#[test]
fn a_command_past_its_deadline_is_dropped_counted_and_told() {
    for delivery in [Delivery::AtMostOnce, Delivery::AtLeastOnce { tries: 3 }] {
        let server = Server::start();
        let mut watcher = join(&server, "watcher");
        watcher.subscribe_debug(Some("echo")).unwrap();
        let mut caller = Caller::new(&server);
        // One that a component which died has left, two in the queue.
        server.cli(&["RPUSH", "queues.at-work.main.echo", &expired(0)]);
        server.cli(&["HSET", "queues.tries.main.echo", "old-0", "1"]);
        caller.push("queues.commands.echo", expired(1));
        caller.push("queues.commands.echo", expired(2));
        let id = caller.ask("queues.commands.echo", "\"n\":3");
        let mut echo = join(&server, "echo");
        echo.set_delivery(delivery);
        echo.serve_main().unwrap();
        echo_one(&mut echo);
        let durable = u64::from(delivery != Delivery::AtMostOnce);
        assert_eq!(echo.counters().commands_expired, 2 + durable);
        assert_eq!(echo.counters().commands_dropped, 0);
        for _ in 0..2 + durable {
            let result = caller.result_value();
            assert_eq!(result["error"]["code"], "expired", "{result}");
        }
        assert_eq!(caller.result_value()["command_id"], id.as_str());
        match watcher.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Debug(message)) => {
                assert!(
                    message.message().contains("its deadline was"),
                    "{message:?}"
                );
            }
            other => panic!("{other:?}"),
        }
        if durable == 1 {
            until("nothing is left", || {
                let _ = echo.next(Some(Duration::from_millis(20))).unwrap();
                server.cli(&["KEYS", "queues.*"]).items().is_empty()
            });
        }
    }
}

#[test]
fn commands_bear_a_deadline_only_if_their_caller_wants_it() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    let mut client = server.client();
    for wanted in [false, true] {
        desk.set_command_deadlines(wanted);
        let call = std::thread::scope(|scope| {
            let call = scope.spawn(|| desk.call::<_, Value>("echo", &json!({"n": 1}), PATIENCE));
            let answer = r#"{"command_id":"ID"}"#;
            let command =
                redis_ipc_tests::bus::answer_by_hand(&mut client, "queues.commands.echo", answer);
            call.join().unwrap().unwrap();
            command
        });
        let command: Value = serde_json::from_str(&call).unwrap();
        let seconds = |name: &str| {
            command[name]
                .as_str()
                .map(|text| text.parse::<f64>().unwrap())
        };
        let lasts = seconds("command_deadline").map(|by| by - seconds("timestamp").unwrap());
        match lasts {
            None => assert!(!wanted),
            Some(lasts) => assert!(wanted && (lasts - PATIENCE.as_secs_f64()).abs() < 0.001),
        }
    }
    // One that is taken in time is served, and its handler sees the user's members only.
    let mut echo = join(&server, "echo");
    echo.serve_main().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| echo_one(&mut echo));
        let answer: Value = desk.call("echo", &json!({"n": 1}), PATIENCE).unwrap();
        assert_eq!(answer, json!({"n": 1}));
    });
    assert_eq!(echo.counters().commands_expired, 0);
}
