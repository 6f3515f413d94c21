//! Links: a session and its machines on a line, for programs that have nothing but a line.
//!
//! [`blocking::Link`] waits in the line, [`polled::Link`] never waits. Both run over whatever
//! implements the traits of `embedded-io`: a socket of a network stack, a modem, a serial line
//! with a gateway behind it. Neither allocates; the buffers are the session's.
//!
//! A component that executes what arrives in its two queues, `cancel` before `print`:
//!
//! ```
#![doc = include_str!("line.md")]
//! # let line = Line {
//! #     says: b"*2\r\n$29\r\nqueues.commands.printer.print\r\n$70\r\n\
//! #         {\"copies\":2,\"results_queue\":\"queues.results.ui.main\",\"command_id\":\"7\"}\r\n:1\r\n",
//! #     told: Vec::new(),
//! # };
//! # let clock = || Timestamp { seconds: 1, microseconds: 0 };
//! use redis_ipc_core::{address::Recipient, dialect::redis_ipc::Timestamp, identity::Identity};
//! use redis_ipc_core::{json::typed, name::{Component, Thread}, serve::Serve, session::Session};
//! use redis_ipc_core::link::{Error, Typed, Work, blocking::Link};
//!
//! #[derive(serde::Deserialize)]
//! struct Print { copies: u32 }
//! #[derive(serde::Serialize)]
//! struct Printed { pages: u32 }
//!
//! let printer = Identity::new(Component::parse("printer")?, Thread::parse("main")?, 1, 0)?;
//! let cancel = Recipient::parse("printer.cancel")?.commands_queue()?;
//! let queues = [cancel, Recipient::parse("printer.print")?.commands_queue()?];
//! let mut link = Link::new(line, Session::new([0; 512], [0; 512]));
//! let mut serve = Serve::new();
//! loop {
//!     match link.serve(&mut serve, &queues) {
//!         Ok(Work::Job(job)) => {
//!             let print: Print = typed::from_text(job.payload, &mut [0; 256])?;
//!             let (ticket, stamp) = (job.ticket(), printer.stamp(clock()));
//!             let printed = Typed(Printed { pages: 3 * print.copies });
//!             link.answer(&mut serve, &queues, &ticket, &stamp, printed)?;
//!         }
//!         Ok(_) => {}
//!         Err(Error::Closed) => break,
//!         Err(error) => return Err(error.into()),
//!     }
//! }
//! # let told = String::from_utf8(link.into_line().told)?;
//! # let result = "$22\r\nqueues.results.ui.main\r\n$97\r\n{\"pages\":6,\"command_id\":\"7\",\"timestamp\":\
//! #     \"1.000000\",\"component\":\"printer\",\"thread\":\"main\",\"tid\":1}\r\n*4\r\n$5\r\nBLPOP\r\n";
//! # assert!(told.contains(result), "{told}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A program that has several machines on one line takes each message as it comes
//! ([`receive`](blocking::Link::receive), [`poll`](polled::Link::poll)) and shows it to all of
//! them; every other operation drops the messages that are not its own.

pub mod blocking;
mod calling;
mod error;
pub mod framed;
mod payload;
pub mod polled;
pub mod resync;
mod work;

pub use calling::{Answer, Calling};
pub use error::Error;
pub use payload::{Failure, Payload, Typed};
pub use work::{Job, Ticket, Unservable, Work};

use crate::session::{Incoming, Sequence};
use crate::write::TooLong;

/// Whether a message is the reply to `request`, or what is left of it.
fn replies(request: Sequence, incoming: Incoming) -> Option<Result<(), TooLong>> {
    match incoming {
        Incoming::Reply(of) if of == request => Some(Ok(())),
        Incoming::TooLong { of, error } if of == Some(request) => Some(Err(error)),
        _ => None,
    }
}
