//! What a component does with commands: in which order, when, and what becomes of those that it
//! does not answer.

use redis_ipc::{CallError, Command, Component, Error, Failure, Service, Turn};
use redis_ipc_tests::bus::{Caller, PATIENCE, Serving, join, next_command, until_blocked};
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

const PRINT: &str = "queues.commands.printer.print";
const CANCEL: &str = "queues.commands.printer.cancel";

/// A printer that serves `cancel` before `print`, and somebody who asks it.
fn printer(server: &Server) -> (Component, Caller) {
    let mut printer = join(server, "printer");
    printer.serve(&["cancel", "print"]).unwrap();
    (printer, Caller::new(server))
}

#[test]
fn the_more_urgent_queue_comes_first_whatever_was_sent_first() {
    let server = Server::start();
    let (mut printer, mut caller) = printer(&server);
    for _ in 0..3 {
        caller.ask(PRINT, "");
    }
    caller.ask(CANCEL, "");
    caller.ask(CANCEL, "");
    let mut order = Vec::new();
    for served in 0..5 {
        let command = next_command(&mut printer);
        order.push(command.subqueue().unwrap().to_owned());
        command.answer(&json!({})).unwrap();
        if served == 2 {
            // While the first print was at work, or its result on its way.
            caller.ask(CANCEL, "");
        }
    }
    // The pop that was sent with the third answer may have been quicker than the cancel.
    assert_eq!(order[..3], ["cancel", "cancel", "print"]);
    assert_eq!(order.iter().filter(|queue| *queue == "cancel").count(), 3);
}

#[test]
fn commands_of_one_queue_are_served_in_the_order_in_which_they_were_sent() {
    let server = Server::start();
    let (mut printer, mut caller) = printer(&server);
    let ids: Vec<_> = (0..50).map(|_| caller.ask(PRINT, "")).collect();
    for id in ids {
        let command = next_command(&mut printer);
        assert_eq!(command.command_id(), id);
        command.answer(&json!({})).unwrap();
        assert_eq!(caller.result_value()["command_id"], *id);
    }
}

#[test]
fn a_look_at_cancel_while_a_print_is_at_hand_takes_and_answers_it() {
    let server = Server::start();
    let (mut printer, mut caller) = printer(&server);
    let print = caller.ask(PRINT, "");
    let mut command = next_command(&mut printer);
    assert!(command.look("cancel").unwrap().is_none());
    let cancel = caller.ask(CANCEL, "\"job\":7");
    let job = command.look("cancel").unwrap().unwrap();
    assert_eq!(job.payload::<Value>().unwrap(), json!({"job": 7}));
    assert_eq!(
        (job.subqueue(), job.command_id()),
        (Some("cancel"), &*cancel)
    );
    assert_eq!(job.sender().component, "desk");
    assert!(command.look("cancel").unwrap().is_none());
    command
        .component()
        .answer(job, &json!({"cancelled": true}))
        .unwrap();
    let result = caller.result_value();
    assert_eq!(
        (&result["cancelled"], &result["command_id"]),
        (&json!(true), &json!(cancel))
    );
    command
        .fail(&Failure::new("cancelled", "by the user"))
        .unwrap();
    let result = caller.result_value();
    assert_eq!(result["command_id"], *print);
    assert_eq!(
        result["error"],
        json!({"code": "cancelled", "message": "by the user"})
    );
}

/// The text of the next event; the server writes at its own pace, and a look does not wait for it.
fn heard(command: &mut Command<'_>) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(event) = command.heard().unwrap() {
            return event.text().to_owned();
        }
        assert!(Instant::now() < deadline, "no event");
    }
}

