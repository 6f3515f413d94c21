//! Envelopes read, in the bytes they arrived in. Members with other names are ignored; of
//! duplicates the last one counts.

use super::super::fields::{Fields, Malformed, decode, utf8};
use super::Place;
use crate::json::string::RawText;

/// A message as it came from a queue or a channel.
///
/// ```
/// use redis_ipc_core::dialect::redisbus::read_message;
///
/// let mut bytes = br#"{"x": "add", "d": {"a": 2}, "c": "c:3ac56163200a", "i": ""}"#.to_vec();
/// let message = read_message(&mut bytes)?;
/// assert_eq!((message.command, message.data), ("add", r#"{"a": 2}"#));
/// # Ok::<(), redis_ipc_core::dialect::redisbus::Malformed>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// What is to be done.
    pub command: &'a str,
    /// The data for it, JSON of any type; `null` if there is none.
    pub data: &'a str,
    /// What the replies are to be marked with, and what names their queue. A peer's word: see
    /// [`reply`](crate::key::redisbus::reply).
    pub correlation: &'a str,
    /// The sender's id; often empty.
    pub sender: &'a str,
}

/// A message that cannot be served, and whom to tell, if it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused<'a> {
    /// What is wrong with it.
    pub why: Malformed,
    /// Its correlation, if that can be read.
    pub correlation: Option<&'a str>,
}

/// A reply as it came from its queue.
///
/// ```
/// use redis_ipc_core::dialect::redisbus::{Place, read_reply};
///
/// let mut bytes = br#"{"c": "c:ba081cc022c6", "d": 4, "i": "calc-1", "z": 2}"#.to_vec();
/// let reply = read_reply(&mut bytes)?;
/// assert_eq!((reply.data, reply.worker, reply.place), ("4", "calc-1", Place::Nth(2)));
/// # Ok::<(), redis_ipc_core::dialect::redisbus::Malformed>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The call it answers.
    pub correlation: &'a str,
    /// JSON of any type; `null` if there is none.
    pub data: &'a str,
    /// The worker's id; empty if it does not say.
    pub worker: &'a str,
    /// Whether it is one of a stream, or the end of one.
    pub place: Place,
}

/// Reads a message in the bytes it arrived in.
///
/// # Errors
/// [`Malformed`]: not JSON, or `x` or `c` missing or no text.
pub fn read_message(bytes: &mut [u8]) -> Result<Message<'_>, Malformed> {
    read_message_or_correlation(bytes).map_err(|refused| refused.why)
}

/// As [`read_message`]; for a message that lacks only its command, tells who waits for a reply.
///
/// # Errors
/// [`Refused`].
pub fn read_message_or_correlation(bytes: &mut [u8]) -> Result<Message<'_>, Refused<'_>> {
    let refused = |why| Refused {
        why,
        correlation: None,
    };
    let fields = Fields::of(bytes, ["x", "d", "c", "i"]).map_err(|why| refused(why.into()))?;
    let correlation = fields.text(bytes, 2).map_err(refused)?;
    let command = fields.text(bytes, 0);
    let sender = fields.text(bytes, 3).unwrap_or(0..0);
    let correlation = decode(bytes, correlation);
    let command = command.map(|command| decode(bytes, command));
    let sender = decode(bytes, sender);
    let text = utf8(bytes).map_err(|why| refused(why.into()))?;
    let part = |place| text.get(place).unwrap_or_default();
    let correlation = part(correlation);
    match command {
        Ok(command) => Ok(Message {
            command: part(command),
            data: fields.value(1).map_or("null", part),
            correlation,
            sender: part(sender),
        }),
        Err(why) => Err(Refused {
            why,
            correlation: Some(correlation),
        }),
    }
}

/// Reads a reply in the bytes it arrived in. A `z` that is no number counts as absent.
///
/// # Errors
/// [`Malformed`]: not JSON, or `c` missing or no text.
pub fn read_reply(bytes: &mut [u8]) -> Result<Reply<'_>, Malformed> {
    let fields = Fields::of(bytes, ["c", "d", "i", "z"])?;
    let correlation = fields.text(bytes, 0)?;
    let worker = fields.text(bytes, 2).unwrap_or(0..0);
    let correlation = decode(bytes, correlation);
    let worker = decode(bytes, worker);
    let text = utf8(bytes)?;
    let part = |place| text.get(place).unwrap_or_default();
    let number = fields.value(3).map(part).and_then(|z| z.parse().ok());
    Ok(Reply {
        correlation: part(correlation),
        data: fields.value(1).map_or("null", part),
        worker: part(worker),
        place: place(number),
    })
}

