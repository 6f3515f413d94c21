use super::*;
use crate::STRIDE;
use std::string::String;
use std::vec::Vec;

const C_COMMAND: &str = r#"{ "pagesize": "A4", "file": "\/tmp\/job \"1231\".pdf\n\tünïcode €", "copies": 3, "ratio": 0.5, "opts": { "duplex": true, "tray": null, "list": [ 1, 2.5, "x" ] }, "results_queue": "queues.results.desk.ui-1", "command_id": "desk-ui-1-13490-0", "timestamp": "1795229003.168056", "component": "desk", "thread": "ui-1", "tid": 13490 }"#;
const C_RESULT: &str = r#"{ "job-id": "1231", "ok": true, "temp": 36.600000000000001, "command_id": "desk-ui-1-13490-0", "timestamp": "1795229003.168311", "component": "printer", "thread": "main", "tid": 13491 }"#;
const C_EVENT: &str = r#"{ "severity": "2", "type": "LOW-ON-PAPER", "channel": "channel.events.printer.warnings", "timestamp": "1795229003.172366", "component": "printer", "thread": "monitor", "tid": 13490 }"#;
const PYTHON_COMMAND: &str = r#"{"file": "/tmp/job \"1231\".pdf\n\t\u00fcn\u00efcode \u20ac", "copies": 3, "timestamp": "1795229042.769826", "component": "desk", "thread": "ui-1", "tid": 13975, "results_queue": "queues.results.desk.ui-1", "command_id": "desk:13975:1795229042.769826"}"#;
const PYTHON_RESULT: &str = r#"{"job-id": "1231", "ok": true, "temp": 36.6, "note": "\u00fcn\u00ef", "command_id": "desk:13975:1795229042.769826"}"#;

#[test]
fn the_c_library_is_understood() {
    let mut bytes = Vec::from(C_COMMAND);
    assert_eq!(
        read_command(&mut bytes).unwrap(),
        Command {
            payload: r#"{"pagesize": "A4", "file": "\/tmp\/job \"1231\".pdf\n\tünïcode €", "copies": 3, "ratio": 0.5, "opts": { "duplex": true, "tray": null, "list": [ 1, 2.5, "x" ] }}"#,
            results_queue: "queues.results.desk.ui-1",
            command_id: "desk-ui-1-13490-0",
            deadline: None,
            origin: Origin {
                timestamp: Some("1795229003.168056"),
                component: Some("desk"),
                thread: Some("ui-1"),
                tid: Some(13490),
            },
        }
    );
    let mut bytes = Vec::from(C_RESULT);
    let outcome = read_result(&mut bytes).unwrap();
    assert_eq!(
        outcome.payload,
        r#"{"job-id": "1231", "ok": true, "temp": 36.600000000000001}"#
    );
    assert_eq!(outcome.command_id, "desk-ui-1-13490-0");
    assert_eq!(outcome.origin.thread, Some("main"));
    let mut bytes = Vec::from(C_EVENT);
    let event = read_event(&mut bytes).unwrap();
    assert_eq!(
        event.payload,
        r#"{"severity": "2", "type": "LOW-ON-PAPER"}"#
    );
    assert_eq!(event.channel, Some("channel.events.printer.warnings"));
    assert_eq!(event.origin.tid, Some(13490));
}

#[test]
fn the_python_module_is_understood() {
    let mut bytes = Vec::from(PYTHON_COMMAND);
    let command = read_command(&mut bytes).unwrap();
    assert_eq!(
        command.payload,
        r#"{"file": "/tmp/job \"1231\".pdf\n\t\u00fcn\u00efcode \u20ac", "copies": 3}"#
    );
    assert_eq!(command.results_queue, "queues.results.desk.ui-1");
    assert_eq!(command.command_id, "desk:13975:1795229042.769826");
    assert_eq!(command.origin.component, Some("desk"));
    let mut bytes = Vec::from(PYTHON_RESULT);
    let outcome = read_result(&mut bytes).unwrap();
    assert_eq!(
        outcome.payload,
        r#"{"job-id": "1231", "ok": true, "temp": 36.6, "note": "\u00fcn\u00ef"}"#
    );
    assert_eq!(outcome.command_id, "desk:13975:1795229042.769826");
    assert_eq!(outcome.origin, Origin::default());
}

/// Payload without blanks, results queue, command id.
fn squeezed(text: &str) -> Result<(String, String, String), Malformed> {
    let mut bytes = Vec::from(text);
    let command = read_command(&mut bytes)?;
    let payload = command.payload.replace(' ', "");
    Ok((
        payload,
        command.results_queue.into(),
        command.command_id.into(),
    ))
}

