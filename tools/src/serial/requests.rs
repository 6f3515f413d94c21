//! What a board asks for, cut out of its bytes.
//!
//! A server takes a request in two forms: an array of bulks, or words on a line. Boards use the
//! first one only, so the second one is refused, whatever it says. Everything is read by core's
//! scanner, and a request is written anew from its words before it goes to the server: both cannot
//! be of different opinions about where one ends.

use redis_ipc_core::resp::{Limits, ProtocolError, Reply, Scanner};

/// What a board may send in one request.
const LIMITS: Limits = Limits {
    bulk_bytes: 1024 * 1024,
    elements: 1024,
};

/// Bytes of one request at most.
const LONGEST: usize = 4 * 1024 * 1024;

/// Bytes of a line of words at most, as in the server.
const LONGEST_LINE: usize = 64 * 1024;

/// One request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Its words; at least one.
    Words(Vec<Vec<u8>>),
    /// Something of which a server would make a request, or an error, and a board must not send.
    Other(&'static str),
}

/// The bytes that are no requests. What follows them cannot be told any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// An array that is none.
    Protocol(ProtocolError),
    /// More than [`LONGEST`] bytes, or [`LONGEST_LINE`].
    TooLong,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Protocol(error) => error.fmt(f),
            Self::TooLong => f.write_str("a request is too long"),
        }
    }
}

/// The bytes that came and are no whole request yet.
#[derive(Debug)]
pub(crate) struct Requests {
    bytes: Vec<u8>,
    scanner: Scanner,
}

impl Requests {
    pub(crate) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            scanner: Scanner::new(LIMITS),
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next request, if it is there.
    pub(crate) fn next(&mut self) -> Result<Option<Request>, Broken> {
        loop {
            let found = match self.bytes.first() {
                None => return Ok(None),
                Some(b'*') => self.array()?,
                Some(_) => self.line()?,
            };
            let Some((end, request)) = found else {
                return Ok(None);
            };
            self.bytes.drain(..end);
            // An empty line or array is what a server passes over.
            if request.is_some() {
                return Ok(request);
            }
        }
    }

    fn array(&mut self) -> Result<Option<(usize, Option<Request>)>, Broken> {
        match self.scanner.scan(&self.bytes).map_err(Broken::Protocol)? {
            Some(end) => Ok(Some((end, words(&self.bytes[..end])))),
            None if self.bytes.len() > LONGEST => Err(Broken::TooLong),
            None => Ok(None),
        }
    }

    fn line(&self) -> Result<Option<(usize, Option<Request>)>, Broken> {
        let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') else {
            return match self.bytes.len() > LONGEST_LINE {
                true => Err(Broken::TooLong),
                false => Ok(None),
            };
        };
        let blank = self.bytes[..end].iter().all(u8::is_ascii_whitespace);
        let request = (!blank).then_some(Request::Other("words on a line"));
        Ok(Some((end + 1, request)))
    }
}

/// The words of a scanned frame.
fn words(frame: &[u8]) -> Option<Request> {
    let elements = match Reply::parse(frame) {
        Reply::Array(elements) => elements,
        Reply::Null => return None,
        _ => return Some(Request::Other("no array")),
    };
    let words: Option<Vec<_>> = elements
        .map(|element| match element {
            Reply::Bulk(bytes) => Some(bytes.to_vec()),
            _ => None,
        })
        .collect();
    match words {
        Some(words) if words.is_empty() => None,
        Some(words) => Some(Request::Words(words)),
        None => Some(Request::Other("an array of other things than bulks")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<Request>, Broken> {
        let mut requests = Requests::new();
        requests.feed(bytes);
        let mut found = Vec::new();
        while let Some(request) = requests.next()? {
            found.push(request);
        }
        Ok(found)
    }

    fn request(words: &[&str]) -> Request {
        Request::Words(words.iter().map(|word| word.as_bytes().to_vec()).collect())
    }

    #[test]
    fn requests_are_found_wherever_they_are_cut() {
        let bytes = b"\r\n*1\r\n$5\r\nRESET\r\n*2\r\n$3\r\nGET\r\n$6\r\n\r\n*1\r\n\r\n*0\r\n*1\r\n$4\r\nPING\r\n";
        let expected = [
            request(&["RESET"]),
            request(&["GET", "\r\n*1\r\n"]),
            request(&["PING"]),
        ];
        for cut in 0..=bytes.len() {
            let mut requests = Requests::new();
            let mut found = Vec::new();
            for piece in [&bytes[..cut], &bytes[cut..]] {
                requests.feed(piece);
                found.extend(std::iter::from_fn(|| requests.next().unwrap()));
            }
            assert_eq!(found, expected, "{cut}");
        }
    }

    #[test]
    fn other_forms_are_refused_one_by_one() {
        for bytes in [
            &b"FLUSHALL\r\n"[..],
            b"  CONFIG SET dir /\n",
            b"*1\r\n*1\r\n$8\r\nFLUSHALL\r\n",
            b"*2\r\n$4\r\nEVAL\r\n:1\r\n",
            b"*1\r\n$-1\r\n",
            b"+FLUSHALL\r\n",
            b"|1\r\n",
        ] {
            let next = [bytes, b"*1\r\n$4\r\nPING\r\n"].concat();
            let found = all(&next).unwrap();
            assert!(
                matches!(found[0], Request::Other(_)),
                "{}",
                bytes.escape_ascii()
            );
            assert_eq!(found[1], request(&["PING"]));
        }
    }

    #[test]
    fn what_is_no_request_ends_them() {
        for bytes in [
            &b"*x\r\n"[..],
            b"*1\r\n$3\r\nGETX",
            b"*1025\r\n",
            b"*1\r\n$1048577\r\n",
            b"*1\r\nPING\r\n",
            &[b'x'; 70_000],
        ] {
            assert!(
                all(bytes).is_err(),
                "{}",
                bytes[..9.min(bytes.len())].escape_ascii()
            );
        }
    }
}
