//! What can go wrong between a program and its line.

use core::fmt;

use crate::dialect::redis_ipc::EnvelopeError;
use crate::json::typed::TypedError;
use crate::resp::ProtocolError;
use crate::write::TooLong;

/// Why a link could not do what it was asked; `E` is the line's own error.
///
/// ```
/// use redis_ipc_core::{link::Error, write::TooLong};
///
/// let error = Error::<embedded_io::ErrorKind>::from(TooLong { needed: 300, capacity: 256 });
/// assert_eq!(
///     error.to_string(),
///     "cannot be sent: message of 300 bytes does not fit 256 bytes"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error<E> {
    /// The line failed. After a time-out it may be used again, where the line itself can be: what
    /// was not sent is kept, and a reply that comes late is not taken for another one.
    Line(E),
    /// The server has closed the line.
    Closed,
    /// What came is not RESP. Nothing behind it can be understood: the line is lost.
    Protocol(ProtocolError),
    /// A reply of a type that its request cannot have, or a wait for a reply that has been
    /// already: the line is out of step and lost.
    OutOfStep,
    /// A request does not fit the outbox; nothing of it is sent. The link stays usable.
    RequestTooLong(TooLong),
    /// A reply does not fit the inbox; the request was executed. The link stays usable.
    ReplyTooLong(TooLong),
    /// The program's own message is no object, or too deep a one; nothing of it is sent. The link
    /// stays usable.
    Payload(EnvelopeError),
    /// The program's own value cannot be written as JSON; nothing of it is sent. The link stays
    /// usable.
    Value(TypedError),
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(error) => write!(f, "line failed: {error}"),
            Self::Closed => f.write_str("server has closed the line"),
            Self::Protocol(error) => write!(f, "server does not speak RESP: {error}"),
            Self::OutOfStep => f.write_str("reply is not one to this request"),
            Self::RequestTooLong(error) => write!(f, "cannot be sent: {error}"),
            Self::ReplyTooLong(error) => write!(f, "cannot be received: {error}"),
            Self::Payload(error) => error.fmt(f),
            Self::Value(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for Error<E> {}

/// Writing is where a plain [`TooLong`] comes from.
impl<E> From<TooLong> for Error<E> {
    fn from(error: TooLong) -> Self {
        Self::RequestTooLong(error)
    }
}

impl<E> From<ProtocolError> for Error<E> {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl<E> From<EnvelopeError> for Error<E> {
    fn from(error: EnvelopeError) -> Self {
        Self::Payload(error)
    }
}

impl<E> From<TypedError> for Error<E> {
    fn from(error: TypedError) -> Self {
        Self::Value(error)
    }
}