fn place(number: Option<i64>) -> Place {
    match number {
        None => Place::Only,
        Some(-1) => Place::End,
        Some(number) => Place::Nth(u32::try_from(number).unwrap_or_default()),
    }
}

/// What a worker failed with, if the data of its reply says so: an object whose `success` is
/// `false`. Without a text `msg` the text is empty.
///
/// ```
/// use redis_ipc_core::dialect::redisbus::failure_of;
///
/// let failure = failure_of(r#"{"success": false, "msg": "50 \u20ac"}"#);
/// assert_eq!(failure.map(|f| f.to_string()).as_deref(), Some("50 €"));
/// assert!(failure_of(r#"{"success": true, "msg": "OK"}"#).is_none());
/// assert!(failure_of("false").is_none());
/// ```
#[must_use]
pub fn failure_of(data: &str) -> Option<RawText<'_>> {
    if !data.trim_start().starts_with('{') {
        return None;
    }
    let fields = Fields::of(data.as_bytes(), ["success", "msg"]).ok()?;
    if data.get(fields.value(0)?) != Some("false") {
        return None;
    }
    let message = fields.text(data.as_bytes(), 1).unwrap_or(0..0);
    data.get(message).map(RawText::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonError;
    use std::vec::Vec;

    fn message(bytes: &mut [u8]) -> Result<(&str, &str, &str, &str), Malformed> {
        let message = read_message(bytes)?;
        Ok((
            message.command,
            message.data,
            message.correlation,
            message.sender,
        ))
    }

    #[test]
    fn members_come_in_any_order_and_unknown_ones_are_ignored() {
        let expected = Ok(("add", "[1, 2]", "c:1", "me"));
        for text in [
            r#"{"x": "add", "d": [1, 2], "c": "c:1", "i": "me"}"#,
            r#" {"z":{"x":"no"},"i":"me","c":"c:1","d":[1, 2],"x":"add"} "#,
            r#"{"x":"no","x":"add","d":0,"d":[1, 2],"c":"c:1","i":"me"}"#,
            r#"{"\u0078":"\u0061dd","d":[1, 2],"c":"c\u003a1","i":"me"}"#,
        ] {
            assert_eq!(message(&mut Vec::from(text)), expected, "{text}");
        }
    }

    #[test]
    fn what_may_be_absent_is_and_what_must_be_there_is_missed() {
        assert_eq!(
            message(&mut Vec::from(r#"{"x":"a","c":"1"}"#)),
            Ok(("a", "null", "1", ""))
        );
        assert_eq!(
            message(&mut Vec::from(r#"{"x":"a","c":"1","i":null}"#)),
            Ok(("a", "null", "1", ""))
        );
        assert_eq!(
            message(&mut Vec::from(r#"{"x":"a"}"#)),
            Err(Malformed::Missing("c"))
        );
        assert_eq!(
            message(&mut Vec::from(r#"{"c":"a"}"#)),
            Err(Malformed::Missing("x"))
        );
        assert!(matches!(
            message(&mut Vec::from(r#"{"x":7,"c":"1"}"#)),
            Err(Malformed::WrongType { member: "x", .. })
        ));
        assert_eq!(
            message(&mut Vec::from("[]")),
            Err(Malformed::Json(JsonError::NotAnObject))
        );
        let bytes = &mut *b"{\"x\":\"a\",\"c\":\"\xff\"}".to_vec();
        assert_eq!(
            read_message(bytes),
            Err(Malformed::Json(JsonError::NotUtf8))
        );
    }

    #[test]
    fn who_waits_for_a_reply_is_known_without_a_command() {
        let bytes = &mut *br#"{"c":"c:1","x":[]}"#.to_vec();
        let refused = read_message_or_correlation(bytes).unwrap_err();
        assert_eq!(refused.correlation, Some("c:1"));
    }

    #[test]
    fn a_stream_counts_its_replies_and_ends() {
        for (text, place) in [
            (r#"{"c":"1"}"#, Place::Only),
            (r#"{"c":"1","z":null}"#, Place::Only),
            (r#"{"c":"1","z":0}"#, Place::Nth(0)),
            (r#"{"c":"1","z":4000000000}"#, Place::Nth(4_000_000_000)),
            (r#"{"c":"1","z":-1}"#, Place::End),
        ] {
            let bytes = &mut *text.as_bytes().to_vec();
            assert_eq!(read_reply(bytes).unwrap().place, place, "{text}");
        }
    }
}