#[test]
fn members_come_in_any_order() {
    for (text, payload) in [
        (r#"{"results_queue":"q","command_id":"c"}"#, "{}"),
        (r#" {  "results_queue":"q","command_id":"c" } "#, "{}"),
        (
            r#"{"a":1,"results_queue":"q","command_id":"c"}"#,
            r#"{"a":1}"#,
        ),
        (
            r#"{"results_queue":"q","command_id":"c","a":1}"#,
            r#"{"a":1}"#,
        ),
        (
            r#"{"results_queue":"q","a":1,"command_id":"c"}"#,
            r#"{"a":1}"#,
        ),
        (
            r#"{"a":1,"results_queue":"q","b":2,"command_id":"c"}"#,
            r#"{"a":1,"b":2}"#,
        ),
        (
            r#"{"a":1,"results_queue":"q","b":2,"command_id":"c","d":3}"#,
            r#"{"a":1,"b":2,"d":3}"#,
        ),
        (
            r#"{ "a" : 1 , "results_queue" : "q" , "command_id" : "c" , "b" : [ ] , "tid" : 1 }"#,
            r#"{"a":1,"b":[]}"#,
        ),
        (
            r#"{"tid":1,"a":1,"tid":2,"b":2,"results_queue":"q","command_id":"c"}"#,
            r#"{"a":1,"b":2}"#,
        ),
        (
            r#"{"command_id":"x","a":1,"command_id":"y","b":2,"command_id":"c","results_queue":"q","d":3}"#,
            r#"{"a":1,"b":2,"d":3}"#,
        ),
        (
            r#"{"a":1,"command\u005fid":"\u0063","results_queue":"\u0071","b":2}"#,
            r#"{"a":1,"b":2}"#,
        ),
        (
            r#"{"a":{"command_id":1},"b":"}","c":"\"command_id\"","results_queue":"q","d":0,"command_id":"c"}"#,
            r#"{"a":{"command_id":1},"b":"}","c":"\"command_id\"","d":0}"#,
        ),
        (
            r#"{"channel":1,"message":2,"level":3,"results_queue":"q","command_id":"c"}"#,
            r#"{"channel":1,"message":2,"level":3}"#,
        ),
        (
            r#"{"a":1,"thread":["x"],"b":2,"component":"","results_queue":"q","command_id":"c","a":3}"#,
            r#"{"a":1,"b":2,"a":3}"#,
        ),
    ] {
        let expected = (payload.into(), "q".into(), "c".into());
        assert_eq!(squeezed(text), Ok(expected), "{text}");
    }
}

#[test]
fn every_order_of_all_members_reads_the_same() {
    const MEMBERS: [&str; 8] = [
        r#""a":1"#,
        r#""b":"}""#,
        r#""results_queue":"q\n""#,
        r#""command_id":"ü\u00fc""#,
        r#""timestamp":"1.000002""#,
        r#""component":"desk""#,
        r#""thread":"""#,
        r#""tid":7"#,
    ];
    // Each number written to the base of the factorials is one order.
    for order in (0..40_320).step_by(STRIDE * STRIDE) {
        let mut left = Vec::from(MEMBERS);
        let mut number = order;
        let mut text = String::from("{");
        while !left.is_empty() {
            let member = left.remove(number % left.len());
            number /= left.len() + 1;
            text.push_str(member);
            text.push(if left.is_empty() { '}' } else { ',' });
        }
        let mut bytes = Vec::from(text.as_str());
        let command = read_command(&mut bytes).unwrap();
        let payload = command.payload.replace(' ', "");
        assert!(
            payload == r#"{"a":1,"b":"}"}"# || payload == r#"{"b":"}","a":1}"#,
            "{text}: {payload}"
        );
        assert_eq!(
            (command.results_queue, command.command_id),
            ("q\n", "üü"),
            "{text}"
        );
        let origin = Origin {
            timestamp: Some("1.000002"),
            component: Some("desk"),
            thread: Some(""),
            tid: Some(7),
        };
        assert_eq!(command.origin, origin, "{text}");
    }
}

#[test]
fn what_is_no_command_is_refused_in_plain_words() {
    for (text, error, words) in [
        (
            "[]",
            Malformed::Json(JsonError::NotAnObject),
            "text is not a JSON object",
        ),
        (
            "{}",
            Malformed::Missing("results_queue"),
            "member results_queue is missing",
        ),
        (
            r#"{"results_queue":"q"}"#,
            Malformed::Missing("command_id"),
            "member command_id is missing",
        ),
        (
            r#"{"results_queue":"q","command_id":7}"#,
            Malformed::NotText("command_id"),
            "member command_id is not a text",
        ),
        (
            r#"{"results_queue":"q","command_id":"c","results_queue":null}"#,
            Malformed::NotText("results_queue"),
            "member results_queue is not a text",
        ),
        (
            r#"{"results_queue":"q","command_id":"c"}}"#,
            Malformed::Json(JsonError::Syntax { at: 38 }),
            "text is not JSON at byte 38",
        ),
    ] {
        assert_eq!(squeezed(text), Err(error), "{text}");
        assert_eq!(std::format!("{error}"), words);
    }
    let mut bytes = br#"{"a":"_","results_queue":"q","command_id":"c"}"#.to_vec();
    bytes[6] = 0xff;
    let not_utf8 = Err(Malformed::Json(JsonError::NotUtf8));
    assert_eq!(read_command(&mut bytes), not_utf8);
    let mut bytes = br#"{"a":1,"tid":"_","b":1,"results_queue":"q","command_id":"c"}"#.to_vec();
    bytes[14] = 0xff;
    assert_eq!(read_command(&mut bytes), not_utf8);
}

#[test]
fn long_header_texts_are_refused_and_long_remarks_left_out() {
    for (length, fits) in [(MAX_HEADER, true), (MAX_HEADER + 1, false)] {
        let long = "x".repeat(length);
        let text = std::format!(r#"{{"a":1,"results_queue":"q","command_id":"{long}"}}"#);
        let expected = Malformed::TooLong {
            member: "command_id",
            length,
        };
        assert_eq!(squeezed(&text).is_ok(), fits);
        assert!(fits || squeezed(&text) == Err(expected));
        let mut bytes = std::format!(r#"{{"a":1,"thread":"{long}","b":2}}"#).into_bytes();
        let event = read_event(&mut bytes).unwrap();
        assert_eq!(event.origin.thread.is_some(), fits);
        assert_eq!(event.payload.replace(' ', ""), r#"{"a":1,"b":2}"#);
    }
}

#[test]
fn remarks_of_a_wrong_kind_are_left_out() {
    for tid in [
        "-1",
        "1.5",
        "1e3",
        "\"7\"",
        "null",
        "18446744073709551616",
        "[]",
    ] {
        let mut bytes =
            std::format!(r#"{{"tid":{tid},"timestamp":1.5,"component":null,"channel":[]}}"#)
                .into_bytes();
        let event = read_event(&mut bytes).unwrap();
        assert_eq!(
            (event.payload, event.channel, event.origin),
            ("{}", None, Origin::default())
        );
    }
}

#[test]
fn a_mixed_message_of_a_mebibyte_is_read_in_one_go() {
    let mut text = std::format!(
        r#"{{"results_queue":"{0}","command_id":"{0}","thread":"{0}""#,
        "x".repeat(MAX_HEADER)
    );
    while text.len() < (1 << 20) / STRIDE {
        text.push_str(r#","a":1,"tid":1,"component":"x","timestamp":"x""#);
    }
    text.push('}');
    let mut bytes = text.into_bytes();
    let command = read_command(&mut bytes).unwrap();
    assert_eq!(command.origin.timestamp, Some("x"));
    assert_eq!(
        crate::json::skip::value(command.payload.as_bytes(), 0),
        Ok(command.payload.len())
    );
    assert!(!command.payload.contains("tid"));
}

fn read_all(bytes: &[u8]) {
    let check = |payload: &str| {
        assert_eq!(
            crate::json::skip::value(payload.as_bytes(), 0),
            Ok(payload.len()),
            "{payload}"
        );
    };
    if let Ok(command) = read_command(&mut bytes.to_vec()) {
        check(command.payload);
    }
    if let Ok(outcome) = read_result(&mut bytes.to_vec()) {
        check(outcome.payload);
    }
    if let Ok(event) = read_event(&mut bytes.to_vec()) {
        check(event.payload);
    }
    let _ = crate::dialect::redis_ipc::read_debug(&mut bytes.to_vec());
}

#[test]
fn a_message_cut_anywhere_is_refused() {
    for whole in [C_COMMAND, C_RESULT, C_EVENT, PYTHON_COMMAND, PYTHON_RESULT] {
        for end in (0..whole.len()).step_by(STRIDE) {
            let cut = &whole.as_bytes()[..end];
            assert!(matches!(
                read_command(&mut cut.to_vec()),
                Err(Malformed::Json(_))
            ));
            read_all(cut);
        }
    }
}

#[test]
fn a_message_with_any_one_byte_changed_is_read_or_refused() {
    const BYTES: &[u8] = b"\"\\{}[],: u0a\x00\x7f\xc3\xff";
    for whole in [C_COMMAND, PYTHON_COMMAND] {
        let cases = (0..whole.len()).flat_map(|at| BYTES.iter().map(move |byte| (at, *byte)));
        for (at, byte) in cases.step_by(STRIDE.pow(2).min(241)) {
            let mut bytes = Vec::from(whole);
            bytes[at] = byte;
            read_all(&bytes);
        }
    }
}
