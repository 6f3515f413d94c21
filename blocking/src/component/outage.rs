//! The bus going away and coming back.

use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// Something happened to the connection with the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BusEvent {
    /// The connection broke; from now on it is made anew, again and again.
    Disconnected {
        /// What the system said.
        why: String,
    },
    /// The server refuses to work for now: it is loading, its disk or its memory is full, it is
    /// a replica. What was asked for is asked for again, until it works: then
    /// [`Reconnected`](Self::Reconnected) follows.
    Refused {
        /// The server's words.
        why: String,
    },
    /// The connection is back, with every subscription, watch and queue that it had.
    Reconnected {
        /// How long it was gone.
        after: Duration,
    },
    /// The connection is back, but it is another server, or the same one started anew: queues,
    /// settings and everybody's status may be gone. This component's own status was written
    /// again, or is as soon as the server takes it.
    ServerRestarted,
}

/// How a component stands with its bus.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// As far as it has noticed, connected.
    Connected,
    /// Trying to connect.
    Disconnected {
        /// Since when.
        since: Instant,
        /// How often it has tried.
        attempts: u32,
        /// What the last attempt came to.
        why: String,
    },
}

/// How a component stands, and when it tries again.
#[derive(Debug)]
pub(crate) struct Outage {
    state: State,
    backoff: Backoff,
    next_attempt: Instant,
}

impl Outage {
    pub(crate) fn none(endpoint: &Endpoint) -> Self {
        Self {
            state: State::Connected,
            backoff: Backoff::towards(endpoint),
            next_attempt: Instant::now(),
        }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Connected
    }

    /// When to try again.
    pub(crate) fn next_attempt(&self) -> Instant {
        self.next_attempt
    }

    /// Notes a failure; says whether it is the first.
    pub(crate) fn failed(&mut self, error: &Error) -> bool {
        let now = Instant::now();
        self.next_attempt = now + self.backoff.wait();
        let text = error.to_string();
        match &mut self.state {
            State::Connected => {
                self.state = State::Disconnected {
                    since: now,
                    attempts: 0,
                    why: text,
                };
                true
            }
            State::Disconnected { attempts, why, .. } => {
                *attempts = attempts.saturating_add(1);
                *why = text;
                false
            }
        }
    }

    /// Notes that the bus is back; says how long it was gone.
    pub(crate) fn ended(&mut self) -> Option<Duration> {
        self.backoff.reset();
        match std::mem::replace(&mut self.state, State::Connected) {
            State::Connected => None,
            State::Disconnected { since, .. } => Some(since.elapsed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_once_and_ends_once() {
        let mut outage = Outage::none(&Endpoint::unix("/tmp/s").unwrap());
        assert!(outage.failed(&Error::Usage("gone")));
        assert!(!outage.failed(&Error::Usage("still gone")));
        assert!(
            matches!(outage.state(), State::Disconnected { attempts: 1, why, .. } if why == "still gone")
        );
        assert!(outage.ended().is_some());
        assert_eq!(outage.ended(), None);
        assert!(outage.is_over());
    }
}
