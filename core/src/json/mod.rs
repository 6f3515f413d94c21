//! JSON without a tree: where values begin and end, texts with their escapes, members of an object.
//!
//! Syntax is checked strictly as RFC 8259 has it and nothing recurses, so the stack a message takes
//! does not depend on the message. The functions here look at bytes; whether the text as a whole is
//! UTF-8 is checked once by whoever reads a whole message.

use core::fmt;

pub mod object;
mod plain;
pub mod skip;
pub mod string;
pub mod typed;

/// Containers that may be open at once; the outermost counts as one.
pub const MAX_DEPTH: usize = 32;

/// Why a text is not the JSON that was asked for.
///
/// ```
/// use redis_ipc_core::json::{JsonError, skip};
///
/// assert_eq!(skip::value(b"[1,]", 0), Err(JsonError::Syntax { at: 3 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The text does not begin with `{`.
    NotAnObject,
    /// The byte at this offset cannot stand there, or the text ends there too early.
    Syntax {
        /// Offset in bytes.
        at: usize,
    },
    /// More than [`MAX_DEPTH`] containers are open at this offset.
    TooDeep {
        /// Offset in bytes.
        at: usize,
    },
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("text is not UTF-8"),
            Self::NotAnObject => f.write_str("text is not a JSON object"),
            Self::Syntax { at } => write!(f, "text is not JSON at byte {at}"),
            Self::TooDeep { at } => {
                write!(f, "JSON nests deeper than {MAX_DEPTH} at byte {at}")
            }
        }
    }
}

impl core::error::Error for JsonError {}
