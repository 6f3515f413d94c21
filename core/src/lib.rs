#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable
    )
)]

#[cfg(test)]
extern crate std;

/// Tests that try every case try one of so many in an interpreter, which takes a thousand times
/// as long. A prime number, so that those tried fall everywhere in what repeats.
#[cfg(test)]
const STRIDE: usize = if cfg!(miri) { 61 } else { 1 };

pub mod address;
mod bytes;
pub mod call;
pub mod dialect;
pub mod identity;
pub mod json;
pub mod key;
pub mod link;
pub mod name;
pub mod resp;
pub mod serve;
pub mod session;
pub mod shard;
pub mod subscription;
pub mod topic;
pub mod tracking;
pub mod write;
