//! Tracking: the server tells by pushes which keys have changed.

use crate::key::Key;
use crate::resp::{Reply, request};
use crate::write::Writer;

/// What a push says of changed keys, if it is an invalidation.
///
/// ```
/// use redis_ipc_core::{key::Key, name::Component, resp::Reply, tracking::Invalidated};
///
/// let settings = Key::settings(Component::parse("sensor")?)?;
/// let push = Reply::parse(b">2\r\n+invalidate\r\n*1\r\n$15\r\nsettings.sensor\r\n");
/// assert!(Invalidated::of(push).is_some_and(|changed| changed.tells_of(&settings)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Invalidated<'s> {
    keys: Reply<'s>,
}

impl<'s> Invalidated<'s> {
    /// Reads a push; `None` if it tells of something else.
    #[must_use]
    pub fn of(push: Reply<'s>) -> Option<Self> {
        let mut parts = push.elements()?;
        if parts.next()?.bytes()? != b"invalidate" {
            return None;
        }
        parts.next().map(|keys| Self { keys })
    }

    /// Whether `key` may have changed. After a FLUSHALL every key may have.
    #[must_use]
    pub fn tells_of(&self, key: &Key) -> bool {
        match self.keys.elements() {
            Some(mut keys) => keys.any(|changed| changed.bytes() == Some(key.as_bytes())),
            None => self.keys.is_null(),
        }
    }
}

/// Writes `CLIENT TRACKING ON BCAST` for all that begins with one of `prefixes`. No prefix may
/// begin with another one, the server refuses that: of several subqueues it is what they have in
/// common. RESP3 only, Redis 6.0 and later.
pub fn track(w: &mut Writer<'_>, prefixes: &[&Key]) {
    request::array(w, 4 + 2 * prefixes.len());
    for word in [&b"CLIENT"[..], b"TRACKING", b"ON", b"BCAST"] {
        request::bulk(w, word);
    }
    for prefix in prefixes {
        request::bulk(w, b"PREFIX");
        request::bulk(w, prefix.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(push: &[u8]) -> Option<bool> {
        let settings = Key::results_of_peer("queues.results.desk.ui-1").unwrap();
        Some(Invalidated::of(Reply::parse(push))?.tells_of(&settings))
    }

    #[test]
    fn an_invalidation_tells_of_the_keys_it_names_or_of_all() {
        let named =
            b">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\nx\r\n$24\r\nqueues.results.desk.ui-1\r\n";
        assert_eq!(told(named), Some(true));
        let another = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$25\r\nqueues.results.desk.ui-12\r\n";
        assert_eq!(told(another), Some(false));
        assert_eq!(told(b">2\r\n$10\r\ninvalidate\r\n_\r\n"), Some(true));
        assert_eq!(told(b">2\r\n$7\r\nmessage\r\n_\r\n"), None);
        assert_eq!(told(b">1\r\n$10\r\ninvalidate\r\n"), None);
        assert_eq!(told(b"+OK\r\n"), None);
    }

    #[test]
    fn what_is_tracked_is_written_as_the_server_wants_it() {
        let mut buffer = [0; 128];
        let mut w = Writer::new(&mut buffer);
        track(
            &mut w,
            &[&Key::results_of_peer("queues.results.x").unwrap()],
        );
        let expected = b"*6\r\n$6\r\nCLIENT\r\n$8\r\nTRACKING\r\n$2\r\nON\r\n$5\r\nBCAST\r\n\
            $6\r\nPREFIX\r\n$16\r\nqueues.results.x\r\n";
        assert_eq!(w.since(0), expected);
    }
}
