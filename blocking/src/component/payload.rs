//! From a program's values to JSON in a connection's buffer, and back.

use std::io;

use redis_ipc_core::dialect::redis_ipc::EnvelopeError;
use redis_ipc_core::write::{TooLong, Writer};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// Why a message was not written.
#[derive(Debug)]
pub(super) enum Unwritten {
    TooLong(TooLong),
    Envelope(EnvelopeError),
    Value(serde_json::Error),
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
pub(super) enum Payload<'p, P: ?Sized> {
    /// Any value.
    Value(&'p P),
    /// Text that is JSON already.
    Text(&'p str),
}

impl<P: Serialize + ?Sized> Payload<'_, P> {
    pub(super) fn write(&self, w: &mut Writer<'_>) -> Result<(), Unwritten> {
        match self {
            Self::Value(value) => write_value(w, *value),
            Self::Text(text) => {
                w.put(text.trim().as_bytes());
                Ok(())
            }
        }
    }
}

/// Text instead of a value, where the compiler wants the value's type.
pub(super) type NoValue = ();

pub(super) fn write_value<P: Serialize + ?Sized>(
    w: &mut Writer<'_>,
    value: &P,
) -> Result<(), Unwritten> {
    serde_json::to_writer(Sink(w), value).map_err(Unwritten::Value)
}

/// Reads a value.
///
/// Compat: of duplicate members the last one counts, as in json-c and Python. Derived types refuse
/// duplicates, so what was refused is read once more with the earlier ones dropped.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text).or_else(|error| {
        let deduplicated = serde_json::from_str::<serde_json::Value>(text);
        deduplicated
            .and_then(serde_json::from_value)
            .map_err(|_| error)
    })
}

/// A bounded writer as the standard library's.
struct Sink<'w, 'b>(&'w mut Writer<'b>);

impl io::Write for Sink<'_, '_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.put(bytes);
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.put(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Copies {
        copies: u32,
    }

    #[test]
    fn the_last_of_duplicate_members_counts() {
        let read: Copies = read(r#"{"copies":1,"copies":3}"#).unwrap();
        assert_eq!(read, Copies { copies: 3 });
    }

    #[test]
    fn what_stays_wrong_is_reported_as_first_seen() {
        let error = read::<Copies>(r#"{"copies":"three"}"#).unwrap_err();
        assert!(error.to_string().contains("line 1 column"), "{error}");
    }
}
