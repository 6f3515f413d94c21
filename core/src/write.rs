//! A writer into a buffer of fixed size that counts on past its end.
//!
//! Nothing here fails in the middle: what does not fit is counted and dropped, and the one who
//! asked for the bytes learns at the end how many there would have been. A caller with a fixed
//! buffer reports both sizes; a caller whose buffer may grow grows it once and writes again.

use core::fmt;

use crate::bytes;

/// A message is longer than the room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// Bytes the message takes, or as many as were counted before it was given up.
    pub needed: usize,
    /// Bytes there are.
    pub capacity: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed, capacity } = self;
        write!(f, "message of {needed} bytes does not fit {capacity} bytes")
    }
}

impl core::error::Error for TooLong {}

/// Appends to a borrowed buffer; never writes past its end, never allocates.
///
/// ```
/// use redis_ipc_core::write::{TooLong, Writer};
///
/// let mut buffer = [0; 8];
/// let mut writer = Writer::new(&mut buffer);
/// writer.put(b"PING ");
/// writer.put_decimal(12345);
/// assert_eq!(writer.finish(), Err(TooLong { needed: 10, capacity: 8 }));
/// ```
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    /// Bytes asked for so far; those past the buffer's end were only counted.
    length: usize,
    /// The greatest length past the buffer's end so far, 0 if there was none. It stays when the
    /// length goes back: bytes were dropped, and what is left has holes where they belong.
    overflow: usize,
}

impl<'b> Writer<'b> {
    /// Starts at the beginning of `buffer`.
    pub fn new(buffer: &'b mut [u8]) -> Self {
        Self {
            buffer,
            length: 0,
            overflow: 0,
        }
    }

    /// Appends `bytes`.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        // In two steps, for the compiler to see that room and bytes are of one length.
        let free = self.buffer.get_mut(self.length..).unwrap_or_default();
        match free.get_mut(..bytes.len()) {
            Some(room) => bytes::copy(room, bytes),
            None => self.overflow(end),
        }
        self.length = end;
    }

    /// Appends `bytes` between a head and a tail of fixed length, or counts them all if they do
    /// not fit together.
    #[inline]
    pub(crate) fn put_between<const H: usize, const T: usize>(
        &mut self,
        head: [u8; H],
        bytes: &[u8],
        tail: [u8; T],
    ) {
        let end = self.length.saturating_add(H + bytes.len() + T);
        match self.buffer.get_mut(self.length..end) {
            Some(room) => fill(room, head, bytes, tail),
            None => self.overflow(end),
        }
        self.length = end;
    }

    /// Appends one byte.
    #[inline]
    pub fn put_byte(&mut self, byte: u8) {
        let end = self.length.saturating_add(1);
        match self.buffer.get_mut(self.length) {
            Some(room) => *room = byte,
            None => self.overflow(end),
        }
        self.length = end;
    }

    /// Appends `number` in decimal digits.
    #[inline]
    pub fn put_decimal(&mut self, number: u64) {
        let mut digits = [0; decimal::MAX_DIGITS];
        self.put(decimal::digits(number, &mut digits));
    }

    /// Appends `number` in decimal digits, with a minus sign where it is negative.
    pub fn put_signed(&mut self, number: i64) {
        if number < 0 {
            self.put_byte(b'-');
        }
        self.put_decimal(number.unsigned_abs());
    }

    /// Bytes asked for so far, those that did not fit included.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing was appended yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Bytes the buffer holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buffer.len()
    }

    /// Whether there was always room; once some bytes were dropped, it says no for good.
    #[must_use]
    #[inline]
    pub fn fits(&self) -> bool {
        self.overflow == 0
    }

    /// The bytes appended since the length was `start`; empty if any were dropped.
    #[must_use]
    pub fn since(&self, start: usize) -> &[u8] {
        let end = if self.fits() { self.length } else { start };
        self.buffer.get(start..end).unwrap_or_default()
    }

    /// The bytes appended since the length was `start`, to be changed in place; empty if any
    /// were dropped.
    pub fn since_mut(&mut self, start: usize) -> &mut [u8] {
        let end = if self.fits() { self.length } else { start };
        self.buffer.get_mut(start..end).unwrap_or_default()
    }

    /// Forgets all bytes from length `length` on; does nothing if there are no more than that.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Makes `count` bytes of room at `position` by moving what stands behind it; the room holds
    /// whatever was there before.
    pub fn open_gap(&mut self, position: usize, count: usize) {
        let end = self.length.saturating_add(count);
        if end > self.buffer.len() {
            self.overflow(end);
        } else if position <= self.length {
            bytes::shift(self.buffer, position..self.length, position + count);
        }
        self.length = end;
    }

    /// Takes `count` bytes at `position` out and closes the gap.
    pub fn close_gap(&mut self, position: usize, count: usize) {
        let from = position.saturating_add(count);
        if from <= self.length && self.fits() {
            bytes::shift(self.buffer, from..self.length, position);
        }
        self.length = self.length.saturating_sub(count);
    }

    /// Overwrites bytes from `position` on; what does not lie in the buffer is left out.
    pub fn overwrite(&mut self, position: usize, bytes: &[u8]) {
        let end = position.saturating_add(bytes.len());
        if let Some(room) = self.buffer.get_mut(position..end) {
            bytes::copy(room, bytes);
        }
    }

    /// What was written.
    ///
    /// # Errors
    /// [`TooLong`] with both sizes if any bytes were dropped. The size needed is that of the
    /// message; if bytes were taken out after there was no room, it is what there would have been
    /// without that.
    #[inline]
    pub fn finish(self) -> Result<&'b mut [u8], TooLong> {
        let capacity = self.buffer.len();
        let too_long = TooLong {
            needed: if self.length > capacity {
                self.length
            } else {
                self.overflow
            },
            capacity,
        };
        match self.overflow {
            0 => self.buffer.get_mut(..self.length).ok_or(too_long),
            _ => Err(too_long),
        }
    }

    #[cold]
    fn overflow(&mut self, length: usize) {
        self.overflow = self.overflow.max(length);
    }
}

