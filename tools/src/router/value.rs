//! A reply of one's own, kept after its connection went on.

use std::fmt;

use redis_ipc_core::resp::Reply;

/// What a server has answered.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// Short text, mostly `OK`.
    Text(String),
    /// Any bytes.
    Bytes(Vec<u8>),
    /// Yes or no.
    Boolean(bool),
    /// A floating-point number.
    Double(f64),
    /// The digits of a whole number of any size.
    BigNumber(String),
    /// Elements in order.
    Array(Vec<Value>),
    /// Keys with their values.
    Map(Vec<(Value, Value)>),
    /// Elements without an order.
    Set(Vec<Value>),
    /// A refusal inside of an array, of a transaction for one.
    Error(String),
}

impl Value {
    /// The text's or the bytes' bytes.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text.as_bytes()),
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The elements of an array or a set.
    #[must_use]
    pub fn elements(&self) -> Option<&[Value]> {
        match self {
            Self::Array(elements) | Self::Set(elements) => Some(elements),
            _ => None,
        }
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }
}

impl From<&Reply<'_>> for Value {
    // The depth of what was scanned is limited, and so is that of this recursion.
    fn from(reply: &Reply<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let all = |elements: &redis_ipc_core::resp::Elements<'_>| {
            elements
                .clone()
                .map(|element| Self::from(&element))
                .collect()
        };
        match reply {
            Reply::Simple(bytes) => Self::Text(text(bytes)),
            Reply::Error(error) => Self::Error(error.to_string()),
            Reply::Integer(number) => Self::Integer(*number),
            Reply::Bulk(bytes) | Reply::Verbatim { text: bytes, .. } => Self::Bytes(bytes.to_vec()),
            Reply::Array(elements) | Reply::Push(elements) => Self::Array(all(elements)),
            Reply::Set(elements) => Self::Set(all(elements)),
            Reply::Map(elements) => Self::Map(pairs(elements.clone())),
            Reply::Double(digits) => text(digits).parse().map_or(Self::Null, Self::Double),
            Reply::Boolean(yes) => Self::Boolean(*yes),
            Reply::BigNumber(digits) => Self::BigNumber(text(digits)),
            _ => Self::Null,
        }
    }
}

fn pairs(mut elements: redis_ipc_core::resp::Elements<'_>) -> Vec<(Value, Value)> {
    let mut pairs = Vec::with_capacity(elements.len() / 2);
    while let (Some(key), Some(value)) = (elements.next(), elements.next()) {
        pairs.push((Value::from(&key), Value::from(&value)));
    }
    pairs
}

/// On one line, for people; bytes that are no text are escaped.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("(nil)"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Text(text) | Self::BigNumber(text) => f.write_str(text),
            Self::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => write!(f, "{text:?}"),
                Err(_) => write!(f, "\"{}\"", bytes.escape_ascii()),
            },
            Self::Boolean(yes) => write!(f, "{yes}"),
            Self::Double(number) => write!(f, "{number}"),
            Self::Error(text) => write!(f, "(error) {text}"),
            Self::Array(elements) => list(f, '[', elements, ']'),
            Self::Set(elements) => list(f, '{', elements, '}'),
            Self::Map(pairs) => {
                f.write_str("{")?;
                for (number, (key, value)) in pairs.iter().enumerate() {
                    let before = if number == 0 { "" } else { ", " };
                    write!(f, "{before}{key}: {value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, open: char, elements: &[Value], close: char) -> fmt::Result {
    write!(f, "{open}")?;
    for (number, element) in elements.iter().enumerate() {
        let before = if number == 0 { "" } else { ", " };
        write!(f, "{before}{element}")?;
    }
    write!(f, "{close}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_reply_is_kept_and_shown() {
        let frame = b"*8\r\n:1\r\n$1\r\na\r\n+OK\r\n_\r\n%1\r\n+k\r\n#t\r\n~1\r\n,1.5\r\n-ERR no\r\n$2\r\n\xff\n\r\n";
        let value = Value::from(&Reply::parse(frame));
        let shown = r#"[1, "a", OK, (nil), {k: true}, {1.5}, (error) ERR no, "\xff\n"]"#;
        assert_eq!(value.to_string(), shown);
    }
}
