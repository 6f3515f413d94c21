//! When something must be done.

use std::time::{Duration, Instant};

/// A hundred years: longer than anybody waits, and no clock overflows.
pub(crate) const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A moment, and the limit it came from, for people to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) limit: Duration,
}

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Self {
        Self {
            at: Instant::now() + limit.min(FOREVER),
            limit,
        }
    }

    /// This one or the end of `limit` from now, whichever comes first.
    pub(super) fn within(self, limit: Option<Duration>) -> Self {
        match limit.map(Self::after) {
            Some(sooner) if sooner.at < self.at => sooner,
            _ => self,
        }
    }

    /// When it was set: a clock that need not be read again.
    pub(super) fn begun(self) -> Instant {
        let begun = self.at.checked_sub(self.limit.min(FOREVER));
        begun.unwrap_or(self.at)
    }

    pub(crate) fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }
}
