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
    /// Connected, but the server refuses to work for now: it is alive and not writable.
    Refused {
        /// Since when something is wrong.
        since: Instant,
        /// How often it has tried since.
        attempts: u32,
        /// The server's words.
        why: String,
    },
}

/// For how long a server that had refused a pop has to let it wait before it is taken to work
/// again: a refusal comes at once, and nothing else tells that there is none.
const TRIAL: Duration = Duration::from_millis(50);

/// How a component stands, and when it tries again.
#[derive(Debug)]
pub(crate) struct Outage {
    state: State,
    backoff: Backoff,
    next_attempt: Instant,
    /// When a server that had refused to work has stood the test.
    trial: Option<Instant>,
    /// Whether the application has heard that the connection broke, and that the server refuses.
    told: [bool; 2],
}

impl Outage {
    pub(crate) fn none(endpoint: &Endpoint) -> Self {
        Self {
            state: State::Connected,
            backoff: Backoff::towards(endpoint),
            next_attempt: Instant::now(),
            trial: None,
            told: [false; 2],
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

    /// When the server, which refused to work, is taken to do so again; `None` if it is not that
    /// what is wrong.
    pub(crate) fn trial(&mut self) -> Option<Instant> {
        if !matches!(self.state, State::Refused { .. }) {
            return None;
        }
        Some(*self.trial.get_or_insert_with(|| Instant::now() + TRIAL))
    }

    /// Notes a failure; says whether it is the first of its kind in this outage.
    pub(crate) fn failed(&mut self, error: &Error) -> bool {
        let now = Instant::now();
        self.next_attempt = now + self.backoff.wait();
        self.trial = None;
        let (since, attempts) = match &self.state {
            State::Connected => (now, 0),
            State::Disconnected {
                since, attempts, ..
            }
            | State::Refused {
                since, attempts, ..
            } => (*since, attempts.saturating_add(1)),
        };
        let why = error.to_string();
        let broke = error.is_disconnection();
        self.state = match broke {
            true => State::Disconnected {
                since,
                attempts,
                why,
            },
            false => State::Refused {
                since,
                attempts,
                why,
            },
        };
        let [of_breaks, of_refusals] = &mut self.told;
        let told = if broke { of_breaks } else { of_refusals };
        !std::mem::replace(told, true)
    }

    /// Notes that the bus is back; says how long it was gone.
    pub(crate) fn ended(&mut self) -> Option<Duration> {
        self.backoff.reset();
        self.trial = None;
        self.told = [false; 2];
        match std::mem::replace(&mut self.state, State::Connected) {
            State::Connected => None,
            State::Disconnected { since, .. } | State::Refused { since, .. } => {
                Some(since.elapsed())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_once_and_ends_once() {
        let mut outage = Outage::none(&Endpoint::unix("/tmp/s").unwrap());
        assert!(outage.failed(&Error::not_connected()));
        assert!(!outage.failed(&Error::not_connected()));
        assert!(matches!(
            outage.state(),
            State::Disconnected { attempts: 1, .. }
        ));
        assert_eq!(outage.trial(), None);
        // Back, but not willing.
        assert!(outage.failed(&Error::Usage("full")));
        assert!(!outage.failed(&Error::Usage("still full")));
        assert!(
            matches!(outage.state(), State::Refused { attempts: 3, why, .. } if why == "still full")
        );
        let trial = outage.trial();
        assert!(trial.is_some());
        assert_eq!(outage.trial(), trial);
        assert!(outage.ended().is_some());
        assert_eq!(outage.ended(), None);
        assert!(outage.is_over());
    }
}
