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
    /// As [`Character`](Self::Character), in a name that may hold `.` and `:` too: the id of a
    /// worker, the queue of an RPC server.
    IdCharacter {
        /// The first such character.
        found: char,
        /// Its place, in bytes from the start.
        at: usize,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name is 1 to 64 of the characters A-Z a-z 0-9 _ -, ")?;
        f.write_str(match self {
            Self::IdCharacter { .. } => "and . : in an id or a queue, but ",
            _ => "but ",
        })?;
        match self {
            Self::Length { bytes: 0 } => f.write_str("this one is empty"),
            Self::Length { bytes } => write!(f, "this one has {bytes} bytes"),
            Self::Character { found, at } | Self::IdCharacter { found, at } => {
                write!(f, "this one has {found:?} at byte {at}")
            }
        }
    }
}

impl core::error::Error for NameError {}

macro_rules! name {
    ($(#[$meta:meta])* $name:ident, $check:ident, $rule:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name<'a>(&'a str);

        impl<'a> $name<'a> {
            /// Checks `text`.
            ///
            /// # Errors
            #[doc = concat!("[`NameError`], which states the rule, if it is not 1 to 64 of ", $rule, ".")]
            pub fn parse(text: &'a str) -> Result<Self, NameError> {
                $check(text).map(|()| Self(text))
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
    Component,
    check,
    "`A-Z a-z 0-9 _ -`"
}

name! {
    /// A thread of a component. Each has a results queue of its own, so two callers of one
    /// component must not share a name.
    ///
    /// ```
    /// assert!(redis_ipc_core::name::Thread::parse("main").is_ok());
    /// ```
    Thread,
    check,
    "`A-Z a-z 0-9 _ -`"
}

name! {
    /// One of the command queues or event channels of a component: `print`, `cancel`, `warnings`.
    ///
    /// ```
    /// assert!(redis_ipc_core::name::Subqueue::parse("").is_err());
    /// ```
    Subqueue,
    check,
    "`A-Z a-z 0-9 _ -`"
}

name! {
    /// A namespace of redisbus workers: `local`, `plant-2`.
    ///
    /// ```
    /// assert!(redis_ipc_core::name::Site::parse("local").is_ok());
    /// ```
    Site,
    check,
    "`A-Z a-z 0-9 _ -`"
}

name! {
    /// What a redisbus worker does: `calc`. All workers of one type at one site are a group.
    ///
    /// ```
    /// assert!(redis_ipc_core::name::WorkerType::parse("calc:1").is_err());
    /// ```
    WorkerType,
    check,
    "`A-Z a-z 0-9 _ -`"
}

name! {
    /// One redisbus worker: `10.0.0.7:4242:abcdef012345`, or a name of its own.
    ///
    /// ```
    /// use redis_ipc_core::name::WorkerId;
    ///
    /// assert!(WorkerId::parse("10.0.0.7:4242:abcdef012345").is_ok());
    /// assert!(WorkerId::parse("worker\n1").is_err());
    /// ```
    WorkerId,
    check_id,
    "`A-Z a-z 0-9 _ - . :`"
}

name! {
    /// The queue of a redisrpc server: `calc`, `app:calc`.
    ///
    /// ```
    /// assert!(redis_ipc_core::name::Queue::parse("calc").is_ok());
    /// ```
    Queue,
    check_id,
    "`A-Z a-z 0-9 _ - . :`"
}

fn check(text: &str) -> Result<(), NameError> {
    match first_foreign(text, "_-")? {
        Some((at, found)) => Err(NameError::Character { found, at }),
        None => Ok(()),
    }
}

fn check_id(text: &str) -> Result<(), NameError> {
    match first_foreign(text, "_-.:")? {
        Some((at, found)) => Err(NameError::IdCharacter { found, at }),
        None => Ok(()),
    }
}

/// The first character that is neither a letter, nor a digit, nor one of `others`.
fn first_foreign(text: &str, others: &str) -> Result<Option<(usize, char)>, NameError> {
    if text.is_empty() || text.len() > MAX_NAME_BYTES {
        return Err(NameError::Length { bytes: text.len() });
    }
    let foreign = |c: &(usize, char)| !(c.1.is_ascii_alphanumeric() || others.contains(c.1));
    Ok(text.char_indices().find(foreign))
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

    #[test]
    fn an_id_may_hold_dots_and_colons_and_nothing_else_more() {
        assert!(WorkerId::parse("10.0.0.7:4242:abcdef012345").is_ok());
        for text in ["a b", "a\n", "a*", "a/b", "", "\u{fc}"] {
            assert!(WorkerId::parse(text).is_err(), "{text:?}");
        }
        let message = std::format!("{}", WorkerId::parse("a\nb").unwrap_err());
        assert!(
            message.contains(". :") && message.contains("byte 1"),
            "{message}"
        );
    }
}
