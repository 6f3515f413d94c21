//! The server's time, carried on by the board's clock.

use redis_ipc_core::dialect::redis_ipc::Timestamp;
use redis_ipc_core::resp::Elements;

use crate::clock::Milliseconds;
use crate::sensor::number;

/// Time since 1970. In 32 bits each, for a division of 64 bits costs flash that is better used.
#[derive(Default)]
pub(super) struct Time {
    seconds: u32,
    milliseconds: u32,
    /// The clock's time then.
    at: Milliseconds,
}

impl Time {
    /// What TIME says: seconds and microseconds since 1970, as texts.
    pub(super) fn told(mut parts: Elements<'_>, now: Milliseconds) -> Option<Self> {
        let seconds = number(parts.next()?.bytes()?)?;
        let microseconds = number(parts.next()?.bytes()?)?;
        Some(Self {
            seconds,
            milliseconds: microseconds / 1000,
            at: now,
        })
    }

    /// The time now; to be asked for every few days at least.
    pub(super) fn now(&mut self, now: Milliseconds) -> Timestamp {
        let passed = u32::try_from(now.saturating_sub(self.at)).unwrap_or(u32::MAX);
        let milliseconds = self.milliseconds.saturating_add(passed);
        self.seconds = self.seconds.wrapping_add(milliseconds / 1000);
        self.milliseconds = milliseconds % 1000;
        self.at = now;
        Timestamp {
            seconds: self.seconds.into(),
            microseconds: self.milliseconds * 1000,
        }
    }
}
