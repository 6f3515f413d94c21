//! Decimal numbers at the head of a line, checked strictly.

/// What the beginning of a line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parsed<T> {
    /// A value and the bytes it takes, line end included.
    Whole(T, usize),
    /// Right so far, but the line end is not there yet.
    Short,
    /// Wrong, whatever may follow.
    Wrong,
}

/// Digits that a `u64` holds whatever they are.
const SAFE_DIGITS: usize = 19;

/// A number below a thousand and the bytes it takes, line end included; `None` for everything
/// that needs a closer look. Most lengths and counts are such numbers, hence this short way.
#[inline]
pub(super) fn short(text: &[u8]) -> Option<(u32, u32)> {
    match *text {
        [a, b'\r', b'\n', ..] => Some((digit(a)?, 3)),
        [a, b, b'\r', b'\n', ..] => Some((leading(a)? * 10 + digit(b)?, 4)),
        [a, b, c, b'\r', b'\n', ..] => Some((leading(a)? * 100 + digit(b)? * 10 + digit(c)?, 5)),
        _ => None,
    }
}

/// As [`short`], for a number of up to seven digits that has eight bytes to stand in: the replies
/// to INCR or RPUSH, thousands of them one behind the other.
#[inline(never)]
pub(super) fn medium(text: &[u8]) -> Option<(u32, u32)> {
    let word = u64::from_le_bytes(*text.first_chunk()?);
    let returns = word ^ octets(b'\r');
    // The lowest bit that is set is that of the first byte that was a CR.
    let found = returns.wrapping_sub(octets(1)) & !returns & octets(0x80);
    let count = found.trailing_zeros() / 8;
    if !(1..8).contains(&count) || text.get(count as usize + 1) != Some(&b'\n') {
        return None;
    }
    if text.first() == Some(&b'0') && count > 1 {
        return None;
    }
    // Zeroes before the number make it one of eight digits.
    let digits = word << (64 - 8 * count) | octets(b'0') >> (8 * count);
    let value = eight_digits(digits)?;
    Some((value, count + 2))
}

/// That byte eight times.
const fn octets(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The number of eight digits, the first of them in the lowest byte. Neighbours are joined to pairs,
/// pairs to fours, fours to all of it.
#[inline]
fn eight_digits(text: u64) -> Option<u32> {
    let above_nine = (text & octets(0x0f)) + octets(6);
    if (text ^ octets(b'0') | above_nine) & octets(0xf0) != 0 {
        return None;
    }
    let ones = text & octets(0x0f);
    let pairs = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    u32::try_from((fours * 10_000 + (fours >> 32)) & 0xffff_ffff).ok()
}

/// The length of a bulk or aggregate, without its type byte: no sign, blank or leading zero.
/// `None` stands for `-1`, the null of RESP2.
#[inline]
pub(super) fn length(text: &[u8]) -> Parsed<Option<u64>> {
    match short(text) {
        Some((value, taken)) => Parsed::Whole(Some(u64::from(value)), taken as usize),
        None => long_length(text),
    }
}

fn long_length(text: &[u8]) -> Parsed<Option<u64>> {
    if text.first() == Some(&b'-') {
        return match line_after(text, b"-1".len()) {
            Parsed::Whole((), taken) if text.starts_with(b"-1") => Parsed::Whole(None, taken),
            Parsed::Short if b"-1".starts_with(text) || text.starts_with(b"-1") => Parsed::Short,
            _ => Parsed::Wrong,
        };
    }
    match unsigned(text) {
        Parsed::Whole(value, taken) => Parsed::Whole(Some(value), taken),
        Parsed::Short => Parsed::Short,
        Parsed::Wrong => Parsed::Wrong,
    }
}

/// The value of digits of which it is known that they are a number; `None` for everything that
/// needs a closer look.
#[inline]
pub(super) fn scanned(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() >= SAFE_DIGITS {
        return None;
    }
    let mut value = 0;
    for byte in digits {
        value = value * 10 + i64::from(digit(*byte)?);
    }
    Some(value)
}

/// A signed integer, without its type byte; a plus sign is allowed, leading zeroes are not.
#[inline]
pub(super) fn integer(text: &[u8]) -> Parsed<i64> {
    match short(text).or_else(|| medium(text)) {
        Some((value, taken)) => Parsed::Whole(i64::from(value), taken as usize),
        None => long_integer(text),
    }
}

fn long_integer(text: &[u8]) -> Parsed<i64> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let sign = text.len() - digits.len();
    match unsigned(digits) {
        Parsed::Whole(value, taken) => match signed(negative, value) {
            Some(value) => Parsed::Whole(value, sign + taken),
            None => Parsed::Wrong,
        },
        Parsed::Short => Parsed::Short,
        Parsed::Wrong => Parsed::Wrong,
    }
}

