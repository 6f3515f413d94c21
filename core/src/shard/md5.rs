//! MD5 (RFC 1321), for placements that hash with it; it protects nothing.

/// Bytes that are taken in at a time.
const BLOCK: usize = 64;

/// RFC 1321, 3.4: how far each step of a round turns its word, four by turns.
const TURNS: [[u32; 4]; 4] = [
    [7, 12, 17, 22],
    [5, 9, 14, 20],
    [4, 11, 16, 23],
    [6, 10, 15, 21],
];

/// RFC 1321, 3.4: the whole part of 2^32 times the sine of 1, 2, … 64 (in radians, without sign).
const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

/// A digest in the making.
///
/// ```
/// use redis_ipc_core::shard::md5::Md5;
///
/// let mut digest = Md5::new();
/// digest.update(b"message ");
/// digest.update(b"digest");
/// assert_eq!(digest.finish()[..4], [0xf9, 0x6b, 0x69, 0x7d]);
/// ```
#[derive(Debug, Clone)]
pub struct Md5 {
    state: [u32; 4],
    /// Bytes so far, those in `waiting` included.
    length: u64,
    /// Bytes that do not fill a block yet, and how many.
    waiting: [u8; BLOCK],
    held: usize,
}

impl Md5 {
    /// The digest of nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476],
            length: 0,
            waiting: [0; BLOCK],
            held: 0,
        }
    }

    /// Takes in more bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        loop {
            let (part, rest) = bytes.split_at(bytes.len().min(BLOCK - self.held));
            let end = self.held + part.len();
            if let Some(room) = self.waiting.get_mut(self.held..end) {
                room.copy_from_slice(part);
            }
            self.length = self.length.wrapping_add(part.len() as u64);
            self.held = end % BLOCK;
            if end < BLOCK {
                return;
            }
            mix(&mut self.state, &self.waiting);
            bytes = rest;
        }
    }

    /// The digest of all bytes so far.
    #[must_use]
    pub fn finish(mut self) -> [u8; 16] {
        // RFC 1321, 3.1 and 3.2: a one bit, zeroes, and the length in bits in the last 8 bytes.
        let bits = self.length.wrapping_mul(8).to_le_bytes();
        let held = self.held;
        let zeroes = if held < BLOCK - 8 {
            BLOCK - 8 - held
        } else {
            2 * BLOCK - 8 - held
        };
        let mut padding = [0; BLOCK];
        padding[0] = 0x80;
        self.update(padding.get(..zeroes).unwrap_or_default());
        self.update(&bits);
        let mut digest = [0; 16];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(self.state) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        digest
    }
}

impl Default for Md5 {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Write for Md5 {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.update(text.as_bytes());
        Ok(())
    }
}

/// The digest of `bytes`.
#[must_use]
pub fn md5(bytes: &[u8]) -> [u8; 16] {
    let mut digest = Md5::new();
    digest.update(bytes);
    digest.finish()
}

/// RFC 1321, 3.4: four rounds of sixteen steps over one block.
fn mix(state: &mut [u32; 4], block: &[u8; BLOCK]) {
    let mut words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = u32::from_le_bytes(bytes.try_into().unwrap_or_default());
    }
    let mut mixed = *state;
    // Each round has a function, a stride through the words and a word to begin with.
    round::<0>(&mut mixed, &words, (1, 0), |b, c, d| (b & c) | (!b & d));
    round::<1>(&mut mixed, &words, (5, 1), |b, c, d| (d & b) | (!d & c));
    round::<2>(&mut mixed, &words, (3, 5), |b, c, d| b ^ c ^ d);
    round::<3>(&mut mixed, &words, (7, 0), |b, c, d| c ^ (b | !d));
    for (word, added) in state.iter_mut().zip(mixed) {
        *word = word.wrapping_add(added);
    }
}

#[inline(always)]
fn round<const ROUND: usize>(
    state: &mut [u32; 4],
    words: &[u32; 16],
    (stride, first): (usize, usize),
    function: impl Fn(u32, u32, u32) -> u32,
) {
    let [mut a, mut b, mut c, mut d] = *state;
    for step in 0..16 {
        // All are always there: the indices are less than the lengths.
        let word = words.get((stride * step + first) % 16);
        let sine = SINES.get(16 * ROUND + step);
        let turns = TURNS.get(ROUND).and_then(|turns| turns.get(step % 4));
        let sum = a
            .wrapping_add(function(b, c, d))
            .wrapping_add(word.copied().unwrap_or_default())
            .wrapping_add(sine.copied().unwrap_or_default());
        let turned = sum.rotate_left(turns.copied().unwrap_or_default());
        (a, d, c, b) = (d, c, b, b.wrapping_add(turned));
    }
    *state = [a, b, c, d];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::STRIDE;
    use std::format;
    use std::string::String;

    fn hex(digest: [u8; 16]) -> String {
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_digests_of_the_standard_come_out() {
        // RFC 1321, A.5.
        for (text, digest) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a",
            ),
        ] {
            assert_eq!(hex(md5(text.as_bytes())), digest);
        }
    }

    #[test]
    fn pieces_give_the_digest_of_the_whole_at_every_length_around_a_block() {
        let text = [b'x'; 200];
        for length in (0..text.len()).step_by(STRIDE) {
            let whole = md5(&text[..length]);
            let mut digest = Md5::new();
            for piece in text[..length].chunks(7) {
                digest.update(piece);
            }
            assert_eq!(digest.finish(), whole, "{length}");
        }
        assert_eq!(hex(md5(&text[..55])), "04364420e25c512fd958a70738aa8f72");
        assert_eq!(hex(md5(&text[..56])), "668a72d5ba17f08e62dabcafad6db14b");
        assert_eq!(hex(md5(&text[..64])), "c1bb4f81d892b2d57947682aeb252456");
    }
}
