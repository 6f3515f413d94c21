//! Who sends a message, and when.

use core::fmt;
use core::time::Duration;

use crate::write::{Writer, decimal};

/// A point in time as the wire has it: seconds since 1970 and microseconds, `seconds.microseconds`.
///
/// ```
/// use redis_ipc_core::dialect::redis_ipc::Timestamp;
///
/// let timestamp = Timestamp { seconds: 1_600_000_000, microseconds: 42 };
/// assert_eq!(timestamp.to_string(), "1600000000.000042");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Seconds since 1970-01-01 UTC.
    pub seconds: u64,
    /// Microseconds, 0 to 999,999; more are written as whole seconds.
    pub microseconds: u32,
}

impl Timestamp {
    /// Reads what [`Display`](fmt::Display) writes; `None` for anything else.
    ///
    /// ```
    /// use redis_ipc_core::dialect::redis_ipc::Timestamp;
    ///
    /// let timestamp = Timestamp { seconds: 1_600_000_000, microseconds: 42 };
    /// assert_eq!(Timestamp::parse("1600000000.000042"), Some(timestamp));
    /// assert_eq!(Timestamp::parse("1600000000.42"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (seconds, microseconds) = text.split_once('.')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if microseconds.len() != 6 || !digits(seconds) || !digits(microseconds) {
            return None;
        }
        Some(Self {
            seconds: seconds.parse().ok()?,
            microseconds: microseconds.parse().ok()?,
        })
    }

    /// The same moment, later by `time`; at most the last one there is.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        let whole = Duration::new(self.seconds, self.microseconds.min(999_999) * 1000);
        let later = whole.saturating_add(time);
        Self {
            seconds: later.as_secs(),
            microseconds: later.subsec_micros(),
        }
    }

    #[inline]
    pub(super) fn write(self, w: &mut Writer<'_>) {
        let carried = u64::from(self.microseconds / 1_000_000);
        w.put_decimal(self.seconds.saturating_add(carried));
        let rest = self.microseconds % 1_000_000;
        let [a, b] = decimal::pair(rest / 10_000);
        let [c, d] = decimal::pair(rest / 100);
        let [e, f] = decimal::pair(rest);
        w.put(&[b'.', a, b, c, d, e, f]);
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut room = [0; 27];
        let mut w = Writer::new(&mut room);
        self.write(&mut w);
        f.write_str(core::str::from_utf8(w.since(0)).unwrap_or_default())
    }
}

/// Who sends a message, and when.
///
/// ```
/// use redis_ipc_core::dialect::redis_ipc::{Stamp, Timestamp, finish_event};
/// use redis_ipc_core::write::Writer;
///
/// let timestamp = Timestamp { seconds: 7, microseconds: 0 };
/// let stamp = Stamp { timestamp, component: "printer", thread: "main", tid: 99 };
/// let mut buffer = [0; 128];
/// let mut w = Writer::new(&mut buffer);
/// w.put(br#"{"tray":2}"#);
/// finish_event(&mut w, 0, "channel.events.printer", &stamp)?;
/// assert_eq!(
///     w.since(0),
///     br#"{"tray":2,"channel":"channel.events.printer","timestamp":"7.000000","component":"printer","thread":"main","tid":99}"#
/// );
/// # Ok::<(), redis_ipc_core::dialect::redis_ipc::EnvelopeError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// When the message was made.
    pub timestamp: Timestamp,
    /// The sender's component.
    pub component: &'a str,
    /// The sender's thread, by name.
    pub thread: &'a str,
    /// The sender's thread, by the system's number.
    pub tid: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_have_six_digits_behind_the_point() {
        for (seconds, microseconds, text) in [
            (0, 0, "0.000000"),
            (1, 999_999, "1.999999"),
            (1, 1_000_001, "2.000001"),
            (u64::MAX, u32::MAX, "18446744073709551615.967295"),
        ] {
            let timestamp = Timestamp {
                seconds,
                microseconds,
            };
            assert_eq!(std::format!("{timestamp}"), text);
        }
    }
}
