//! The members of a JSON object, one after the other, as places in its text.

use core::ops::Range;

use super::{JsonError, skip, string};

/// Where a member stands in the text of its object; all offsets in bytes.
///
/// ```
/// use redis_ipc_core::json::object::Members;
///
/// let text = r#"{"a" : "b"}"#;
/// let member = Members::new(text.as_bytes())?.next().unwrap()?;
/// assert_eq!((&text[member.name], &text[member.value]), ("a", "\"b\""));
/// assert_eq!(&text[member.whole], r#""a" : "b""#);
/// # Ok::<(), redis_ipc_core::json::JsonError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The raw name without its quotes.
    pub name: Range<usize>,
    /// The value, a text with its quotes.
    pub value: Range<usize>,
    /// From the opening quote of the name to the end of the value.
    pub whole: Range<usize>,
    /// Whether there is an escape in the name, or in the value if that is a text.
    pub escaped: bool,
}

/// Goes through the members of a text that is one JSON object.
///
/// All of the text has been checked when the iterator is through; behind the object there may be
/// blanks only. It ends with the first error.
///
/// ```
/// use redis_ipc_core::json::object::Members;
///
/// let text = br#"{"a": 1, "b": [true]}"#;
/// let values: Vec<&[u8]> = Members::new(text)?
///     .map(|member| member.map(|m| &text[m.value]))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(values, [&b"1"[..], b"[true]"]);
/// # Ok::<(), redis_ipc_core::json::JsonError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Members<'a> {
    text: &'a [u8],
    cursor: Cursor,
}

impl<'a> Members<'a> {
    /// Starts at the first member of the object that `text` is.
    ///
    /// # Errors
    /// [`JsonError::NotAnObject`] if the text begins with anything else; [`JsonError::Syntax`] if
    /// an object without members is followed by something.
    pub fn new(text: &'a [u8]) -> Result<Self, JsonError> {
        let cursor = Cursor::whole(text)?;
        Ok(Self { text, cursor })
    }
}

impl Iterator for Members<'_> {
    type Item = Result<Member, JsonError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.cursor.next(self.text).transpose()?;
        self.cursor.ended |= next.is_err();
        Some(next)
    }
}

/// As [`Members`] without holding the text, so that what lies behind the cursor can be changed.
#[derive(Debug, Clone)]
pub(crate) struct Cursor {
    /// Where the next member begins, or the closing brace stands.
    at: usize,
    ended: bool,
    /// Whether more than blanks may follow the object.
    nested: bool,
}

impl Cursor {
    /// Over the object that `text` is as a whole.
    #[inline]
    pub(crate) fn whole(text: &[u8]) -> Result<Self, JsonError> {
        Self::open(text, skip::blanks(text, 0), false)
    }

    /// Over the object whose brace stands at `at`.
    pub(crate) fn nested(text: &[u8], at: usize) -> Result<Self, JsonError> {
        Self::open(text, at, true)
    }

    #[inline]
    fn open(text: &[u8], at: usize, nested: bool) -> Result<Self, JsonError> {
        if text.get(at) != Some(&b'{') {
            return Err(JsonError::NotAnObject);
        }
        let at = skip::blanks(text, at + 1);
        let mut cursor = Self {
            at,
            ended: false,
            nested,
        };
        if text.get(at) == Some(&b'}') {
            cursor.end(text, at)?;
        }
        Ok(cursor)
    }

    /// Where the next member begins; where the closing brace stands if there is none.
    #[inline]
    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// The next member; the cursor then stands behind the comma that follows it.
    pub(crate) fn next(&mut self, text: &[u8]) -> Result<Option<Member>, JsonError> {
        self.step(text)
    }

    /// As [`next`](Self::next), for the two loops that every message goes through.
    #[inline(always)]
    pub(crate) fn step(&mut self, text: &[u8]) -> Result<Option<Member>, JsonError> {
        if self.ended {
            return Ok(None);
        }
        let start = self.at;
        let mut escaped = false;
        let name_end = skip::string_noting(text, start, &mut escaped)?;
        let value_start = skip::colon(text, name_end)?;
        let value_end = match text.get(value_start) {
            Some(b'"') => skip::string_noting(text, value_start, &mut escaped)?,
            _ => skip::value_below(text, value_start, 1)?,
        };
        let behind = skip::blanks(text, value_end);
        match text.get(behind) {
            Some(b',') => self.at = skip::blanks(text, behind + 1),
            Some(b'}') => self.end(text, behind)?,
            _ => return Err(JsonError::Syntax { at: behind }),
        }
        Ok(Some(Member {
            name: start + 1..name_end - 1,
            value: value_start..value_end,
            whole: start..value_end,
            escaped,
        }))
    }

    #[inline]
    fn end(&mut self, text: &[u8], at: usize) -> Result<(), JsonError> {
        self.at = at;
        self.ended = true;
        let behind = skip::blanks(text, at + 1);
        if !self.nested && behind < text.len() {
            return Err(JsonError::Syntax { at: behind });
        }
        Ok(())
    }
}

/// Bytes that [`keep_last`] looks at for each call before it gives up, in whole texts of the
/// usual size some hundred members.
const LOOKED_AT: usize = 16 << 20;

