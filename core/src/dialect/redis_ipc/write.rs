//! Envelopes written: the standard members go behind the user's own, in the wire's order.

use core::fmt;

use super::stamp::{Stamp, Timestamp};
use super::standard::Kind;
use crate::bytes;
use crate::json::{JsonError, object::Cursor, string};
use crate::write::Writer;

/// Why a user's value cannot be sent.
///
/// ```
/// use redis_ipc_core::dialect::redis_ipc::EnvelopeError;
///
/// assert_eq!(EnvelopeError::NotAnObject.to_string(), "payload is not one JSON object");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The value is not one JSON object: there is no place for the standard members.
    NotAnObject,
    /// The value nests deeper than a receiver takes ([`MAX_DEPTH`](crate::json::MAX_DEPTH)).
    TooDeep,
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnObject => "payload is not one JSON object",
            Self::TooDeep => "payload nests deeper than a receiver takes",
        })
    }
}

impl core::error::Error for EnvelopeError {}

/// Makes a command of the user's object, which stands in `w` from `start` on.
///
/// Members of his with a standard name go, as they do in the original. What no longer fits is
/// counted, and [`Writer::finish`] tells; the count may then be too high by such members.
///
/// # Errors
/// [`EnvelopeError`] if what stands there is no JSON object; it is then taken away.
///
/// ```
/// use redis_ipc_core::dialect::redis_ipc::{EnvelopeError, Stamp, Timestamp, finish_command};
/// use redis_ipc_core::write::Writer;
///
/// let timestamp = Timestamp { seconds: 7, microseconds: 0 };
/// let stamp = Stamp { timestamp, component: "ui", thread: "main", tid: 1 };
/// let mut buffer = [0; 256];
/// let mut w = Writer::new(&mut buffer);
/// w.put(b"[1]");
/// let refused = finish_command(&mut w, 0, "queues.results.ui.main", "ui-main-1-0", &stamp);
/// assert_eq!(refused, Err(EnvelopeError::NotAnObject));
/// assert!(w.is_empty());
/// ```
pub fn finish_command(
    w: &mut Writer<'_>,
    start: usize,
    results_queue: &str,
    command_id: &str,
    stamp: &Stamp<'_>,
) -> Result<(), EnvelopeError> {
    open_command(w, start, results_queue, command_id)?;
    close(w, stamp);
    Ok(())
}

/// As [`finish_command`], with the moment from which on nobody waits for the result.
///
/// # Errors
/// As [`finish_command`].
///
/// ```
/// use core::time::Duration;
/// use redis_ipc_core::dialect::redis_ipc::{Stamp, Timestamp, finish_command_until, read_command};
/// use redis_ipc_core::write::Writer;
///
/// let timestamp = Timestamp { seconds: 7, microseconds: 0 };
/// let stamp = Stamp { timestamp, component: "ui", thread: "main", tid: 1 };
/// let deadline = timestamp.after(Duration::from_millis(1500));
/// let mut buffer = [0; 256];
/// let mut w = Writer::new(&mut buffer);
/// w.put(br#"{"n":1}"#);
/// finish_command_until(&mut w, 0, "queues.results.ui.main", "ui-main-1-0", &stamp, deadline)?;
/// assert!(w.since(0).ends_with(br#""tid":1,"command_deadline":"8.500000"}"#));
/// let mut message = w.since(0).to_vec();
/// let command = read_command(&mut message)?;
/// assert_eq!((command.payload, command.deadline), (r#"{"n":1}"#, Some(deadline)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn finish_command_until(
    w: &mut Writer<'_>,
    start: usize,
    results_queue: &str,
    command_id: &str,
    stamp: &Stamp<'_>,
    deadline: Timestamp,
) -> Result<(), EnvelopeError> {
    open_command(w, start, results_queue, command_id)?;
    put_stamp(w, stamp);
    w.put(b",\"command_deadline\":\"");
    deadline.write(w);
    w.put(b"\"}");
    Ok(())
}

#[inline]
fn open_command(
    w: &mut Writer<'_>,
    start: usize,
    results_queue: &str,
    command_id: &str,
) -> Result<(), EnvelopeError> {
    reopen(w, start, Kind::COMMAND)?;
    w.put(b"\"results_queue\":\"");
    string::write_escaped(w, results_queue);
    w.put(b"\",\"command_id\":\"");
    string::write_escaped(w, command_id);
    Ok(())
}

