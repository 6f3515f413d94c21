//! Whether so many clients ask at a time that it pays to wait for more of them.
//!
//! What a host takes for a request is for the most part being woken, reading and writing; it does
//! each once for all requests that come together. A router that passes on at once whatever comes
//! keeps hosts busy with ones and twos, and itself with being woken.

use std::time::{Duration, Instant};

/// How long clients are counted.
const PERIOD: Duration = Duration::from_millis(1);

/// Clients that are a crowd. Fewer wait longer than what they win.
const CROWD: u32 = 16;

/// Counts who asks.
#[derive(Debug)]
pub(super) struct Crowd {
    /// Which period it is, and since when.
    period: u32,
    since: Instant,
    /// Clients that have asked in it.
    asking: u32,
    there: bool,
}

/// In which period a client has asked last.
#[derive(Debug, Default)]
pub(super) struct Seen(u32);

impl Crowd {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            period: 1,
            since: now,
            asking: 0,
            there: false,
        }
    }

    /// A client asks.
    pub(super) fn note(&mut self, seen: &mut Seen) {
        if seen.0 != self.period {
            seen.0 = self.period;
            self.asking += 1;
        }
    }

    /// Whether there was a crowd when it was counted last.
    pub(super) fn is_there(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= PERIOD {
            self.there = self.asking >= CROWD;
            self.period = self.period.wrapping_add(1);
            self.since = now;
            self.asking = 0;
        }
        self.there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_when_many_ask_in_a_period_and_gone_when_few_do() {
        let start = Instant::now();
        let mut crowd = Crowd::new(start);
        let mut clients: Vec<Seen> = (0..CROWD).map(|_| Seen::default()).collect();
        let mut asks = |crowd: &mut Crowd, many: u32| {
            let many = usize::try_from(many).unwrap();
            clients[..many].iter_mut().for_each(|seen| crowd.note(seen));
        };
        asks(&mut crowd, CROWD);
        assert!(!crowd.is_there(start), "the period is not over");
        assert!(crowd.is_there(start + PERIOD));
        asks(&mut crowd, CROWD - 1);
        asks(&mut crowd, CROWD - 1);
        assert!(crowd.is_there(start + PERIOD), "as it was counted last");
        assert!(!crowd.is_there(start + 2 * PERIOD), "nobody counts twice");
        asks(&mut crowd, CROWD);
        assert!(crowd.is_there(start + 3 * PERIOD));
        assert!(!crowd.is_there(start + 4 * PERIOD), "nobody asks");
    }
}
