//! Requests as clients send them: arrays of bulks, or words on a line.

use std::ops::Range;

/// Words a request may have.
const MOST_WORDS: usize = 1 << 20;

/// Bytes a word may have, as in the server.
const MOST_BYTES: usize = 512 * 1024 * 1024;

/// Bytes that a request may have before it is all there, as in the server.
const MOST_BYTES_OF_ALL: usize = 1024 * 1024 * 1024;

/// The largest number that can be read digit by digit.
const LARGEST: usize = usize::MAX / 10 - 1;

/// Words of which it is remembered that they were read while others are missing.
const MANY_WORDS: usize = 64;

/// Bytes a line may have.
const LONGEST_LINE: usize = 64 * 1024;

/// A request that has begun to arrive: what was read of it is not read again.
#[derive(Debug)]
pub(super) struct Begun {
    words: Vec<Range<usize>>,
    /// How many words it has, and where the next one begins.
    count: usize,
    at: usize,
}

/// Finds the words of the request at the head of `bytes` and says where it ends; `None` if it is
/// not all there. The error is a sentence; then nothing more can be read.
pub(super) fn parse(bytes: &[u8], words: &mut Vec<Range<usize>>) -> Result<Option<usize>, String> {
    parse_on(bytes, words, &mut None)
}

/// As [`parse`], for bytes that may go on with what had begun; what begins with many words is kept.
pub(super) fn parse_on(
    bytes: &[u8],
    words: &mut Vec<Range<usize>>,
    begun: &mut Option<Box<Begun>>,
) -> Result<Option<usize>, String> {
    let (count, mut at) = match begun.take() {
        Some(mut begun) => {
            std::mem::swap(words, &mut begun.words);
            (begun.count, begun.at)
        }
        None => {
            words.clear();
            match bytes.first() {
                None => return Ok(None),
                Some(b'*') => {}
                Some(_) => return inline(bytes, words),
            }
            match count(bytes)? {
                Some(head) => head,
                None => return Ok(None),
            }
        }
    };
    while words.len() < count {
        let Some((word, end)) = word(bytes, at)? else {
            return match bytes.len() < MOST_BYTES_OF_ALL {
                true => {
                    keep(words, count, at, begun);
                    Ok(None)
                }
                false => Err(format!("Protocol error: more than {MOST_BYTES_OF_ALL}")),
            };
        };
        words.push(word);
        at = end;
    }
    Ok(Some(at))
}

/// How many words an array has, and where they begin.
///
/// Compat: redis-server, which takes one of fewer than none, such as the null array, for nothing asked.
fn count(bytes: &[u8]) -> Result<Option<(usize, usize)>, String> {
    match bytes.get(1) {
        Some(b'-') => Ok(number(bytes, 2, LARGEST)?.map(|(_, end)| (0, end))),
        _ => number(bytes, 1, MOST_WORDS),
    }
}

/// Keeps what was read of a request, if it is worth it.
fn keep(words: &mut Vec<Range<usize>>, count: usize, at: usize, begun: &mut Option<Box<Begun>>) {
    if words.len() >= MANY_WORDS {
        let words = std::mem::take(words);
        *begun = Some(Box::new(Begun { words, count, at }));
    }
}

/// The word at `at`, and where the next one begins; `None` if it is not all there.
fn word(bytes: &[u8], at: usize) -> Result<Option<(Range<usize>, usize)>, String> {
    match bytes.get(at) {
        None => return Ok(None),
        Some(b'$') => {}
        Some(other) => {
            let other = other.escape_ascii();
            return Err(format!("Protocol error: expected '$', got '{other}'"));
        }
    }
    let Some((length, start)) = number(bytes, at + 1, MOST_BYTES)? else {
        return Ok(None);
    };
    let end = start + length;
    match bytes.get(end..end + 2) {
        None => Ok(None),
        Some(b"\r\n") => Ok(Some((start..end, end + 2))),
        Some(_) => Err("Protocol error: a word does not end where it should".into()),
    }
}