/// Makes a result of the user's object, as [`finish_command`] makes a command.
///
/// # Errors
/// As [`finish_command`].
pub fn finish_result(
    w: &mut Writer<'_>,
    start: usize,
    command_id: &str,
    stamp: &Stamp<'_>,
) -> Result<(), EnvelopeError> {
    reopen(w, start, Kind::RESULT)?;
    w.put(b"\"command_id\":\"");
    string::write_escaped(w, command_id);
    close(w, stamp);
    Ok(())
}

/// Makes an event of the user's object, as [`finish_command`] makes a command.
///
/// # Errors
/// As [`finish_command`].
pub fn finish_event(
    w: &mut Writer<'_>,
    start: usize,
    channel: &str,
    stamp: &Stamp<'_>,
) -> Result<(), EnvelopeError> {
    reopen(w, start, Kind::EVENT)?;
    w.put(b"\"channel\":\"");
    string::write_escaped(w, channel);
    close(w, stamp);
    Ok(())
}

/// Ends the text that is open, then writes the members that all messages have, and the brace.
#[inline]
pub(super) fn close(w: &mut Writer<'_>, stamp: &Stamp<'_>) {
    put_stamp(w, stamp);
    w.put_byte(b'}');
}

#[inline]
fn put_stamp(w: &mut Writer<'_>, stamp: &Stamp<'_>) {
    w.put(b"\",\"timestamp\":\"");
    stamp.timestamp.write(w);
    w.put(b"\",\"component\":\"");
    string::write_escaped(w, stamp.component);
    w.put(b"\",\"thread\":\"");
    string::write_escaped(w, stamp.thread);
    w.put(b"\",\"tid\":");
    w.put_decimal(stamp.tid);
}

/// Takes the closing brace of the user's object away and everything of his that has a standard
/// name; a member can then be written.
fn reopen(w: &mut Writer<'_>, start: usize, kind: Kind) -> Result<(), EnvelopeError> {
    if !w.fits() {
        // A comma takes the place of the brace.
        return Ok(());
    }
    let user = survey(w.since(start), kind).inspect_err(|_| w.truncate(start))?;
    let end = match user.clashes {
        false => user.end,
        true => drop_standard(w.since_mut(start), kind),
    };
    w.truncate(start + end);
    if end > 1 {
        w.put_byte(b',');
    }
    Ok(())
}

/// What is to be known of a user's object.
struct User {
    /// Offset behind the last member, or behind the opening brace.
    end: usize,
    /// Whether a member has a standard name, or the text does not begin with the brace.
    clashes: bool,
}

fn survey(text: &[u8], kind: Kind) -> Result<User, EnvelopeError> {
    let mut cursor = Cursor::whole(text)?;
    let mut user = User {
        end: 1,
        clashes: text.first() != Some(&b'{'),
    };
    while let Some(member) = cursor.step(text)? {
        let name = text.get(member.name).unwrap_or_default();
        user.clashes |= kind.standard(name, member.escaped).is_some();
        user.end = member.whole.end;
    }
    Ok(user)
}

/// Moves the members that are the user's together and returns the offset behind the last of them.
/// Each of them moves once.
#[cold]
fn drop_standard(text: &mut [u8], kind: Kind) -> usize {
    let mut end = 1;
    let Ok(mut cursor) = Cursor::whole(text) else {
        return end;
    };
    if let Some(brace) = text.first_mut() {
        *brace = b'{';
    }
    while let Ok(Some(member)) = cursor.next(text) {
        let name = text.get(member.name).unwrap_or_default();
        if kind.standard(name, member.escaped).is_some() {
            continue;
        }
        if end > 1 {
            if let Some(comma) = text.get_mut(end) {
                *comma = b',';
            }
            end += 1;
        }
        let length = member.whole.len();
        bytes::shift(text, member.whole, end);
        end += length;
    }
    end
}

