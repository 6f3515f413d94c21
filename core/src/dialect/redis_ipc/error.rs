//! Error results: a result whose member `error` is an object with the texts `code` and `message`.
//! Any other `error` is the user's own data.

use core::fmt;

use crate::json::{
    object::Members,
    string::{self, RawText},
};
use crate::write::Writer;

/// What a component answered instead of a result.
///
/// ```
/// use redis_ipc_core::dialect::redis_ipc::error_of;
///
/// let error = error_of(r#"{"error":{"code":"jam","message":"tray \u0032"}}"#).unwrap();
/// assert_eq!(error.code.plain(), Some("jam"));
/// assert_eq!(error.to_string(), "jam: tray 2");
/// assert!(error_of(r#"{"error":"none"}"#).is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerError<'a> {
    /// A word for programs.
    pub code: RawText<'a>,
    /// A sentence for people.
    pub message: RawText<'a>,
}

impl fmt::Display for PeerError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl core::error::Error for PeerError<'_> {}

/// The error that a result's payload stands for, if it stands for one.
#[must_use]
pub fn error_of(payload: &str) -> Option<PeerError<'_>> {
    let [error] = last_of(payload, ["error"])?;
    let [code, message] = last_of(error?, ["code", "message"])?;
    Some(PeerError {
        code: text(code?)?,
        message: text(message?)?,
    })
}

/// Writes the user's part of an error result; [`finish_result`](super::finish_result) makes it whole.
pub fn write_error(w: &mut Writer<'_>, code: &str, message: &str) {
    w.put(b"{\"error\":{\"code\":");
    string::write_text(w, code);
    w.put(b",\"message\":");
    string::write_text(w, message);
    w.put(b"}}");
}

/// The values of the last members with these names, if `object` is an object.
fn last_of<'a, const N: usize>(object: &'a str, names: [&str; N]) -> Option<[Option<&'a str>; N]> {
    let mut values = [None; N];
    for member in Members::new(object.as_bytes()).ok()? {
        let member = member.ok()?;
        let name = object.get(member.name)?;
        for (value, wanted) in values.iter_mut().zip(names) {
            if string::same(name.as_bytes(), wanted) {
                *value = object.get(member.value.clone());
            }
        }
    }
    Some(values)
}

fn text(value: &str) -> Option<RawText<'_>> {
    let raw = value.strip_prefix('"')?.strip_suffix('"')?;
    Some(RawText::new(raw))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn an_error_that_was_written_is_read() {
        let mut buffer = [0; 128];
        let mut w = Writer::new(&mut buffer);
        write_error(&mut w, "no-paper", "tray \"2\"\n€");
        let text = core::str::from_utf8(w.since(0)).unwrap();
        assert_eq!(
            text,
            "{\"error\":{\"code\":\"no-paper\",\"message\":\"tray \\\"2\\\"\\n€\"}}"
        );
        let error = error_of(text).unwrap();
        assert_eq!(error.code.plain(), Some("no-paper"));
        assert_eq!(error.message.plain(), None);
        assert_eq!(error.message.to_string(), "tray \"2\"\n€");
    }

    #[test]
    fn other_members_named_error_are_data() {
        for data in [
            "{}",
            r#"{"error":null}"#,
            r#"{"error":"code"}"#,
            r#"{"error":[]}"#,
            r#"{"error":{}}"#,
            r#"{"error":{"code":"a"}}"#,
            r#"{"error":{"message":"a"}}"#,
            r#"{"error":{"code":1,"message":"a"}}"#,
            r#"{"error":{"code":"a","message":null}}"#,
            r#"{"error":{"code":"a","message":"b"},"error":false}"#,
            r#"{"error":{"code":"a","message":"b","code":1}}"#,
            r#"{"data":{"error":{"code":"a","message":"b"}}}"#,
            r#"{"error":{"code":"a","message":"b"}"#,
            "[]",
        ] {
            assert_eq!(error_of(data), None, "{data}");
        }
    }

    #[test]
    fn an_error_may_have_company_and_any_spelling() {
        for text in [
            r#"{"a":1,"error":{"code":"a","message":"b"},"b":2}"#,
            r#" { "error" : { "line" : [1] , "message" : "b" , "code" : "a" } } "#,
            r#"{"\u0065rror":{"c\u006fde":"a","message":"\u0062"}}"#,
            r#"{"error":1,"error":{"code":1,"code":"a","message":"b"}}"#,
        ] {
            assert_eq!(error_of(text).unwrap().to_string(), "a: b", "{text}");
        }
    }
}
