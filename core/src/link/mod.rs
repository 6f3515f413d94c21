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
//! #         {\"file\":\"a\",\"results_queue\":\"queues.results.ui.main\",\"command_id\":\"7\"}\r\n:1\r\n",
//! #     told: Vec::new(),
//! # };
//! # let clock = || Timestamp { seconds: 1, microseconds: 0 };
//! use redis_ipc_core::dialect::redis_ipc::Timestamp;
//! use redis_ipc_core::link::{Error, Work, blocking::Link};
//! use redis_ipc_core::{address::Recipient, identity::Identity, serve::Serve, session::Session};
//! use redis_ipc_core::name::{Component, Thread};
//!
//! let printer = Identity::new(Component::parse("printer")?, Thread::parse("main")?, 1, 0)?;
//! let cancel = Recipient::parse("printer.cancel")?.commands_queue()?;
//! let print = Recipient::parse("printer.print")?.commands_queue()?;
//! let queues = [cancel, print];
//! let mut link = Link::new(line, Session::new([0; 512], [0; 512]));
//! let mut serve = Serve::new();
//! loop {
//!     match link.serve(&mut serve, &queues) {
//!         Ok(Work::Job(job)) => {
//!             assert_eq!((job.queue, job.payload), (1, r#"{"file":"a"}"#));
//!             let ticket = job.ticket();
//!             let stamp = printer.stamp(clock());
//!             link.answer(&mut serve, &queues, &ticket, &stamp, |w| w.put(br#"{"pages":2}"#))?;
//!         }
//!         Ok(_) => {}
//!         Err(Error::Closed) => break,
//!         Err(error) => return Err(error.into()),
//!     }
//! }
//! # let told = String::from_utf8(link.into_line().told)?;
//! # let result = "$22\r\nqueues.results.ui.main\r\n$97\r\n{\"pages\":2,\"command_id\":\"7\",\"timestamp\":\
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
pub mod polled;
mod work;

pub use calling::{Answer, Calling};
pub use error::Error;
pub use work::{Job, Ticket, Unservable, Work};

use embedded_io::ErrorKind;

use crate::session::{Incoming, Sequence};
use crate::write::TooLong;

/// Tries again as often as it was interrupted.
fn uninterrupted<R, E: embedded_io::Error>(
    mut attempt: impl FnMut() -> Result<R, E>,
) -> Result<R, Error<E>> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done.map_err(Error::Line),
        }
    }
}

/// Whether a message is the reply to `request`, or what is left of it.
fn replies(request: Sequence, incoming: Incoming) -> Option<Result<(), TooLong>> {
    match incoming {
        Incoming::Reply(of) if of == request => Some(Ok(())),
        Incoming::TooLong { of, error } if of == Some(request) => Some(Err(error)),
        _ => None,
    }
}
