//! What the envelopes of redisbus and redisrpc have in common: an object with a few known members,
//! read in the bytes it arrived in.

use core::fmt;
use core::ops::Range;

use crate::json::{JsonError, object::Cursor, string};

/// Why a message is no envelope of its kind. The peer's fault: such a message is dropped.
///
/// ```
/// use redis_ipc_core::dialect::redisbus::{Malformed, read_message};
///
/// let refused = read_message(&mut *br#"{"x":"ping"}"#.to_vec()).unwrap_err();
/// assert_eq!(refused, Malformed::Missing("c"));
/// assert_eq!(refused.to_string(), "member c is missing");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// The bytes are not one JSON object.
    Json(JsonError),
    /// The bytes are a Python pickle, which is never decoded: whoever does that executes it.
    Pickle,
    /// A member is missing.
    Missing(&'static str),
    /// A member is of another type than it has.
    WrongType {
        /// The member's name.
        member: &'static str,
        /// What it is to be.
        wanted: &'static str,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::Pickle => f.write_str("pickled messages are refused; send JSON"),
            Self::Missing(member) => write!(f, "member {member} is missing"),
            Self::WrongType { member, wanted } => write!(f, "member {member} is not {wanted}"),
        }
    }
}

impl core::error::Error for Malformed {}

impl From<JsonError> for Malformed {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

/// Where the values of `N` members stand in an object; of duplicates the last. Others are
/// ignored.
#[derive(Debug)]
pub(super) struct Fields<const N: usize> {
    names: [&'static str; N],
    values: [Range<usize>; N],
}

impl<const N: usize> Fields<N> {
    /// Looks at a whole text, and checks its syntax.
    pub(super) fn of(text: &[u8], names: [&'static str; N]) -> Result<Self, JsonError> {
        Self::go_through(text, Cursor::whole(text)?, names)
    }

    /// As [`of`](Self::of), for an object within a text that was checked.
    pub(super) fn within(
        text: &[u8],
        place: &Range<usize>,
        names: [&'static str; N],
    ) -> Result<Self, JsonError> {
        Self::go_through(text, Cursor::nested(text, place.start)?, names)
    }

    fn go_through(
        text: &[u8],
        mut cursor: Cursor,
        names: [&'static str; N],
    ) -> Result<Self, JsonError> {
        let mut values = [const { 0..0 }; N];
        while let Some(member) = cursor.next(text)? {
            let name = text.get(member.name).unwrap_or_default();
            let known = names.iter().zip(&mut values);
            for (_, value) in known.filter(|(known, _)| string::same(name, known)) {
                *value = member.value.clone();
            }
        }
        Ok(Self { names, values })
    }

    /// Where a member's value stands; `None` if there is no such member.
    pub(super) fn value(&self, index: usize) -> Option<Range<usize>> {
        self.values
            .get(index)
            .filter(|value| !value.is_empty())
            .cloned()
    }

    /// Where a text stands, without its quotes.
    pub(super) fn text(&self, text: &[u8], index: usize) -> Result<Range<usize>, Malformed> {
        let member = self.name(index);
        let value = self.value(index).ok_or(Malformed::Missing(member))?;
        if text.get(value.start) != Some(&b'"') {
            let wanted = "a text";
            return Err(Malformed::WrongType { member, wanted });
        }
        Ok(value.start + 1..value.end - 1)
    }

    /// Where a value that begins with `opening` stands, if the member is there.
    pub(super) fn container(
        &self,
        text: &[u8],
        index: usize,
        opening: u8,
    ) -> Result<Option<Range<usize>>, Malformed> {
        let Some(value) = self.value(index) else {
            return Ok(None);
        };
        match text.get(value.clone()) {
            Some(b"null") => Ok(None),
            Some([first, ..]) if *first == opening => Ok(Some(value)),
            _ => Err(Malformed::WrongType {
                member: self.name(index),
                wanted: if opening == b'{' {
                    "an object"
                } else {
                    "an array"
                },
            }),
        }
    }

    fn name(&self, index: usize) -> &'static str {
        self.names.get(index).copied().unwrap_or_default()
    }
}

/// Decodes a text where it stands, and returns where it now stands. Blanks take the place of what
/// is left over, so that the whole stays UTF-8 if it was.
pub(super) fn decode(text: &mut [u8], place: Range<usize>) -> Range<usize> {
    let raw = text.get_mut(place.clone()).unwrap_or_default();
    if !string::is_escaped(raw) {
        return place;
    }
    let length = string::unescape_in_place(raw);
    raw.get_mut(length..).unwrap_or_default().fill(b' ');
    place.start..place.start + length
}

/// The whole message as text.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, JsonError> {
    core::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)
}
