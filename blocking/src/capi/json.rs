//! Reading a member of a message, for programs that have no JSON library.

use std::ffi::{c_char, c_int};
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::entry::enter;
use super::text::{Out, name, ripc_text, text};
use super::token::ripc;
use crate::error::Error;

/// The last member of this name, the other ones passed over.
struct Member<'n>(&'n str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// A member as a text: texts as they are, everything else as JSON writes it.
fn member(json: &str, name: &str) -> Result<Option<String>, Error> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let found = reader.deserialize_map(Member(name));
    let found = found.and_then(|found| reader.end().map(|()| found));
    let found = found.map_err(|error| Error::Value(format!("this is no JSON object: {error}")))?;
    Ok(match found {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text),
        Some(other) => Some(other.to_string()),
    })
}

/// Reads one member of a JSON object, such as the text of a message or an answer, for programs
/// that have no JSON library: a text as it is, without quotes and escapes, anything else as JSON
/// writes it. *value is lent until the next call on this handle; it is absent if there is no such
/// member, or null. Asks nobody.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_json_member(
    handle: *mut ripc,
    json: *const c_char,
    length: usize,
    member_name: *const c_char,
    value: *mut ripc_text,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, json, member_name) = unsafe {
            let out = Out::new(value, ripc_text::ABSENT)?;
            (out, text(json, length)?, name(member_name)?)
        };
        // It may lie on the shelf that the value is to be put on.
        let found = member(json, member_name)?;
        out.set(handle.lend(found.as_deref()));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_read_as_a_text_and_the_last_one_counts() {
        let json = r#" {"a":1,"b":{"a":2},"a":"\u00fc\n","n":null,"l":[1, "x"],"f":1.5} "#;
        let read = |name: &str| member(json, name).unwrap();
        assert_eq!(read("a").as_deref(), Some("ü\n"));
        assert_eq!(read("b").as_deref(), Some(r#"{"a":2}"#));
        assert_eq!(read("l").as_deref(), Some(r#"[1,"x"]"#));
        assert_eq!(read("f").as_deref(), Some("1.5"));
        assert_eq!((read("n"), read("x")), (None, None));
        for broken in ["", "[]", "{} {}", r#"{"a":}"#, "1"] {
            assert!(member(broken, "a").is_err(), "{broken}");
        }
    }
}
