//! The Redis serialisation protocol, RESP2 and RESP3, without copying and without allocating.
//!
//! ```text
//!  whole line                     line, then a body            line, then elements
//!  +text\r\n      simple text     $3\r\nabc\r\n       bulk     *2\r\n…   array
//!  -CODE text\r\n error           !9\r\nERR words\r\n error    ~2\r\n…   set
//!  :-7\r\n        integer         =7\r\ntxt:abc\r\n   verbatim >2\r\n…   push
//!  _\r\n          null                                         %2\r\n…   map: 2 keys, 2 values
//!  #t\r\n         boolean         $-1\r\n  null (RESP2)        |2\r\n…   attribute: a map that
//!  ,1.5\r\n       double          *-1\r\n  null (RESP2)                  stands before a value
//!  (123\r\n       big number
//! ```
//!
//! Reading takes two steps. [`Scanner`] finds the end of a frame once, checks every byte that has
//! a meaning and can be interrupted anywhere. [`Reply::parse`] then reads the frame that was
//! scanned: it cannot fail any more, borrows everything and visits elements as they are asked for.
//! [`request`] writes commands.
//!
//! Source of the rules: the Redis serialisation protocol specification at
//! <https://redis.io/docs/latest/develop/reference/protocol-spec/>. Streamed bulks and aggregates
//! of its RESP3 draft are not part of what servers send and are refused.

mod decimal;
mod elements;
#[cfg(test)]
mod frames;
mod head;
mod reply;
pub mod request;
mod scan;

pub use elements::Elements;
pub use reply::{ErrorReply, Reply};
pub use scan::Scanner;

use core::fmt;

/// How deep aggregates may stand in each other; the outermost counts as one.
pub const MAX_DEPTH: usize = 32;

/// Bytes of text a `+`, `-` or `(` line may hold, its type byte and line end not counted.
pub const MAX_LINE: usize = 64 * 1024;

/// Bytes a line of any other type may take in all. A buffer of this size gets through any frame.
pub const MAX_HEADER: usize = 64;

/// Bytes of the shortest value there is, such as `_\r\n`.
const MIN_VALUE: usize = 3;

/// What a peer may send in one frame; more is a [`ProtocolError`] before anything is reserved.
///
/// ```
/// use redis_ipc_core::resp::{Limits, ProtocolError, Scanner};
///
/// let mut scanner = Scanner::new(Limits { bulk_bytes: 10, ..Limits::DEFAULT });
/// let refused = scanner.scan(b"$11\r\n");
/// assert_eq!(refused, Err(ProtocolError::BulkTooLong { bytes: 11, limit: 10 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one bulk, blob error or verbatim text; by default 512 MiB, as in the server.
    pub bulk_bytes: u64,
    /// Elements of one aggregate, each key and each value of a map counted; by default 1,048,576.
    pub elements: u32,
}

impl Limits {
    /// 512 MiB a bulk and 1,048,576 elements an aggregate.
    pub const DEFAULT: Self = Self {
        bulk_bytes: 512 * 1024 * 1024,
        elements: 1 << 20,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The peer's bytes are not RESP or exceed a limit. Where the next frame begins is unknown from
/// here on: the connection is of no further use.
///
/// ```
/// use redis_ipc_core::resp::{ProtocolError, Scanner};
///
/// let error = Scanner::default().scan(b"HTTP/1.1 200 OK\r\n").unwrap_err();
/// assert_eq!(error, ProtocolError::UnknownType(b'H'));
/// assert_eq!(error.to_string(), "a reply cannot begin with the byte 'H'");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A value begins with a byte that names no type.
    UnknownType(u8),
    /// The length behind this type byte is not a plain decimal number.
    BadLength(u8),
    /// The value behind this type byte is not of its type.
    BadValue(u8),
    /// A bulk is not followed by a line end where its length says so.
    BadTerminator,
    /// A bulk is longer than the limit.
    BulkTooLong {
        /// Bytes its header promises.
        bytes: u64,
        /// Bytes allowed: [`Limits::bulk_bytes`].
        limit: u64,
    },
    /// An aggregate has more elements than the limit.
    TooManyElements {
        /// Elements its header promises, keys and values of a map counted each.
        elements: u64,
        /// Elements allowed: [`Limits::elements`].
        limit: u32,
    },
    /// Aggregates stand in each other deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A line is longer than [`MAX_LINE`], or [`MAX_HEADER`], as its type has it.
    LineTooLong,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UnknownType(byte) => {
                write!(f, "a reply cannot begin with the byte {}", Quoted(byte))
            }
            Self::BadLength(kind) => write!(f, "no valid length behind {}", Quoted(kind)),
            Self::BadValue(kind) => write!(f, "no valid value behind {}", Quoted(kind)),
            Self::BadTerminator => f.write_str("a bulk does not end where its length says"),
            Self::BulkTooLong { bytes, limit } => {
                write!(f, "a bulk of {bytes} bytes is over the limit of {limit}")
            }
            Self::TooManyElements { elements, limit } => write!(
                f,
                "an aggregate of {elements} elements is over the limit of {limit}"
            ),
            Self::TooDeep => write!(f, "aggregates are nested deeper than {MAX_DEPTH}"),
            Self::LineTooLong => write!(
                f,
                "a line is longer than {MAX_LINE} bytes of text or {MAX_HEADER} bytes of header"
            ),
        }
    }
}

impl core::error::Error for ProtocolError {}

/// A byte as a message shows it.
struct Quoted(u8);

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.escape_ascii())
    }
}

/// The body of the bulk at the head of `bytes` and what stands behind it; `None` if it is not
/// all there, not right or not a bulk. Most of what servers send are bulks, hence this short way.
#[inline(always)]
fn whole_bulk(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let tail = bytes.strip_prefix(b"$")?;
    let (length, taken) = decimal::short(tail)?;
    let (body, tail) = tail
        .get(taken as usize..)?
        .split_at_checked(length as usize)?;
    Some((body, tail.strip_prefix(b"\r\n")?))
}
