//! The keys of redisrpc.
//!
//! | what | key |
//! | --- | --- |
//! | queue of a server (list) | the name of the queue itself |
//! | response to one call (list) | `<queue>:rpc:<8 of A-Z0-9>`; Compat: the PHP client also writes a-z |

use super::{Key, KeyTooLong};
use crate::name::Queue;

const RESPONSE_INFIX: &str = ":rpc:";

/// What the last part of a response queue's name is made of.
const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Characters of the last part of a response queue's name.
const CHARACTERS: usize = 8;

/// The list from which a server takes its requests.
///
/// # Errors
/// [`KeyTooLong`], as with all keys.
pub fn requests(queue: Queue<'_>) -> Result<Key, KeyTooLong> {
    Key::join(&[queue.as_str()])
}

/// The list to which the response to one call is to be pushed. `random` makes it unique: 36^8
/// names are told apart.
///
/// ```
/// use redis_ipc_core::{key::redisrpc, name::Queue};
///
/// let calc = Queue::parse("calc")?;
/// assert_eq!(redisrpc::response(calc, 0)?.as_str(), "calc:rpc:AAAAAAAA");
/// assert_eq!(redisrpc::response(calc, 35 + 36 * 26)?.as_str(), "calc:rpc:90AAAAAA");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`KeyTooLong`].
#[expect(
    clippy::cast_possible_truncation,
    reason = "a remainder of 36 fits wherever there are addresses"
)]
pub fn response(queue: Queue<'_>, mut random: u64) -> Result<Key, KeyTooLong> {
    let mut characters = [b'A'; CHARACTERS];
    for character in &mut characters {
        let place = (random % ALPHABET.len() as u64) as usize;
        random /= ALPHABET.len() as u64;
        *character = ALPHABET.get(place).copied().unwrap_or(b'A');
    }
    let unique = core::str::from_utf8(&characters).unwrap_or_default();
    Key::join(&[queue.as_str(), RESPONSE_INFIX, unique])
}

/// A response queue that a peer named in its request to `queue`, if it is one of that queue.
///
/// A request is outside data: without this check, its sender could have a server write into any
/// list, even into its own queue of requests.
///
/// ```
/// use redis_ipc_core::{key::redisrpc, name::Queue};
///
/// let calc = Queue::parse("calc")?;
/// assert!(redisrpc::response_of_peer(calc, "calc:rpc:U2U8UA88").is_some());
/// assert!(redisrpc::response_of_peer(calc, "other:rpc:U2U8UA88").is_none());
/// assert!(redisrpc::response_of_peer(calc, "calc").is_none());
/// # Ok::<(), redis_ipc_core::name::NameError>(())
/// ```
#[must_use]
pub fn response_of_peer(queue: Queue<'_>, text: &str) -> Option<Key> {
    let unique = text
        .strip_prefix(queue.as_str())?
        .strip_prefix(RESPONSE_INFIX)?;
    // Compat: the PHP client's alphabet has the small letters too.
    let fits = unique.len() == CHARACTERS && unique.bytes().all(|b| b.is_ascii_alphanumeric());
    if !fits {
        return None;
    }
    Key::join(&[text]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_response_queue_of_the_same_server_is_answered_to() {
        let calc = Queue::parse("calc").unwrap();
        for good in [
            "calc:rpc:U2U8UA88",
            "calc:rpc:00000000",
            "calc:rpc:aZ09zzzz",
        ] {
            assert!(response_of_peer(calc, good).is_some(), "{good}");
        }
        for hostile in [
            "",
            "calc",
            "calc:rpc:",
            "calc:rpc:U2U8UA8",
            "calc:rpc:U2U8UA888",
            "calc:rpc:U2U8 A88",
            "calc:rpc:U2U8:A88",
            "calc:rpc:U2U8UA8\n",
            "calc:rpc:U2U8\u{fc}A8",
            "calc2:rpc:U2U8UA88",
            "queues.commands.printer",
        ] {
            assert_eq!(response_of_peer(calc, hostile), None, "{hostile:?}");
        }
    }

    #[test]
    fn what_we_name_ourselves_is_a_response_queue() {
        let calc = Queue::parse("app:calc").unwrap();
        for random in [0, 1, 35, 36, 0x0123_4567_89ab_cdef, u64::MAX] {
            let key = response(calc, random).unwrap();
            assert_eq!(response_of_peer(calc, key.as_str()), Some(key));
        }
    }
}
