//! Limits of a connection.

use std::time::Duration;

/// How long to wait and how much to hold; the defaults suit a local server.
///
/// ```
/// use std::time::Duration;
/// use redis_ipc::Options;
///
/// let options = Options::default().reply_limit(Duration::from_secs(1)).message_limit(64 * 1024);
/// assert_eq!(options, options.clone());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub(crate) connect_limit: Duration,
    pub(crate) reply_limit: Duration,
    pub(crate) message_limit: usize,
    pub(crate) name: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_limit: Duration::from_secs(5),
            reply_limit: Duration::from_secs(5),
            message_limit: 1024 * 1024,
            name: None,
        }
    }
}

impl Options {
    /// How long connecting may take, the server's greeting included; by default 5 s.
    #[must_use]
    pub fn connect_limit(mut self, limit: Duration) -> Self {
        self.connect_limit = limit;
        self
    }

    /// How long one request may take from its first byte to the end of its reply; by default
    /// 5 s. Requests that block on purpose have their own time-out instead.
    #[must_use]
    pub fn reply_limit(mut self, limit: Duration) -> Self {
        self.reply_limit = limit;
        self
    }

    /// How large one request and one reply may be, in bytes of RESP; by default 1 MiB, at least
    /// 64. A connection has one buffer for each direction that starts at 16 KiB, doubles when a
    /// message needs it, and never grows past this.
    #[must_use]
    pub fn message_limit(mut self, bytes: usize) -> Self {
        self.message_limit = bytes;
        self
    }

    /// The name that CLIENT LIST shows for the connection; blanks and control characters are
    /// left out.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        let name: String = name.chars().filter(char::is_ascii_graphic).collect();
        self.name = (!name.is_empty()).then_some(name);
        self
    }
}
