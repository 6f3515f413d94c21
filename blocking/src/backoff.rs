//! How long to wait before the next attempt to connect.

use std::process;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::endpoint::{Endpoint, Place};

/// The first wait.
const SHORTEST: Duration = Duration::from_millis(1);

/// Waits that double with each failure up to a limit, and vary so that the components of a device
/// do not all come at once.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
    /// State of a small generator; never 0.
    random: u64,
}

impl Backoff {
    /// On a Unix socket an attempt costs next to nothing, and a device wants its service back: a
    /// restarted server is found within 50 ms. Over a network a wait grows to 2 s.
    pub(crate) fn towards(endpoint: &Endpoint) -> Self {
        Self::new(match endpoint.place {
            Place::Unix(_) => Duration::from_millis(50),
            #[cfg(feature = "tcp")]
            Place::Tcp { .. } | Place::Sentinels(_) => Duration::from_secs(2),
        })
    }

    /// `longest`: the limit, before it varies.
    pub(crate) fn new(longest: Duration) -> Self {
        Self {
            next: SHORTEST,
            longest,
            random: seed(),
        }
    }

    /// The next wait: between three quarters and the whole of what doubling gives.
    pub(crate) fn wait(&mut self) -> Duration {
        let whole = self.next.min(self.longest);
        self.next = whole.saturating_mul(2);
        whole - self.up_to_a_quarter(whole)
    }

    /// Something went well: begins anew.
    pub(crate) fn reset(&mut self) {
        self.next = SHORTEST;
    }

    /// At random (xorshift64, by Marsaglia).
    fn up_to_a_quarter(&mut self, whole: Duration) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        whole / 4 * (self.random >> 48) as u32 / (1 << 16)
    }
}

/// Another number in each process and at each moment, its bits spread; never 0.
fn seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanoseconds = since.unwrap_or_default().subsec_nanos();
    let seed = u64::from(process::id()) << 32 | u64::from(nanoseconds);
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_vary_by_a_quarter() {
        let limit = Duration::from_millis(50);
        let mut backoff = Backoff::new(limit);
        let mut whole = SHORTEST;
        for _ in 0..20 {
            let wait = backoff.wait();
            assert!(wait <= whole, "{wait:?} of {whole:?}");
            assert!(wait >= whole.mul_f64(0.75), "{wait:?} of {whole:?}");
            whole = (whole * 2).min(limit);
        }
        backoff.reset();
        assert!(backoff.wait() <= SHORTEST);
    }
}
