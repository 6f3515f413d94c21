//! Why a call brought no result, and what became of its command.

use std::fmt;
use std::time::Duration;

use redis_ipc_core::write::TooLong;

use super::Failure;
use crate::error::{Error, Outcome};
use crate::seconds::Seconds;

/// A call brought no result. As [`Debug`](fmt::Debug) it shows its sentence, as [`Error`] does.
#[non_exhaustive]
pub enum CallError {
    /// The component answered with an error of its own.
    Failed(Failure),
    /// Time was up.
    TimedOut {
        /// Whom the command was for.
        recipient: String,
        /// How long was waited.
        timeout: Duration,
        /// Whether somebody has taken the command.
        taken: Taken,
    },
    /// Too many commands wait for the component already; this one was taken back.
    Overloaded {
        /// Whom the command was for.
        recipient: String,
        /// How many waited, this one included.
        waiting: u64,
    },
    /// The answer is not of the type that the program wants. The command was executed.
    WrongType {
        /// What does not fit.
        why: String,
        /// The answer.
        answer: String,
    },
    /// The bus failed. [`Error::outcome`] tells whether the command may have been executed.
    Bus(Error),
}

/// What became of a command whose caller stopped waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Nobody took it, and nobody will: it was removed from its queue.
    No,
    /// Somebody took it and may still execute it.
    Yes,
}

impl fmt::Debug for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => failure.fmt(f),
            Self::TimedOut {
                recipient,
                timeout,
                taken: Taken::No,
            } => write!(
                f,
                "nobody took the command for {recipient} within {} s; it was taken back: \
                 does that component run and serve this queue?",
                Seconds(*timeout)
            ),
            Self::TimedOut {
                recipient,
                timeout,
                taken: Taken::Yes,
            } => write!(
                f,
                "{recipient} took the command but did not answer within {} s; \
                 it may still execute it",
                Seconds(*timeout)
            ),
            Self::Overloaded { recipient, waiting } => write!(
                f,
                "{waiting} commands wait for {recipient} already; this one was taken back"
            ),
            Self::WrongType { why, .. } => {
                write!(f, "the answer is not what this program expects: {why}")
            }
            Self::Bus(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bus(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Bus(error)
    }
}

impl From<TooLong> for CallError {
    fn from(sizes: TooLong) -> Self {
        Self::Bus(sizes.into())
    }
}

impl CallError {
    /// What became of the command, if it was not answered.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Failed(_) | Self::WrongType { .. } => None,
            Self::TimedOut {
                taken: Taken::No, ..
            }
            | Self::Overloaded { .. } => Some(Outcome::NotSent),
            Self::TimedOut { .. } => Some(Outcome::Unknown),
            Self::Bus(error) => Some(error.outcome()),
        }
    }
}
