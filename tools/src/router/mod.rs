//! Keys over several servers: where each lives, commands that find their way, many at once.
//!
//! A [`Cluster`] is a list of hosts and a [`Placement`] that says which of them a key lives on:
//! the ones that rb and txredisapi use, so that their keys are found. Commands for one key go to
//! its host by [`Cluster::command`]; any number of commands go to all hosts at once by
//! [`Cluster::map`]; one command goes to many hosts by [`Cluster::fanout`].
//!
//! ```no_run
//! use std::time::Duration;
//! use redis_ipc_tools::router::{Cluster, Host, Placement, Promised};
//!
//! let hosts = [Host::new(0, "/tmp/s0".parse()?), Host::new(1, "redis://10.0.0.2".parse()?)];
//! let cluster = Cluster::new(hosts, Placement::Partition)?;
//! cluster.command(&["SET", "greeting", "hello"])?;
//!
//! let mut map = cluster.map();
//! let promises: Vec<_> = (0..10_000).map(|n| map.get(format!("k{n}"))).collect();
//! map.send(Duration::from_secs(2));
//! for promise in promises {
//!     println!("{}", promise.wait()?);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checking;
mod cluster;
mod commanding;
pub mod commands;
mod config;
mod connection;
mod error;
mod fanout;
mod followed;
#[cfg(feature = "redis")]
mod following;
mod host;
mod identity;
mod layout;
mod learning;
mod map;
pub mod moving;
mod options;
mod placement;
pub(crate) mod quoted;
mod redirect;
mod serve;
mod split;
mod through;
#[cfg(feature = "redis")]
mod topology;
mod value;

pub use checking::CheckError;
pub use cluster::Cluster;
pub use config::ConfigError;
pub use connection::HostConnection;
pub use error::{Cause, Error, Failed, HostsError};
pub use fanout::{Answers, Fanout, Script};
pub use followed::Followed;
pub use host::Host;
pub use map::{All, Map, Promise, Promised, Running, Then};
pub use options::Options;
pub use placement::Placement;
pub use serve::Server;
pub use value::Value;
