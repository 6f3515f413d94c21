//! Replies as values of a program's own types.

use redis_ipc_core::resp::Reply;

/// A type that a reply can be read as.
///
/// | type | what it reads |
/// | --- | --- |
/// | `()` | any reply |
/// | `bool` | an integer that is not 0, true, `OK`; nothing is `false` |
/// | `i64`, `u64`, `usize` | an integer, the text of one |
/// | `f64` | a number, the text of one |
/// | `Vec<u8>`, `String` | text of any bytes, text in UTF-8 |
/// | `Option<T>` | nothing, or a `T` |
/// | `Vec<T>` | an array or a set; nothing is an empty one |
/// | `Vec<(A, B)>` | a map, or an array of keys and values by turns, or of pairs |
/// | `(A, B)`, `(A, B, C)` | an array of so many elements |
///
/// ```
/// use redis_ipc::{FromReply, Reply};
///
/// let reply = Reply::parse(b"*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n");
/// assert_eq!(
///     Vec::<(String, i64)>::from_reply(&reply),
///     Some(vec![("a".to_owned(), 1), ("b".to_owned(), 2)])
/// );
/// assert_eq!(i64::from_reply(&reply), None);
/// ```
pub trait FromReply: Sized {
    /// The value; `None` if the reply is none of this type.
    #[must_use]
    fn from_reply(reply: &Reply<'_>) -> Option<Self>;

    /// A reply that holds any number of such values. Types whose many are written in a way of
    /// their own have their own way here.
    #[must_use]
    fn many_from(reply: &Reply<'_>) -> Option<Vec<Self>> {
        if reply.is_null() {
            return Some(Vec::new());
        }
        let elements = reply.elements()?;
        elements.map(|element| Self::from_reply(&element)).collect()
    }
}

impl FromReply for () {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        reply.error().is_none().then_some(())
    }
}

impl FromReply for bool {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        match reply {
            Reply::Integer(number) => Some(*number != 0),
            Reply::Boolean(truth) => Some(*truth),
            Reply::Simple(b"OK") => Some(true),
            Reply::Null => Some(false),
            _ => None,
        }
    }
}

impl FromReply for i64 {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        reply.integer().or_else(|| text(reply)?.parse().ok())
    }
}

impl FromReply for u64 {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        match reply.integer() {
            Some(number) => number.try_into().ok(),
            None => text(reply)?.parse().ok(),
        }
    }
}

impl FromReply for usize {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        u64::from_reply(reply)?.try_into().ok()
    }
}

impl FromReply for f64 {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        match *reply {
            // Exact up to 2^53, as with every server that has only such numbers.
            Reply::Integer(number) => Some(number as Self),
            Reply::Double(text) => std::str::from_utf8(text).ok()?.parse().ok(),
            _ => text(reply)?.parse().ok(),
        }
    }
}

/// A byte is a small number; many of them are text.
impl FromReply for u8 {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        reply.integer()?.try_into().ok()
    }

    fn many_from(reply: &Reply<'_>) -> Option<Vec<Self>> {
        reply.bytes().map(<[u8]>::to_vec)
    }
}

impl FromReply for String {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        text(reply).map(str::to_owned)
    }
}

impl<T: FromReply> FromReply for Option<T> {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        match reply {
            Reply::Null => Some(None),
            reply => T::from_reply(reply).map(Some),
        }
    }
}

impl<T: FromReply> FromReply for Vec<T> {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        T::many_from(reply)
    }
}

