//! Redis Cluster's slots.
//!
//! Source of the rules: the Redis Cluster specification, "Key distribution model" and "Hash tags",
//! at <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>.

use super::crc16::crc16;

/// How many slots there are.
pub const SLOTS: u16 = 16_384;

/// The slot in which `key` lives, 0 to 16,383.
///
/// ```
/// use redis_ipc_core::shard::slots::slot;
///
/// assert_eq!(slot(b"foo"), 12_182);
/// assert_eq!(slot(b"{user}.name"), slot(b"{user}.mail"));
/// ```
#[must_use]
#[inline]
pub fn slot(key: &[u8]) -> u16 {
    crc16(tag(key)) % SLOTS
}

/// The part of `key` that is hashed: what stands between the first `{` and the first `}` behind
/// it, unless that is nothing.
///
/// ```
/// use redis_ipc_core::shard::slots::tag;
///
/// assert_eq!(tag(b"{a}{b}"), b"a");
/// assert_eq!(tag(b"x{}{b}"), b"x{}{b}");
/// ```
#[must_use]
pub fn tag(key: &[u8]) -> &[u8] {
    tag_inside(key).unwrap_or(key)
}

fn tag_inside(key: &[u8]) -> Option<&[u8]> {
    let open = key.iter().position(|byte| *byte == b'{')?;
    let inside = key.get(open + 1..)?;
    let end = inside.iter().position(|byte| *byte == b'}')?;
    inside.get(..end).filter(|tag| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::vectors;
    use super::*;

    #[test]
    fn every_key_has_the_slot_that_a_server_gives_it() {
        let vectors = vectors::load();
        let slots = vectors::numbers(&vectors, "/redis_cluster_slot");
        for (key, expected) in vectors::keys(&vectors).zip(slots) {
            assert_eq!(u64::from(slot(key.as_bytes())), expected, "{key:?}");
        }
    }
}
