//! Writing requests: arrays of bulks, the only form that servers take from clients here.
//!
//! ```
//! use redis_ipc_core::resp::request;
//! use redis_ipc_core::write::Writer;
//!
//! let mut buffer = [0; 64];
//! let mut writer = Writer::new(&mut buffer);
//! request::command(&mut writer, &[b"LPOP", b"queues.commands.printer"]);
//! let bytes = writer.finish().unwrap();
//! assert_eq!(bytes, b"*2\r\n$4\r\nLPOP\r\n$23\r\nqueues.commands.printer\r\n");
//! ```

use core::time::Duration;

use crate::write::{Writer, decimal};

/// Digits that [`bulk_with`] makes room for beforehand: those of 100 to 999 bytes, as messages of
/// components mostly have.
const LIKELY_DIGITS: usize = 3;

/// Bytes of the longest bulk whose length has that many digits.
const LIKELY_BYTES: usize = 999;

/// Ten digits of [`LONGEST_WAIT`], a point and three digits.
const MAX_SECONDS: usize = 14;

/// The longest wait that a server is asked for; redis-server refuses numbers that overflow its
/// clock.
const LONGEST_WAIT: Duration = Duration::from_secs(1_000_000_000);

/// Opens a request of `count` bulks, the command's name included; they are written next.
#[inline]
pub fn array(w: &mut Writer<'_>, count: usize) {
    header(w, b'*', count);
}

/// Writes one bulk of any bytes.
pub fn bulk(w: &mut Writer<'_>, bytes: &[u8]) {
    // Header, bytes and line end in one piece: a pipeline writes little else.
    match digits(bytes.len()) {
        Digits::One([a]) => w.put_between([b'$', a, b'\r', b'\n'], bytes, *b"\r\n"),
        Digits::Two([a, b]) => w.put_between([b'$', a, b, b'\r', b'\n'], bytes, *b"\r\n"),
        Digits::Three([a, b, c]) => {
            w.put_between([b'$', a, b, c, b'\r', b'\n'], bytes, *b"\r\n");
        }
        Digits::More => {
            long_header(w, b'$', bytes.len());
            w.put_between([], bytes, *b"\r\n");
        }
    }
}

/// Writes `number` in decimal digits as a bulk.
pub fn bulk_number(w: &mut Writer<'_>, number: i64) {
    let mut room = [0; decimal::MAX_DIGITS];
    let digits = decimal::digits(number.unsigned_abs(), &mut room);
    let sign: &[u8] = if number < 0 { b"-" } else { b"" };
    header(w, b'$', sign.len() + digits.len());
    w.put(sign);
    w.put(digits);
    w.put(b"\r\n");
}

/// Writes a whole request: `parts` are the command's name and its arguments.
pub fn command(w: &mut Writer<'_>, parts: &[&[u8]]) {
    array(w, parts.len());
    for part in parts {
        bulk(w, part);
    }
}

/// Writes `EXPIRE key seconds`: a part of a second counts as a whole one.
///
/// ```
/// use core::time::Duration;
/// use redis_ipc_core::{resp::request, write::Writer};
///
/// let mut buffer = [0; 64];
/// let mut writer = Writer::new(&mut buffer);
/// request::expire(&mut writer, b"reply:c:1", Duration::from_millis(9500));
/// assert_eq!(writer.finish().unwrap(), b"*3\r\n$6\r\nEXPIRE\r\n$9\r\nreply:c:1\r\n$2\r\n10\r\n");
/// ```
pub fn expire(w: &mut Writer<'_>, key: &[u8], life: Duration) {
    let seconds = life.as_secs() + u64::from(life.subsec_nanos() > 0);
    array(w, 3);
    bulk(w, b"EXPIRE");
    bulk(w, key);
    bulk_number(w, i64::try_from(seconds).unwrap_or(i64::MAX));
}

