//! The rule of a cluster, and the rule at work over its hosts.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use redis_ipc_core::shard::ketama::{self, Ketama, Node};
use redis_ipc_core::shard::ring::{self, Ring};
use redis_ipc_core::shard::{CircleError, Point, partition, slots};

use super::host::Host;

/// Which rule says where a key lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Placement {
    /// rb's default: CRC-32 modulo the number of hosts.
    #[default]
    Partition,
    /// rb's `Ketama` over the hosts' names: consistent hashing with weights.
    Ketama,
    /// rb's `ConsistentHashingRouter`: ketama over what Python prints for the hosts.
    Consistent,
    /// txredisapi's ring.
    Ring,
    /// Redis Cluster's slots: dealt out to the hosts in ranges of equal size, or in a Redis Cluster
    /// as its nodes say.
    Slots,
}

impl Placement {
    const NAMES: [(&'static str, Self); 5] = [
        ("partition", Self::Partition),
        ("ketama", Self::Ketama),
        ("consistent", Self::Consistent),
        ("ring", Self::Ring),
        ("slots", Self::Slots),
    ];
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = Self::NAMES.iter().find(|(_, placement)| placement == self);
        f.write_str(own.map_or("", |(name, _)| name))
    }
}

impl FromStr for Placement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let own = Self::NAMES.iter().find(|(name, _)| *name == text);
        own.map(|(_, placement)| *placement).ok_or_else(|| {
            format!(
                "{text:?} is no placement: it is one of partition, ketama, consistent, ring, slots"
            )
        })
    }
}

/// A placement over certain hosts.
#[derive(Debug)]
pub(crate) enum Rule {
    Partition(NonZeroU16),
    Ketama(Ketama<Vec<Point>>),
    Ring(Ring<Vec<Point>>),
    Slots(NonZeroU16),
    /// The host of each slot, as the nodes of a Redis Cluster say.
    #[cfg(feature = "redis")]
    Assigned(Box<[u16]>),
}

impl Rule {
    /// `hosts` stand in the order of their numbers.
    pub(crate) fn new(placement: Placement, hosts: &[Host]) -> Result<Self, CircleError> {
        let count = u16::try_from(hosts.len()).map_err(|_| CircleError::TooManyNodes)?;
        let count = NonZeroU16::new(count).ok_or(CircleError::NoNodes)?;
        match placement {
            Placement::Partition => Ok(Self::Partition(count)),
            Placement::Slots => Ok(Self::Slots(count)),
            Placement::Ketama => {
                let node = |host: &Host| Node {
                    name: host.short_name(),
                    weight: host.weight,
                };
                Self::ketama(&hosts.iter().map(node).collect::<Vec<_>>())
            }
            Placement::Consistent => {
                let node = |host: &Host| Node::new(host.python_name());
                Self::ketama(&hosts.iter().map(node).collect::<Vec<_>>())
            }
            Placement::Ring => {
                let names: Vec<_> = hosts.iter().map(Host::short_name).collect();
                let room = vec![Point::EMPTY; ring::points(names.len())];
                Ring::new(&names, room).map(Self::Ring)
            }
        }
    }

    fn ketama(nodes: &[Node<String>]) -> Result<Self, CircleError> {
        let room = vec![Point::EMPTY; ketama::points(nodes.len())];
        Ketama::new(nodes, room).map(Self::Ketama)
    }

    /// The number of the host on which `key` lives.
    pub(crate) fn host(&self, key: &[u8]) -> usize {
        match self {
            Self::Partition(hosts) => usize::from(partition::host(key, *hosts)),
            Self::Ketama(ketama) => ketama.node(key),
            Self::Ring(ring) => ring.node(key),
            Self::Slots(hosts) => {
                let slot = usize::from(slots::slot(key));
                slot * usize::from(hosts.get()) / usize::from(slots::SLOTS)
            }
            #[cfg(feature = "redis")]
            Self::Assigned(owners) => usize::from(owners[usize::from(slots::slot(key))]),
        }
    }

    /// What keys must have in common to be in one command: their host, or in a Redis Cluster
    /// their slot.
    pub(crate) fn unit(&self, key: &[u8]) -> usize {
        match self {
            #[cfg(feature = "redis")]
            Self::Assigned(_) => usize::from(slots::slot(key)),
            _ => self.host(key),
        }
    }

    /// The host of what [`unit`](Self::unit) gave.
    pub(crate) fn host_of_unit(&self, unit: usize) -> usize {
        match self {
            #[cfg(feature = "redis")]
            Self::Assigned(owners) => usize::from(owners[unit]),
            _ => unit,
        }
    }

    /// Whether a unit is less than a host.
    pub(crate) fn has_slots(&self) -> bool {
        #[cfg(feature = "redis")]
        return matches!(self, Self::Assigned(_));
        #[cfg(not(feature = "redis"))]
        return false;
    }

    /// Which part of all hashes each of `hosts` hosts owns, from 0 to 1; as far as it is known
    /// beforehand: a checksum modulo something is taken for even.
    pub(crate) fn shares(&self, hosts: usize) -> Vec<f64> {
        #[expect(clippy::cast_precision_loss, reason = "hosts are few")]
        let even = 1.0 / hosts as f64;
        match self {
            Self::Partition(_) | Self::Slots(_) => vec![even; hosts],
            Self::Ketama(ketama) => arcs(ketama.points(), hosts, <[Point]>::first),
            Self::Ring(ring) => arcs(ring.points(), hosts, <[Point]>::last),
            #[cfg(feature = "redis")]
            Self::Assigned(owners) => {
                let mut shares = vec![0.0; hosts];
                let one = 1.0 / f64::from(slots::SLOTS);
                owners
                    .iter()
                    .for_each(|owner| shares[usize::from(*owner)] += one);
                shares
            }
        }
    }
}

/// The arcs that end at each node's points; what stands behind the last belongs to `past`.
fn arcs(points: &[Point], hosts: usize, past: impl Fn(&[Point]) -> Option<&Point>) -> Vec<f64> {
    let whole = f64::from(u32::MAX) + 1.0;
    let mut shares = vec![0.0; hosts];
    let mut from = 0.0;
    for point in points {
        let at = f64::from(point.at);
        shares[usize::from(point.node)] += (at - from) / whole;
        from = at;
    }
    if let Some(point) = past(points) {
        shares[usize::from(point.node)] += (whole - from) / whole;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(count: u32) -> Vec<Host> {
        let host = |id| Host::new(id, format!("redis://10.0.0.{id}").parse().unwrap());
        (0..count).map(host).collect()
    }

    #[test]
    fn shares_are_those_that_keys_find() {
        for (name, placement) in Placement::NAMES {
            assert_eq!(name.parse(), Ok(placement));
            let rule = Rule::new(placement, &hosts(4)).unwrap();
            let mut found = [0; 4];
            for number in 0..40_000 {
                found[rule.host(format!("key {number}").as_bytes())] += 1;
            }
            for (host, share) in rule.shares(4).into_iter().enumerate() {
                let found = f64::from(found[host]) / 40_000.0;
                assert!((found - share).abs() < 0.02, "{placement}: {found} {share}");
            }
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_that_are_known() {
        let error = "kettama".parse::<Placement>().unwrap_err();
        assert!(
            error.contains("kettama") && error.contains("consistent"),
            "{error}"
        );
    }
}
