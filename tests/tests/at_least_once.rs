//! Commands that stay on the server until they are answered.

use std::time::Duration;

use redis_ipc::{
    CallError, Component, Delivery, Endpoint, Error, Failure, Job, Limitation, Options, Outcome,
    Service, Stop, Turn,
};
use redis_ipc_tests::proxy::{Line, Proxy};
use redis_ipc_tests::server::Server;
use redis_ipc_tests::value::Value;
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);

fn join(server: &Server, component: &str) -> Component {
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    Component::connect_to(&endpoint, component, "main", Options::default()).unwrap()
}

fn printer(server: &Server, queues: &[&str], tries: u32) -> Component {
    let mut printer = join(server, "printer");
    printer.set_delivery(Delivery::AtLeastOnce { tries });
    printer.serve(queues).unwrap();
    printer
}

fn push(server: &Server, queue: &str, id: &str) {
    let command = json!({
        "job": id, "results_queue": "queues.results.desk.main", "command_id": id,
    });
    let queue = format!("queues.commands.printer.{queue}");
    server.cli(&["RPUSH", &queue, &command.to_string()]);
}

/// The id of the next command and how often it was begun before; dies before it answers.
fn die_at_work(mut printer: Component) -> (String, u64) {
    loop {
        match printer.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Command(command)) => {
                let seen = (command.command_id().to_owned(), command.tries());
                // No answer, no destructor: as after a SIGKILL.
                std::mem::forget(command);
                return seen;
            }
            Some(Turn::Bus(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn answer_next(printer: &mut Component) -> String {
    loop {
        match printer.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Command(command)) => {
                let id = command.command_id().to_owned();
                command.answer(&json!({"ok": true})).unwrap();
                return id;
            }
            Some(Turn::Bus(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn at_work(server: &Server, queue: &str) -> Value {
    server.cli(&["LLEN", &format!("queues.at-work.main.printer.{queue}")])
}

#[test]
fn what_a_killed_component_had_begun_is_served_again() {
    for queues in [&["print"][..], &["cancel", "print"]] {
        let server = Server::start();
        push(&server, "print", "1");
        push(&server, "print", "2");
        assert_eq!(
            die_at_work(printer(&server, queues, 3)),
            ("1".to_owned(), 0)
        );
        assert_eq!(at_work(&server, "print"), 1);
        assert_eq!(
            die_at_work(printer(&server, queues, 3)),
            ("1".to_owned(), 1)
        );
        let mut third = printer(&server, queues, 3);
        assert_eq!(answer_next(&mut third), "1");
        assert_eq!(answer_next(&mut third), "2");
        assert!(
            third
                .next(Some(Duration::from_millis(20)))
                .unwrap()
                .is_none()
        );
        assert_eq!(at_work(&server, "print"), 0);
        assert_eq!(server.cli(&["LLEN", "queues.results.desk.main"]), 2);
        assert_eq!(server.cli(&["EXISTS", "queues.tries.main.printer"]), 0);
    }
}

#[test]
fn what_was_begun_too_often_becomes_a_dead_letter_and_its_caller_hears_of_it() {
    let server = Server::start();
    push(&server, "print", "1");
    assert_eq!(die_at_work(printer(&server, &["print"], 2)).1, 0);
    assert_eq!(die_at_work(printer(&server, &["print"], 2)).1, 1);
    let mut third = printer(&server, &["print"], 2);
    assert!(
        third
            .next(Some(Duration::from_millis(20)))
            .unwrap()
            .is_none()
    );
    assert_eq!(server.cli(&["LLEN", "queues.dead.printer"]), 1);
    assert_eq!(at_work(&server, "print"), 0);
    let result = server.cli(&["LPOP", "queues.results.desk.main"]);
    assert!(result.text().contains("given-up"), "{result:?}");
}

#[test]
fn calls_are_answered_and_leave_nothing_behind() {
    let server = Server::start();
    let stop = Stop::new();
    let mut serving = join(&server, "printer");
    let mut desk = join(&server, "desk");
    std::thread::scope(|scope| {
        let until = stop.clone();
        scope.spawn(move || {
            Service::new()
                .on("cancel", |n: serde_json::Value, _| Ok(n))
                .on("print", |n: serde_json::Value, _| Ok(n))
                .at_least_once(3)
                .until(until)
                .run(&mut serving)
                .unwrap();
        });
        for n in 0..50 {
            let queue = if n % 3 == 0 {
                "printer.cancel"
            } else {
                "printer.print"
            };
            let answer: serde_json::Value = desk.call(queue, &json!({ "n": n }), PATIENCE).unwrap();
            assert_eq!(answer, json!({ "n": n }));
        }
        stop.request();
    });
    assert_eq!(server.cli(&["KEYS", "queues.*"]), Value::Array(Vec::new()));
}

#[test]
fn a_kept_job_stays_on_the_server_until_it_is_answered() {
    let server = Server::start();
    let mut printer = printer(&server, &["cancel", "print"], 3);
    push(&server, "print", "1");
    push(&server, "print", "2");
    let job = match printer.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Command(command)) => command.keep(),
        other => panic!("{other:?}"),
    };
    assert_eq!(answer_next(&mut printer), "2");
    assert_eq!(at_work(&server, "print"), 1);
    printer.answer(job, &json!({})).unwrap();
    assert_eq!(at_work(&server, "print"), 0);
}

#[test]
fn a_stop_puts_back_what_was_moved_and_not_handed_out() {
    let server = Server::start();
    let stop = Stop::new();
    let mut printer = printer(&server, &["print"], 3);
    printer.set_stop(stop.clone());
    push(&server, "print", "1");
    let job = match printer.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Command(command)) => command.keep(),
        other => panic!("{other:?}"),
    };
    printer.put_back(job).unwrap();
    stop.request();
    assert!(matches!(printer.next(None).unwrap(), Some(Turn::Stop)));
    assert_eq!(at_work(&server, "print"), 0);
    assert_eq!(server.cli(&["LLEN", "queues.commands.printer.print"]), 1);
}

#[test]
fn a_full_server_is_drained_although_it_moves_nothing() {
    for queues in [&["print"][..], &["cancel", "print"]] {
        let server = Server::start();
        let mut printer = printer(&server, queues, 3);
        assert!(
            printer
                .next(Some(Duration::from_millis(20)))
                .unwrap()
                .is_none()
        );
        for id in ["1", "2", "3"] {
            push(&server, "print", id);
        }
        server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
        let mut ids = Vec::new();
        while ids.len() < 3 {
            if let Some(Turn::Command(command)) = printer.next(Some(PATIENCE)).unwrap() {
                ids.push(command.command_id().to_owned());
                let _ = command.keep();
            }
        }
        assert_eq!(ids, ["1", "2", "3"]);
        let lost = printer.limitations();
        assert!(matches!(lost, [Limitation::AtMostOnce { .. }]), "{lost:?}");
    }
}

#[test]
fn a_handler_that_fails_is_not_tried_again() {
    let server = Server::start();
    let stop = Stop::new();
    let mut serving = join(&server, "printer");
    let mut desk = join(&server, "desk");
    std::thread::scope(|scope| {
        let until = stop.clone();
        scope.spawn(move || {
            Service::new()
                .on("print", |_: serde_json::Value, _| {
                    Err::<(), _>(redis_ipc::Failure::new("jam", "tray 2"))
                })
                .at_least_once(3)
                .until(until)
                .run(&mut serving)
                .unwrap();
        });
        let answer = desk.call::<_, serde_json::Value>("printer.print", &json!({}), PATIENCE);
        assert!(matches!(answer, Err(CallError::Failed(f)) if f.code() == "jam"));
        stop.request();
    });
    assert_eq!(at_work(&server, "print"), 0);
}

#[test]
fn an_answer_that_could_not_be_sent_leaves_its_command_to_be_served_again() {
    for queues in [&["print"][..], &["cancel", "print"]] {
        let mut server = Server::setup().persistent().start();
        push(&server, "print", "1");
        let mut printer = printer(&server, queues, 9);
        let Some(Turn::Command(command)) = printer.next(Some(PATIENCE)).unwrap() else {
            panic!("no command");
        };
        // Neither on this connection nor on another one.
        server.kill();
        let failed = command.answer(&json!({"ok": true})).unwrap_err();
        assert!(failed.is_temporary(), "{failed:?}");
        server.restart();
        assert_eq!(at_work(&server, "print"), 1);
        assert_eq!(answer_next(&mut printer), "1");
        push(&server, "print", "2");
        assert_eq!(answer_next(&mut printer), "2");
        assert!(
            printer
                .next(Some(Duration::from_millis(20)))
                .unwrap()
                .is_none()
        );
        assert_eq!(at_work(&server, "print"), 0);
    }
}

#[test]
fn that_a_command_which_is_done_cannot_be_taken_off_the_server_is_said() {
    let server = Server::setup()
        .config("user guest on nopass ~* &* +@all -lrem")
        .start();
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    let guest = endpoint.with_password(Some("guest"), "any");
    let mut printer = Component::connect_to(&guest, "printer", "main", Options::default()).unwrap();
    printer.set_delivery(Delivery::AtLeastOnce { tries: 3 });
    printer.serve(&["print"]).unwrap();
    let mut watcher = join(&server, "watcher");
    watcher.subscribe_debug(Some("printer")).unwrap();
    push(&server, "print", "1");
    assert_eq!(answer_next(&mut printer), "1");
    // Its replies are looked at in the next turn.
    push(&server, "print", "2");
    assert_eq!(answer_next(&mut printer), "2");
    match watcher.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Debug(debug)) => {
            assert!(
                debug.message().contains("will be served again"),
                "{debug:?}"
            );
            assert!(debug.message().contains("NOPERM"), "{debug:?}");
        }
        other => panic!("{other:?}"),
    }
}

