//! rb's `PartitionRouter`: a checksum modulo the number of hosts.

use super::crc32::crc32;
use core::num::NonZeroU16;

/// The number of the host on which `key` lives; hosts are numbered from 0 without gaps.
///
/// Compat: rb takes the checksum for a signed number and Python's modulo is never negative, so
/// with a number of hosts that is no power of two the unsigned remainder would be another one.
///
/// ```
/// use core::num::NonZeroU16;
/// use redis_ipc_core::shard::partition;
///
/// assert_eq!(partition::host(b"foo", NonZeroU16::new(3).unwrap()), 1);
/// ```
#[must_use]
#[inline]
pub fn host(key: &[u8], hosts: NonZeroU16) -> u16 {
    let signed = i64::from(i32::from_le_bytes(crc32(key).to_le_bytes()));
    let host = signed.rem_euclid(i64::from(hosts.get()));
    // Less than the number of hosts, which is a u16.
    u16::try_from(host).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::vectors;
    use super::*;

    #[test]
    fn every_key_has_the_host_that_rb_gives_it() {
        let vectors = vectors::load();
        for hosts in [1, 2, 3, 4, 5, 8, 16, 32] {
            let path = std::format!("/rb_partition/{hosts}");
            let expected = vectors::numbers(&vectors, &path);
            let hosts = NonZeroU16::new(hosts).unwrap();
            for (key, expected) in vectors::keys(&vectors).zip(expected) {
                assert_eq!(u64::from(host(key.as_bytes(), hosts)), expected, "{key:?}");
            }
        }
    }
}
