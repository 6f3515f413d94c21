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
