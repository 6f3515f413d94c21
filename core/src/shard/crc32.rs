//! CRC-32 as zlib, gzip and Ethernet have it (reflected, polynomial 0x04C11DB7).

/// The polynomial, its lowest power in the highest bit.
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// The remainder of each byte value.
const TABLE: [u32; 256] = table();

/// A checksum in the making.
///
/// ```
/// use redis_ipc_core::shard::crc32::{Crc32, crc32};
///
/// let mut sum = Crc32::new();
/// sum.update(b"1234");
/// sum.update(b"56789");
/// assert_eq!(sum.finish(), 0xCBF4_3926);
/// assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
/// ```
#[derive(Debug, Clone)]
pub struct Crc32 {
    state: u32,
}

impl Crc32 {
    /// The sum of nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: !0 }
    }

    /// Takes in more bytes.
    #[inline]
    pub fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let [low, ..] = self.state.to_le_bytes();
            // The index is a byte and the table has one entry each: it is always there.
            let remainder = TABLE.get(usize::from(low ^ byte));
            self.state = (self.state >> 8) ^ remainder.copied().unwrap_or_default();
        }
    }

    /// The sum of all bytes so far.
    #[must_use]
    pub const fn finish(&self) -> u32 {
        !self.state
    }
}

impl Default for Crc32 {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Write for Crc32 {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.update(text.as_bytes());
        Ok(())
    }
}

/// The sum of `bytes`.
#[must_use]
#[inline]
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = Crc32::new();
    sum.update(bytes);
    sum.finish()
}

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "runs while compiling, where a fault is an error of the build"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut remainder = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            let odd = remainder & 1 == 1;
            remainder = (remainder >> 1) ^ if odd { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        table[byte] = remainder;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::vectors;
    use super::*;

    #[test]
    fn every_sum_is_the_one_that_zlib_gives() {
        let sums = vectors::load();
        for (key, sum) in vectors::keys(&sums).zip(vectors::numbers(&sums, "/crc32")) {
            assert_eq!(u64::from(crc32(key.as_bytes())), sum, "{key:?}");
        }
    }

    #[test]
    fn pieces_give_the_sum_of_the_whole() {
        let text = b"queues.commands.printer";
        for cut in 0..=text.len() {
            let mut sum = Crc32::new();
            sum.update(&text[..cut]);
            sum.update(&text[cut..]);
            assert_eq!(sum.finish(), crc32(text));
        }
    }
}
