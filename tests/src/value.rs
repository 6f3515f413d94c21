//! RESP as the tests read it: owned values and a parser of a few lines,
//! independent of the one that is under test.

use std::fmt;

/// A reply, owned.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// `+`
    Simple(String),
    /// `-` and `!`: the whole line, code and message.
    Error(String),
    /// `:`
    Integer(i64),
    /// `$` and `=`, a verbatim text with its format in front.
    Bulk(Vec<u8>),
    /// `$-1`, `*-1` and `_`
    Nil,
    /// `*` and `~`
    Array(Vec<Value>),
    /// `%`
    Map(Vec<(Value, Value)>),
    /// `>`
    Push(Vec<Value>),
    /// `,` and `(`, as text.
    Number(String),
    /// `#`
    Boolean(bool),
}

impl Value {
    /// The value that `bytes` begin with and the bytes it takes; None while
    /// more bytes are needed.
    ///
    /// # Panics
    /// On bytes that are not RESP.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut reader = Reader { bytes, at: 0 };
        let value = reader.value()?;
        Some((value, reader.at))
    }

    /// The text of a simple string, bulk string, error or number.
    ///
    /// # Panics
    /// On other values and on bytes that are not UTF-8.
    #[must_use]
    #[track_caller]
    pub fn text(&self) -> String {
        match self {
            Self::Simple(text) | Self::Error(text) | Self::Number(text) => text.clone(),
            Self::Bulk(bytes) => String::from_utf8(bytes.clone()).expect("text is UTF-8"),
            other => panic!("no text: {other:?}"),
        }
    }

    /// The number of an integer reply.
    ///
    /// # Panics
    /// On other values.
    #[must_use]
    #[track_caller]
    pub fn integer(&self) -> i64 {
        match self {
            Self::Integer(number) => *number,
            other => panic!("no integer: {other:?}"),
        }
    }

    /// The elements of an array, set or push.
    ///
    /// # Panics
    /// On other values.
    #[must_use]
    #[track_caller]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) | Self::Push(items) => items,
            other => panic!("no array: {other:?}"),
        }
    }

    /// The texts of an array's elements, in order.
    ///
    /// # Panics
    /// If it is no array, or an element has no text.
    #[must_use]
    #[track_caller]
    pub fn texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for item in self.items() {
            texts.push(item.text());
        }
        texts
    }

    /// Whether it is null of any kind.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        *self == Self::Nil
    }

    /// Whether it is an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }
}

/// Bytes are shown as text where they are text.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simple(text) => write!(f, "+{text}"),
            Self::Error(text) => write!(f, "-{text}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Bulk(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Self::Nil => f.write_str("nil"),
            Self::Array(items) => f.debug_list().entries(items).finish(),
            Self::Map(pairs) => f
                .debug_map()
                .entries(pairs.iter().map(|(k, v)| (k, v)))
                .finish(),
            Self::Push(items) => f.debug_list().entry(&">").entries(items).finish(),
            Self::Number(text) => f.write_str(text),
            Self::Boolean(value) => write!(f, "{value}"),
        }
    }
}

impl PartialEq<&str> for Value {
    fn eq(&self, other: &&str) -> bool {
        match self {
            Self::Simple(text) | Self::Error(text) | Self::Number(text) => text == other,
            Self::Bulk(bytes) => bytes == other.as_bytes(),
            _ => false,
        }
    }
}

impl PartialEq<i64> for Value {
    fn eq(&self, other: &i64) -> bool {
        *self == Self::Integer(*other)
    }
}

/// A command as Redis takes it: an array of bulk strings.
#[must_use]
pub fn request<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        out.extend(format!("${}\r\n", word.len()).as_bytes());
        out.extend(word);
        out.extend(b"\r\n");
    }
    out
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Option<Value> {
        let line = self.line()?;
        let (kind, rest) = line.split_at_checked(1).expect("a line has a type");
        Some(match kind {
            "+" => Value::Simple(rest.into()),
            "-" => Value::Error(rest.into()),
            ":" => Value::Integer(number(rest)),
            "," | "(" => Value::Number(rest.into()),
            "#" => Value::Boolean(rest == "t"),
            "_" => Value::Nil,
            "$" | "=" | "*" if rest == "-1" => Value::Nil,
            "$" | "=" => Value::Bulk(self.bulk(count(rest))?),
            "!" => Value::Error(String::from_utf8_lossy(&self.bulk(count(rest))?).into()),
            "*" | "~" => Value::Array(self.values(count(rest))?),
            ">" => Value::Push(self.values(count(rest))?),
            "%" => Value::Map(pairs(self.values(2 * count(rest))?)),
            _ => panic!("not RESP: {line:?}"),
        })
    }

    /// A line without its end; bytes that are not UTF-8 become U+FFFD.
    fn line(&mut self) -> Option<String> {
        let rest = &self.bytes[self.at..];
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        self.at += end + 2;
        Some(String::from_utf8_lossy(&rest[..end]).into())
    }

    fn bulk(&mut self, length: usize) -> Option<Vec<u8>> {
        let rest = &self.bytes[self.at..];
        let whole = rest.get(..length + 2)?;
        assert_eq!(&whole[length..], b"\r\n", "a bulk string ends with CR LF");
        self.at += length + 2;
        Some(whole[..length].to_vec())
    }

    fn values(&mut self, count: usize) -> Option<Vec<Value>> {
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.value()?);
        }
        Some(values)
    }
}

fn pairs(values: Vec<Value>) -> Vec<(Value, Value)> {
    let mut pairs = Vec::new();
    let mut values = values.into_iter();
    while let (Some(key), Some(value)) = (values.next(), values.next()) {
        pairs.push((key, value));
    }
    pairs
}

fn number(digits: &str) -> i64 {
    match digits.parse() {
        Ok(number) => number,
        Err(error) => panic!("not a RESP number: {digits:?}: {error}"),
    }
}

fn count(digits: &str) -> usize {
    usize::try_from(number(digits)).expect("a length is not negative")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_read() {
        let bytes = b"*9\r\n+OK\r\n-ERR no\r\n:-7\r\n$2\r\n\r\n\r\n$-1\r\n_\r\n,1.5\r\n#t\r\n%1\r\n+a\r\n:1\r\n";
        let (value, end) = Value::parse(bytes).unwrap();
        assert_eq!(end, bytes.len());
        assert_eq!(
            value.items(),
            [
                Value::Simple("OK".into()),
                Value::Error("ERR no".into()),
                Value::Integer(-7),
                Value::Bulk(b"\r\n".to_vec()),
                Value::Nil,
                Value::Nil,
                Value::Number("1.5".into()),
                Value::Boolean(true),
                Value::Map(vec![(Value::Simple("a".into()), Value::Integer(1))]),
            ]
        );
    }

    #[test]
    fn half_a_value_asks_for_more() {
        let bytes = b"*2\r\n$3\r\nabc\r\n>1\r\n:1\r\n";
        for end in 0..bytes.len() {
            assert_eq!(Value::parse(&bytes[..end]), None, "{end} bytes");
        }
        assert!(Value::parse(bytes).is_some());
    }

    #[test]
    #[should_panic(expected = "not RESP")]
    fn what_is_not_resp_is_a_panic() {
        let _ = Value::parse(b"hello\r\n");
    }

    #[test]
    fn a_request_is_an_array_of_bulk_strings() {
        assert_eq!(
            request(&["GET", "a b"]),
            b"*2\r\n$3\r\nGET\r\n$3\r\na b\r\n"
        );
    }
}