/// Has a job taken in hand and a pop in flight, so that its answer goes out by itself.
fn keep_next(printer: &mut Component) -> Job {
    let job = loop {
        match printer.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Command(command)) => break command.keep(),
            Some(Turn::Bus(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    let nothing = printer.next(Some(Duration::from_millis(20))).unwrap();
    assert!(nothing.is_none(), "{nothing:?}");
    job
}

#[test]
fn a_job_in_hand_is_not_handed_out_again_when_the_line_is_made_anew() {
    for queues in [&["print"][..], &["cancel", "print"]] {
        let server = Server::start();
        push(&server, "print", "1");
        let mut printer = printer(&server, queues, 3);
        let job = keep_next(&mut printer);
        // What the new line finds in the list of what is at work is in hand already.
        server.cli(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        for what in ["gone", "back"] {
            let turn = printer.next(Some(PATIENCE)).unwrap();
            assert!(matches!(turn, Some(Turn::Bus(_))), "{what}: {turn:?}");
        }
        let soon = Some(Duration::from_millis(100));
        assert!(printer.next(soon).unwrap().is_none(), "nothing is new");
        printer.answer(job, &json!({})).unwrap();
        push(&server, "print", "2");
        assert_eq!(answer_next(&mut printer), "2");
        drop(printer);
        assert_eq!(at_work(&server, "print"), 0);
        assert_eq!(server.cli(&["LLEN", "queues.results.desk.main"]), 2);
    }
}

#[test]
fn a_kept_job_that_could_not_be_answered_is_served_again() {
    type Attempt = fn(&mut Component, Job) -> Result<(), Error>;
    let attempts: [Attempt; 4] = [
        |printer, job| printer.answer(job, &json!({"ok": true})),
        |printer, job| printer.answer_text(job, "{}"),
        |printer, job| printer.fail(job, &Failure::new("jam", "tray 2")),
        Component::put_back,
    ];
    for queues in [&["print"][..], &["cancel", "print"]] {
        for attempt in attempts {
            let mut server = Server::setup().persistent().start();
            push(&server, "print", "1");
            let mut printer = printer(&server, queues, 9);
            let job = keep_next(&mut printer);
            server.kill();
            let failed = attempt(&mut printer, job).unwrap_err();
            assert!(failed.is_temporary(), "{failed:?}");
            server.restart();
            assert_eq!(at_work(&server, "print"), 1);
            assert_eq!(answer_next(&mut printer), "1");
            assert_eq!(at_work(&server, "print"), 0);
        }
    }
}

#[test]
fn a_kept_job_whose_answer_is_cut_at_any_byte_is_answered_in_the_end() {
    let server = Server::start();
    let proxy = Proxy::start(&server.socket());
    let endpoint = Endpoint::unix(proxy.socket()).unwrap();
    let (mut served_again, mut lost_sight_of) = (0, 0);
    for bytes in (200..1200).step_by(9) {
        push(&server, "print", "1");
        // The connection for work comes first; the line with its pop lives on.
        proxy.next(Line::whole().cut_to_server(bytes));
        let joined = Component::connect_to(&endpoint, "printer", "main", Options::default());
        let Ok(mut printer) = joined else {
            server.cli(&["FLUSHALL"]);
            continue;
        };
        printer.set_delivery(Delivery::AtLeastOnce { tries: 9 });
        printer.serve(&["print"]).unwrap();
        let job = keep_next(&mut printer);
        let answered = printer.answer(job, &json!({}));
        if let Err(failed) = answered {
            assert_eq!(failed.outcome(), Outcome::Unknown, "{failed:?}");
            match at_work(&server, "print") {
                left if left == 1 => {
                    assert_eq!(answer_next(&mut printer), "1");
                    served_again += 1;
                }
                _ => lost_sight_of += 1,
            }
        }
        // Answers are seen to arrive before a component goes.
        drop(printer);
        assert_eq!(at_work(&server, "print"), 0, "cut at {bytes}");
        let results = server.cli(&["LLEN", "queues.results.desk.main"]);
        assert_ne!(results, 0, "cut at {bytes}");
        server.cli(&["FLUSHALL"]);
    }
    assert!(served_again > 10, "{served_again}, {lost_sight_of}");
}

#[test]
fn what_a_service_could_not_answer_is_served_again() {
    let mut server = Server::setup().persistent().start();
    let command = json!({"results_queue": "queues.results.desk.main", "command_id": "1"});
    server.cli(&["RPUSH", "queues.commands.printer", &command.to_string()]);
    let mut printer = join(&server, "printer");
    printer.set_delivery(Delivery::AtLeastOnce { tries: 9 });
    let (tell, told) = std::sync::mpsc::channel();
    let (go, gone) = std::sync::mpsc::channel();
    let (lose, lost) = std::sync::mpsc::channel();
    let stop = Stop::new();
    let until = stop.clone();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            Service::new()
                .on_command(move |job: serde_json::Value, _| {
                    tell.send(()).unwrap();
                    gone.recv_timeout(PATIENCE).unwrap();
                    Ok(job)
                })
                .on_bus(move |_| lose.send(()).unwrap_or_default())
                .until(until)
                .run(&mut printer)
                .unwrap();
        });
        told.recv_timeout(PATIENCE).unwrap();
        server.kill();
        go.send(()).unwrap();
        // The answer has failed by then.
        lost.recv_timeout(PATIENCE).unwrap();
        server.restart();
        told.recv_timeout(PATIENCE).unwrap();
        go.send(()).unwrap();
        let mut client = server.client();
        let result = client.command(&["BLPOP", "queues.results.desk.main", "10"]);
        stop.request();
        assert!(!result.is_nil(), "nobody has answered");
    });
    assert_eq!(server.cli(&["EXISTS", "queues.at-work.main.printer"]), 0);
}
