//! Payloads as Rust types, without an allocator.
//!
//! Writing goes straight into the bounded [`Writer`], so a value that does not fit is counted and
//! both sizes can be named. Reading is serde-json-core's, with what it leaves to its caller done
//! here: syntax and depth are checked before, every escape is decoded, of duplicate members the
//! last one counts, and a map may have any key that JSON can spell.

use core::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json_core::de;

use super::{JsonError, object, skip, string};
use crate::write::{TooLong, Writer};

mod guard;
mod key;
mod serializer;

/// Why a value cannot be written, or a text cannot be read as a value.
///
/// ```
/// use redis_ipc_core::json::{JsonError, typed::{self, TypedError}};
///
/// let refused = typed::from_text::<u8>("1,", &mut [0; 8]);
/// assert_eq!(refused, Err(TypedError::Json(JsonError::Syntax { at: 1 })));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypedError {
    /// The text is not JSON.
    Json(JsonError),
    /// The text is JSON, but not of the shape that the type has.
    Mismatch(Mismatch),
    /// The room for decoding is too small for this text.
    Scratch(TooLong),
    /// A map's key is neither a text nor a number, a truth value or a unit variant.
    Key,
    /// The type refused to be written, or holds a number of 128 bits.
    Refused,
}

impl fmt::Display for TypedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::Mismatch(mismatch) => write!(f, "JSON does not fit the type: {mismatch}"),
            Self::Scratch(TooLong { needed, capacity }) => {
                write!(
                    f,
                    "decoding takes {needed} bytes of room, there are {capacity}"
                )
            }
            Self::Key => f.write_str("a map's key cannot be written as a text"),
            Self::Refused => f.write_str("value cannot be written as JSON"),
        }
    }
}

impl core::error::Error for TypedError {}

impl From<JsonError> for TypedError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

/// What in a text does not fit a type, in words.
///
/// ```
/// use redis_ipc_core::json::typed::{self, TypedError};
///
/// let Err(TypedError::Mismatch(mismatch)) = typed::from_text::<u8>("256", &mut [0; 8]) else {
///     panic!("256 fits u8");
/// };
/// assert_eq!(mismatch.to_string(), "Invalid number.");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch(de::Error);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Appends `value` as compact JSON. Any `Serialize` type will do; what does not fit the writer is
/// counted. Does not allocate.
///
/// Numbers that are not finite become `null`; numbers as keys become texts.
///
/// # Errors
/// [`TypedError::Key`] or [`TypedError::Refused`]; nothing is then appended.
///
/// ```
/// use redis_ipc_core::{json::typed, write::Writer};
///
/// #[derive(serde::Serialize)]
/// struct Print<'a> {
///     file: &'a str,
///     copies: u8,
/// }
///
/// let mut buffer = [0; 64];
/// let mut w = Writer::new(&mut buffer);
/// typed::to_writer(&mut w, &Print { file: "a.pdf", copies: 2 })?;
/// assert_eq!(w.since(0), br#"{"file":"a.pdf","copies":2}"#);
/// # Ok::<(), typed::TypedError>(())
/// ```
pub fn to_writer<T: Serialize + ?Sized>(w: &mut Writer<'_>, value: &T) -> Result<(), TypedError> {
    let start = w.len();
    let written = value.serialize(serializer::Serializer::new(w));
    if written.is_err() {
        w.truncate(start);
    }
    written
}

/// Reads a value from a whole JSON text. Does not allocate.
///
/// `scratch` takes a copy of the text, with its escapes decoded, and beside it the longest text that
/// holds a quote, a backslash or a control character: twice `text.len()` is always enough, and
/// `text.len()` where such characters do not occur.
///
/// The types are those of serde without an allocator: numbers, truth values, `char`, `Option`,
/// structs, tuples, heapless strings, vectors and maps, enums that are tagged from outside. Enums
/// tagged otherwise, flattened structs and values of unknown type need an allocator and are
/// refused. A number with a fraction or an exponent is no integer, be it `5.0`; `null` is read as
/// NaN where a float is wanted.
///
/// # Errors
/// [`TypedError::Json`], [`TypedError::Mismatch`] or [`TypedError::Scratch`] with both sizes.
///
/// ```
/// use heapless::String;
/// use redis_ipc_core::json::typed;
///
/// #[derive(serde::Deserialize)]
/// struct Print {
///     file: String<16>,
///     copies: u8,
/// }
///
/// let mut scratch = [0; 128];
/// let text = r#"{"copies":2,"file":"\u00fc\ud83d\ude00.pdf","x":[]}"#;
/// let print: Print = typed::from_text(text, &mut scratch)?;
/// assert_eq!((print.file.as_str(), print.copies), ("ü😀.pdf", 2));
/// # Ok::<(), typed::TypedError>(())
/// ```
pub fn from_text<T: DeserializeOwned>(text: &str, scratch: &mut [u8]) -> Result<T, TypedError> {
    let bytes = text.as_bytes();
    let end = skip::value(bytes, skip::blanks(bytes, 0))?;
    let behind = skip::blanks(bytes, end);
    if behind < bytes.len() {
        return Err(JsonError::Syntax { at: behind }.into());
    }
    let length = decode(bytes, scratch).map_err(TypedError::Scratch)?;
    let (copy, room) = scratch.split_at_mut_checked(length).unwrap_or_default();
    match read(copy, room) {
        // A member may have come twice: that is refused, or the one that does not count misfits.
        Err(_) if object::keep_last(copy) => read(copy, room),
        read => read,
    }
    .map_err(|error| TypedError::Mismatch(Mismatch(error)))
}

fn read<T: DeserializeOwned>(text: &[u8], room: &mut [u8]) -> Result<T, de::Error> {
    let mut deserializer = de::Deserializer::new(text, Some(room));
    let value = T::deserialize(guard::Guard(&mut deserializer))?;
    deserializer.end()?;
    Ok(value)
}

/// Copies the text with no escapes but those that must be, and returns the copy's length. There is
/// then room behind it for any text that still holds an escape.
///
/// Serde-json-core does not know surrogate pairs, and hands out texts without escapes as they are.
fn decode(text: &[u8], scratch: &mut [u8]) -> Result<usize, TooLong> {
    let capacity = scratch.len();
    let mut w = Writer::new(scratch);
    let mut longest = 0;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let plain = rest.iter().position(|byte| *byte == b'"');
        let quote = at + plain.unwrap_or(rest.len());
        w.put(text.get(at..quote).unwrap_or_default());
        let Ok(end) = skip::string(text, quote) else {
            break;
        };
        let start = w.len();
        w.put_byte(b'"');
        let escaped = string::respell(&mut w, text.get(quote + 1..end - 1).unwrap_or_default());
        w.put_byte(b'"');
        if escaped {
            longest = longest.max(w.len() - start);
        }
        at = end;
    }
    let needed = w.len() + longest;
    match needed <= capacity {
        true => Ok(w.len()),
        false => Err(TooLong { needed, capacity }),
    }
}

#[cfg(test)]
mod tests;
