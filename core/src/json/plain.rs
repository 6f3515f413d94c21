//! Bytes that may stand in a JSON text as they are, looked at a machine word at a time.

/// Offset of the first byte from `at` on that may not stand in a text as it is: a quote, a
/// backslash, a control character. The text's length if there is none.
#[inline]
pub(super) fn end(text: &[u8], at: usize) -> usize {
    let mut rest = text.get(at..).unwrap_or_default();
    while let Some((bytes, behind)) = rest.split_first_chunk() {
        let found = word::specials(usize::from_le_bytes(*bytes));
        if found != 0 {
            return text.len() - rest.len() + word::first(found);
        }
        rest = behind;
    }
    let special = rest.iter().position(is_special);
    text.len() - rest.len() + special.unwrap_or(rest.len())
}

/// Whether every byte may stand in a text as it is.
#[inline]
pub(super) fn whole(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk() else {
        return !text.iter().any(is_special);
    };
    // The last word is looked at whole, whatever of it was looked at before.
    let mut found = word::specials(usize::from_le_bytes(*last));
    let mut rest = text;
    while let Some((bytes, behind)) = rest.split_first_chunk() {
        found |= word::specials(usize::from_le_bytes(*bytes));
        rest = behind;
    }
    found == 0
}

const fn is_special(byte: &u8) -> bool {
    matches!(*byte, b'"' | b'\\' | 0..0x20)
}

/// A machine word of text examined at once.
mod word {
    const ONES: usize = usize::MAX / 0xff;

    /// The high bit of the first byte that is a quote, a backslash or a control character, and of
    /// none before it. Behind it bits may be set wrongly: subtracting borrows from the next byte.
    #[inline]
    pub(super) const fn specials(word: usize) -> usize {
        // With this bit turned the quote and the control characters, but no others, are below 0x21.
        let low = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
        let backslash = (word ^ (ONES * b'\\' as usize)).wrapping_sub(ONES);
        (low | backslash) & !word & (ONES * 0x80)
    }

    /// Which byte the lowest find is.
    #[inline]
    pub(super) const fn first(found: usize) -> usize {
        (found.trailing_zeros() / 8) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::STRIDE;

    #[test]
    fn a_special_byte_is_found_at_every_place_of_a_word() {
        for length in (0..40).step_by(STRIDE.min(7)) {
            for at in 0..length {
                for special in [b'"', b'\\', 0, 0x1f, b'\n'] {
                    for around in [b'a', b' ', b'!', b'#', b']', b'[', 0x7f, 0x80, 0xff] {
                        let mut text = std::vec![around; length];
                        text[at] = special;
                        assert_eq!(end(&text, 0), at);
                    }
                }
            }
            assert_eq!(end(&std::vec![b'x'; length], 0), length);
        }
    }
}