impl fmt::Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

/// Copies all three into a room of their size.
#[inline(always)]
fn fill<const H: usize, const T: usize>(
    room: &mut [u8],
    head: [u8; H],
    bytes: &[u8],
    tail: [u8; T],
) {
    if let Some((place, rest)) = room.split_first_chunk_mut() {
        *place = head;
        if let Some((middle, place)) = rest.split_last_chunk_mut() {
            *place = tail;
            bytes::copy(middle, bytes);
        }
    }
}

/// Decimal digits of a number, without the machinery of `core::fmt`.
pub mod decimal {
    use core::ops::{DivAssign, Rem};

    use crate::bytes;

    /// Digits of `u64::MAX`.
    pub const MAX_DIGITS: usize = 20;

    /// Writes `number` into the end of `room` and returns the digits.
    #[inline]
    pub fn digits(number: u64, room: &mut [u8; MAX_DIGITS]) -> &[u8] {
        match u32::try_from(number) {
            Ok(number) => divided(number, room),
            // Where it is a call of its own, a division of 64 bits takes 800 bytes of flash.
            Err(_) if usize::BITS < u64::BITS => subtracted(number, room),
            Err(_) => divided(number, room),
        }
    }

    /// Two digits at a time.
    #[inline]
    fn divided<N>(mut number: N, room: &mut [u8; MAX_DIGITS]) -> &[u8]
    where
        N: Copy + PartialEq + From<u8> + DivAssign + Rem<Output = N> + TryInto<u32>,
    {
        let (zero, hundred) = (N::from(0), N::from(100));
        let mut first = MAX_DIGITS;
        for place in room.chunks_exact_mut(2).rev() {
            // The remainder of a division by a hundred is below a hundred.
            let rest = (number % hundred).try_into().unwrap_or_default();
            bytes::copy(place, &pair(rest));
            first -= 2;
            number /= hundred;
            if number == zero {
                break;
            }
        }
        let digits = room.get(first..).unwrap_or_default();
        match digits {
            [b'0', last] => core::slice::from_ref(last),
            [b'0', rest @ ..] => rest,
            _ => digits,
        }
    }

    /// Digit for digit, by how often its power of ten can be taken off.
    #[cold]
    fn subtracted(mut number: u64, room: &mut [u8; MAX_DIGITS]) -> &[u8] {
        let mut power = 10_000_000_000_000_000_000;
        let mut zeros = 0;
        for (index, place) in room.iter_mut().enumerate() {
            let mut digit = b'0';
            while number >= power {
                number -= power;
                digit += 1;
            }
            if digit == b'0' && zeros == index {
                zeros += 1;
            }
            *place = digit;
            power = POWERS.get(index).copied().unwrap_or(1);
        }
        room.get(zeros.min(MAX_DIGITS - 1)..).unwrap_or_default()
    }

