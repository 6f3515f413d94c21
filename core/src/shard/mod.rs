//! Which of several servers a key lives on: five placements that others have in use.
//!
//! | placement | used by | a key's server |
//! | --- | --- | --- |
//! | [`partition`] | rb's `PartitionRouter` | CRC-32, signed, modulo the number of hosts |
//! | [`ketama`] | rb's `Ketama` | the next point on a circle of MD5 sums |
//! | [`consistent`] | rb's `ConsistentHashingRouter` | ketama, the nodes named as Python prints them |
//! | [`ring`] | txredisapi's `HashRing` | the next point on a line of CRC-32 sums |
//! | [`slots`] | Redis Cluster | CRC-16 modulo 16,384 gives a slot, and slots have owners |
//!
//! Each owns its rule for hash tags and for the end of its circle: they differ. All are pure and
//! allocate nothing: the points of a circle live in an array or slice that the caller brings.

mod circle;
pub mod consistent;
pub mod crc16;
pub mod crc32;
pub mod ketama;
pub mod md5;
pub mod partition;
pub mod ring;
pub mod slots;
#[cfg(test)]
mod vectors;

pub use circle::{CircleError, Point};
