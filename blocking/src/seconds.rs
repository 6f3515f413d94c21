//! A time as people read it.

use std::fmt;
use std::time::Duration;

/// Shows a time in seconds, with as many digits behind the point as it takes: `5`, `0.25`; from a
/// millisecond on with three at most, from a microsecond on with six.
///
/// In whole numbers: what prints a floating-point number takes 20 kB of a program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_secs())?;
        let (mut fraction, mut width) = match (self.0.as_secs(), self.0.subsec_nanos()) {
            (0, nanos @ 0..1_000) => (nanos, 9),
            (0, 1_000..1_000_000) => (self.0.subsec_micros(), 6),
            _ => (self.0.subsec_millis(), 3),
        };
        if fraction == 0 {
            return Ok(());
        }
        while fraction % 10 == 0 {
            fraction /= 10;
            width -= 1;
        }
        write!(f, ".{fraction:0width$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_the_digits_that_it_needs() {
        for (nanoseconds, shown) in [
            (0, "0"),
            (5_000_000_000, "5"),
            (250_000_000, "0.25"),
            (60_050_000_000, "60.05"),
            (1, "0.000000001"),
            (123_456, "0.000123"),
            (123_456_789, "0.123"),
            (999_837_007, "0.999"),
            (10_123_456_789, "10.123"),
            (4_000_456_789, "4"),
            (5_010_000_000, "5.01"),
        ] {
            let time = Seconds(Duration::from_nanos(nanoseconds));
            assert_eq!(time.to_string(), shown);
        }
    }
}
