//! JSON texts: escapes decoded, escapes written, names compared (RFC 8259, section 7).
//!
//! "Raw" is a text as it stands between its quotes. All functions take raw texts that
//! [`skip`](super::skip) has checked; on others they give some text and never panic.

use core::fmt::{self, Write as _};

use super::plain;
use crate::bytes;
use crate::write::Writer;

/// A text as it stands between its quotes, escapes and all.
///
/// ```
/// use redis_ipc_core::json::string::RawText;
///
/// let raw = RawText::new(r"50 \u20ac");
/// assert_eq!(raw.to_string(), "50 €");
/// assert_eq!(raw.plain(), None);
/// assert_eq!(RawText::new("50 €").plain(), Some("50 €"));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RawText<'a>(&'a str);

impl<'a> RawText<'a> {
    /// Takes what stands between the quotes.
    #[must_use]
    pub const fn new(raw: &'a str) -> Self {
        Self(raw)
    }

    /// What stands between the quotes.
    #[must_use]
    pub const fn raw(self) -> &'a str {
        self.0
    }

    /// The text itself, if it holds no escape.
    #[must_use]
    pub fn plain(self) -> Option<&'a str> {
        (!is_escaped(self.0.as_bytes())).then_some(self.0)
    }

    /// Appends the text itself; it is never longer than the raw one.
    pub fn unescape(self, out: &mut Writer<'_>) {
        unescape(self.0, out);
    }
}

impl fmt::Display for RawText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Pieces::new(self.0.as_bytes()).try_for_each(|piece| match piece {
            Piece::Plain(bytes) => f.write_str(core::str::from_utf8(bytes).unwrap_or("\u{fffd}")),
            Piece::Escaped(character) => f.write_char(character),
        })
    }
}

impl PartialEq<str> for RawText<'_> {
    fn eq(&self, other: &str) -> bool {
        same(self.0.as_bytes(), other)
    }
}

