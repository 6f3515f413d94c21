//! A handler's failure, and what the caller sees of it.

use std::fmt;

/// What went wrong in a handler; the caller gets it as
/// [`CallError::Failed`](super::CallError::Failed).
///
/// Any error turns into one by `?`, with the code `failed`. On the wire it is a result whose
/// member `error` is an object with the texts `code` and `message`.
///
/// ```
/// use redis_ipc::Failure;
///
/// fn pages(copies: &str) -> Result<u32, Failure> {
///     let copies: u32 = copies.parse()?;
///     match copies {
///         0 => Err(Failure::new("no-copies", "print at least one copy")),
///         copies => Ok(copies),
///     }
/// }
///
/// assert_eq!(pages("0").unwrap_err().code(), "no-copies");
/// assert_eq!(pages("three").unwrap_err().code(), "failed");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    code: String,
    message: String,
}

impl Failure {
    /// A failure with a word for programs and a sentence for people.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }

    /// The word for programs.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The sentence for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

// Failure is no Error itself, so that every Error can become one.
impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new("failed", error.to_string())
    }
}
