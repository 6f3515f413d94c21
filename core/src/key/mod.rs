//! The only place where keys and channel names are built, one file a dialect.

mod redis_ipc;
pub mod redisbus;
pub mod redisrpc;

use core::fmt;

use heapless::String;

pub use redis_ipc::OWN_SETTINGS;
pub(crate) use redis_ipc::{DEBUG_PREFIX, EVENTS_PREFIX, SETTINGS_PREFIX, STATUS_PREFIX};

/// Longest key that ours makes, in bytes.
pub const MAX_KEY_BYTES: usize = 127;

/// The key that two or three names make is longer than a peer can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTooLong {
    /// Bytes the key would have.
    pub needed: usize,
}

impl fmt::Display for KeyTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needed = self.needed;
        write!(
            f,
            "the key takes {needed} bytes, but redis-ipc keys have at most {MAX_KEY_BYTES}: use shorter names"
        )
    }
}

impl core::error::Error for KeyTooLong {}

/// A key, a channel or a pattern, in a buffer of its own.
///
/// ```
/// use redis_ipc_core::{key::Key, name::{Component, Subqueue}};
///
/// let printer = Component::parse("printer")?;
/// let queue = Key::commands(printer, Some(Subqueue::parse("print")?))?;
/// assert_eq!(queue.as_str(), "queues.commands.printer.print");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(String<MAX_KEY_BYTES>);

impl Key {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key as it goes on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(crate) fn join(parts: &[&str]) -> Result<Self, KeyTooLong> {
        let needed = parts.iter().map(|part| part.len()).sum();
        let mut key = String::new();
        for part in parts {
            key.push_str(part).map_err(|()| KeyTooLong { needed })?;
        }
        Ok(Self(key))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}