/// The number at `at`, and where the line behind it ends.
fn number(bytes: &[u8], at: usize, most: usize) -> Result<Option<(usize, usize)>, String> {
    let mut value = 0_usize;
    let mut at = at;
    let first = at;
    loop {
        match bytes.get(at) {
            None => return Ok(None),
            Some(digit @ b'0'..=b'9') => {
                value = value * 10 + usize::from(digit - b'0');
                if value > most {
                    return Err(format!("Protocol error: more than {most}"));
                }
            }
            Some(b'\r') if at > first => break,
            Some(_) => return Err("Protocol error: invalid length".into()),
        }
        at += 1;
    }
    match bytes.get(at + 1) {
        None => Ok(None),
        Some(b'\n') => Ok(Some((value, at + 2))),
        Some(_) => Err("Protocol error: invalid length".into()),
    }
}

/// The words of a line some of which stand in quotes; `None` if none does. The error is a sentence.
///
/// Compat: redis-server. In `"`, `\n` and the like and `\xff` stand for bytes; in `'`, only `\'` does.
pub(super) fn quoted(line: &[u8]) -> Option<Result<Vec<Vec<u8>>, String>> {
    if line.first() == Some(&b'*') || !line.iter().any(|byte| matches!(byte, b'"' | b'\'')) {
        return None;
    }
    let mut words = Vec::new();
    let mut rest = line.trim_ascii();
    while !rest.is_empty() {
        let Some((word, behind)) = next_word(rest) else {
            return Some(Err("Protocol error: unbalanced quotes in request".into()));
        };
        words.push(word);
        rest = behind.trim_ascii_start();
    }
    Some(Ok(words))
}

/// The first word of a line, and what stands behind it.
fn next_word(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut rest = line;
    let mut quote = None;
    loop {
        (quote, rest) = match (quote, rest) {
            (None, [] | [b' ' | b'\t' | b'\r' | b'\n', ..]) => return Some((word, rest)),
            (None, [mark @ (b'"' | b'\''), rest @ ..]) => (Some(*mark), rest),
            (Some(_), []) => return None,
            // Behind a closing quote the word ends.
            (Some(open), [mark, behind @ ..]) if open == *mark => {
                let ends = behind.first().is_none_or(u8::is_ascii_whitespace);
                return ends.then_some((word, behind));
            }
            (Some(b'\''), [b'\\', b'\'', rest @ ..]) => {
                word.push(b'\'');
                (quote, rest)
            }
            (Some(b'"'), [b'\\', b'x', digits @ ..]) if from_hex(digits).is_some() => {
                word.extend(from_hex(digits));
                (quote, &digits[2..])
            }
            (Some(b'"'), [b'\\', byte, rest @ ..]) => {
                word.push(match byte {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    byte => *byte,
                });
                (quote, rest)
            }
            (quote, [byte, rest @ ..]) => {
                word.push(*byte);
                (quote, rest)
            }
        };
    }
}

