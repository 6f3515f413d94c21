//! Calls over a blocking link.

use crate::blocking_link::{FILE, Link, link, ping, told};
use crate::program::{Clock, Program, call, command, popped, take_back};
use embedded_io::ErrorKind;
use redis_ipc_core::dialect::redis_ipc::EnvelopeError;
use redis_ipc_core::json::typed::{self, TypedError};
use redis_ipc_core::link::{Answer, Error, Payload, Typed};
use redis_ipc_core::resp::{Reply, request};
use redis_ipc_core::write::Writer;
use redis_ipc_tests::scripted::Scripted;

/// What a call came to, in words; the clock goes on by a second each time it is looked at.
fn outcome(link: &mut Link, payload: impl Payload) -> String {
    let program = Program::new();
    let clock = Clock::steps(1000);
    let answer = link.call(program.terms(), &program.stamp(), || clock.now(), payload);
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_call_is_written_as_the_wire_has_it() {
    let answer = popped(r#""pages":2"#);
    for taken in [1, 2, 7, 100, 1000] {
        let line = Scripted::new()
            .arrives(b":1\r\n")
            .arrives_bytewise(answer.as_bytes());
        let mut link = link(line.takes(taken).interrupts(1));
        assert_eq!(outcome(&mut link, FILE), r#"Result("{\"pages\":2}")"#);
        assert_eq!(told(&mut link), call(&command(r#""file":"a.pdf""#)));
    }
}

#[test]
fn a_call_is_written_as_the_original_wrote_it_but_for_blanks() {
    let requests = redis_ipc_tests::vectors::requests("redis_ipc_c");
    let recorded = requests.iter().find(|words| words[0] == b"RPUSH").unwrap();
    let recorded = String::from_utf8(recorded[2].clone()).unwrap();
    let (payload, tail) = recorded.split_once(r#", "results_queue""#).unwrap();
    let payload = format!("{payload} }}");
    let tail = format!(r#","results_queue"{tail}"#)
        .replace(": ", ":")
        .replace(", ", ",")
        .replace(" }", "}");
    let mut link = link(Scripted::new());
    outcome(&mut link, payload.as_str());
    let golden = payload.strip_suffix(" }").unwrap().to_owned() + &tail;
    assert_eq!(told(&mut link), call(&golden));
}

#[test]
fn texts_values_and_closures_make_the_same_command() {
    #[derive(serde::Serialize)]
    struct Print<'a> {
        file: &'a str,
        copies: Option<u8>,
    }
    let print = Print {
        file: "a.pdf",
        copies: None,
    };
    let mut all = Vec::new();
    let mut quiet = link(Scripted::new());
    outcome(&mut quiet, r#"{"file":"a.pdf","copies":null}"#);
    all.push(told(&mut quiet));
    let mut quiet = link(Scripted::new());
    outcome(&mut quiet, Typed(&print));
    all.push(told(&mut quiet));
    let mut quiet = link(Scripted::new());
    outcome(&mut quiet, |w: &mut Writer<'_>| {
        w.put(br#"{"file":"a.pdf","#);
        w.put(br#""copies":null}"#);
    });
    all.push(told(&mut quiet));
    assert_eq!(all[0], call(&command(r#""file":"a.pdf","copies":null"#)));
    assert!(all[1] == all[0] && all[2] == all[0]);
}

#[test]
fn what_cannot_be_sent_is_refused_before_anything_is() {
    let line = Scripted::new().arrives(b"+PONG\r\n");
    let mut link = link(line);
    let program = Program::new();
    let deep = ["{\"a\":", &"[".repeat(32), &"]".repeat(32), "}"].concat();
    for (payload, error) in [
        ("[1]", EnvelopeError::NotAnObject),
        ("", EnvelopeError::NotAnObject),
        (deep.as_str(), EnvelopeError::TooDeep),
    ] {
        let refused = link.call(
            program.terms(),
            &program.stamp(),
            || Clock::steps(0).now(),
            payload,
        );
        assert_eq!(refused, Err(Error::Payload(error)));
    }
    let (terms, stamp) = (program.terms(), program.stamp());
    let refused = link.call(
        terms,
        &stamp,
        || Clock::steps(0).now(),
        Typed(1_u128 << 100),
    );
    assert_eq!(refused, Err(Error::Value(TypedError::Refused)));
    let members = format!(r#""text":"{}""#, "x".repeat(512));
    let whole = call(&command(&members)).len();
    let long = format!("{{{members}}}");
    let refused = link.call(terms, &stamp, || Clock::steps(0).now(), long.as_str());
    assert!(
        matches!(refused, Err(Error::RequestTooLong(sizes)) if sizes.needed >= whole && sizes.capacity == 512)
    );
    assert_eq!(told(&mut link), "");
    assert_eq!(link.ask(ping), Ok(Reply::Simple(b"PONG")));
}

#[test]
fn every_end_of_a_call_is_told() {
    let over = "*-1\r\n".repeat(3);
    let failed = popped(r#""error":{"code":"jam","message":"tray 2"}"#);
    let late = format!(
        ":0\r\n${}",
        popped(r#""pages":2"#).split_once("1\r\n$").unwrap().1
    );
    for (stream, end) in [
        (":1\r\n".to_owned() + &failed, "Failed"),
        (format!(":1\r\n{over}:1\r\n_\r\n"), "NotTaken"),
        (format!(":1\r\n{over}:0\r\n_\r\n"), "Unanswered"),
        (format!(":1\r\n{over}{late}"), r#"Result("{\"pages\":2}")"#),
        (
            format!(":4\r\n{over}:1\r\n_\r\n"),
            "Overloaded { length: 4 }",
        ),
        (format!(":4\r\n{over}:0\r\n_\r\n"), "Unanswered"),
        (
            ":4\r\n".to_owned() + &popped(r#""pages":2"#),
            r#"Result("{\"pages\":2}")"#,
        ),
        (
            "-OOM no room\r\n".into(),
            r#"CommandRefused("OOM no room")"#,
        ),
        (":1\r\n-NOPERM no\r\n".into(), r#"WaitRefused("NOPERM no")"#),
        (":1\r\n+OK\r\n".into(), "reply is not one to this request"),
        (":1\r\n".into(), "server has closed the line"),
        (
            ":1\r\n".to_owned() + &popped(&format!(r#""x":"{}""#, "x".repeat(500))),
            "cannot be received",
        ),
    ] {
        for bytewise in [false, true] {
            let line = match bytewise {
                true => Scripted::new().arrives_bytewise(stream.as_bytes()),
                false => Scripted::new().arrives(stream.as_bytes()),
            };
            let outcome = outcome(&mut link(line), FILE);
            assert!(outcome.starts_with(end), "{stream:?}: {outcome}");
        }
    }
}

#[test]
fn a_refused_wait_takes_the_command_back() {
    let stream = b":1\r\n-NOPERM no\r\n:1\r\n_\r\n+PONG\r\n";
    let mut link = link(Scripted::new().arrives(stream));
    assert_eq!(outcome(&mut link, FILE), r#"WaitRefused("NOPERM no")"#);
    let command = command(r#""file":"a.pdf""#);
    assert_eq!(told(&mut link), call(&command) + &take_back(&command));
    assert_eq!(link.ask(ping), Ok(Reply::Simple(b"PONG")));
}

#[test]
fn a_call_that_ended_is_told_although_the_line_broke_since() {
    let stream = b":1\r\n-NOPERM no\r\n";
    let mut link = link(Scripted::new().arrives(stream).breaks_after_writes(1));
    assert_eq!(outcome(&mut link, FILE), r#"WaitRefused("NOPERM no")"#);
    assert_eq!(link.ask(ping), Err(Error::Line(ErrorKind::BrokenPipe)));
}

#[test]
fn a_line_that_times_out_is_asked_again_while_the_call_has_time() {
    let answer = popped(r#""pages":2"#);
    let line = Scripted::new().waits().arrives(b":1\r\n").waits().waits();
    let mut link = link(line.arrives(answer.as_bytes()));
    assert_eq!(outcome(&mut link, FILE), r#"Result("{\"pages\":2}")"#);
}

#[test]
fn a_server_that_says_nothing_after_the_deadline_is_given_up_and_the_command_taken_back() {
    let program = Program::new();
    let clock = Clock::steps(500);
    let mut link = link(Scripted::new().arrives(b":1\r\n").then_silence());
    let (terms, stamp) = (program.terms(), program.stamp());
    let mut calling = link.begin(terms, &stamp, clock.now(), FILE).unwrap();
    let silent = link.finish(&mut calling, || clock.now()).map(|_| ());
    assert_eq!(silent, Err(Error::Line(ErrorKind::TimedOut)));
    assert!(clock.now() > calling.deadline());

    let old = link.replace_line(Scripted::new().arrives(b":1\r\n_\r\n"));
    let command = command(r#""file":"a.pdf""#);
    assert_eq!(old.written(), call(&command).as_bytes());
    calling.take_back(link.session()).unwrap();
    let answer = link.finish(&mut calling, || clock.now());
    assert_eq!(answer, Ok(Answer::NotTaken));
    assert_eq!(told(&mut link), take_back(&command));
}

#[test]
fn a_call_that_failed_leaves_the_whole_outbox_to_others() {
    for line in [Scripted::new(), Scripted::new().breaks_after_writes(1)] {
        let mut link = link(line);
        outcome(&mut link, FILE);
        let _ = link.replace_line(Scripted::new().arrives(b"+OK\r\n"));
        let whole = |w: &mut Writer<'_>| request::command(w, &[b"SET", &[b'x'; 480]]);
        assert_eq!(link.ask(whole), Ok(Reply::Simple(b"OK")));
    }
}

#[test]
fn results_are_read_as_types_of_the_program() {
    #[derive(serde::Deserialize)]
    struct Printed {
        pages: u32,
    }
    let program = Program::new();
    let clock = Clock::steps(0);
    let stream = ":1\r\n".to_owned() + &popped(r#""pages":2,"unknown":{"a":[1]}"#);
    let mut link = link(Scripted::new().arrives(stream.as_bytes()));
    let answer = link.call(program.terms(), &program.stamp(), || clock.now(), FILE);
    let Ok(Answer::Result(text)) = answer else {
        panic!("{answer:?}");
    };
    let printed: Printed = typed::from_text(text, &mut [0; 128]).unwrap();
    assert_eq!(printed.pages, 2);
}
