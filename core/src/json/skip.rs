//! Finds the end of a JSON value and checks its syntax on the way (RFC 8259, sections 2 to 7).

use super::{JsonError, MAX_DEPTH, plain};

/// Offset behind the value that begins at `at`.
///
/// # Errors
/// [`JsonError::Syntax`] or [`JsonError::TooDeep`] with the offset where it shows.
///
/// ```
/// use redis_ipc_core::json::skip;
///
/// assert_eq!(skip::value(br#"{"a":[1,"}"]},"next""#, 0), Ok(13));
/// ```
#[inline]
pub fn value(text: &[u8], at: usize) -> Result<usize, JsonError> {
    value_below(text, at, 0)
}

/// As [`value`], for a value that stands within `above` open containers.
#[inline]
pub(super) fn value_below(text: &[u8], at: usize, above: usize) -> Result<usize, JsonError> {
    match text.get(at) {
        Some(b'"') => string(text, at),
        Some(b'{' | b'[') => container(text, at, above),
        _ => scalar(text, at),
    }
}

/// Offset behind the text whose opening quote stands at `at`.
///
/// # Errors
/// [`JsonError::Syntax`] where there is no quote, a control character, a bad escape or no end.
#[inline]
pub fn string(text: &[u8], at: usize) -> Result<usize, JsonError> {
    string_noting(text, at, &mut false)
}

/// As [`string`]; sets `escaped` if there is an escape in the text.
#[inline(always)]
pub(super) fn string_noting(
    text: &[u8],
    at: usize,
    escaped: &mut bool,
) -> Result<usize, JsonError> {
    if text.get(at) != Some(&b'"') {
        return Err(JsonError::Syntax { at });
    }
    let end = plain::end(text, at + 1);
    if text.get(end) == Some(&b'"') {
        return Ok(end + 1);
    }
    *escaped = true;
    escaped_string(text, end)
}

/// As [`string`] from the first special byte of the text on, which is not its closing quote.
fn escaped_string(text: &[u8], mut at: usize) -> Result<usize, JsonError> {
    loop {
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = plain::end(text, escape(text, at)?),
            _ => return Err(JsonError::Syntax { at }),
        }
    }
}

/// Offset of the first byte from `at` on that is no blank.
#[must_use]
#[inline]
pub fn blanks(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = text.get(at) {
        at += 1;
    }
    at
}

/// Offset behind the escape whose backslash stands at `at`.
fn escape(text: &[u8], at: usize) -> Result<usize, JsonError> {
    match text.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => hex(text, at + 2),
        _ => Err(JsonError::Syntax { at: at + 1 }),
    }
}

fn hex(text: &[u8], at: usize) -> Result<usize, JsonError> {
    for at in at..at + 4 {
        if !text.get(at).is_some_and(u8::is_ascii_hexdigit) {
            return Err(JsonError::Syntax { at });
        }
    }
    Ok(at + 4)
}

#[inline]
fn scalar(text: &[u8], at: usize) -> Result<usize, JsonError> {
    match text.get(at) {
        Some(b't') => literal(text, at, b"true"),
        Some(b'f') => literal(text, at, b"false"),
        Some(b'n') => literal(text, at, b"null"),
        _ => number(text, at),
    }
}

fn literal(text: &[u8], at: usize, word: &[u8]) -> Result<usize, JsonError> {
    let rest = text.get(at..).unwrap_or_default();
    if rest.starts_with(word) {
        return Ok(at + word.len());
    }
    let same = rest.iter().zip(word).take_while(|(a, b)| a == b).count();
    Err(JsonError::Syntax { at: at + same })
}

#[inline]
fn number(text: &[u8], mut at: usize) -> Result<usize, JsonError> {
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match text.get(at) {
        Some(b'0') => at + 1,
        _ => digits(text, at)?,
    };
    match text.get(at) {
        Some(b'.' | b'e' | b'E') => fraction(text, at),
        _ => Ok(at),
    }
}

