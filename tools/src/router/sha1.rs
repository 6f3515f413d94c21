//! SHA-1, by which servers know scripts.
//!
//! Source of the rules: <https://www.rfc-editor.org/rfc/rfc3174>, sections 4 to 6.1.

const BLOCK: usize = 64;

/// The sum of some bytes in 40 hexadecimal digits, as a server writes it.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut state = [
        0x6745_2301,
        0xefcd_ab89,
        0x98ba_dcfe,
        0x1032_5476,
        0xc3d2_e1f0,
    ];
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    blocks.iter().for_each(|block| update(&mut state, block));
    // A one, as many zeros as it takes, and the number of bits.
    let mut tail = rest.to_vec();
    tail.push(0x80);
    while tail.len() % BLOCK != BLOCK - 8 {
        tail.push(0);
    }
    tail.extend((bytes.len() as u64 * 8).to_be_bytes());
    let (blocks, _) = tail.as_chunks::<BLOCK>();
    blocks.iter().for_each(|block| update(&mut state, block));
    state.iter().map(|word| format!("{word:08x}")).collect()
}

fn update(state: &mut [u32; 5], block: &[u8; BLOCK]) {
    let mut words = [0; 80];
    let (given, _) = block.as_chunks::<4>();
    for (word, bytes) in words.iter_mut().zip(given) {
        *word = u32::from_be_bytes(*bytes);
    }
    for at in 16..80 {
        let mixed = words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16];
        words[at] = mixed.rotate_left(1);
    }
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for (at, word) in words.into_iter().enumerate() {
        let (mix, constant) = match at {
            0..20 => ((b & c) | (!b & d), 0x5a82_7999),
            20..40 => (b ^ c ^ d, 0x6ed9_eba1),
            40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let next = a.rotate_left(5).wrapping_add(mix).wrapping_add(e);
        let next = next.wrapping_add(word).wrapping_add(constant);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    for (sum, part) in state.iter_mut().zip([a, b, c, d, e]) {
        *sum = sum.wrapping_add(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standard_at_every_length_of_the_last_block() {
        for (text, sum) in [
            ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
            ),
        ] {
            assert_eq!(hex(text.as_bytes()), sum, "{text}");
        }
        // The sums of 0 to 199 letters, summed up themselves: Python's hashlib says so.
        let all: String = (0..200).map(|count| hex(&vec![b'a'; count])).collect();
        assert_eq!(
            hex(all.as_bytes()),
            "cb062fe66512892ec8c722ee74ff9ac151cc4b61"
        );
    }
}
