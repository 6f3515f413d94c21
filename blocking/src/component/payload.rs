//! From a program's values to JSON in a connection's buffer.

use redis_ipc_core::dialect::redis_ipc::EnvelopeError;
use redis_ipc_core::write::{TooLong, Writer};
use serde::Serialize;

use crate::error::Error;
use crate::json;

/// Why a message was not written.
#[derive(Debug)]
pub(crate) enum Unwritten {
    TooLong(TooLong),
    Envelope(EnvelopeError),
    Value(json::Error),
}

impl From<TooLong> for Unwritten {
    fn from(error: TooLong) -> Self {
        Self::TooLong(error)
    }
}

impl From<EnvelopeError> for Unwritten {
    fn from(error: EnvelopeError) -> Self {
        Self::Envelope(error)
    }
}

impl From<Unwritten> for Error {
    fn from(error: Unwritten) -> Self {
        match error {
            Unwritten::TooLong(sizes) => sizes.into(),
            Unwritten::Envelope(error) => Self::Value(format!(
                "{error}: what goes over the bus is an object, such as a struct or a map"
            )),
            Unwritten::Value(error) => {
                Self::Value(format!("the value cannot be put into JSON: {error}"))
            }
        }
    }
}

/// What a message is made of, before the standard members join it.
#[derive(Debug)]
pub(crate) enum Payload<'p, P: ?Sized> {
    /// Any value.
    Value(&'p P),
    /// Text that is JSON already.
    Text(&'p str),
}

impl<P: Serialize + ?Sized> Payload<'_, P> {
    pub(crate) fn write(&self, w: &mut Writer<'_>) -> Result<(), Unwritten> {
        match self {
            Self::Value(value) => json::write(w, *value).map_err(Unwritten::Value),
            Self::Text(text) => {
                w.put(text.trim().as_bytes());
                Ok(())
            }
        }
    }
}

/// Text instead of a value, where the compiler wants the value's type.
pub(crate) type NoValue = ();
