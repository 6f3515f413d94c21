//! What ties replies to their call, and what a worker calls itself.

use core::fmt::{self, Write as _};

use heapless::String;

use crate::name::MAX_NAME_BYTES;

/// How a call was addressed; its correlation begins with a letter for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// To one worker or to a group: one worker replies.
    Call,
    /// To all workers of a site.
    Broadcast,
    /// To all workers whose ids match a pattern.
    Multicast,
}

/// The text that ties replies to their call.
///
/// ```
/// use redis_ipc_core::dialect::redisbus::{Addressing, Correlation};
///
/// let correlation = Correlation::new(Addressing::Call, 0x3ac5_6163_200a);
/// assert_eq!(correlation.as_str(), "c:3ac56163200a");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correlation(String<14>);

impl Correlation {
    /// Makes one of the low 48 bits of a random number. Two calls whose numbers are the same
    /// would get each other's replies.
    #[must_use]
    pub fn new(addressing: Addressing, random: u64) -> Self {
        let letter = match addressing {
            Addressing::Call => 'c',
            Addressing::Broadcast => 'b',
            Addressing::Multicast => 'm',
        };
        let mut text = String::new();
        // A letter, a colon and twelve digits: there is room for just that.
        let _ = write!(text, "{letter}:{:012x}", random & LOW_48);
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Correlation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const LOW_48: u64 = (1 << 48) - 1;

/// Longest id that [`worker_id`] makes, in bytes.
pub const MAX_WORKER_ID_BYTES: usize = MAX_NAME_BYTES;

/// The id of a worker as the original makes it: `<ip>:<process id>:<12 hex digits>`, the digits
/// being the low 48 bits of a random number.
///
/// An address that is too long for an id is cut.
///
/// ```
/// use redis_ipc_core::dialect::redisbus::worker_id;
///
/// let address = core::net::Ipv4Addr::new(10, 0, 0, 7).into();
/// assert_eq!(worker_id(address, 4242, 0xabcd_ef01_2345), "10.0.0.7:4242:abcdef012345");
/// ```
#[must_use]
pub fn worker_id(
    address: core::net::IpAddr,
    process: u32,
    random: u64,
) -> String<MAX_WORKER_ID_BYTES> {
    let mut id = String::new();
    // The longest address has 39 characters, a process 10, the digits 12, with two colons: 63.
    let _ = write!(id, "{address}:{process}:{:012x}", random & LOW_48);
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::WorkerId;

    #[test]
    fn the_longest_id_is_a_name() {
        let address = core::net::Ipv6Addr::new(
            0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff,
        );
        let id = worker_id(address.into(), u32::MAX, u64::MAX);
        assert!(id.ends_with(":4294967295:ffffffffffff"));
        assert!(WorkerId::parse(&id).is_ok());
    }

    #[test]
    fn correlations_have_twelve_digits_whatever_the_number() {
        for (random, text) in [(0, "m:000000000000"), (u64::MAX, "m:ffffffffffff")] {
            assert_eq!(
                Correlation::new(Addressing::Multicast, random).as_str(),
                text
            );
        }
    }
}
