//! Serving over a blocking link.

use crate::blocking_link::{FILE, Link, link, told};
use crate::program::{Clock, ID, PRINT, Program, RESULTS, TAIL, command};
use crate::wire::{array, every_cut};
use embedded_io::ErrorKind;
use redis_ipc_core::dialect::redis_ipc::{EnvelopeError, Malformed};
use redis_ipc_core::json::JsonError;
use redis_ipc_core::link::{Answer, Error, Failure, Unservable, Work};
use redis_ipc_core::serve::Serve;
use redis_ipc_core::write::TooLong;
use redis_ipc_tests::scripted::Scripted;

/// A command of the desk's with these members.
fn item(members: &str) -> String {
    array(&[PRINT, &command(members)])
}

/// What serving meets in a stream, answered to with `{"ok":true}`, until the line is closed.
fn served(link: &mut Link) -> Vec<String> {
    let program = Program::new();
    let mut serve = Serve::new();
    let mut met = Vec::new();
    loop {
        let work = match link.serve(&mut serve, &program.queues) {
            Ok(work) => work,
            Err(Error::Closed) => return met,
            Err(error) => panic!("{error}"),
        };
        let Work::Job(job) = work else {
            met.push(format!("{work:?}"));
            continue;
        };
        met.push(format!("{} {}", job.queue, job.payload));
        let (ticket, stamp) = (job.ticket(), program.stamp());
        let queues = &program.queues;
        let sent = link.answer(&mut serve, queues, &ticket, &stamp, r#"{"ok":true}"#);
        sent.unwrap();
    }
}

#[test]
fn jobs_are_answered_as_the_wire_has_it_and_the_next_asked_for_in_one_write() {
    let stream = item(r#""file":"a""#) + ":1\r\n" + &item(r#""file":"b""#) + ":1\r\n";
    let pop = array(&["BLPOP", "queues.commands.printer.cancel", PRINT, "0"]);
    let result = format!(r#"{{"ok":true,"command_id":"{ID}",{TAIL}"#);
    let answer = array(&["RPUSH", RESULTS, &result]) + &pop;
    for cuts in every_cut(stream.len()) {
        let mut link = link(Scripted::new().arrives_cut(stream.as_bytes(), &cuts));
        let delivered = "Delivered { waiting: 1 }";
        let golden = [
            r#"1 {"file":"a"}"#,
            delivered,
            r#"1 {"file":"b"}"#,
            delivered,
        ];
        assert_eq!(served(&mut link), golden);
        assert_eq!(told(&mut link), pop.clone() + &answer + &answer);
    }
}

#[test]
fn what_cannot_be_served_is_dropped_and_serving_goes_on() {
    let hostile = |queue: &str| {
        let command = format!(r#"{{"results_queue":"{queue}","command_id":"1"}}"#);
        array(&[PRINT, &command])
    };
    let long = format!(r#""text":"{}""#, "x".repeat(500));
    let stream = [
        array(&[PRINT, "no json"]),
        array(&[PRINT, r#"{"command_id":"1"}"#]),
        hostile("settings.db"),
        hostile("queues.commands.printer.print"),
        hostile(r"queues.results.a\nb"),
        item(&long),
        "*-1\r\n".into(),
        "-UNBLOCKED no\r\n".into(),
        item(r#""a":1"#),
        "-OOM no\r\n".into(),
    ]
    .concat();
    let mut link = link(Scripted::new().arrives(stream.as_bytes()));
    let met = served(&mut link);
    let needed = item(&long).len();
    let sizes = TooLong {
        needed,
        capacity: 512,
    };
    let dropped = |why: Unservable| format!("{:?}", Work::Dropped(why));
    let golden = [
        dropped(Unservable::Malformed(Malformed::Json(
            JsonError::NotAnObject,
        ))),
        dropped(Unservable::Malformed(Malformed::Missing("results_queue"))),
        dropped(Unservable::ResultsQueue),
        dropped(Unservable::ResultsQueue),
        dropped(Unservable::ResultsQueue),
        dropped(Unservable::TooLong(sizes)),
        "Idle".into(),
        r#"PopRefused("UNBLOCKED no")"#.into(),
        r#"1 {"a":1}"#.into(),
        r#"ResultRefused("OOM no")"#.into(),
    ];
    assert_eq!(met, golden);
}

#[test]
fn a_failure_reaches_the_caller_as_one() {
    let program = Program::new();
    let mut serve = Serve::new();
    let stream = item(r#""file":"a""#);
    let mut server = link(Scripted::new().arrives(stream.as_bytes()));
    let work = server.serve(&mut serve, &program.queues).unwrap();
    let Work::Job(job) = work else {
        panic!("{work:?}");
    };
    assert_eq!(job.origin.component, Some("desk"));
    let (ticket, stamp) = (job.ticket(), program.stamp());
    assert_eq!(ticket.results_queue().as_str(), RESULTS);
    assert_eq!(ticket.command_id(), ID);
    told(&mut server);
    let failure = Failure {
        code: "jam",
        message: "tray \"2\"",
    };
    let sent = server.answer(&mut serve, &program.queues, &ticket, &stamp, failure);
    sent.unwrap();
    let sent = told(&mut server);
    let result = sent.split("\r\n").nth(6).unwrap();
    let stream = ":1\r\n".to_owned() + &array(&[RESULTS, result]);
    let mut caller = link(Scripted::new().arrives(stream.as_bytes()));
    let clock = Clock::steps(0);
    let answer = caller.call(program.terms(), &stamp, || clock.now(), FILE);
    let Ok(Answer::Failed(error)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(error.to_string(), "jam: tray \"2\"");
}

#[test]
fn an_answer_too_long_can_be_followed_by_a_shorter_one() {
    let program = Program::new();
    let mut serve = Serve::new();
    let stream = item(r#""file":"a""#) + ":1\r\n";
    let mut link = link(Scripted::new().arrives(stream.as_bytes()));
    let Ok(Work::Job(job)) = link.serve(&mut serve, &program.queues) else {
        panic!("a job");
    };
    let (ticket, stamp) = (job.ticket(), program.stamp());
    let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(500));
    let queues = &program.queues;
    let refused = link.answer(&mut serve, queues, &ticket, &stamp, long.as_str());
    assert!(matches!(refused, Err(Error::RequestTooLong(_))));
    let refused = link.answer(&mut serve, queues, &ticket, &stamp, "7");
    assert_eq!(refused, Err(Error::Payload(EnvelopeError::NotAnObject)));
    link.answer(&mut serve, queues, &ticket, &stamp, "{}")
        .unwrap();
    let work = link.serve(&mut serve, queues);
    assert!(matches!(work, Ok(Work::Delivered { waiting: 1 })));
}

#[test]
fn a_job_kept_is_answered_without_a_second_wait() {
    let program = Program::new();
    let mut serve = Serve::new();
    let stream = item(r#""file":"a""#);
    let mut link = link(Scripted::new().arrives(stream.as_bytes()).then_silence());
    let Ok(Work::Job(job)) = link.serve(&mut serve, &program.queues) else {
        panic!("a job");
    };
    let ticket = job.ticket();
    let idle = link.serve(&mut serve, &program.queues).map(|_| ());
    assert_eq!(idle, Err(Error::Line(ErrorKind::TimedOut)));
    told(&mut link);
    let (queues, stamp) = (&program.queues, program.stamp());
    link.answer(&mut serve, queues, &ticket, &stamp, "{}")
        .unwrap();
    let told = told(&mut link);
    assert!(told.starts_with("*3\r\n$5\r\nRPUSH") && !told.contains("BLPOP"));
}