#[test]
fn what_was_published_is_heard_while_a_command_is_at_hand_in_order_and_once() {
    let server = Server::start();
    let (mut printer, mut caller) = printer(&server);
    printer.subscribe_events(Some("tray"), None).unwrap();
    printer.subscribe_debug(Some("tray")).unwrap();
    let publish = |channel: &str, message: &str| {
        assert_eq!(server.cli(&["PUBLISH", channel, message]), 1);
    };
    publish("channel.events.tray", r#"{"number":1}"#);
    // Subscribing takes in what has come so far.
    printer.subscribe_events(Some("other"), None).unwrap();
    caller.ask(PRINT, "");
    let mut command = loop {
        match printer.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Command(command)) => break command,
            Some(Turn::Event(event)) => assert_eq!(event.text(), r#"{"number":1}"#),
            other => panic!("{other:?}"),
        }
    };
    assert!(command.heard().unwrap().is_none());
    publish("channel.events.tray", r#"{"number":2}"#);
    publish("channel.debug.tray", r#"{"message":"empty","level":1}"#);
    publish("channel.events.tray", r#"{"number":3}"#);
    assert_eq!(heard(&mut command), r#"{"number":2}"#);
    publish("channel.events.tray", r#"{"number":4}"#);
    // Subscribing, also from within a handler, sets aside what has come.
    command
        .component()
        .subscribe_events(Some("third"), None)
        .unwrap();
    publish("channel.events.tray", r#"{"number":5}"#);
    for number in 3..=5 {
        assert_eq!(heard(&mut command), format!("{{\"number\":{number}}}"));
    }
    assert!(command.heard().unwrap().is_none());
    command.answer(&json!({})).unwrap();
    match printer.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Debug(debug)) => assert_eq!(debug.message(), "empty"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn events_longer_than_one_read_are_heard_whole_while_a_command_is_at_hand() {
    let server = Server::start();
    let (mut printer, mut caller) = printer(&server);
    printer.subscribe_events(None, None).unwrap();
    caller.ask(PRINT, "");
    let mut command = next_command(&mut printer);
    let text = "x".repeat(300_000);
    for _ in 0..2 {
        let event = json!({ "text": text }).to_string();
        assert_eq!(server.cli(&["PUBLISH", "channel.events.x", &event]), 1);
    }
    for _ in 0..2 {
        assert!(heard(&mut command).len() > text.len());
    }
    command.answer(&json!({})).unwrap();
}

#[test]
fn what_is_set_aside_for_a_handler_is_bounded_and_what_goes_beyond_is_counted() {
    let server = Server::start();
    let limit = 64 * 1024;
    let options = redis_ipc::Options::default().message_limit(limit);
    let mut component = redis_ipc_tests::bus::join_with(&server, "c", options);
    component.serve_main().unwrap();
    component.subscribe_debug(Some("d")).unwrap();
    component.subscribe_events(Some("d"), None).unwrap();
    let mut caller = Caller::new(&server);
    caller.ask("queues.commands.c", "");
    let mut command = next_command(&mut component);
    let text = "x".repeat(1000);
    let message = json!({"message": text, "level": 1}).to_string();
    const SENT: u64 = 200;
    for _ in 0..SENT {
        assert_eq!(server.cli(&["PUBLISH", "channel.debug.d", &message]), 1);
    }
    server.cli(&["PUBLISH", "channel.events.d", "{}"]);
    assert_eq!(heard(&mut command), "{}", "events are heard all the same");
    command.answer(&json!({})).unwrap();
    let mut kept = 0;
    while let Some(turn) = component.next(Some(Duration::from_millis(1))).unwrap() {
        assert!(matches!(turn, Turn::Debug(_)), "{turn:?}");
        kept += 1;
    }
    let most = limit as u64 / 1000;
    assert!((most / 2..=most).contains(&kept), "{kept} of {most}");
    assert_eq!(component.counters().messages_dropped, SENT - kept);
    // There is room again.
    assert_eq!(server.cli(&["PUBLISH", "channel.debug.d", &message]), 1);
    component.subscribe_events(Some("e"), None).unwrap();
    assert!(matches!(
        component.next(Some(PATIENCE)).unwrap(),
        Some(Turn::Debug(_))
    ));
}

#[test]
fn kept_jobs_are_answered_later_in_any_order_and_from_within_others() {
    let server = Server::start();
    let (mut printer, mut caller) = printer(&server);
    let first = caller.ask(PRINT, "\"n\":1");
    let second = caller.ask(PRINT, "\"n\":2");
    let third = caller.ask(PRINT, "\"n\":3");
    let one = next_command(&mut printer).keep();
    let two = next_command(&mut printer).keep();
    let mut three = next_command(&mut printer);
    assert_eq!(one.text(), r#"{"n":1}"#);
    three.component().answer(two, &json!({"n": 2})).unwrap();
    three.answer(&json!({"n": 3})).unwrap();
    printer
        .fail(one, &Failure::new("late", "too late"))
        .unwrap();
    let mut results: Vec<_> = (0..3).map(|_| caller.result_value()).collect();
    results.sort_by_key(|result| result["command_id"].to_string());
    for (result, (id, n)) in
        results
            .iter()
            .zip([(first, Value::Null), (second, json!(2)), (third, json!(3))])
    {
        assert_eq!((&result["command_id"], &result["n"]), (&json!(id), &n));
    }
}

#[test]
fn a_handler_of_a_service_can_keep_its_job_and_a_later_one_answer_it() {
    let server = Server::start();
    let component = join(&server, "c");
    let mut caller = Caller::new(&server);
    let _serving = Serving::start(&server, component, || {
        let mut kept = None;
        Service::new().on_command(move |number: Value, command| {
            if let Some(job) = kept.take() {
                command.component().answer(job, &json!({"by": number}))?;
            } else {
                kept = Some(command.take_job());
            }
            Ok(json!({}))
        })
    });
    let first = caller.ask("queues.commands.c", "\"n\":1");
    let second = caller.ask("queues.commands.c", "\"n\":2");
    let result = caller.result_value();
    assert_eq!(result["command_id"], *first);
    assert_eq!(result["by"]["n"], 2);
    assert_eq!(caller.result_value()["command_id"], *second);
}

#[test]
fn a_command_that_is_dropped_is_answered_with_an_error() {
    let server = Server::start();
    let (mut printer, mut caller) = printer(&server);
    let id = caller.ask(PRINT, "");
    drop(next_command(&mut printer));
    let result = caller.result_value();
    assert_eq!(result["command_id"], *id);
    assert_eq!(result["error"]["code"], "unanswered");
}

#[test]
fn a_job_that_is_put_back_comes_again_first_and_exactly_as_it_came() {
    let server = Server::start();
    let (mut printer, mut caller) = printer(&server);
    let raw = r#"{ "tid":5, "a" : "\/" , "command_id":"x","b":[ ] , "results_queue":"queues.results.desk.raw" }"#;
    caller.push(PRINT, raw);
    caller.push(PRINT, raw.replace("\"x\"", "\"y\""));
    let mut command = next_command(&mut printer);
    assert_eq!(command.command_id(), "x");
    let job = command.take_job();
    command.component().put_back(job).unwrap();
    assert_eq!(server.cli(&["LINDEX", PRINT, "0"]), raw);
    drop(command);
    for id in ["x", "y"] {
        let command = next_command(&mut printer);
        assert_eq!(command.command_id(), id);
        command.answer(&json!({})).unwrap();
        assert_eq!(caller.result_value()["command_id"], id);
    }
}

#[test]
fn a_handler_that_panics_tells_its_caller_and_loses_no_other_command() {
    let server = Server::start();
    for _ in 0..10 {
        let mut component = join(&server, "c");
        let mut caller = Caller::new(&server);
        let id = caller.ask("queues.commands.c", "");
        caller.ask("queues.commands.c", "\"next\":1");
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
            Service::new()
                .on_command(|_: Value, _| -> Result<Value, Failure> {
                    std::panic::resume_unwind(Box::new("as meant"))
                })
                .run(&mut component)
        }));
        assert!(outcome.is_err(), "the panic goes on");
        let result = caller.result_value();
        assert_eq!(result["command_id"], *id);
        assert_eq!(result["error"]["code"], "unanswered");
        drop(component);
        assert_eq!(server.cli(&["LLEN", "queues.commands.c"]), 1);
        server.cli(&["DEL", "queues.commands.c"]);
    }
}

#[test]
fn a_component_that_goes_loses_no_command_that_its_last_pop_took() {
    let server = Server::start();
    for round in 0..20 {
        let (mut printer, mut caller) = printer(&server);
        caller.ask(PRINT, "");
        let command = next_command(&mut printer);
        if round % 2 == 0 {
            caller.ask(PRINT, "");
        }
        // The answer goes out together with the next pop.
        command.answer(&json!({})).unwrap();
        drop(printer);
        if round % 2 == 1 {
            caller.ask(PRINT, "");
        }
        caller.result();
        assert_eq!(server.cli(&["LLEN", PRINT]), 1, "round {round}");
        server.cli(&["DEL", PRINT]);
    }
}

#[test]
fn ticks_commands_events_and_changes_come_through_one_loop() {
    let server = Server::start();
    let (mut printer, mut caller) = printer(&server);
    printer.subscribe_events(Some("tray"), None).unwrap();
    printer.watch_settings("printer").unwrap();
    printer.set_tick(Duration::from_millis(5));
    let (mut commands, mut events, mut changes, mut ticks) = (0, 0, 0, 0);
    while commands < 5 || events < 5 || changes < 6 || ticks < 3 {
        match printer.next(Some(PATIENCE)).unwrap().expect("something") {
            Turn::Command(command) => {
                command.answer(&json!({})).unwrap();
                caller.result();
                commands += 1;
                server.cli(&["HSET", "settings.printer", "dpi", &commands.to_string()]);
            }
            Turn::Event(_) => {
                events += 1;
                caller.ask(PRINT, "");
            }
            Turn::Changed(settings) => {
                let dpi = settings.field("dpi").map(str::to_owned);
                assert_eq!(dpi, (changes > 0).then(|| changes.to_string()));
                changes += 1;
                if changes <= 5 {
                    server.cli(&["PUBLISH", "channel.events.tray", "{}"]);
                }
            }
            Turn::Tick => ticks += 1,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_tick_that_is_due_comes_before_the_next_command_and_only_once() {
    let server = Server::start();
    let (mut printer, mut caller) = printer(&server);
    for _ in 0..3 {
        caller.ask(PRINT, "");
    }
    let interval = Duration::from_millis(2);
    printer.set_tick(interval);
    let mut answered = 0;
    let mut due = false;
    while answered < 3 {
        match printer.next(Some(PATIENCE)).unwrap().expect("something") {
            Turn::Command(command) => {
                assert!(!due, "the tick comes first");
                // Many ticks are missed meanwhile.
                let begin = Instant::now();
                while begin.elapsed() < 10 * interval {
                    std::thread::yield_now();
                }
                command.answer(&json!({})).unwrap();
                answered += 1;
                due = true;
            }
            Turn::Tick => due = false,
            other => panic!("{other:?}"),
        }
    }
    for no_tick in [Duration::MAX, Duration::ZERO] {
        printer.set_tick(no_tick);
        assert!(printer.next(Some(3 * interval)).unwrap().is_none());
    }
}

#[test]
fn a_wait_that_ends_without_anything_is_normal_and_loses_nothing() {
    let server = Server::start();
    let (mut printer, mut caller) = printer(&server);
    for round in 0..20 {
        let wait = Duration::from_micros(100 * round);
        assert!(printer.next(Some(wait)).unwrap().is_none());
        caller.ask(PRINT, "");
        next_command(&mut printer).answer(&json!({})).unwrap();
        caller.result();
    }
    assert_eq!(printer.counters(), redis_ipc::Counters::default());
}

#[test]
fn results_that_nobody_reads_expire_and_those_that_are_read_cost_nothing() {
    let server = Server::start();
    let (mut printer, mut caller) = printer(&server);
    let mut monitor = server.monitor();
    for _ in 0..3 {
        caller.ask(PRINT, "");
        next_command(&mut printer).answer(&json!({})).unwrap();
        caller.result();
    }
    assert!(!monitor.texts().iter().any(|text| text.contains("EXPIRE")));

    let ttl = || server.cli(&["TTL", Caller::RESULTS]).integer();
    caller.ask(PRINT, "");
    next_command(&mut printer).answer(&json!({})).unwrap();
    caller.ask(PRINT, "");
    let job = next_command(&mut printer).keep();
    assert_eq!(ttl(), -1, "one may be read in a moment");
    printer.answer(job, &json!({})).unwrap();
    assert!((1..=300).contains(&ttl()), "{}", ttl());

    server.cli(&["PERSIST", Caller::RESULTS]);
    caller.ask(PRINT, "");
    next_command(&mut printer).answer(&json!({})).unwrap();
    // The length comes with the answer to the push, ahead of the next command.
    caller.ask(CANCEL, "");
    let _ = next_command(&mut printer).keep();
    assert!((1..=300).contains(&ttl()), "{}", ttl());
    assert_eq!(server.cli(&["LLEN", Caller::RESULTS]), 3);
}

#[test]
fn a_result_that_the_server_refuses_is_counted_and_the_next_command_is_served() {
    let server = Server::start();
    let (mut printer, mut caller) = printer(&server);
    printer.subscribe_debug(Some("printer")).unwrap();
    server.cli(&["SET", Caller::RESULTS, "text"]);
    caller.ask(PRINT, "");
    next_command(&mut printer).answer(&json!({})).unwrap();
    match printer.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Debug(debug)) => assert!(debug.message().contains("WRONGTYPE"), "{debug:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(printer.counters().results_dropped, 1);
    assert_eq!(printer.counters().commands_dropped, 0);
    caller.ask(PRINT, "");
    let job = next_command(&mut printer).keep();
    let error = printer.answer(job, &json!({})).unwrap_err();
    assert!(matches!(error, Error::Server(_)), "{error:?}");
    server.cli(&["DEL", Caller::RESULTS]);
    caller.ask(PRINT, "");
    next_command(&mut printer).answer(&json!({})).unwrap();
    caller.result();
}

#[test]
fn a_component_can_serve_other_queues_than_before_and_what_was_popped_is_not_lost() {
    let server = Server::start();
    let (mut printer, mut caller) = printer(&server);
    assert!(printer.next(Some(Duration::ZERO)).unwrap().is_none());
    until_blocked(&server, 1);
    caller.ask(PRINT, "\"old\":1");
    printer.serve(&["scan"]).unwrap();
    let command = next_command(&mut printer);
    assert_eq!(command.subqueue(), Some("print"));
    command.answer(&json!({})).unwrap();
    caller.result();
    caller.ask(PRINT, "");
    caller.ask("queues.commands.printer.scan", "");
    let command = next_command(&mut printer);
    assert_eq!(command.subqueue(), Some("scan"));
    command.answer(&json!({})).unwrap();
    assert_eq!(server.cli(&["LLEN", PRINT]), 1);
}

#[test]
fn a_handler_can_call_publish_and_keep_its_status_while_it_works() {
    let server = Server::start();
    let scanner = join(&server, "scanner");
    let printer = join(&server, "printer");
    let mut desk = join(&server, "desk");
    let _scanning = Serving::start(&server, scanner, || {
        Service::new().on_command(|_: Value, _| Ok(json!({"pages": 2})))
    });
    let _printing = Serving::start(&server, printer, || {
        Service::new().on("copy", |_: Value, command| {
            let component = command.component();
            component.status()?.set("state", "copying")?;
            component.publish(None, &json!({"begun": true}))?;
            let scanned: Value = component.call("scanner", &json!({}), PATIENCE).unwrap();
            Ok(scanned)
        })
    });
    desk.subscribe_events(Some("printer"), None).unwrap();
    let copied: Value = desk.call("printer.copy", &json!({}), PATIENCE).unwrap();
    assert_eq!(copied, json!({"pages": 2}));
    assert!(matches!(
        desk.next(Some(PATIENCE)).unwrap(),
        Some(Turn::Event(_))
    ));
    let state: Option<String> = desk.status_of("printer").unwrap().get("state").unwrap();
    assert_eq!(state.as_deref(), Some("copying"));
}

#[test]
fn a_service_has_one_queue_or_several_and_says_so() {
    let server = Server::start();
    let mut component = join(&server, "c");
    let both = Service::new()
        .on_command(|_: Value, _| Ok(json!({})))
        .on("print", |_: Value, _| Ok(json!({})))
        .run(&mut component);
    assert!(matches!(both, Err(Error::Usage(_))), "{both:?}");
    assert!(matches!(component.serve(&["a b"]), Err(Error::Name { .. })));
}

#[test]
fn any_error_of_a_handler_is_a_failure_to_the_caller() {
    let server = Server::start();
    let component = join(&server, "c");
    let mut desk = join(&server, "desk");
    let _serving = Serving::start(&server, component, || {
        Service::new().on_command(|payload: Value, _| {
            let path = payload["path"]
                .as_str()
                .ok_or(Failure::new("no-path", "\u{1}\"€\""))?;
            Ok(json!({"length": std::fs::metadata(path)?.len()}))
        })
    });
    let mut fail = |payload| match desk.call::<_, Value>("c", &payload, PATIENCE) {
        Err(CallError::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    };
    assert_eq!(fail(json!({})), Failure::new("no-path", "\u{1}\"€\""));
    let missing = fail(json!({"path": "/nowhere/at/all"}));
    assert_eq!(missing.code(), "failed");
    assert!(missing.message().contains("No such file"), "{missing}");
}