    /// Those below the highest one.
    const POWERS: [u64; MAX_DIGITS - 1] = powers();

    #[expect(
        clippy::indexing_slicing,
        reason = "runs while compiling, where a fault is an error of the build"
    )]
    const fn powers() -> [u64; MAX_DIGITS - 1] {
        let mut powers = [1; MAX_DIGITS - 1];
        let mut index = MAX_DIGITS - 2;
        while index > 0 {
            index -= 1;
            powers[index] = 10 * powers[index + 1];
        }
        powers
    }

    /// The last two digits of a number.
    #[must_use]
    #[inline]
    pub const fn pair(number: u32) -> [u8; 2] {
        let tens = number / 10 % 10;
        let ones = number % 10;
        [b'0' + tens as u8, b'0' + ones as u8]
    }

    /// How many digits `number` has.
    #[must_use]
    #[inline]
    pub const fn count(number: u64) -> usize {
        match number.checked_ilog10() {
            Some(exponent) => exponent as usize + 1,
            None => 1,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::STRIDE;

        #[test]
        fn both_ways_give_the_same_digits() {
            let mut number = 1_u64;
            for step in (0..2000).step_by(STRIDE) {
                number = number
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                for number in [
                    number >> (step % 64),
                    10_u64.pow(step % 20),
                    10_u64.pow(step % 20) - 1,
                ] {
                    let (mut one, mut other) = ([0; MAX_DIGITS], [0; MAX_DIGITS]);
                    assert_eq!(subtracted(number, &mut one), divided(number, &mut other));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted_and_not_written() {
        let mut buffer = [b'.'; 4];
        let mut writer = Writer::new(&mut buffer);
        writer.put(b"abc");
        writer.put(b"de");
        writer.put_byte(b'f');
        assert_eq!(
            writer.finish(),
            Err(TooLong {
                needed: 6,
                capacity: 4
            })
        );
        assert_eq!(&buffer, b"abc.");
    }

    #[test]
    fn gaps_open_and_close() {
        let mut buffer = [0; 16];
        let mut writer = Writer::new(&mut buffer);
        writer.put(b"headtail");
        writer.open_gap(4, 2);
        writer.overwrite(4, b"--");
        assert_eq!(writer.since(0), b"head--tail");
        writer.close_gap(4, 2);
        assert_eq!(writer.since(0), b"headtail");
    }

    #[test]
    fn a_gap_past_the_end_is_counted() {
        let mut buffer = [0; 4];
        let mut writer = Writer::new(&mut buffer);
        writer.put(b"abcd");
        writer.open_gap(1, 3);
        assert_eq!(writer.finish().map_err(|e| e.needed), Err(7));
    }

    #[test]
    fn dropped_bytes_are_not_forgotten_when_the_length_goes_back() {
        let take_back: [fn(&mut Writer<'_>); 3] = [
            |w| w.truncate(2),
            |w| w.close_gap(0, 4),
            |w| {
                w.truncate(0);
                w.put(b"new");
            },
        ];
        let drop_some: [fn(&mut Writer<'_>); 3] = [
            |w| w.put(b"cdef"),
            |w| b"cdef".iter().for_each(|byte| w.put_byte(*byte)),
            |w| w.open_gap(1, 4),
        ];
        for drop_some in drop_some {
            for take_back in take_back {
                let mut buffer = [b'.'; 4];
                let mut writer = Writer::new(&mut buffer);
                writer.put(b"ab");
                drop_some(&mut writer);
                take_back(&mut writer);
                assert!(!writer.fits());
                assert!(writer.since(0).is_empty() && writer.since_mut(0).is_empty());
                let refused = TooLong {
                    needed: 6,
                    capacity: 4,
                };
                assert_eq!(writer.finish(), Err(refused));
            }
        }
    }

    #[test]
    fn decimals_at_the_ends_of_their_range() {
        for number in [0, 9, 10, 99, 100, u64::MAX - 1, u64::MAX] {
            let mut room = [0; decimal::MAX_DIGITS];
            let expected = std::format!("{number}");
            assert_eq!(decimal::digits(number, &mut room), expected.as_bytes());
            assert_eq!(decimal::count(number), expected.len());
        }
        let mut buffer = [0; 20];
        let mut writer = Writer::new(&mut buffer);
        writer.put_signed(i64::MIN);
        assert_eq!(writer.since(0), b"-9223372036854775808");
    }
}
