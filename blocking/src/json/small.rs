//! JSON by core: its writer, and a reader over its scanner. What is read is checked as a whole
//! first, for syntax and depth, so that nothing below meets anything but JSON.

mod error;
mod key;
mod nested;
mod reader;

use redis_ipc_core::json::{object, typed};
use redis_ipc_core::write::Writer;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use error::Error;
pub(crate) use reader::{Reader, reader};

/// What a text takes at first, in bytes.
const USUAL: usize = 256;

/// Writes a value.
pub(crate) fn write<P: Serialize + ?Sized>(w: &mut Writer<'_>, value: &P) -> Result<(), Error> {
    Ok(typed::to_writer(w, value)?)
}

/// Writes a value into a text of its own.
pub(crate) fn to_text<P: Serialize + ?Sized>(value: &P) -> Result<String, Error> {
    let mut bytes = vec![0; USUAL];
    let length = loop {
        let mut w = Writer::new(&mut bytes);
        write(&mut w, value)?;
        match w.finish() {
            Ok(text) => break text.len(),
            Err(sizes) => bytes.resize(sizes.needed, 0),
        }
    };
    bytes.truncate(length);
    String::from_utf8(bytes).map_err(|_| Error::new("it is not UTF-8"))
}

/// Reads a value.
///
/// Compat: peers write what derived types refuse. Of duplicate members the last one counts, as in
/// json-c and Python; half a surrogate pair, which Python writes for a file name that is not UTF-8,
/// is U+FFFD, as in json-c.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    read_once(text).or_else(|error| {
        let mut text = text.as_bytes().to_vec();
        if !object::keep_last(&mut text) {
            return Err(error);
        }
        let text = String::from_utf8(text).map_err(|_| error)?;
        read_once(&text)
    })
}

fn read_once<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let mut reader = reader(text);
    let value = T::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

#[cfg(all(test, feature = "serde_json"))]
mod tests;
