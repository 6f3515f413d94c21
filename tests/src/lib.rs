//! What the tests of redis-ipc share: private servers, a client that is not
//! ours, scripted transports and recorded traffic.
//!
//! Nothing in here uses the RESP code of redis-ipc itself, so that a fault in
//! it cannot hide itself.

pub mod board;
pub mod bus;
pub mod client;
pub mod folder;
pub mod fork;
pub mod monitor;
pub mod noise;
mod process;
pub mod program;
pub mod proxy;
pub mod puppet;
pub mod python;
pub mod recorder;
pub mod redis_cluster;
pub mod scripted;
pub mod sentinel;
pub mod server;
#[cfg(feature = "tls")]
pub mod tls;
pub mod value;
pub mod vectors;
