//! Envelopes read, in the bytes they arrived in: the user's members are made to stand alone as one
//! JSON object, the standard members' texts are decoded where they stand. Nothing is copied out.
//!
//! Duplicates of a standard member: the last one counts, the others are gone. Duplicates among the
//! user's members stay ([`keep_last`](crate::json::object::keep_last) takes them out).

use core::fmt;

use super::standard::{Kind, Standard};
use super::survey::Survey;
use crate::json::JsonError;

/// Bytes that the raw text of a header member may have; a key of redis-ipc has at most 127.
pub const MAX_HEADER: usize = 512;

/// Who sent a message and when, as far as it says so: for logs, not for decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin<'a> {
    /// `seconds.microseconds`, as the sender wrote it.
    pub timestamp: Option<&'a str>,
    /// The sender's component.
    pub component: Option<&'a str>,
    /// The sender's thread, by name.
    pub thread: Option<&'a str>,
    /// The sender's thread, by its system's number.
    pub tid: Option<u64>,
}

/// A command as it came from its queue.
///
/// ```
/// use redis_ipc_core::dialect::redis_ipc::read_command;
///
/// let mut bytes = br#"{"file":"a.pdf","results_queue":"queues.results.ui.main","command_id":"7"}"#.to_vec();
/// let command = read_command(&mut bytes)?;
/// assert_eq!(command.payload, r#"{"file":"a.pdf"}"#);
/// assert_eq!(command.results_queue, "queues.results.ui.main");
/// # Ok::<(), redis_ipc_core::dialect::redis_ipc::Malformed>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command<'a> {
    /// The user's members alone, one JSON object.
    pub payload: &'a str,
    /// Where the result is to go. A peer's word: look at it before anything is pushed there.
    pub results_queue: &'a str,
    /// What the result is to be marked with.
    pub command_id: &'a str,
    /// Who sent it.
    pub origin: Origin<'a>,
}

/// A result as it came from its queue.
///
/// ```
/// use redis_ipc_core::dialect::redis_ipc::read_result;
///
/// let mut bytes = br#"{"ok": true, "command_id": "desk:13975:7.5"}"#.to_vec();
/// let outcome = read_result(&mut bytes)?;
/// assert_eq!(outcome.payload, r#"{"ok": true}"#);
/// assert_eq!(outcome.command_id, "desk:13975:7.5");
/// assert_eq!(outcome.origin.component, None);
/// # Ok::<(), redis_ipc_core::dialect::redis_ipc::Malformed>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// The user's members alone, one JSON object.
    pub payload: &'a str,
    /// The command it answers.
    pub command_id: &'a str,
    /// Who sent it. Compat: the Python module says nothing of itself here.
    pub origin: Origin<'a>,
}

/// An event as it came from its channel.
///
/// ```
/// use redis_ipc_core::dialect::redis_ipc::read_event;
///
/// let mut bytes = br#"{"type":"jam","channel":"channel.events.printer","tid":7}"#.to_vec();
/// let event = read_event(&mut bytes)?;
/// assert_eq!(event.payload, r#"{"type":"jam"}"#);
/// assert_eq!(event.channel, Some("channel.events.printer"));
/// assert_eq!(event.origin.tid, Some(7));
/// # Ok::<(), redis_ipc_core::dialect::redis_ipc::Malformed>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The user's members alone, one JSON object.
    pub payload: &'a str,
    /// The channel, as the sender wrote it.
    pub channel: Option<&'a str>,
    /// Who sent it.
    pub origin: Origin<'a>,
}

/// Why a message is no envelope of its kind. The peer's fault: such a message is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// The bytes are not one JSON object.
    Json(JsonError),
    /// A member is missing.
    Missing(&'static str),
    /// A member is not a text.
    NotText(&'static str),
    /// A member is longer than [`MAX_HEADER`].
    TooLong {
        /// The member's name.
        member: &'static str,
        /// Its raw length in bytes.
        length: usize,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::Missing(member) => write!(f, "member {member} is missing"),
            Self::NotText(member) => write!(f, "member {member} is not a text"),
            Self::TooLong { member, length } => {
                write!(
                    f,
                    "member {member} has {length} bytes, at most {MAX_HEADER} are taken"
                )
            }
        }
    }
}

impl core::error::Error for Malformed {}

impl From<JsonError> for Malformed {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

/// Reads a command in the bytes it arrived in.
///
/// # Errors
/// [`Malformed`]; if it is [`JsonError::NotUtf8`], the bytes may have changed.
pub fn read_command(bytes: &mut [u8]) -> Result<Command<'_>, Malformed> {
    let mut survey = Survey::new(Kind::COMMAND);
    survey.look(bytes)?;
    survey.require(bytes, Standard::ResultsQueue)?;
    survey.require(bytes, Standard::CommandId)?;
    let text = survey.separate(bytes)?;
    Ok(Command {
        payload: survey.payload(text),
        results_queue: survey
            .text(text, Standard::ResultsQueue)
            .unwrap_or_default(),
        command_id: survey.text(text, Standard::CommandId).unwrap_or_default(),
        origin: survey.origin(text),
    })
}

/// Reads a result in the bytes it arrived in.
///
/// # Errors
/// As [`read_command`].
pub fn read_result(bytes: &mut [u8]) -> Result<Outcome<'_>, Malformed> {
    let mut survey = Survey::new(Kind::RESULT);
    survey.look(bytes)?;
    survey.require(bytes, Standard::CommandId)?;
    let text = survey.separate(bytes)?;
    Ok(Outcome {
        payload: survey.payload(text),
        command_id: survey.text(text, Standard::CommandId).unwrap_or_default(),
        origin: survey.origin(text),
    })
}

/// Reads an event in the bytes it arrived in.
///
/// # Errors
/// As [`read_command`].
pub fn read_event(bytes: &mut [u8]) -> Result<Event<'_>, Malformed> {
    let mut survey = Survey::new(Kind::EVENT);
    survey.look(bytes)?;
    let text = survey.separate(bytes)?;
    Ok(Event {
        payload: survey.payload(text),
        channel: survey.text(text, Standard::Channel),
        origin: survey.origin(text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
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
        for order in 0..40_320 {
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
        assert_eq!(
            read_command(&mut bytes),
            Err(Malformed::Json(JsonError::NotUtf8))
        );
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
        while text.len() < 1 << 20 {
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
        let _ = super::super::read_debug(&mut bytes.to_vec());
    }

    #[test]
    fn a_message_cut_anywhere_is_refused() {
        for whole in [C_COMMAND, C_RESULT, C_EVENT, PYTHON_COMMAND, PYTHON_RESULT] {
            for end in 0..whole.len() {
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
        for whole in [C_COMMAND, PYTHON_COMMAND] {
            for at in 0..whole.len() {
                for byte in *b"\"\\{}[],: u0a\x00\x7f\xc3\xff" {
                    let mut bytes = Vec::from(whole);
                    bytes[at] = byte;
                    read_all(&bytes);
                }
            }
        }
    }
}