/// Blanks out every member that a later one of the same object and the same name replaces, at any
/// depth, so that a reader who refuses duplicates sees the last of each. Returns whether there
/// were any.
///
/// The length stays: blanks take the place of what goes. The text must be JSON; what is not is
/// left alone. The time is bounded: in an object of very many members duplicates may stay.
///
/// ```
/// use redis_ipc_core::json::object;
///
/// let mut text = *br#"{"a":1,"b":2,"\u0061":3}"#;
/// assert!(object::keep_last(&mut text));
/// assert_eq!(&text, br#"{      "b":2,"\u0061":3}"#);
/// ```
pub fn keep_last(text: &mut [u8]) -> bool {
    let mut budget = LOOKED_AT;
    let mut found = false;
    let mut at = 0;
    while let Some(open) = next_object(text, at) {
        found |= keep_last_of(text, open, &mut budget).unwrap_or(false);
        at = open + 1;
    }
    found
}

/// Where the next object from `at` on opens.
fn next_object(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match text.get(at)? {
            b'{' => return Some(at),
            b'"' => at = skip::string(text, at).ok()?,
            _ => at += 1,
        }
    }
}

fn keep_last_of(text: &mut [u8], open: usize, budget: &mut usize) -> Result<bool, JsonError> {
    let mut found = false;
    let mut cursor = Cursor::nested(text, open)?;
    while let Some(member) = cursor.next(text)? {
        if !is_replaced(text, &member, cursor.clone(), budget)? {
            continue;
        }
        found = true;
        // A later member follows, so the comma goes too.
        if let Some(place) = text.get_mut(member.whole.start..cursor.position()) {
            place.fill(b' ');
        }
    }
    Ok(found)
}

/// Whether one of the members from `later` on has the member's name.
fn is_replaced(
    text: &[u8],
    member: &Member,
    mut later: Cursor,
    budget: &mut usize,
) -> Result<bool, JsonError> {
    let name = text.get(member.name.clone()).unwrap_or_default();
    while let Some(other) = later.next(text)? {
        let Some(left) = budget.checked_sub(other.whole.len()) else {
            return Ok(false);
        };
        *budget = left;
        if string::same_raw(name, text.get(other.name).unwrap_or_default()) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn members(text: &str) -> Result<Vec<(&str, &str, &str)>, JsonError> {
        Members::new(text.as_bytes())?
            .map(|member| member.map(|m| (&text[m.name], &text[m.value], &text[m.whole])))
            .collect()
    }

    #[test]
    fn members_are_found_with_and_without_blanks() {
        for empty in ["{}", " { } ", "\n{\t}\r\n"] {
            assert_eq!(members(empty), Ok(std::vec![]));
        }
        let expected = [
            ("a", "1", "\"a\":1"),
            (r"b\u0020", "{\"a\":\"}\"}", r#""b\u0020":{"a":"}"}"#),
        ];
        assert_eq!(members(r#"{"a":1,"b\u0020":{"a":"}"}}"#).unwrap(), expected);
        assert_eq!(
            members(" { \"a\" : 1 , \"b\" : \"\" } \n").unwrap(),
            [("a", "1", "\"a\" : 1"), ("b", "\"\"", "\"b\" : \"\"")]
        );
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for other in ["", " ", "[]", "1", "\"{}\"", "null", "\u{feff}{}"] {
            assert_eq!(members(other), Err(JsonError::NotAnObject), "{other}");
        }
        for bad in [
            "{",
            "{}x",
            "{}{}",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":1"#,
            r#"{"a":1,"#,
            r#"{"a":1,}"#,
            r#"{"a":1}x"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":1]"#,
            "{1:2}",
            r#"{"a":1}}"#,
        ] {
            assert!(
                matches!(members(bad), Err(JsonError::Syntax { .. })),
                "{bad}"
            );
        }
    }

    #[test]
    fn the_object_itself_counts_for_the_depth() {
        let nested =
            |depth: usize| ["{\"a\":", &"[".repeat(depth), &"]".repeat(depth), "}"].concat();
        assert!(members(&nested(crate::json::MAX_DEPTH - 1)).is_ok());
        assert!(matches!(
            members(&nested(crate::json::MAX_DEPTH)),
            Err(JsonError::TooDeep { .. })
        ));
    }

    #[test]
    fn an_error_ends_the_members() {
        let mut members = Members::new(b"{\"a\":1,x").unwrap();
        assert!(members.next().unwrap().is_ok());
        assert_eq!(members.next(), Some(Err(JsonError::Syntax { at: 7 })));
        assert_eq!(members.next(), None);
    }

    #[test]
    fn the_last_of_members_with_one_name_is_kept_at_every_depth() {
        for (before, after) in [
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#"{"a":1,"a":2,"a":3,"b":0}"#, r#"{"a":3,"b":0}"#),
            (
                r#"{"x":{"a":[{"c":1,"c":2}],"b":1,"b":{}}}"#,
                r#"{"x":{"a":[{"c":2}],"b":{}}}"#,
            ),
            (r#"{"a":"{\"a\":1,\"a\":2}","a" : "}" }"#, r#"{"a":"}"}"#),
        ] {
            let mut text = Vec::from(before);
            assert!(keep_last(&mut text));
            let squeezed: String = String::from_utf8(text).unwrap().replace(' ', "");
            assert_eq!(squeezed, after);
        }
        let mut unique = *br#"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#;
        let before = unique;
        assert!(!keep_last(&mut unique));
        assert_eq!(unique, before);
    }

    #[test]
    fn very_many_members_take_bounded_time_and_stay_json() {
        let mut text = String::from("{");
        // Each is compared with all that follow, up to a limit.
        let count = if cfg!(miri) { 100 } else { 60_000 };
        for number in 0..count {
            text.push_str(&std::format!("\"{number}\":1,"));
        }
        text.push_str("\"end\":1}");
        let mut bytes = text.into_bytes();
        keep_last(&mut bytes);
        assert_eq!(skip::value(&bytes, 0), Ok(bytes.len()));
    }
}
