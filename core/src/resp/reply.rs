//! Reading a frame that was scanned: infallible and borrowed.

use super::decimal::{self, Parsed};
use super::elements::{Elements, behind_attributes};
use super::whole_bulk;
use core::fmt;

/// One value that a server sent. Everything in it is borrowed from the frame.
///
/// ```
/// use redis_ipc_core::resp::{Reply, Scanner};
///
/// let bytes = b"*2\r\n$5\r\nqueue\r\n:-3\r\n";
/// assert_eq!(Scanner::default().scan(bytes), Ok(Some(bytes.len())));
/// let mut elements = Reply::parse(bytes).elements().unwrap();
/// assert_eq!(elements.len(), 2);
/// assert_eq!(elements.next(), Some(Reply::Bulk(b"queue")));
/// assert_eq!(elements.next(), Some(Reply::Integer(-3)));
/// assert_eq!(elements.next(), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply<'a> {
    /// Short text, mostly `OK`; any bytes.
    Simple(&'a [u8]),
    /// A refusal, whether it came as a line or as a bulk.
    Error(ErrorReply<'a>),
    /// A whole number.
    Integer(i64),
    /// Any bytes.
    Bulk(&'a [u8]),
    /// Nothing: RESP3's null and both nulls of RESP2.
    Null,
    /// Elements in order.
    Array(Elements<'a>),
    /// Keys and values by turns; a map of two pairs has four elements.
    Map(Elements<'a>),
    /// Elements without an order.
    Set(Elements<'a>),
    /// A message that answers no request.
    Push(Elements<'a>),
    /// The text of a floating-point number; `inf` and `nan` with or without a sign are some.
    Double(&'a [u8]),
    /// True or false.
    Boolean(bool),
    /// The decimal digits of a whole number of any size, a sign before them if there was one.
    BigNumber(&'a [u8]),
    /// Text with a format.
    Verbatim {
        /// What the text is: `txt` for plain text, `mkd` for Markdown.
        format: [u8; 3],
        /// The text itself.
        text: &'a [u8],
    },
}

impl<'a> Reply<'a> {
    /// Reads a frame of which [`Scanner`](super::Scanner) has found the end, attributes left out.
    ///
    /// Bytes that were not scanned give some reply, [`Null`](Self::Null) where nothing better can
    /// be made of them, but neither a panic nor more work than their number justifies.
    #[must_use]
    #[inline]
    pub fn parse(frame: &'a [u8]) -> Self {
        match whole_bulk(frame) {
            Some((body, _)) => Self::Bulk(body),
            None => Self::parse_any(frame),
        }
    }

    fn parse_any(frame: &'a [u8]) -> Self {
        match *frame {
            [b'+', ref text @ .., b'\r', b'\n'] => return Self::Simple(text),
            [b':', ref digits @ .., b'\r', b'\n'] => {
                if let Some(value) = decimal::scanned(digits) {
                    return Self::Integer(value);
                }
            }
            _ => {
                if let Some(elements) = short_array(frame) {
                    return Self::Array(elements);
                }
            }
        }
        read(behind_attributes(frame)).map_or(Self::Null, |(reply, _)| reply)
    }

    /// The bytes of a simple text, a bulk or a verbatim text.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Simple(bytes) | Self::Bulk(bytes) | Self::Verbatim { text: bytes, .. } => {
                Some(bytes)
            }
            _ => None,
        }
    }

    /// The value of an integer; text that holds digits is none.
    #[must_use]
    #[inline]
    pub fn integer(&self) -> Option<i64> {
        match *self {
            Self::Integer(value) => Some(value),
            _ => None,
        }
    }

    /// The elements of an array, map, set or push.
    #[must_use]
    #[inline]
    pub fn elements(&self) -> Option<Elements<'a>> {
        match self {
            Self::Array(elements)
            | Self::Map(elements)
            | Self::Set(elements)
            | Self::Push(elements) => Some(elements.clone()),
            _ => None,
        }
    }

    /// The refusal, if it is one.
    #[must_use]
    #[inline]
    pub fn error(&self) -> Option<ErrorReply<'a>> {
        match *self {
            Self::Error(error) => Some(error),
            _ => None,
        }
    }

    /// Whether it is nothing.
    #[must_use]
    #[inline]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// A server's refusal: a code in capitals, mostly, and words.
///
/// ```
/// use redis_ipc_core::resp::Reply;
///
/// let error = Reply::parse(b"-NOAUTH Authentication required.\r\n").error().unwrap();
/// assert_eq!(error.code(), b"NOAUTH");
/// assert_eq!(error.message(), b"Authentication required.");
/// assert_eq!(error.to_string(), "NOAUTH Authentication required.");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ErrorReply<'a> {
    text: &'a [u8],
}

impl<'a> ErrorReply<'a> {
    /// The first word: `ERR`, `WRONGTYPE`, `NOAUTH`.
    #[must_use]
    pub fn code(&self) -> &'a [u8] {
        let word = self.text.split(|byte| *byte == b' ').next();
        word.unwrap_or_default()
    }

    /// What stands behind the code and its blank; empty if there is only one word.
    #[must_use]
    pub fn message(&self) -> &'a [u8] {
        let from = self.code().len() + 1;
        self.text.get(from..).unwrap_or_default()
    }

    /// All of it, as the server sent it; any bytes.
    #[must_use]
    pub const fn text(&self) -> &'a [u8] {
        self.text
    }
}

