//! What a server does not give, and what had to be dropped.

use std::fmt;

/// Something that this component cannot have from its server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limitation {
    /// Keyspace notifications could not be switched on, so components that wait for them, those
    /// of the C library for instance, do not hear of changed settings.
    Notifications {
        /// The server's words.
        why: String,
    },
    /// Client-side tracking is refused: watched hashes are followed by keyspace notifications.
    Tracking {
        /// The server's words.
        why: String,
    },
    /// Commands that were to be served at least once had to be taken at most once.
    AtMostOnce {
        /// The server's words.
        why: String,
    },
    /// A pop that waits cannot be ended before its time, so pops wait for a second only; whatever
    /// has to wait for the end of one, subscribing and stopping for instance, takes as long.
    Unblocking {
        /// The server's words.
        why: String,
    },
    /// The server speaks no RESP3, so listening takes a connection of its own.
    Resp3,
}

impl fmt::Display for Limitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notifications { why } => write!(
                f,
                "keyspace notifications cannot be switched on ({why}); where they are off, \
                 nobody hears of changed settings by them: set notify-keyspace-events to Kh in redis.conf"
            ),
            Self::Tracking { why } => write!(
                f,
                "client-side tracking is refused ({why}); watched hashes are followed by keyspace notifications"
            ),
            Self::AtMostOnce { why } => write!(
                f,
                "commands could not be kept on the server while they were at work ({why})"
            ),
            Self::Unblocking { why } => write!(
                f,
                "a pop cannot be ended before its time ({why}); subscribing and stopping may take a second"
            ),
            Self::Resp3 => f.write_str(
                "the server speaks no RESP3 (Redis 6.2, Valkey 7.2 and later do); listening takes one more connection",
            ),
        }
    }
}

/// What a component had to drop, since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Commands that were no envelope, too long, or named somebody else's key for the result.
    pub commands_dropped: u64,
    /// Commands whose deadline had passed when they were taken; they were not executed.
    pub commands_expired: u64,
    /// Results that could not be pushed.
    pub results_dropped: u64,
    /// Events and debug messages that were no envelope or too long, or that nobody took up while
    /// too many were set aside.
    pub messages_dropped: u64,
    /// Results of calls that had timed out before.
    pub stale_results: u64,
    /// Pops of which nobody knows whether they took a command, because the connection broke.
    pub pops_unknown: u64,
}
