//! A program's own message, before the envelope is put around it.

use serde::Serialize;

use crate::dialect::redis_ipc::write_error;
use crate::json::typed::{self, TypedError};
use crate::write::Writer;

/// Something that writes one JSON object: a text that is one, a [`Typed`] value, a [`Failure`], or
/// a closure that writes it piece by piece.
///
/// ```
/// use redis_ipc_core::{link::{Payload, Typed}, write::Writer};
///
/// #[derive(serde::Serialize)]
/// struct Print { copies: u8 }
///
/// let piece_by_piece = |w: &mut Writer<'_>| w.put(br#"{"copies":2}"#);
/// let all: [&dyn Payload; 3] = [&r#"{"copies":2}"#, &Typed(Print { copies: 2 }), &piece_by_piece];
/// for payload in all {
///     let mut buffer = [0; 32];
///     let mut w = Writer::new(&mut buffer);
///     payload.write(&mut w)?;
///     assert_eq!(w.since(0), br#"{"copies":2}"#);
/// }
/// # Ok::<(), redis_ipc_core::json::typed::TypedError>(())
/// ```
pub trait Payload {
    /// Writes the object; the same one if it is called again.
    ///
    /// # Errors
    /// [`TypedError`] if the value cannot be written as JSON.
    fn write(&self, w: &mut Writer<'_>) -> Result<(), TypedError>;
}

/// A text that is a JSON object already.
impl Payload for &str {
    fn write(&self, w: &mut Writer<'_>) -> Result<(), TypedError> {
        w.put(self.as_bytes());
        Ok(())
    }
}

impl<F: Fn(&mut Writer<'_>)> Payload for F {
    fn write(&self, w: &mut Writer<'_>) -> Result<(), TypedError> {
        self(w);
        Ok(())
    }
}

/// A value of a type that serde knows and that becomes an object. Read one from a result or a job
/// with [`typed::from_text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typed<T>(pub T);

impl<T: Serialize> Payload for Typed<T> {
    fn write(&self, w: &mut Writer<'_>) -> Result<(), TypedError> {
        typed::to_writer(w, &self.0)
    }
}

/// The answer of a component that could not do what it was asked: it reaches the caller as
/// [`Answer::Failed`](super::Answer::Failed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'a> {
    /// A word for programs.
    pub code: &'a str,
    /// A sentence for people.
    pub message: &'a str,
}

impl Payload for Failure<'_> {
    fn write(&self, w: &mut Writer<'_>) -> Result<(), TypedError> {
        write_error(w, self.code, self.message);
        Ok(())
    }
}