impl From<JsonError> for EnvelopeError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::TooDeep { .. } => Self::TooDeep,
            _ => Self::NotAnObject,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    const STAMP: Stamp<'_> = Stamp {
        timestamp: Timestamp {
            seconds: 1_600_000_000,
            microseconds: 123_456,
        },
        component: "client",
        thread: "main",
        tid: 12345,
    };
    const TAIL: &str =
        r#""timestamp":"1600000000.123456","component":"client","thread":"main","tid":12345}"#;

    fn command(user: &str) -> Result<String, EnvelopeError> {
        let mut buffer = [b'~'; 512];
        let mut w = Writer::new(&mut buffer);
        w.put(b"head");
        w.put(user.as_bytes());
        let made = finish_command(
            &mut w,
            4,
            "queues.results.client.main",
            "client-main-12345-777",
            &STAMP,
        );
        let text = String::from_utf8(w.since(4).to_vec()).unwrap();
        if made.is_err() {
            assert_eq!(text, "");
        }
        assert_eq!(&buffer[..4], b"head");
        made.map(|()| text)
    }

    #[test]
    fn a_command_has_its_members_in_the_order_of_the_wire() {
        assert_eq!(
            command(r#"{"method":"ping","x":12345}"#).unwrap(),
            [
                r#"{"method":"ping","x":12345,"results_queue":"queues.results.client.main","#,
                r#""command_id":"client-main-12345-777","#,
                TAIL
            ]
            .concat()
        );
    }

    #[test]
    fn members_with_standard_names_are_replaced_wherever_they_stand() {
        let head =
            r#""results_queue":"queues.results.client.main","command_id":"client-main-12345-777","#;
        for (user, kept) in [
            ("{}", "{"),
            ("{ \n}", "{"),
            ("  {\"a\":1}  ", "{\"a\":1,"),
            ("{ \"a\" : 1 , \"b\" : [ ] }", "{ \"a\" : 1 , \"b\" : [ ],"),
            (r#"{"command_id":"x"}"#, "{"),
            (r#"{"command\u005fid":"x","a":1}"#, "{\"a\":1,"),
            (r#"{"a":1,"tid":{"tid":1}}"#, "{\"a\":1,"),
            (
                r#"{"a":1,"tid":2,"b":"}","thread":[],"c":3}"#,
                r#"{"a":1,"b":"}","c":3,"#,
            ),
            (
                r#" {"tid":0,"a":1 , "tid":2, "tid":3 ,"b":2}"#,
                r#"{"a":1,"b":2,"#,
            ),
            (
                r#"{"a":{"command_id":1},"channel":2}"#,
                r#"{"a":{"command_id":1},"channel":2,"#,
            ),
        ] {
            assert_eq!(
                command(user).unwrap(),
                [kept, head, TAIL].concat(),
                "{user}"
            );
        }
    }

    #[test]
    fn what_is_not_one_object_is_refused_and_taken_away() {
        for other in [
            "",
            "1",
            "[]",
            "null",
            "\"{}\"",
            "{}{}",
            "{\"a\":1",
            "{\"a\":1}]",
            "{a:1}",
            "{\"a\":1,}",
        ] {
            assert_eq!(command(other), Err(EnvelopeError::NotAnObject), "{other}");
        }
        let deep = ["{\"a\":", &"[".repeat(32), &"]".repeat(32), "}"].concat();
        assert_eq!(command(&deep), Err(EnvelopeError::TooDeep));
    }

    #[test]
    fn results_and_events_have_their_own_members() {
        let mut buffer = [0; 256];
        let mut w = Writer::new(&mut buffer);
        w.put(br#"{"results_queue":"mine","channel":"mine"}"#);
        finish_result(&mut w, 0, "a\"b", &STAMP).unwrap();
        let expected = [
            r#"{"results_queue":"mine","channel":"mine","command_id":"a\"b","#,
            TAIL,
        ]
        .concat();
        assert_eq!(w.since(0), expected.as_bytes());

        w.truncate(0);
        w.put(br#"{"command_id":"mine","channel":1}"#);
        finish_event(&mut w, 0, "channel.events.x", &STAMP).unwrap();
        let expected = [
            r#"{"command_id":"mine","channel":"channel.events.x","#,
            TAIL,
        ]
        .concat();
        assert_eq!(w.since(0), expected.as_bytes());
    }

    #[test]
    fn what_does_not_fit_is_counted_to_the_byte() {
        let user = r#"{"method":"ping"}"#;
        let whole = command(user).unwrap().len();
        for capacity in 0..whole {
            let mut buffer = std::vec![0; capacity];
            let mut w = Writer::new(&mut buffer);
            w.put(user.as_bytes());
            let made = finish_command(
                &mut w,
                0,
                "queues.results.client.main",
                "client-main-12345-777",
                &STAMP,
            );
            assert_eq!(made, Ok(()));
            assert_eq!(w.finish().map_err(|e| e.needed), Err(whole));
        }
    }
}
