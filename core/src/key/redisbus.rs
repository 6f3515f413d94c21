//! The keys and channels of redisbus.
//!
//! | what | key |
//! | --- | --- |
//! | direct queue of one worker (list) | `direct:<id>` |
//! | queue of a group (list) | `group:<site>:<type>` |
//! | broadcast channel of a site | `rpc:worker:<site>` |
//! | replies to one call (list) | `reply:<correlation>` |
//! | record of a worker (JSON text, expires) | `worker:<site>:<type>:<id>` |
//! | all records ever written (hash: record's key, id) | `workers` |
//! | log of a worker (list) | `logs:<type>:<id>` |
//! | discovery channel | `discovery:worker` |
//! | document of the cache and its channel (ours) | `document:<name>` |

use super::{Key, KeyTooLong};
use crate::name::{Site, WorkerId, WorkerType};

/// Hash of all workers: the key of a record and the worker's id. Whether a worker lives is known
/// by its record, which expires; entries here stay.
pub const WORKERS: &str = "workers";

/// Channel on which workers may be announced.
pub const DISCOVERY: &str = "discovery:worker";

const RECORD_PREFIX: &str = "worker:";
const REPLY_PREFIX: &str = "reply:";

/// The queue of one worker.
///
/// ```
/// use redis_ipc_core::{key::redisbus, name::WorkerId};
///
/// let id = WorkerId::parse("10.0.0.7:4242:abcdef012345")?;
/// assert_eq!(redisbus::direct(id)?.as_str(), "direct:10.0.0.7:4242:abcdef012345");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`KeyTooLong`], as with all keys.
pub fn direct(id: WorkerId<'_>) -> Result<Key, KeyTooLong> {
    Key::join(&["direct:", id.as_str()])
}

/// The queue that all workers of one type share.
///
/// # Errors
/// [`KeyTooLong`].
pub fn group(site: Site<'_>, worker_type: WorkerType<'_>) -> Result<Key, KeyTooLong> {
    Key::join(&["group:", site.as_str(), ":", worker_type.as_str()])
}

/// The channel that all workers of a site listen to.
///
/// # Errors
/// [`KeyTooLong`].
pub fn broadcast(site: Site<'_>) -> Result<Key, KeyTooLong> {
    Key::join(&["rpc:worker:", site.as_str()])
}

/// The list to which the replies to one call are pushed, if the correlation is one.
///
/// It comes from a peer: whatever it is, the key begins with `reply:`, so that nobody can have a
/// worker write into anybody else's list. Control characters and what would make a key too long
/// are refused.
///
/// ```
/// use redis_ipc_core::key::redisbus;
///
/// let key = redisbus::reply("c:2a0aca4e7739");
/// assert_eq!(key.as_ref().map(|k| k.as_str()), Some("reply:c:2a0aca4e7739"));
/// assert_eq!(redisbus::reply("c:\n"), None);
/// ```
#[must_use]
pub fn reply(correlation: &str) -> Option<Key> {
    if correlation.is_empty() || correlation.bytes().any(|b| b.is_ascii_control()) {
        return None;
    }
    Key::join(&[REPLY_PREFIX, correlation]).ok()
}

/// The record of a worker.
///
/// # Errors
/// [`KeyTooLong`].
pub fn record(
    site: Site<'_>,
    worker_type: WorkerType<'_>,
    id: WorkerId<'_>,
) -> Result<Key, KeyTooLong> {
    let (site, worker_type) = (site.as_str(), worker_type.as_str());
    Key::join(&[RECORD_PREFIX, site, ":", worker_type, ":", id.as_str()])
}

/// The pattern for SCAN that matches the records of the workers of a site whose types match
/// `worker_type` and whose ids match `glob`.
///
/// # Errors
/// [`KeyTooLong`].
pub fn records(site: Site<'_>, worker_type: &str, glob: &str) -> Result<Key, KeyTooLong> {
    Key::join(&[RECORD_PREFIX, site.as_str(), ":", worker_type, ":", glob])
}

/// Site, type and id of the worker whose record has this key, if it is one.
///
/// ```
/// use redis_ipc_core::key::redisbus;
///
/// let parts = redisbus::parts_of_record("worker:local:calc:10.0.0.7:4242:abcdef012345");
/// assert_eq!(parts, Some(("local", "calc", "10.0.0.7:4242:abcdef012345")));
/// ```
#[must_use]
pub fn parts_of_record(key: &str) -> Option<(&str, &str, &str)> {
    let (site, rest) = key.strip_prefix(RECORD_PREFIX)?.split_once(':')?;
    let (worker_type, id) = rest.split_once(':')?;
    Some((site, worker_type, id))
}

/// The log of a worker.
///
/// # Errors
/// [`KeyTooLong`].
pub fn logs(worker_type: WorkerType<'_>, id: WorkerId<'_>) -> Result<Key, KeyTooLong> {
    Key::join(&["logs:", worker_type.as_str(), ":", id.as_str()])
}

/// A document of the cache, and the channel on which its changes are told.
///
/// # Errors
/// [`KeyTooLong`].
pub fn document(name: WorkerId<'_>) -> Result<Key, KeyTooLong> {
    Key::join(&["document:", name.as_str()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_recorded_traffic() {
        let site = Site::parse("local").unwrap();
        let calc = WorkerType::parse("calc").unwrap();
        let id = WorkerId::parse("10.0.0.7:4242:abcdef012345").unwrap();
        for (key, expected) in [
            (direct(id), "direct:10.0.0.7:4242:abcdef012345"),
            (group(site, calc), "group:local:calc"),
            (broadcast(site), "rpc:worker:local"),
            (
                record(site, calc, id),
                "worker:local:calc:10.0.0.7:4242:abcdef012345",
            ),
            (records(site, "calc", "10.0.*"), "worker:local:calc:10.0.*"),
            (logs(calc, id), "logs:calc:10.0.0.7:4242:abcdef012345"),
        ] {
            assert_eq!(key.unwrap().as_str(), expected);
        }
    }

    #[test]
    fn names_that_make_too_long_a_key_are_refused() {
        let long = "x".repeat(64);
        let site = Site::parse(&long).unwrap();
        let worker_type = WorkerType::parse(&long).unwrap();
        assert_eq!(group(site, worker_type), Err(KeyTooLong { needed: 135 }));
        assert!(reply(&"c".repeat(121)).is_some());
        assert!(reply(&"c".repeat(122)).is_none());
        for bad in ["", "c:\0", "c:\r\n"] {
            assert_eq!(reply(bad), None);
        }
    }

    #[test]
    fn what_is_no_record_has_no_parts() {
        for other in ["workers", "worker:", "worker:local:calc", "direct:a:b:c"] {
            assert_eq!(parts_of_record(other), None, "{other}");
        }
    }
}