/// Writes `BLPOP key seconds`, with milliseconds where they matter and never zero, which would mean
/// for ever.
///
/// ```
/// use core::time::Duration;
/// use redis_ipc_core::{resp::request, write::Writer};
///
/// let mut buffer = [0; 64];
/// let mut writer = Writer::new(&mut buffer);
/// request::blpop(&mut writer, b"reply:c:1", Duration::from_millis(2050));
/// assert_eq!(writer.finish().unwrap(), b"*3\r\n$5\r\nBLPOP\r\n$9\r\nreply:c:1\r\n$5\r\n2.050\r\n");
/// ```
pub fn blpop(w: &mut Writer<'_>, key: &[u8], timeout: Duration) {
    array(w, 3);
    bulk(w, b"BLPOP");
    bulk(w, key);
    let mut room = [0; MAX_SECONDS];
    let mut seconds = Writer::new(&mut room);
    write_seconds(&mut seconds, timeout);
    bulk(w, seconds.since(0));
}

/// Writes what `body` writes as one bulk.
///
/// The length stands before the bytes it counts and servers refuse leading zeroes in it, so what
/// `body` wrote is moved by a few bytes where the length has more or fewer digits than expected.
/// `body` must not take back bytes that were there before it.
///
/// ```
/// use redis_ipc_core::resp::request;
/// use redis_ipc_core::write::Writer;
///
/// let mut buffer = [0; 32];
/// let mut writer = Writer::new(&mut buffer);
/// request::bulk_with(&mut writer, |w| w.put(b"{\"x\": 1}"));
/// assert_eq!(writer.finish().unwrap(), b"$8\r\n{\"x\": 1}\r\n");
/// ```
pub fn bulk_with(w: &mut Writer<'_>, body: impl FnOnce(&mut Writer<'_>)) {
    let start = w.len();
    let reserved = reserved_digits(w);
    let blank: &[u8] = if reserved == 1 {
        b"$0\r\n"
    } else {
        b"$000\r\n"
    };
    w.put(blank);
    let from = w.len();
    body(w);
    let length = w.len().saturating_sub(from);
    fit_digits(w, start + 1, reserved, decimal::count(length as u64));
    let mut room = [0; decimal::MAX_DIGITS];
    w.overwrite(start + 1, decimal::digits(length as u64, &mut room));
    w.put(b"\r\n");
}

/// Room for more than one digit is made only where a shorter body cannot run over the end: bytes
/// that were dropped there would not come back when the room is closed again.
fn reserved_digits(w: &Writer<'_>) -> usize {
    let room = w.capacity().saturating_sub(w.len());
    let roomy = b"$\r\n".len() + LIKELY_DIGITS + LIKELY_BYTES;
    if room >= roomy { LIKELY_DIGITS } else { 1 }
}

fn fit_digits(w: &mut Writer<'_>, at: usize, reserved: usize, needed: usize) {
    if needed > reserved {
        w.open_gap(at, needed - reserved);
    } else if needed < reserved {
        w.close_gap(at, reserved - needed);
    }
}

/// Most numbers here have one to three digits: such a header is put in one piece.
#[inline]
fn header(w: &mut Writer<'_>, kind: u8, number: usize) {
    match digits(number) {
        Digits::One([a]) => w.put(&[kind, a, b'\r', b'\n']),
        Digits::Two([a, b]) => w.put(&[kind, a, b, b'\r', b'\n']),
        Digits::Three([a, b, c]) => w.put(&[kind, a, b, c, b'\r', b'\n']),
        Digits::More => long_header(w, kind, number),
    }
}

fn long_header(w: &mut Writer<'_>, kind: u8, number: usize) {
    w.put_byte(kind);
    w.put_decimal(number as u64);
    w.put(b"\r\n");
}

/// The digits of a number that has few.
enum Digits {
    One([u8; 1]),
    Two([u8; 2]),
    Three([u8; 3]),
    More,
}

#[inline(always)]
fn digits(number: usize) -> Digits {
    let number = number as u64;
    match number {
        0..10 => Digits::One([digit(number)]),
        10..100 => Digits::Two([digit(number / 10), digit(number)]),
        100..1000 => Digits::Three([digit(number / 100), digit(number / 10), digit(number)]),
        _ => Digits::More,
    }
}