/// The whole text; U+FFFD stands for what is not UTF-8.
impl fmt::Display for ErrorReply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.text.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("\u{fffd}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ErrorReply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.text.escape_ascii())
    }
}

/// The elements of an array of less than a thousand: what most replies are that are no bulk.
#[inline]
fn short_array(frame: &[u8]) -> Option<Elements<'_>> {
    let text = frame.strip_prefix(b"*")?;
    let (count, taken) = decimal::short(text)?;
    let rest = text.get(taken as usize..)?;
    Some(Elements::new(u64::from(count), rest))
}

/// Reads the value at the head of `bytes`; `None` if they are not those of a frame. What stands
/// behind an aggregate is its first element.
pub(super) fn read(bytes: &[u8]) -> Option<(Reply<'_>, &[u8])> {
    let (&kind, text) = bytes.split_first()?;
    match kind {
        b'$' | b'!' | b'=' => read_bulk(kind, text),
        b'*' | b'~' | b'>' | b'%' => read_aggregate(kind, text),
        b':' => match decimal::integer(text) {
            Parsed::Whole(value, taken) => Some((Reply::Integer(value), text.get(taken..)?)),
            Parsed::Short | Parsed::Wrong => None,
        },
        _ => read_line(kind, text),
    }
}

fn read_bulk(kind: u8, text: &[u8]) -> Option<(Reply<'_>, &[u8])> {
    let (length, rest) = read_length(text)?;
    let Some(length) = length else {
        return Some((Reply::Null, rest));
    };
    let (body, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let reply = match (kind, body) {
        (b'!', text) => Reply::Error(ErrorReply { text }),
        (b'=', [a, b, c, b':', text @ ..]) => {
            let format = [*a, *b, *c];
            Reply::Verbatim { format, text }
        }
        _ => Reply::Bulk(body),
    };
    Some((reply, rest.strip_prefix(b"\r\n")?))
}

fn read_aggregate(kind: u8, text: &[u8]) -> Option<(Reply<'_>, &[u8])> {
    let (count, rest) = read_length(text)?;
    let Some(count) = count else {
        return Some((Reply::Null, rest));
    };
    let reply = match kind {
        b'%' => Reply::Map(Elements::new(count.saturating_mul(2), rest)),
        b'~' => Reply::Set(Elements::new(count, rest)),
        b'>' => Reply::Push(Elements::new(count, rest)),
        _ => Reply::Array(Elements::new(count, rest)),
    };
    Some((reply, rest))
}

fn read_line(kind: u8, text: &[u8]) -> Option<(Reply<'_>, &[u8])> {
    let length = text.windows(2).position(|pair| pair == b"\r\n")?;
    let (text, rest) = text.split_at_checked(length)?;
    let reply = match (kind, text) {
        (b'+', _) => Reply::Simple(text),
        (b'-', _) => Reply::Error(ErrorReply { text }),
        (b'(', _) => Reply::BigNumber(text),
        (b',', _) => Reply::Double(text),
        (b'_', _) => Reply::Null,
        (b'#', b"t") => Reply::Boolean(true),
        (b'#', _) => Reply::Boolean(false),
        _ => return None,
    };
    Some((reply, rest.get(2..)?))
}

pub(super) fn read_length(text: &[u8]) -> Option<(Option<u64>, &[u8])> {
    match decimal::length(text) {
        Parsed::Whole(length, taken) => Some((length, text.get(taken..)?)),
        Parsed::Short | Parsed::Wrong => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::vec::Vec;

    fn elements(frame: &[u8]) -> Vec<Reply<'_>> {
        Reply::parse(frame).elements().unwrap().collect()
    }

    fn error(text: &[u8]) -> Reply<'_> {
        Reply::Error(ErrorReply { text })
    }

    #[test]
    fn each_type_is_read() {
        let golden: &[(&[u8], Reply<'_>)] = &[
            (b"+OK\r\n", Reply::Simple(b"OK")),
            (b"+\xff\r\n", Reply::Simple(b"\xff")),
            (b"+a\rb\nc\r\r\n", Reply::Simple(b"a\rb\nc\r")),
            (b"-ERR no\r\n", error(b"ERR no")),
            (b"!6\r\nERR no\r\n", error(b"ERR no")),
            (b":+5\r\n", Reply::Integer(5)),
            (b":-9223372036854775808\r\n", Reply::Integer(i64::MIN)),
            (b"$0\r\n\r\n", Reply::Bulk(b"")),
            (b"$4\r\n\r\n\r\n\r\n", Reply::Bulk(b"\r\n\r\n")),
            (b"$-1\r\n", Reply::Null),
            (b"*-1\r\n", Reply::Null),
            (b"_\r\n", Reply::Null),
            (b"#t\r\n", Reply::Boolean(true)),
            (b"#f\r\n", Reply::Boolean(false)),
            (b",1.5\r\n", Reply::Double(b"1.5")),
            (b",-inf\r\n", Reply::Double(b"-inf")),
            (b"(-12\r\n", Reply::BigNumber(b"-12")),
            (b"|1\r\n+a\r\n*1\r\n+b\r\n|0\r\n:3\r\n", Reply::Integer(3)),
        ];
        for (frame, reply) in golden {
            assert_eq!(Reply::parse(frame), *reply);
        }
        let (format, text) = (*b"txt", &b"words"[..]);
        let verbatim = Reply::parse(b"=9\r\ntxt:words\r\n");
        assert_eq!(verbatim, Reply::Verbatim { format, text });
        assert_eq!(verbatim.bytes(), Some(text));
    }

    #[test]
    fn a_bulk_longer_than_three_digits_is_read() {
        for length in [999_usize, 1000, 70_000] {
            let body = b"x".repeat(length);
            let frame = [format!("${length}\r\n").as_bytes(), &body, b"\r\n"].concat();
            assert_eq!(Reply::parse(&frame), Reply::Bulk(&body));
            let array = [&b"*2\r\n"[..], &frame, &frame].concat();
            assert_eq!(elements(&array), [Reply::Bulk(&body), Reply::Bulk(&body)]);
        }
    }

    #[test]
    fn aggregates_keep_their_kind_and_order() {
        assert!(matches!(Reply::parse(b"%0\r\n"), Reply::Map(_)));
        assert!(matches!(Reply::parse(b"~0\r\n"), Reply::Set(_)));
        assert!(matches!(Reply::parse(b">0\r\n"), Reply::Push(_)));
        let map = elements(b"%2\r\n+a\r\n:1\r\n$1\r\nb\r\n_\r\n");
        let golden = [
            Reply::Simple(b"a"),
            Reply::Integer(1),
            Reply::Bulk(b"b"),
            Reply::Null,
        ];
        assert_eq!(map, golden);
    }

    #[test]
    fn an_error_has_a_code_and_a_message() {
        let reply = Reply::parse(b"-WRONGTYPE \xc3\xbc\xff value\r\n");
        let error = reply.error().unwrap();
        assert_eq!(error.code(), b"WRONGTYPE");
        assert_eq!(error.message(), b"\xc3\xbc\xff value");
        assert_eq!(format!("{error}"), "WRONGTYPE ü\u{fffd} value");
        let bare = Reply::parse(b"-NOGOOD\r\n").error().unwrap();
        assert_eq!((bare.code(), bare.message()), (&b"NOGOOD"[..], &b""[..]));
    }

    #[test]
    fn accessors_answer_only_for_their_types() {
        let reply = Reply::parse(b":5\r\n");
        assert_eq!((reply.integer(), reply.bytes()), (Some(5), None));
        assert!(reply.elements().is_none() && reply.error().is_none() && !reply.is_null());
        assert_eq!(Reply::parse(b"$1\r\n5\r\n").integer(), None);
        assert!(Reply::parse(b"*-1\r\n").is_null());
    }
}
