//! Envelopes written, with the blanks that the original writes.

use crate::json::string::{write_escaped, write_text};
use crate::write::Writer;

/// The data of a reply to a command that has nothing else to say.
pub const SUCCESS: &str = r#"{"success": true, "msg": "OK"}"#;

/// Where a reply stands among those of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is the only one.
    Only,
    /// It is one of a stream, counted from 0.
    Nth(u32),
    /// It ends a stream.
    End,
}

/// Writes a message. `data` writes one JSON value.
///
/// ```
/// use redis_ipc_core::{dialect::redisbus::write_message, write::Writer};
///
/// let mut buffer = [0; 128];
/// let mut w = Writer::new(&mut buffer);
/// write_message(&mut w, "ping", "c:2a0aca4e7739", "", |w| w.put(b"\"hello\""));
/// assert_eq!(w.since(0), br#"{"x": "ping", "d": "hello", "c": "c:2a0aca4e7739", "i": ""}"#);
/// ```
pub fn write_message(
    w: &mut Writer<'_>,
    command: &str,
    correlation: &str,
    sender: &str,
    data: impl FnOnce(&mut Writer<'_>),
) {
    w.put(b"{\"x\": ");
    write_text(w, command);
    w.put(b", \"d\": ");
    data(w);
    w.put(b", \"c\": ");
    write_text(w, correlation);
    w.put(b", \"i\": ");
    write_text(w, sender);
    w.put_byte(b'}');
}

/// Writes a reply. `data` writes one JSON value; a stream's end is to have `null`.
///
/// ```
/// use redis_ipc_core::{dialect::redisbus::{Place, write_reply}, write::Writer};
///
/// let mut buffer = [0; 128];
/// let mut w = Writer::new(&mut buffer);
/// write_reply(&mut w, "c:3ac56163200a", "calc-1", Place::Only, |w| w.put(b"5"));
/// assert_eq!(w.since(0), br#"{"c": "c:3ac56163200a", "d": 5, "i": "calc-1"}"#);
/// ```
pub fn write_reply(
    w: &mut Writer<'_>,
    correlation: &str,
    worker: &str,
    place: Place,
    data: impl FnOnce(&mut Writer<'_>),
) {
    w.put(b"{\"c\": ");
    write_text(w, correlation);
    w.put(b", \"d\": ");
    data(w);
    w.put(b", \"i\": ");
    write_text(w, worker);
    match place {
        Place::Only => {}
        Place::Nth(number) => {
            w.put(b", \"z\": ");
            w.put_decimal(number.into());
        }
        Place::End => w.put(b", \"z\": -1"),
    }
    w.put_byte(b'}');
}

/// Writes the data of a reply that tells of a failure.
///
/// ```
/// use redis_ipc_core::{dialect::redisbus::write_failure, write::Writer};
///
/// let mut buffer = [0; 128];
/// let mut w = Writer::new(&mut buffer);
/// write_failure(&mut w, "no such command");
/// assert_eq!(w.since(0), br#"{"success": false, "msg": "no such command"}"#);
/// ```
pub fn write_failure(w: &mut Writer<'_>, message: &str) {
    w.put(b"{\"success\": false, \"msg\": \"");
    write_escaped(w, message);
    w.put(b"\"}");
}