impl<A: FromReply, B: FromReply> FromReply for (A, B) {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        let mut parts = reply.elements()?;
        let pair = (
            A::from_reply(&parts.next()?)?,
            B::from_reply(&parts.next()?)?,
        );
        parts.next().is_none().then_some(pair)
    }

    /// Compat: RESP2 has keys and values by turns where RESP3 has maps or pairs.
    fn many_from(reply: &Reply<'_>) -> Option<Vec<Self>> {
        if reply.is_null() {
            return Some(Vec::new());
        }
        let mut elements = reply.elements()?;
        let first = elements.clone().next();
        if !matches!(reply, Reply::Map(_)) && first.is_some_and(|f| f.elements().is_some()) {
            return elements.map(|element| Self::from_reply(&element)).collect();
        }
        let mut pairs = Vec::with_capacity(elements.len() / 2);
        while let Some(name) = elements.next() {
            let value = elements.next()?;
            pairs.push((A::from_reply(&name)?, B::from_reply(&value)?));
        }
        Some(pairs)
    }
}

impl<A: FromReply, B: FromReply, C: FromReply> FromReply for (A, B, C) {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        let mut parts = reply.elements()?;
        let mut next = || parts.next();
        let three = (
            A::from_reply(&next()?)?,
            B::from_reply(&next()?)?,
            C::from_reply(&next()?)?,
        );
        next().is_none().then_some(three)
    }
}

fn text<'r>(reply: &Reply<'r>) -> Option<&'r str> {
    std::str::from_utf8(reply.bytes()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: FromReply>(frame: &str) -> Option<T> {
        T::from_reply(&Reply::parse(frame.as_bytes()))
    }

    #[test]
    fn numbers_come_as_numbers_or_as_text() {
        for frame in [":42\r\n", "$2\r\n42\r\n", "+42\r\n"] {
            assert_eq!(read::<i64>(frame), Some(42));
            assert_eq!(read::<u64>(frame), Some(42));
            assert_eq!(read::<f64>(frame), Some(42.0));
        }
        assert_eq!(read::<u64>(":-1\r\n"), None);
        assert_eq!(read::<f64>(",1.5e3\r\n"), Some(1500.0));
        assert_eq!(read::<f64>(",-inf\r\n"), Some(f64::NEG_INFINITY));
        assert_eq!(read::<i64>("$1\r\nx\r\n"), None);
    }

    #[test]
    fn nothing_is_false_none_or_empty_and_never_text() {
        assert_eq!(read::<bool>("$-1\r\n"), Some(false));
        assert_eq!(read::<Option<i64>>("_\r\n"), Some(None));
        assert_eq!(read::<Vec<String>>("*-1\r\n"), Some(vec![]));
        assert_eq!(read::<Vec<u8>>("$-1\r\n"), None);
        assert_eq!(read::<Vec<Option<Vec<u8>>>>("*2\r\n$1\r\nx\r\n$-1\r\n"), {
            Some(vec![Some(b"x".to_vec()), None])
        });
    }

    #[test]
    fn pairs_come_flat_or_in_pairs_or_as_a_map() {
        for frame in [
            "*4\r\n+a\r\n:1\r\n+b\r\n:2\r\n",
            "*2\r\n*2\r\n+a\r\n:1\r\n*2\r\n+b\r\n:2\r\n",
            "%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n",
        ] {
            let pairs = vec![("a".to_owned(), 1), ("b".to_owned(), 2)];
            assert_eq!(read::<Vec<(String, i64)>>(frame), Some(pairs), "{frame:?}");
        }
        assert_eq!(read::<Vec<(String, i64)>>("*3\r\n+a\r\n:1\r\n+b\r\n"), None);
        assert_eq!(read::<(i64, i64)>("*3\r\n:1\r\n:2\r\n:3\r\n"), None);
        assert_eq!(
            read::<(i64, i64, i64)>("*3\r\n:1\r\n:2\r\n:3\r\n"),
            Some((1, 2, 3))
        );
    }

    #[test]
    fn an_error_is_no_value_of_any_type() {
        assert_eq!(read::<()>("-ERR\r\n"), None);
        assert_eq!(read::<Vec<u8>>("-ERR\r\n"), None);
        assert_eq!(read::<Option<bool>>("-ERR\r\n"), None);
    }
}
