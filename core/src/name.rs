//! Names that we make: checked once when they are parsed, trusted from then on.
//!
//! A name becomes part of a key, of a glob pattern and of a JSON text, and is typed into redis-cli
//! by people. The alphabet leaves out whatever means something in one of those places. Names that
//! come from a peer are not held to it: the peer already has its keys.

use core::fmt;

/// Longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// The text has no bytes, or more than [`MAX_NAME_BYTES`].
    Length {
        /// Bytes of the text.
        bytes: usize,
    },
    /// The text holds something that is not a letter, digit, `_` or `-`.
    Character {
        /// The first such character.
        found: char,
        /// Its place, in bytes from the start.
        at: usize,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name is 1 to 64 of the characters A-Z a-z 0-9 _ -, but ")?;
        match self {
            Self::Length { bytes: 0 } => f.write_str("this one is empty"),
            Self::Length { bytes } => write!(f, "this one has {bytes} bytes"),
            Self::Character { found, at } => write!(f, "this one has {found:?} at byte {at}"),
        }
    }
}

impl core::error::Error for NameError {}

macro_rules! name {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name<'a>(&'a str);

        impl<'a> $name<'a> {
            /// Checks `text`.
            ///
            /// # Errors
            /// [`NameError`], which states the rule, if it is not 1 to 64 of `A-Z a-z 0-9 _ -`.
            pub fn parse(text: &'a str) -> Result<Self, NameError> {
                check(text).map(|()| Self(text))
            }

            /// The name as text.
            #[must_use]
            pub const fn as_str(self) -> &'a str {
                self.0
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
    };
}

name! {
    /// A part of the device that takes part in the bus: `printer`, `web`, `updater`.
    ///
    /// ```
    /// use redis_ipc_core::name::Component;
    ///
    /// assert_eq!(Component::parse("printer-2").map(Component::as_str), Ok("printer-2"));
    /// assert!(Component::parse("prin*er").is_err());
    /// ```
    Component
}

name! {
    /// A thread of a component. Each has a results queue of its own, so two callers of one
    /// component must not share a name.
    ///
    /// ```
    /// assert!(redis_ipc_core::name::Thread::parse("main").is_ok());
    /// ```
    Thread
}

name! {
    /// One of the command queues or event channels of a component: `print`, `cancel`, `warnings`.
    ///
    /// ```
    /// assert!(redis_ipc_core::name::Subqueue::parse("").is_err());
    /// ```
    Subqueue
}

fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() || text.len() > MAX_NAME_BYTES {
        return Err(NameError::Length { bytes: text.len() });
    }
    let foreign = text
        .char_indices()
        .find(|(_, c)| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')));
    match foreign {
        Some((at, found)) => Err(NameError::Character { found, at }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_originals_examples_are_names() {
        for text in ["printer", "ui-1", "sensor_hub", "A", "0", "redis-ipc", "db"] {
            assert_eq!(Component::parse(text).map(Component::as_str), Ok(text));
        }
        assert!(Component::parse(&"x".repeat(64)).is_ok());
    }

    #[test]
    fn what_redis_accepts_and_a_pattern_would_mishear_is_refused() {
        for text in [
            "db*", "a?", "a[b]", "a b", "a\n", "a\0", "\u{ff}", "a.b", "a:b", "a/b", "a\\b", "\"",
        ] {
            assert!(Component::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(
            Component::parse(&"x".repeat(65)),
            Err(NameError::Length { bytes: 65 })
        );
    }

    #[test]
    fn the_message_states_the_rule_and_the_offence() {
        let message = std::format!("{}", NameError::Character { found: '*', at: 2 });
        assert!(message.contains("1 to 64 of the characters"), "{message}");
        assert!(message.contains("'*' at byte 2"), "{message}");
    }
}
