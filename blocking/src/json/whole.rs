//! JSON by `serde_json`.

use std::io;

use redis_ipc_core::write::Writer;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use serde_json::{Error, to_string as to_text};

/// What reads one value after another from a text.
pub(crate) type Reader<'t> = serde_json::Deserializer<serde_json::de::StrRead<'t>>;

pub(crate) fn reader(text: &str) -> Reader<'_> {
    serde_json::Deserializer::from_str(text)
}

/// Writes a value.
pub(crate) fn write<P: Serialize + ?Sized>(w: &mut Writer<'_>, value: &P) -> Result<(), Error> {
    serde_json::to_writer(Sink(w), value)
}

/// Reads a value.
///
/// Compat: peers write what derived types and `serde_json` refuse, so what was refused is read
/// once more with it mended. Of duplicate members the last one counts, as in json-c and Python; half
/// a surrogate pair, which Python writes for a file name that is not UTF-8, is U+FFFD, as in
/// json-c.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).or_else(|error| {
        let deduplicated = serde_json::from_str::<serde_json::Value>(&whole_characters(text));
        deduplicated
            .and_then(serde_json::from_value)
            .map_err(|_| error)
    })
}

/// The same JSON with `\ufffd` for every half of a surrogate pair that stands alone.
fn whole_characters(json: &str) -> String {
    let mut whole = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, behind)) = rest.split_once('\\') {
        whole.push_str(before);
        rest = match surrogates(behind) {
            Some(5) => {
                whole.push_str("\\ufffd");
                behind.get(5..).unwrap_or_default()
            }
            // The character behind a backslash is no backslash of its own.
            pair => {
                let length = pair.or_else(|| behind.chars().next().map(char::len_utf8));
                let (escape, rest) = behind.split_at(length.unwrap_or(0));
                whole.push('\\');
                whole.push_str(escape);
                rest
            }
        };
    }
    whole + rest
}

/// How many bytes a surrogate pair (11) or the half of one (5) takes that `text` begins with,
/// which stands behind a backslash.
fn surrogates(text: &str) -> Option<usize> {
    match unit(text)? {
        0xd800..0xdc00 => {
            let second = text.get(5..).and_then(|rest| rest.strip_prefix('\\'));
            match second.and_then(unit) {
                Some(0xdc00..0xe000) => Some(11),
                _ => Some(5),
            }
        }
        0xdc00..0xe000 => Some(5),
        _ => None,
    }
}

/// The code unit that `text` begins with, if that is a `uXXXX`.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix('u')?.get(..4)?, 16).ok()
}

/// A bounded writer as the standard library's.
struct Sink<'w, 'b>(&'w mut Writer<'b>);

impl io::Write for Sink<'_, '_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.put(bytes);
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.put(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Copies {
        copies: u32,
    }

    #[test]
    fn the_last_of_duplicate_members_counts() {
        let read: Copies = read(r#"{"copies":1,"copies":3}"#).unwrap();
        assert_eq!(read, Copies { copies: 3 });
    }

    #[test]
    fn half_a_surrogate_pair_is_a_replacement_character_and_nothing_else_changes() {
        for (json, whole) in [
            (r#"{"a":"x\ud83dy"}"#, r#"{"a":"x\ufffdy"}"#),
            (r"\udda8\ud83d", r"\ufffd\ufffd"),
            (r"\ud83d\ud83d\udda8", r"\ufffd\ud83d\udda8"),
            (
                r"\\ud83d \n\/\u00fc \uD83D\uDDA8 ü",
                r"\\ud83d \n\/\u00fc \uD83D\uDDA8 ü",
            ),
            (r"\\\udc80", r"\\\ufffd"),
            (r"\", r"\"),
            (r"\ü", r"\ü"),
            (r"\ud8ü", r"\ud8ü"),
            (r"\u+123", r"\u+123"),
        ] {
            assert_eq!(whole_characters(json), whole, "{json}");
        }
    }

    #[test]
    fn what_stays_wrong_is_reported_as_first_seen() {
        let error = read::<Copies>(r#"{"copies":"three"}"#).unwrap_err();
        assert!(error.to_string().contains("line 1 column"), "{error}");
    }
}
