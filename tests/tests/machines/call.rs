//! A call and what is taken for its result.

use std::time::Duration;

use crate::caller::*;
use crate::wire::*;
use redis_ipc_core::call::Progress;
use redis_ipc_core::resp::{Reply, request};
use redis_ipc_core::session::Incoming;
use redis_ipc_core::write::TooLong;

#[test]
fn command_and_wait_go_out_in_one_write() {
    let mut caller = Caller::new();
    assert_eq!(caller.says(), array(&["RPUSH", QUEUE, COMMAND]) + &pop("5"));
    assert_eq!(caller.call.deadline(), ms(15_000));
}

#[test]
fn a_result_is_found_at_every_cut() {
    let stream = [
        push(&["pmessage", "a*", "a", "{}"]),
        ":1\r\n".into(),
        push(&["message", "a", "{}"]),
        popped(&result("other")),
        popped(&result(ID)),
    ]
    .concat();
    let mut cuts = every_cut(stream.len());
    let mut dice = crate::wire::Dice::new(3);
    cuts.extend((0..200).map(|_| dice.cuts(stream.len(), 40)));
    for cuts in cuts {
        let mut caller = Caller::new();
        caller.says();
        let mut last = Vec::new();
        for piece in pieces(stream.as_bytes(), &cuts) {
            last.extend(caller.hears(std::str::from_utf8(piece).unwrap()));
        }
        assert_eq!(last.len(), 5);
        assert_eq!(last.pop(), Some(Progress::Answered), "cut at {cuts:?}");
        assert!(last.iter().all(|before| *before == Progress::Waiting));
        assert_eq!(caller.text, r#"{"pages": 2}"#);
        assert_eq!(caller.call.stale_results(), 1);
    }
}

#[test]
fn whatever_stands_around_it_the_result_is_the_senders_members_alone() {
    for (message, result) in [
        (format!(r#"{{"command_id":"{ID}"}}"#), "{}"),
        (
            format!(r#"  {{"a":[{{}}],"command_id":"{ID}"}} "#),
            r#"{"a":[{}]}"#,
        ),
        (
            format!(r#"{{"command_id":"{ID}","timestamp":"1.0","a":"}}"}}"#),
            r#"{"a":"}"}"#,
        ),
        (
            format!(r#"{{"command_id":"x","b":1,"command_id":"{ID}","c":2}}"#),
            r#"{"b":1,"c":2}"#,
        ),
    ] {
        let mut caller = Caller::queued();
        let progress = caller.hears(&popped(&message));
        assert_eq!(progress, [Progress::Answered]);
        let compact: String = caller.text.split(' ').collect();
        assert_eq!(compact, result);
    }
}

#[test]
fn a_stale_result_does_not_restart_the_wait() {
    let mut caller = Caller::queued();
    assert_eq!(
        caller.hears_at(1877, &popped(&result("other"))),
        [Progress::Waiting]
    );
    assert_eq!(caller.says(), pop("3.123"));
    assert_eq!(
        caller.hears_at(4999, &popped(&result("other"))),
        [Progress::Waiting]
    );
    assert_eq!(caller.says(), pop("0.001"));
    assert_eq!(
        caller.hears_at(5000, &popped(&result("other"))),
        [Progress::Waiting]
    );
    assert_eq!(caller.says(), take_back());
    assert_eq!(caller.call.stale_results(), 3);
}

#[test]
fn what_is_no_result_of_ours_is_dropped() {
    for message in [
        "",
        "{}",
        "[]",
        "null",
        "\u{fffd}",
        r#"{"pages":2}"#,
        r#"{"command_id":null}"#,
        r#"{"command_id":["desk-ui-1-13490-0"]}"#,
        r#"{"command_id":"desk-ui-1-13490-0""#,
        r#"{"command_id":"desk-ui-1-13490-0"}}"#,
        r#"{"command_id":"desk-ui-1-13490-01"}"#,
        r#"{"command_id":"desk-ui-1-13490-"}"#,
        r#"{"data":{"command_id":"desk-ui-1-13490-0"}}"#,
        r#"{"command_id":"desk-ui-1-13490-0","command_id":"other"}"#,
    ] {
        let mut caller = Caller::queued();
        let progress = caller.hears_at(1000, &popped(message));
        assert_eq!(progress, [Progress::Waiting], "{message}");
        assert_eq!(caller.says(), pop("4"));
        assert_eq!(caller.text, "");
        assert_eq!(caller.call.stale_results(), 1);
        assert_eq!(caller.hears(&popped(&result(ID))), [Progress::Answered]);
    }
}

#[test]
fn bytes_that_are_not_utf8_are_dropped() {
    let mut caller = Caller::queued();
    let reply = b"*2\r\n$1\r\nq\r\n$19\r\n{\"command_id\":\"\xff\xfe\"}\r\n";
    hear(&mut caller.session, reply, |session, incoming| {
        let progress = caller.call.handle(session, incoming, caller.now);
        assert_eq!(progress, Ok(Progress::Waiting));
    });
    assert_eq!(caller.call.stale_results(), 1);
}

#[test]
fn arrays_that_are_no_item_are_waited_past() {
    for reply in ["*0\r\n", "*1\r\n$1\r\nq\r\n", "*2\r\n$1\r\nq\r\n:1\r\n"] {
        let mut caller = Caller::queued();
        assert_eq!(caller.hears_at(1000, reply), [Progress::Waiting]);
        assert_eq!(caller.says(), pop("4"));
    }
}

#[test]
fn a_result_too_long_for_the_inbox_ends_the_call() {
    let reply = popped(&format!(
        r#"{{"text":"{}","command_id":"{ID}"}}"#,
        "x".repeat(2000)
    ));
    let mut caller = Caller::queued();
    let sizes = TooLong {
        needed: reply.len(),
        capacity: 1024,
    };
    assert_eq!(caller.hears(&reply), [Progress::ResultTooLong(sizes)]);
    let ping = caller.session.request(|w| {
        request::command(w, &[b"PING"]);
        Ok::<(), TooLong>(())
    });
    let mut pong = None;
    hear(&mut caller.session, b"+PONG\r\n", |_, incoming| {
        pong = Some(incoming);
    });
    assert_eq!(pong, ping.ok().map(Incoming::Reply));
}

#[test]
fn a_push_too_long_for_the_inbox_does_not_concern_a_call() {
    let mut caller = Caller::queued();
    let message = push(&["message", "channel.events.a", &"x".repeat(2000)]);
    assert_eq!(caller.hears(&message), [Progress::Waiting]);
    assert_eq!(caller.hears(&popped(&result(ID))), [Progress::Answered]);
}

#[test]
fn time_outs_are_written_in_milliseconds_and_never_as_for_ever() {
    for (timeout, written) in [
        (Duration::ZERO, "0.001"),
        (Duration::from_nanos(1), "0.001"),
        (Duration::from_micros(1001), "0.002"),
        (ms(50), "0.050"),
        (ms(999), "0.999"),
        (Duration::from_nanos(999_999_999), "1"),
        (ms(1000), "1"),
        (ms(12_340), "12.340"),
        (Duration::new(59, 999_000_001), "60"),
        (Duration::MAX, "1000000000"),
    ] {
        let mut caller = Caller::with(timeout, 3);
        assert!(caller.says().ends_with(&pop(written)), "{timeout:?}");
    }
}

#[test]
fn two_machines_on_one_session_do_not_take_each_others_replies() {
    let mut caller = Caller::new();
    let others = caller.session.requests(2, |w| {
        request::command(w, &[b"HGETALL", b"status.desk"]);
        request::command(w, &[b"LPOP", b"list"]);
        Ok::<(), TooLong>(())
    });
    let first = others.unwrap();
    let stream = [":1\r\n", &popped(&result("other")), "%0\r\n", ":1\r\n"].concat();
    let mut progress = Vec::new();
    let mut foreign = Vec::new();
    hear(
        &mut caller.session,
        stream.as_bytes(),
        |session, incoming| {
            let next = caller.call.handle(session, incoming, caller.now);
            progress.push(next.unwrap());
            match incoming {
                Incoming::Reply(of) if of == first || of == first.after(1) => {
                    foreign.push(format!("{:?}", session.frame()));
                }
                _ => {}
            }
        },
    );
    assert_eq!(progress, vec![Progress::Waiting; 4]);
    let golden = [
        format!("{:?}", Reply::parse(b"%0\r\n")),
        "Integer(1)".into(),
    ];
    assert_eq!(foreign, golden);
    // Only now comes the answer to the second wait.
    assert_eq!(caller.hears(&popped(&result(ID))), [Progress::Answered]);
}
