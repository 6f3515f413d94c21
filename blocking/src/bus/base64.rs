//! Base64 (RFC 4648, section 4), with padding.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `bytes` as text.
pub(super) fn encode(bytes: &[u8], text: &mut String) {
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place > chunk.len() {
                text.push('=');
                continue;
            }
            let digit = group >> (18 - 6 * place) & 63;
            text.push(char::from(ALPHABET[digit as usize]));
        }
    }
}

/// Appends the bytes that `text` stands for; says whether it is base64.
pub(super) fn decode(text: &str, bytes: &mut Vec<u8>) -> bool {
    let text = text.as_bytes();
    if text.len() % 4 != 0 {
        return false;
    }
    let digits = match text {
        [rest @ .., b'=', b'='] | [rest @ .., b'='] => rest,
        whole => whole,
    };
    for chunk in digits.chunks(4) {
        let mut group = 0;
        for digit in chunk {
            let Some(value) = (0u32..).zip(ALPHABET).find(|(_, a)| *a == digit) else {
                return false;
            };
            group = group << 6 | value.0;
        }
        group <<= 6 * (4 - chunk.len());
        bytes.extend_from_slice(&group.to_be_bytes()[1..chunk.len()]);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard_go_both_ways() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut text = String::new();
            encode(plain.as_bytes(), &mut text);
            assert_eq!(text, coded);
            let mut bytes = Vec::new();
            assert!(decode(coded, &mut bytes));
            assert_eq!(bytes, plain.as_bytes());
        }
    }

    #[test]
    fn every_byte_goes_both_ways_and_what_is_not_base64_is_refused() {
        let every: Vec<u8> = (0..=255).collect();
        let mut text = String::new();
        encode(&every, &mut text);
        let mut bytes = Vec::new();
        assert!(decode(&text, &mut bytes));
        assert_eq!(bytes, every);
        for other in ["Zg", "Zg=", "Z===", "Zg==Zg==", "Zm9\n", "====", "Zm9-"] {
            assert!(!decode(other, &mut Vec::new()), "{other:?}");
        }
    }
}