impl PartialEq for RawText<'_> {
    fn eq(&self, other: &Self) -> bool {
        same_raw(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl Eq for RawText<'_> {}

/// Appends the text that `raw` stands for, surrogate pairs joined.
///
/// Compat: half a pair becomes U+FFFD, as json-c reads it.
///
/// ```
/// use redis_ipc_core::{json::string, write::Writer};
///
/// let mut buffer = [0; 16];
/// let mut out = Writer::new(&mut buffer);
/// string::unescape(r"\ud83d\ude00 \/", &mut out);
/// assert_eq!(out.since(0), "😀 /".as_bytes());
/// ```
pub fn unescape(raw: &str, out: &mut Writer<'_>) {
    for piece in Pieces::new(raw.as_bytes()) {
        match piece {
            Piece::Plain(bytes) => out.put(bytes),
            Piece::Escaped(character) => out.put(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Decodes the escapes of a raw text where it stands and returns the new length, which is never
/// greater. What is behind it keeps old bytes.
pub fn unescape_in_place(raw: &mut [u8]) -> usize {
    let mut read = 0;
    let mut written = 0;
    loop {
        let rest = raw.get(read..).unwrap_or_default();
        let run = rest.iter().position(|byte| *byte == b'\\');
        let end = read + run.unwrap_or(rest.len());
        bytes::shift(raw, read..end, written);
        written += end - read;
        if run.is_none() {
            return written;
        }
        let (character, length) = escape(raw.get(end..).unwrap_or_default());
        let mut room = [0; 4];
        let decoded = character.encode_utf8(&mut room).as_bytes();
        if let Some(place) = raw.get_mut(written..written + decoded.len()) {
            bytes::copy(place, decoded);
        }
        written += decoded.len();
        read = end + length;
    }
}

/// Whether the raw text stands for `plain`, however it is spelled.
///
/// ```
/// use redis_ipc_core::json::string;
///
/// assert!(string::same(br"command\u005fid", "command_id"));
/// ```
#[must_use]
pub fn same(raw: &[u8], plain: &str) -> bool {
    if !is_escaped(raw) {
        return raw == plain.as_bytes();
    }
    Pieces::bytes(raw).eq(plain.bytes())
}

/// Whether two raw texts stand for the same text.
#[must_use]
pub fn same_raw(one: &[u8], other: &[u8]) -> bool {
    one == other
        || ((is_escaped(one) || is_escaped(other)) && Pieces::bytes(one).eq(Pieces::bytes(other)))
}

/// Appends `text` with its quotes; only quote, backslash and control characters are escaped.
///
/// ```
/// use redis_ipc_core::{json::string, write::Writer};
///
/// let mut buffer = [0; 32];
/// let mut out = Writer::new(&mut buffer);
/// string::write_text(&mut out, "a\"ü/\n\u{1}");
/// assert_eq!(out.since(0), "\"a\\\"ü/\\n\\u0001\"".as_bytes());
/// ```
#[inline]
pub fn write_text(w: &mut Writer<'_>, text: &str) {
    w.put_byte(b'"');
    write_escaped(w, text);
    w.put_byte(b'"');
}

/// Appends `text` as [`write_text`] does, but without quotes.
#[inline]
pub fn write_escaped(w: &mut Writer<'_>, text: &str) {
    match plain::whole(text.as_bytes()) {
        true => w.put(text.as_bytes()),
        false => write_pieces(w, text.as_bytes()),
    }
}

#[cold]
fn write_pieces(w: &mut Writer<'_>, mut rest: &[u8]) {
    loop {
        let run = plain::end(rest, 0);
        w.put(rest.get(..run).unwrap_or_default());
        let Some((special, behind)) = rest.get(run..).and_then(<[u8]>::split_first) else {
            return;
        };
        write_escape(w, *special);
        rest = behind;
    }
}

fn write_escape(w: &mut Writer<'_>, special: u8) {
    let letter = match special {
        b'"' | b'\\' => special,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        other => {
            let digit = |nibble| char::from_digit(u32::from(nibble), 16).map_or(b'0', |c| c as u8);
            return w.put(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                digit(other >> 4),
                digit(other & 15),
            ]);
        }
    };
    w.put(&[b'\\', letter]);
}

/// Appends a raw text with no other escapes than must be; it gets no longer. Returns whether there
/// are any.
pub(super) fn respell(w: &mut Writer<'_>, raw: &[u8]) -> bool {
    let mut escaped = false;
    for piece in Pieces::new(raw) {
        match piece {
            Piece::Plain(bytes) => w.put(bytes),
            Piece::Escaped(character @ ('"' | '\\' | '\0'..' ')) => {
                escaped = true;
                write_escape(w, character as u8);
            }
            Piece::Escaped(character) => w.put(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    escaped
}

/// Whether the raw text holds an escape.
pub(crate) fn is_escaped(raw: &[u8]) -> bool {
    raw.contains(&b'\\')
}

enum Piece<'a> {
    Plain(&'a [u8]),
    Escaped(char),
}

/// Cuts a raw text into runs without escapes and single escapes.
struct Pieces<'a> {
    rest: &'a [u8],
}

impl<'a> Pieces<'a> {
    const fn new(raw: &'a [u8]) -> Self {
        Self { rest: raw }
    }

    /// The bytes of the text that `raw` stands for.
    fn bytes(raw: &'a [u8]) -> impl Iterator<Item = u8> + 'a {
        Self::new(raw).flat_map(|piece| {
            let mut room = [0; 4];
            let (plain, escaped) = match piece {
                Piece::Plain(bytes) => (bytes, 0),
                Piece::Escaped(character) => (&[][..], character.encode_utf8(&mut room).len()),
            };
            plain.iter().copied().chain(room.into_iter().take(escaped))
        })
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.rest.first()? == &b'\\' {
            let (character, length) = escape(self.rest);
            self.rest = self.rest.get(length..).unwrap_or_default();
            return Some(Piece::Escaped(character));
        }
        let run = self.rest.iter().position(|byte| *byte == b'\\');
        let (plain, rest) = self.rest.split_at_checked(run.unwrap_or(self.rest.len()))?;
        self.rest = rest;
        Some(Piece::Plain(plain))
    }
}

/// The character that the escape at the beginning of `raw` stands for, and the escape's length.
fn escape(raw: &[u8]) -> (char, usize) {
    let character = match raw.get(1) {
        Some(b'u') => return unicode(raw),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(other) if other.is_ascii() => char::from(*other),
        _ => return ('\\', 1),
    };
    (character, 2)
}

/// As [`escape`], for `\uXXXX`.
fn unicode(raw: &[u8]) -> (char, usize) {
    let Some(unit) = raw.get(2..6).and_then(hex) else {
        return ('\\', 1);
    };
    let low = match raw.get(6..8) {
        Some(br"\u") => raw.get(8..12).and_then(hex),
        _ => None,
    };
    match (unit, low) {
        (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) => {
            let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            (
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
                12,
            )
        }
        _ => (
            char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER),
            6,
        ),
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| {
        Some((number << 4) | char::from(*digit).to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use super::super::skip;
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    const SPELLINGS: [(&str, &str); 14] = [
        ("", ""),
        ("plain", "plain"),
        (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r"\u00fcn\u00EF", "ünï"),
        (r"\u20ac", "€"),
        (r"\ud83d\ude00", "😀"),
        (r"a\ud83d\ude00b", "a😀b"),
        (r"\ud83d", "\u{fffd}"),
        (r"\ude00", "\u{fffd}"),
        (r"\ud83dx", "\u{fffd}x"),
        (r"\ud83d\n", "\u{fffd}\n"),
        (r"\ud83d\u0041", "\u{fffd}A"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        (r"\u0000\u001f", "\0\u{1f}"),
    ];

    fn unescaped(raw: &str) -> String {
        let mut buffer = std::vec![0; raw.len()];
        let mut out = Writer::new(&mut buffer);
        unescape(raw, &mut out);
        String::from_utf8(out.finish().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn every_escape_is_decoded_in_every_way() {
        for (raw, plain) in SPELLINGS {
            assert_eq!(unescaped(raw), plain);
            assert_eq!(RawText::new(raw).to_string(), plain);
            assert!(same(raw.as_bytes(), plain), "{raw}");
            assert!(!same(raw.as_bytes(), &std::format!("{plain}x")));
            let mut bytes = raw.as_bytes().to_vec();
            let length = unescape_in_place(&mut bytes);
            assert_eq!(&bytes[..length], plain.as_bytes());
        }
    }

    #[test]
    fn spellings_of_one_text_are_the_same() {
        assert!(same_raw(br"\u0061b", br"a\u0062"));
        assert!(same_raw(b"ab", br"a\u0062"));
        assert!(!same_raw(b"ab", b"abc"));
        assert!(!same_raw(br"\\u0061", b"a"));
        assert_eq!(RawText::new(r"\u0061"), RawText::new("a"));
    }

    #[test]
    fn what_is_written_is_json_and_reads_back() {
        let all: String = (0..0x300)
            .filter_map(char::from_u32)
            .chain("€😀\u{7f}".chars())
            .collect();
        let mut buffer = std::vec![0; 4096];
        let mut out = Writer::new(&mut buffer);
        write_text(&mut out, &all);
        let bytes = out.finish().unwrap().to_vec();
        assert_eq!(skip::value(&bytes, 0), Ok(bytes.len()));
        let raw = core::str::from_utf8(&bytes[1..bytes.len() - 1]).unwrap();
        assert_eq!(unescaped(raw), all);
    }

    #[test]
    fn broken_escapes_give_some_text_and_no_panic() {
        for raw in [
            r"\",
            r"\u",
            r"\u12",
            r"\u12g4",
            r"\x",
            r"\ü",
            r"\ud800\u",
            r"\ud800\u12",
            r"\u+123",
        ] {
            let mut bytes: Vec<u8> = raw.into();
            let length = unescape_in_place(&mut bytes);
            assert!(length <= raw.len(), "{raw}");
            let _ = RawText::new(raw).to_string();
        }
    }
}
