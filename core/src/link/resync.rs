//! Getting into step with a server over a bare serial line.
//!
//! A serial line has no beginning and no end: whether the server, or the gateway before it, has
//! taken a new connection, and whether the bytes that come now answer this program's requests or
//! those of its life before the last reset, cannot be seen. So a program that finds its line out of
//! step sends [`REQUEST`] and drops all that comes until the answer to it has passed; what follows
//! belongs to a connection that is as good as new.

/// What has to be sent: the end of a line, should half a request stand before it, and `RESET`
/// (Redis 6.2), after which the connection speaks RESP2, tracks and subscribes to nothing, and has
/// to log in anew.
pub const REQUEST: &[u8] = b"\r\n*1\r\n$5\r\nRESET\r\n";

/// What is waited for. No message of this bus holds it: in JSON line ends are escaped.
const ANSWER: &[u8] = b"+RESET\r\n";

/// Looks for the answer to [`REQUEST`] in what comes.
///
/// ```
/// use redis_ipc_core::link::resync::Resync;
///
/// let mut resync = Resync::new();
/// assert_eq!(resync.pass(b"e.\"}\r\n:1\r\n+RE"), None);
/// assert_eq!(resync.pass(b"SET\r\n%7\r\n"), Some(5));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Resync {
    /// Bytes of the answer that have been seen.
    matched: usize,
}

impl Resync {
    /// Has seen nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { matched: 0 }
    }

    /// Lets `bytes` pass; `Some(end)` if the answer ends before offset `end`, from which on they
    /// are to be kept. `None`: all of them are to be dropped.
    pub fn pass(&mut self, bytes: &[u8]) -> Option<usize> {
        for (offset, byte) in bytes.iter().enumerate() {
            if self.pass_byte(*byte) {
                return Some(offset + 1);
            }
        }
        None
    }

    /// Lets one byte pass; says whether the answer ended with it.
    pub fn pass_byte(&mut self, byte: u8) -> bool {
        // The answer's first byte does not come again in it, so nothing else has to be tried.
        self.matched = if ANSWER.get(self.matched) == Some(&byte) {
            self.matched + 1
        } else {
            usize::from(ANSWER.first() == Some(&byte))
        };
        if self.matched < ANSWER.len() {
            return false;
        }
        self.matched = 0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_found_whatever_stands_before_it_and_wherever_it_is_cut() {
        let before: [&[u8]; 5] = [
            b"",
            b"+RES",
            b"+RESET\r",
            b"++R+RE+RESET",
            b"$99\r\n{\"a\":1}\xff\x00",
        ];
        for before in before {
            let text = [before, ANSWER, b"rest"].concat();
            for cut in 0..=text.len() {
                let mut resync = Resync::new();
                let (first, second) = text.split_at(cut);
                let end = match resync.pass(first) {
                    Some(end) => end,
                    None => cut + resync.pass(second).unwrap(),
                };
                assert_eq!(&text[end..], b"rest");
            }
        }
    }

    #[test]
    fn other_answers_are_not_taken_for_it() {
        for other in ["+RESET\n", "RESET\r\n", "+reset\r\n", "$6\r\n+RESET "] {
            assert_eq!(Resync::new().pass(other.as_bytes()), None);
        }
    }
}
