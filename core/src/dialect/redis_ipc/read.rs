//! Envelopes read, in the bytes they arrived in: the user's members are made to stand alone as one
//! JSON object, the standard members' texts are decoded where they stand. Nothing is copied out.
//!
//! Duplicates of a standard member: the last one counts, the others are gone. Duplicates among the
//! user's members stay ([`keep_last`](crate::json::object::keep_last) takes them out).

use core::fmt;

use super::stamp::Timestamp;
use super::standard::{Kind, Standard};
use super::survey::Survey;
use crate::json::JsonError;

/// Bytes that the raw text of a header member may have; a key of redis-ipc has at most 127.
pub const MAX_HEADER: usize = 512;

/// Who sent a message and when, as far as it says so: for logs, not for decisions.
///
/// ```
/// use redis_ipc_core::dialect::redis_ipc::read_event;
///
/// let mut bytes = br#"{"timestamp":"7.000001","component":7}"#.to_vec();
/// let origin = read_event(&mut bytes)?.origin;
/// assert_eq!((origin.timestamp, origin.component), (Some("7.000001"), None));
/// # Ok::<(), redis_ipc_core::dialect::redis_ipc::Malformed>(())
/// ```
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
    /// When nobody waits for the result any more, if the sender said so.
    pub deadline: Option<Timestamp>,
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
///
/// ```
/// use redis_ipc_core::dialect::redis_ipc::{Malformed, read_result};
///
/// let refused = read_result(&mut *br#"{"ok":true}"#.to_vec()).unwrap_err();
/// assert_eq!(refused, Malformed::Missing("command_id"));
/// assert_eq!(refused.to_string(), "member command_id is missing");
/// ```
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
        deadline: survey
            .text(text, Standard::CommandDeadline)
            .and_then(Timestamp::parse),
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
mod tests;