/// `[sign]digits[.digits][e[sign]digits]`, or one of the words for what is no number.
pub(super) fn is_double(text: &[u8]) -> bool {
    let number = match text {
        [b'-' | b'+', number @ ..] => number,
        _ => text,
    };
    if matches!(number, b"inf" | b"nan") {
        return true;
    }
    let Some(mut rest) = behind_digits(number) else {
        return false;
    };
    if let [b'.', fraction @ ..] = rest {
        match behind_digits(fraction) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    match rest {
        [] => true,
        [b'e' | b'E', b'-' | b'+', exponent @ ..] | [b'e' | b'E', exponent @ ..] => {
            behind_digits(exponent).is_some_and(<[u8]>::is_empty)
        }
        _ => false,
    }
}

/// Digits up to a line end. Nineteen digits are enough for every length and every `i64`.
fn unsigned(text: &[u8]) -> Parsed<u64> {
    let mut value: u64 = 0;
    let mut count = 0;
    for byte in text.iter().take(SAFE_DIGITS + 1) {
        if !byte.is_ascii_digit() {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
        count += 1;
    }
    let leading_zero = count > 1 && text.first() == Some(&b'0');
    if count > SAFE_DIGITS || leading_zero || (count == 0 && !text.is_empty()) {
        return Parsed::Wrong;
    }
    match line_after(text, count) {
        Parsed::Whole((), taken) => Parsed::Whole(value, taken),
        Parsed::Short => Parsed::Short,
        Parsed::Wrong => Parsed::Wrong,
    }
}

/// Whether a line end stands behind the first `count` bytes.
fn line_after(text: &[u8], count: usize) -> Parsed<()> {
    match text.get(count..) {
        Some([b'\r', b'\n', ..]) => Parsed::Whole((), count + 2),
        None | Some([] | [b'\r']) => Parsed::Short,
        Some(_) => Parsed::Wrong,
    }
}

/// What stands behind one or more digits.
fn behind_digits(text: &[u8]) -> Option<&[u8]> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 { None } else { text.get(count..) }
}

fn signed(negative: bool, magnitude: u64) -> Option<i64> {
    if negative {
        0_i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

#[inline]
fn digit(byte: u8) -> Option<u32> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(u32::from(digit))
}

/// The first of several digits is not zero.
#[inline]
fn leading(byte: u8) -> Option<u32> {
    let less_one = byte.wrapping_sub(b'1');
    (less_one < 9).then_some(u32::from(less_one) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::STRIDE;
    use std::format;

    #[test]
    fn lengths_are_plain_decimal_numbers() {
        assert_eq!(length(b"0\r\n"), Parsed::Whole(Some(0), 3));
        assert_eq!(
            length(b"536870912\r\nx"),
            Parsed::Whole(Some(536_870_912), 11)
        );
        assert_eq!(length(b"-1\r\n"), Parsed::Whole(None, 4));
        for wrong in [
            "-5\r\n", "-2\r\n", " 3\r\n", "+3\r\n", "03\r\n", "00\r\n", "-0\r\n", "-01\r\n",
            "-11\r\n", "?\r\n", "3 \r\n", "\r\n", "3\n", "3\rx", "0x1\r\n", "-\r\n",
        ] {
            assert_eq!(length(wrong.as_bytes()), Parsed::Wrong, "{wrong:?}");
        }
    }

    #[test]
    fn a_number_without_its_line_end_is_short() {
        for whole in ["0\r\n", "120\r\n", "-1\r\n"] {
            for cut in 0..whole.len() {
                let text = whole.as_bytes().get(..cut).unwrap();
                assert_eq!(length(text), Parsed::Short, "{whole:?} cut at {cut}");
                assert_eq!(integer(text), Parsed::Short, "{whole:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn integers_have_exactly_the_range_of_i64() {
        for value in [0, 7, -7, i64::MAX, i64::MIN] {
            let text = format!("{value}\r\n");
            assert_eq!(integer(text.as_bytes()), Parsed::Whole(value, text.len()));
        }
        assert_eq!(integer(b"+5\r\n"), Parsed::Whole(5, 4));
        for wrong in [
            "9223372036854775808\r\n",
            "-9223372036854775809\r\n",
            "18446744073709551616\r\n",
            "100000000000000000000000\r\n",
            "007\r\n",
            "-07\r\n",
            "--7\r\n",
            "+-7\r\n",
            "1.5\r\n",
            "-\r\n",
            "+\r\n",
            "\r\n",
        ] {
            assert_eq!(integer(wrong.as_bytes()), Parsed::Wrong, "{wrong:?}");
        }
    }

    #[test]
    fn the_short_way_agrees_with_the_long_one() {
        let around = [9_999, 10_000, 99_999, 100_000, 1_234_567, 9_999_999];
        for value in (0..1500).step_by(STRIDE).chain(around) {
            let text = format!("{value}\r\n");
            let behind = format!("{value}\r\n:12345\r\n");
            let found = medium(behind.as_bytes()).map(|(value, taken)| (value, taken as usize));
            assert_eq!(found, Some((value, text.len())));
            let text = text.as_bytes();
            let found = short(text).map(|(value, taken)| (value, taken as usize));
            assert_eq!(found, (value < 1000).then_some((value, text.len())));
            assert_eq!(
                length(text),
                Parsed::Whole(Some(u64::from(value)), text.len())
            );
            assert_eq!(long_length(text), length(text));
            assert_eq!(long_integer(text), integer(text));
            assert_eq!(scanned(&text[..text.len() - 2]), Some(value.into()));
        }
        for wrong in [
            "03\r\n", "003\r\n", "3\n\n", "3\r\r", "-1\r\n", "3", "31\r", "",
        ] {
            assert_eq!(short(wrong.as_bytes()), None, "{wrong:?}");
            let behind = [wrong, "......"].concat();
            assert_eq!(medium(behind.as_bytes()), None, "{wrong:?}");
        }
        for wrong in ["12345678\r\n", "1234567\r", "12345/7\r\n", "12345:7\r\n"] {
            assert_eq!(medium(wrong.as_bytes()), None, "{wrong:?}");
        }
        for byte in (0..=255).filter(|byte: &u8| !byte.is_ascii_digit()) {
            let text = [b'1', b'2', b'3', byte, b'5', b'6', b'\r', b'\n'];
            assert_eq!(medium(&text), None, "{byte}");
        }
    }
}
