//! redisrpc: calling a method of an object that lives in another program.
//!
//! A [`Server`] has a queue and functions by name; a [`Client`] calls them. Only what is
//! registered can be called, nothing is evaluated as code, and requests that are not JSON are
//! refused.
//!
//! ```no_run
//! use redis_ipc::{Endpoint, Options, rpc::{Client, Server}};
//!
//! redis_ipc::proxy! {
//!     /// A calculator that lives elsewhere.
//!     pub struct Calculator {
//!         /// Adds to what it holds.
//!         fn add(number: f64) -> f64;
//!         fn clr() -> f64;
//!     }
//! }
//!
//! let endpoint = Endpoint::from_environment()?;
//! let there = endpoint.clone();
//! std::thread::spawn(move || {
//!     let held = std::cell::Cell::new(0.0);
//!     let hold = |number: f64| {
//!         held.set(number);
//!         number
//!     };
//!     Server::new("calc")
//!         .on("add", &["number"], |(number,): (f64,)| Ok(hold(held.get() + number)))
//!         .on("clr", &[], |()| Ok(hold(0.0)))
//!         .run(&there, Options::default())
//! });
//!
//! let mut calc = Calculator::new(Client::connect_to(&endpoint, "calc", Options::default())?);
//! assert_eq!(calc.clr()?, 0.0);
//! assert_eq!(calc.add(5.0)?, 5.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arguments;
mod client;
mod proxy;
mod server;

pub use arguments::Arguments;
pub use client::Client;
pub use server::{Counters, Server};