#[inline(always)]
fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}

/// Writes a time-out for BLPOP: seconds with up to three decimals, rounded up to at least one
/// millisecond.
fn write_seconds(w: &mut Writer<'_>, timeout: Duration) {
    let timeout = timeout.min(LONGEST_WAIT);
    let milliseconds = timeout.subsec_nanos().div_ceil(1_000_000);
    let seconds = timeout.as_secs() + u64::from(milliseconds / 1000);
    let milliseconds = match milliseconds % 1000 {
        0 if seconds == 0 => 1,
        rest => rest,
    };
    w.put_decimal(seconds);
    if milliseconds == 0 {
        return;
    }
    w.put_byte(b'.');
    // Three digits with leading zeroes: the first digit of 1000 + n is cut off.
    let mut digits = [0; decimal::MAX_DIGITS];
    let thousand = decimal::digits(1000 + u64::from(milliseconds), &mut digits);
    w.put(thousand.get(1..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::STRIDE;
    use std::vec::Vec;
    use std::{format, vec};

    fn written(capacity: usize, write: impl FnOnce(&mut Writer<'_>)) -> Result<Vec<u8>, usize> {
        let mut buffer = vec![0; capacity];
        let mut writer = Writer::new(&mut buffer);
        write(&mut writer);
        writer
            .finish()
            .map(|bytes| bytes.to_vec())
            .map_err(|e| e.needed)
    }

    #[test]
    fn a_command_is_an_array_of_bulks() {
        let bytes = written(64, |w| command(w, &[b"RPUSH", b"queue", b"", b"\xff\r\n"]));
        let golden = b"*4\r\n$5\r\nRPUSH\r\n$5\r\nqueue\r\n$0\r\n\r\n$3\r\n\xff\r\n\r\n";
        assert_eq!(bytes.unwrap(), golden);
    }

    #[test]
    fn headers_hold_plain_decimal_numbers() {
        for count in (0..1200).step_by(STRIDE).chain([9_999, 10_000, 1_048_576]) {
            let bytes = written(16, |w| array(w, count)).unwrap();
            assert_eq!(bytes, format!("*{count}\r\n").as_bytes());
        }
    }

    #[test]
    fn numbers_are_bulks_of_their_digits() {
        let bytes = written(64, |w| {
            bulk_number(w, 0);
            bulk_number(w, -12);
            bulk_number(w, i64::MIN);
        });
        let golden = b"$1\r\n0\r\n$3\r\n-12\r\n$20\r\n-9223372036854775808\r\n";
        assert_eq!(bytes.unwrap(), golden);
    }

    #[test]
    fn a_bulk_of_unknown_length_is_like_one_of_known_length() {
        const LONGEST: usize = if cfg!(miri) { 12_000 } else { 70_000 };
        for length in [0, 1, 9, 10, 99, 100, 220, 999, 1000, 9999, 10_000, LONGEST] {
            let body = vec![b'x'; length];
            let plain = written(80_000, |w| bulk(w, &body)).unwrap();
            for capacity in [plain.len(), plain.len() + 1, plain.len() + 5, 80_000] {
                let bytes = written(capacity, |w| bulk_with(w, |w| w.put(&body)));
                assert_eq!(bytes.as_deref(), Ok(&plain[..]), "{length} in {capacity}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_counted_exactly() {
        for length in [0, 1, 9, 10, 99, 100, 220, 999, 1000, 9999] {
            let body = vec![b'x'; length];
            let needed = format!("${length}\r\n\r\n").len() + length;
            for capacity in [0, 1, 5, needed / 2, needed - 2, needed - 1] {
                let piecewise = written(capacity, |w| {
                    bulk_with(w, |w| body.iter().for_each(|byte| w.put_byte(*byte)));
                });
                assert_eq!(piecewise, Err(needed), "{length} in {capacity}");
                assert_eq!(written(capacity, |w| bulk(w, &body)), Err(needed));
            }
        }
    }
}
