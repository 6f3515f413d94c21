//! The envelopes of redisbus: data of any JSON type in an object with names of one letter.
//!
//! ```text
//! {"x": "add", "d": {"a": 2, "b": 3}, "c": "c:3ac56163200a", "i": ""}       a message
//!  command     data                   correlation            sender
//! {"c": "c:3ac56163200a", "d": 5, "i": "10.0.0.7:4242:abcdef012345"}        its reply
//! {"c": "c:ba081cc022c6", "d": 4, "i": "10.0.0.7:4242:abcdef012345", "z": 2}       one of many
//! {"c": "c:ba081cc022c6", "d": null, "i": "10.0.0.7:4242:abcdef012345", "z": -1}   their end
//! ```

mod correlation;
mod read;
mod write;

pub use super::fields::Malformed;
pub use correlation::{Addressing, Correlation, MAX_WORKER_ID_BYTES, worker_id};
pub use read::{
    Message, Refused, Reply, failure_of, read_message, read_message_or_correlation, read_reply,
};
pub use write::{Place, SUCCESS, write_failure, write_message, write_reply};

use core::time::Duration;

/// How long a message waits in its queue, and a reply in its, before the server drops it.
pub const MESSAGE_LIFE: Duration = Duration::from_secs(10);

/// How long the replies of a stream stay at least.
pub const STREAM_LIFE: Duration = Duration::from_secs(300);

/// How long a worker's record stays if it is not renewed.
pub const RECORD_LIFE: Duration = Duration::from_secs(13);

/// How often a worker renews its record.
pub const RECORD_RENEWAL: Duration = Duration::from_secs(10);

/// How long a worker's log stays after its last entry.
pub const LOG_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How many entries a worker's log keeps.
pub const LOG_ENTRIES: u32 = 200;

/// Bytes of a file in one element of a download, before they are put into base64.
pub const DOWNLOAD_CHUNK: usize = 2048;

/// How long the replies of a stream of `elements` stay.
///
/// ```
/// use core::time::Duration;
/// use redis_ipc_core::dialect::redisbus::stream_life;
///
/// assert_eq!(stream_life(3), Duration::from_secs(300));
/// assert_eq!(stream_life(100), Duration::from_secs(1000));
/// ```
#[must_use]
pub fn stream_life(elements: u32) -> Duration {
    MESSAGE_LIFE.saturating_mul(elements).max(STREAM_LIFE)
}
