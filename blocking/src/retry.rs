//! Coming back to a server that is gone, for those who only listen.

use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::connection::Deadline;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// Whether there is a server, and when to look again if there is none.
#[derive(Debug)]
pub(crate) struct Retry {
    backoff: Backoff,
    next_attempt: Instant,
    /// Since when there is none.
    since: Option<Instant>,
    /// What the last attempt came to, if nobody has been told yet.
    last: Option<Error>,
}

impl Retry {
    pub(crate) fn of(endpoint: &Endpoint) -> Self {
        Self {
            backoff: Backoff::towards(endpoint),
            next_attempt: Instant::now(),
            since: None,
            last: None,
        }
    }

    /// Notes a failure of which nobody has been told yet.
    pub(crate) fn failed(&mut self, error: Error) {
        self.lost();
        self.last = Some(error);
    }

    /// Notes a failure.
    pub(crate) fn lost(&mut self) {
        let now = Instant::now();
        self.next_attempt = now + self.backoff.wait();
        self.since.get_or_insert(now);
    }

    /// Notes that all is well again; says how long it was not.
    pub(crate) fn ended(&mut self) -> Option<Duration> {
        let since = self.since.take()?;
        self.backoff.reset();
        self.last = None;
        Some(since.elapsed())
    }

    /// Sleeps until it is time for the next attempt; not at all if nothing has failed.
    ///
    /// # Errors
    /// What failed last, if `deadline` comes first.
    pub(crate) fn pause(&mut self, deadline: Option<Deadline>) -> Result<(), Error> {
        if self.since.is_none() {
            return Ok(());
        }
        let wake = deadline.map_or(self.next_attempt, |d| d.at.min(self.next_attempt));
        std::thread::sleep(wake.saturating_duration_since(Instant::now()));
        if wake < self.next_attempt {
            return Err(self.last.take().unwrap_or_else(Error::not_connected));
        }
        Ok(())
    }
}

// Over a network, where the wait grows past what the test allows.
#[cfg(all(test, feature = "tcp"))]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_spaced_however_short_the_deadlines_are() {
        let mut retry = Retry::of(&Endpoint::tcp("host", 1));
        let soon = || Some(Deadline::after(Duration::from_micros(10)));
        assert!(retry.pause(soon()).is_ok());
        // So often that the wait has grown past any deadline here.
        (0..12).for_each(|_| retry.failed(Error::Usage("gone")));
        assert!(matches!(retry.pause(soon()), Err(Error::Usage("gone"))));
        assert!(matches!(
            retry.pause(soon()),
            Err(Error::Disconnected { .. })
        ));
        assert!(retry.ended().is_some());
        assert!(retry.pause(soon()).is_ok());
        assert_eq!(retry.ended(), None);
    }
}
