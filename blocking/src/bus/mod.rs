//! redisbus: stateful workers that are called by four kinds of address, and their callers.
//!
//! A [`Worker`] has a site, a type and an id. Commands reach it through its own queue, through the
//! queue of all workers of its type at its site (whichever is free takes one), and through the
//! channel of its site. A [`Client`] calls workers, finds them, reads their logs and files, and
//! keeps JSON documents that everybody can watch.
//!
//! ```no_run
//! use std::time::Duration;
//! use redis_ipc::{Endpoint, Options, bus::{Client, Worker}};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Sum { a: i64, b: i64 }
//!
//! let endpoint = Endpoint::from_environment()?;
//! let there = endpoint.clone();
//! std::thread::spawn(move || {
//!     Worker::new("local", "calc")
//!         .on("add", |sum: Sum, _| Ok(sum.a + sum.b))
//!         .run(&there, Options::default())
//! });
//!
//! let mut client = Client::connect_to(&endpoint, Options::default())?;
//! let sum = Sum { a: 2, b: 3 };
//! let five: i64 = client.call("group:local/calc", "add", &sum, Duration::from_secs(1))?;
//! assert_eq!(five, 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod base64;
mod builtin;
mod client;
mod clock;
mod desk;
mod discovery;
mod documents;
mod download;
mod files;
mod logs;
mod record;
mod replies;
mod request;
mod watch;
mod worker;
mod zip;

pub use client::Client;
pub use desk::{Counters, Desk};
pub use discovery::Found;
pub use logs::{LogEntry, Logger};
pub use record::Record;
pub use replies::{Ended, Replies, Reply};
pub use request::Request;
pub use watch::{Change, Watch};
pub(crate) use worker::panic_text;
pub use worker::{Worker, own_address};