/// Offset behind the fraction and the exponent, of which one begins at `at`.
fn fraction(text: &[u8], mut at: usize) -> Result<usize, JsonError> {
    if text.get(at) == Some(&b'.') {
        at = digits(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = digits(text, at)?;
    }
    Ok(at)
}

/// Offset behind the digits at `at`, of which there must be one.
#[inline]
fn digits(text: &[u8], at: usize) -> Result<usize, JsonError> {
    let rest = text.get(at..).unwrap_or_default();
    let other = rest.iter().position(|byte| !byte.is_ascii_digit());
    match other.unwrap_or(rest.len()) {
        0 => Err(JsonError::Syntax { at }),
        count => Ok(at + count),
    }
}

fn container(text: &[u8], at: usize, above: usize) -> Result<usize, JsonError> {
    let mut nesting = Nesting {
        objects: 0,
        open: 0,
        above,
    };
    let mut at = at;
    loop {
        let step = match text.get(at) {
            Some(b'{') => nesting.enter(text, at, true)?,
            Some(b'[') => nesting.enter(text, at, false)?,
            Some(b'"') => nesting.leave(text, string(text, at)?)?,
            _ => nesting.leave(text, scalar(text, at)?)?,
        };
        match step {
            Step::Value(next) => at = next,
            Step::End(end) => return Ok(end),
        }
    }
}

/// What comes next within containers.
enum Step {
    /// A value begins here.
    Value(usize),
    /// The outermost container ended before this offset.
    End(usize),
}

/// The containers that are open: a stack with one bit each.
struct Nesting {
    /// The lowest bit is the innermost container's: set if it is an object.
    objects: u32,
    open: usize,
    above: usize,
}

// Every container has its bit.
const _: () = assert!(MAX_DEPTH <= u32::BITS as usize);

impl Nesting {
    /// Goes into the container whose bracket stands at `at`.
    fn enter(&mut self, text: &[u8], at: usize, object: bool) -> Result<Step, JsonError> {
        if self.above + self.open >= MAX_DEPTH {
            return Err(JsonError::TooDeep { at });
        }
        self.open += 1;
        self.objects = (self.objects << 1) | u32::from(object);
        let next = blanks(text, at + 1);
        match text.get(next) {
            Some(b'}') if object => self.close(text, next),
            Some(b']') if !object => self.close(text, next),
            _ => self.element(text, next),
        }
    }

    /// Goes on behind the bracket at `at` that closes the innermost container.
    fn close(&mut self, text: &[u8], at: usize) -> Result<Step, JsonError> {
        self.open -= 1;
        self.objects >>= 1;
        self.leave(text, at + 1)
    }

    /// Goes on behind a value that ended before `at`.
    fn leave(&mut self, text: &[u8], mut at: usize) -> Result<Step, JsonError> {
        while self.open > 0 {
            at = blanks(text, at);
            match (text.get(at), self.in_object()) {
                (Some(b','), _) => return self.element(text, blanks(text, at + 1)),
                (Some(b'}'), true) | (Some(b']'), false) => {}
                _ => return Err(JsonError::Syntax { at }),
            }
            self.open -= 1;
            self.objects >>= 1;
            at += 1;
        }
        Ok(Step::End(at))
    }

    /// An element, in an object a member, must begin at `at`.
    fn element(&self, text: &[u8], at: usize) -> Result<Step, JsonError> {
        if self.in_object() {
            return colon(text, string(text, at)?).map(Step::Value);
        }
        Ok(Step::Value(at))
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

/// Offset of the value behind the colon that must follow a name that ended before `at`.
#[inline]
pub(super) fn colon(text: &[u8], at: usize) -> Result<usize, JsonError> {
    let at = blanks(text, at);
    if text.get(at) != Some(&b':') {
        return Err(JsonError::Syntax { at });
    }
    Ok(blanks(text, at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    #[test]
    fn every_kind_of_value_ends_where_it_ends() {
        for good in [
            "0",
            "-0",
            "5",
            "-12",
            "0.5",
            "-1.25e+10",
            "1E9",
            "1e-2",
            "true",
            "false",
            "null",
            "\"\"",
            "\"a\"",
            r#""\"\\\/\b\f\n\r\t\u00fc\uD83D\ude00""#,
            "\"ü€😀\"",
            "[]",
            "{}",
            "[ ]",
            "{ }",
            "[1]",
            "[1,2]",
            "[ [ ] , { } ]",
            r#"{"a":1}"#,
            r#"{ "a" : { "b" : [ ] } }"#,
            r#"{"":[{"}":"]"},null]}"#,
            "\"0123456789abcdef\"",
            "\"\u{7f}\"",
        ] {
            let text = std::format!("{good} ,");
            assert_eq!(value(text.as_bytes(), 0), Ok(good.len()), "{good}");
            assert_eq!(value(good.as_bytes(), 0), Ok(good.len()), "{good}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused_where_it_shows() {
        for (bad, at) in [
            ("", 0),
            ("-", 1),
            ("+1", 0),
            (".5", 0),
            ("1.", 2),
            ("1.e5", 2),
            ("1e", 2),
            ("1e+", 3),
            ("tru", 3),
            ("nul!", 3),
            ("NaN", 0),
            ("'a'", 0),
            ("\"", 1),
            ("\"a", 2),
            (r#""\"#, 2),
            (r#""\x""#, 2),
            (r#""\u12g4""#, 5),
            (r#""\u123""#, 6),
            ("\"a\nb\"", 2),
            ("\"\0\"", 1),
            ("[", 1),
            ("[1", 2),
            ("[1,", 3),
            ("[1,]", 3),
            ("[,1]", 1),
            ("[1 2]", 3),
            ("[1}", 2),
            ("{", 1),
            ("{1:2}", 1),
            (r#"{"a"}"#, 4),
            (r#"{"a":}"#, 5),
            (r#"{"a":1,}"#, 7),
            (r#"{"a":1]"#, 6),
            (r#"{"a" 1}"#, 5),
            ("{a:1}", 1),
            ("}", 0),
            ("\u{feff}{}", 0),
        ] {
            assert_eq!(
                value(bad.as_bytes(), 0),
                Err(JsonError::Syntax { at }),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn depth_is_capped_without_recursion() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let nested = |depth| {
                let inner = if open == "[" {
                    String::new()
                } else {
                    "1".into()
                };
                [open.repeat(depth), inner, close.repeat(depth)].concat()
            };
            let fits = nested(MAX_DEPTH);
            assert_eq!(value(fits.as_bytes(), 0), Ok(fits.len()));
            for depth in [MAX_DEPTH + 1, 100_000] {
                let at = MAX_DEPTH * open.len();
                let deep = nested(depth);
                assert_eq!(value(deep.as_bytes(), 0), Err(JsonError::TooDeep { at }));
            }
        }
    }

    #[test]
    fn mixed_brackets_are_told_apart_at_every_depth() {
        assert!(value(br#"[{"a":[{"b":[]}]}]"#, 0).is_ok());
        assert!(value(br#"[{"a":[{"b":[}]}]]"#, 0).is_err());
        assert!(value(br#"[{"a":[{"b":[]]}}]"#, 0).is_err());
    }
}