/// The byte that the first two characters are the digits of.
fn from_hex(digits: &[u8]) -> Option<u8> {
    let [high, low, ..] = digits else { return None };
    let [high, low] = [high, low].map(|digit| char::from(*digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

/// Words on a line, as people type them.
fn inline(bytes: &[u8], words: &mut Vec<Range<usize>>) -> Result<Option<usize>, String> {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return match bytes.len() > LONGEST_LINE {
            true => Err("Protocol error: too long a line".into()),
            false => Ok(None),
        };
    };
    let mut start = None;
    for (at, byte) in bytes[..=end].iter().enumerate() {
        match (start, byte.is_ascii_whitespace()) {
            (None, false) => start = Some(at),
            (Some(from), true) => {
                words.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    Ok(Some(end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Words<'b> = Option<(Vec<&'b [u8]>, usize)>;

    fn words(bytes: &[u8]) -> Result<Words<'_>, String> {
        let mut words = Vec::new();
        let end = parse(bytes, &mut words)?;
        let words = words.into_iter().map(|range| &bytes[range]).collect();
        Ok(end.map(|end| (words, end)))
    }

    #[test]
    fn a_request_is_found_when_its_last_byte_is_there() {
        let bytes = b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\n\r\n\xff\0\r\nrest";
        let end = bytes.len() - 4;
        for cut in 0..end {
            assert_eq!(words(&bytes[..cut]), Ok(None), "{cut}");
        }
        let expected: Vec<&[u8]> = vec![b"SET", b"", b"\r\n\xff\0"];
        assert_eq!(words(bytes), Ok(Some((expected, end))));
        assert_eq!(
            words(b"GET  a\r\n*"),
            Ok(Some((vec![&b"GET"[..], b"a"], 8)))
        );
        assert_eq!(words(b"\r\n"), Ok(Some((vec![], 2))));
        for none in ["*0\r\n", "*-1\r\n", "*-100000000\r\n"] {
            for cut in 0..none.len() {
                assert_eq!(words(&none.as_bytes()[..cut]), Ok(None), "{none}");
            }
            assert_eq!(words(none.as_bytes()), Ok(Some((vec![], none.len()))));
        }
    }

    #[test]
    fn what_was_read_of_a_long_request_is_not_read_again() {
        let mut bytes = b"*1000\r\n".to_vec();
        for n in 0..1000 {
            bytes.extend(format!("${}\r\n{n}\r\n", n.to_string().len()).bytes());
        }
        let (mut words, mut begun) = (Vec::new(), None);
        for end in 0..bytes.len() {
            let part = &mut bytes[..end];
            assert_eq!(parse_on(part, &mut words, &mut begun), Ok(None), "{end}");
            if let Some(begun) = &begun {
                // Whoever reads this again falls over it.
                part[..begun.at].fill(b'?');
            }
        }
        assert_eq!(
            parse_on(&bytes, &mut words, &mut begun),
            Ok(Some(bytes.len()))
        );
        assert_eq!(words.len(), 1000);
        assert_eq!(bytes[words[999].clone()], b"999"[..]);
        assert!(begun.is_none());
    }

    #[test]
    fn words_of_a_line_may_stand_in_quotes() {
        let words = |line: &str| quoted(line.as_bytes());
        assert_eq!(words("GET a\r\n"), None);
        assert_eq!(words("*1\r\n$1\r\n\"\r\n"), None);
        for (line, expected) in [
            (r#"SET k "a b""#, &[&b"SET"[..], b"k", b"a b"][..]),
            (r#"  x "" 'it\'s' "#, &[b"x", b"", b"it's"]),
            (
                r#""\n\r\t\b\a\"\\\q\xfF\xg""#,
                &[b"\n\r\t\x08\x07\"\\q\xffxg"],
            ),
            (r"'\n'", &[b"\\n"]),
            (r#"a"b""#, &[b"ab"]),
        ] {
            let expected: Vec<_> = expected.iter().map(|word| word.to_vec()).collect();
            assert_eq!(words(&format!("{line}\r\n")), Some(Ok(expected)), "{line}");
        }
        for line in [r#"GET "a"#, r#"GET "a"b"#, "GET 'a", r#"GET "a\"#] {
            assert!(words(line).is_some_and(|words| words.is_err()), "{line}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for bytes in [
            &b"*1\r\n+GET\r\n"[..],
            b"*-\r\n",
            b"*-1x",
            b"*--1\r\n",
            b"*-99999999999999999999999\r\n",
            b"*1x",
            b"*9999999999",
            b"*1\r\n$999999999999\r\n",
            b"*1\r\n$1\r\nabc",
            b"*\r\n",
            b"*1\r\n$\r\n\r\n",
            b"*1\rx",
            &[b'x'; 70_000],
        ] {
            assert!(words(bytes).is_err(), "{}", bytes.escape_ascii());
        }
    }
}
