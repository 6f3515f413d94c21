//! Why JSON and a type do not fit each other.

use std::fmt;

use redis_ipc_core::json::JsonError;
use redis_ipc_core::json::typed::TypedError;
use serde::de::{self, Expected, Unexpected};

/// A sentence.
#[derive(Debug)]
pub(crate) struct Error(Box<str>);

impl Error {
    pub(super) fn new(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<JsonError> for Error {
    fn from(error: JsonError) -> Self {
        de::Error::custom(error)
    }
}

impl From<TypedError> for Error {
    fn from(error: TypedError) -> Self {
        de::Error::custom(error)
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string().into())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        de::Error::custom(format_args!("{}, expected {expected}", Found(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        de::Error::invalid_type(found, expected)
    }
}

/// What was found. Serde's own words for it bring the printing of floating-point numbers along.
struct Found<'f>(Unexpected<'f>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Unexpected::Bool(value) => value.fmt(f),
            Unexpected::Unsigned(number) => number.fmt(f),
            Unexpected::Signed(number) => number.fmt(f),
            Unexpected::Str(text) => write!(f, "{text:?}"),
            Unexpected::Other(what) => f.write_str(what),
            Unexpected::Float(_) => f.write_str("a number with a fraction"),
            Unexpected::Unit | Unexpected::Option => f.write_str("null"),
            Unexpected::Seq => f.write_str("an array"),
            Unexpected::Map => f.write_str("an object"),
            _ => f.write_str("another type"),
        }
    }
}
