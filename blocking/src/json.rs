//! JSON of whatever type serde knows: by `serde_json`, or by a reader of our own, which takes less
//! of a program, says less about what it refuses, and takes longer.

#[cfg(any(test, not(feature = "serde_json")))]
mod small;
#[cfg(feature = "serde_json")]
mod whole;

#[cfg(not(feature = "serde_json"))]
pub(crate) use small::{Error, Reader, read, reader, to_text, write};
#[cfg(feature = "serde_json")]
pub(crate) use whole::{Error, Reader, read, reader, to_text, write};
