//! TLS between a line and its user, with the same deadlines and outcomes.
//!
//! A request is encrypted when it is handed in and is sent as records. Nothing of it can be
//! executed before a whole record has arrived, but whoever handed one byte of a record to the
//! system does not know where it ended: from then on the outcome is open, as in the clear.
//!
//! The end of a session is not announced (`close_notify`): a child process that closes its copy of
//! the parent's connection must not say a word on it.

mod config;
mod refusal;
mod stream;

use std::io::{self, Read, Write};
use std::time::Instant;

use rustls::ClientConnection;

pub use stream::TlsStream;

use super::line::Line;
use super::{Received, Sent};
use crate::endpoint::Tls;

#[derive(Debug)]
pub(super) struct Session {
    tls: ClientConnection,
    /// Bytes that were handed in and encrypted, and are not yet all on their way.
    encrypted: usize,
    /// Bytes that were decrypted and not yet handed out.
    decrypted: usize,
}

impl Session {
    /// Greets the server and checks who it is, by `deadline` at the latest.
    pub(super) fn begin(
        tls: &Tls,
        host: &str,
        line: &mut Line,
        deadline: Instant,
    ) -> io::Result<Self> {
        let mut session = Self {
            tls: config::client(tls, host)?,
            encrypted: 0,
            decrypted: 0,
        };
        while session.tls.is_handshaking() || session.tls.wants_write() {
            if session.tls.wants_write() {
                session.push(line, deadline)?;
            } else {
                session.listen(line, deadline)?;
            }
        }
        Ok(session)
    }

    /// Sends a part of the handshake.
    fn push(&mut self, line: &Line, deadline: Instant) -> io::Result<()> {
        match self.write(line, deadline, false)? {
            Sent::Late => Err(silent()),
            Sent::Taken(_) | Sent::InputWaits => Ok(()),
        }
    }

    /// Receives a part of the handshake.
    fn listen(&mut self, line: &mut Line, deadline: Instant) -> io::Result<()> {
        let received = self.read(|room| line.receive(room, Some(deadline)));
        if received.is_err() && self.tls.wants_write() {
            // The server is told what we think of it, if that can be done at once.
            let _ = self.write(line, Instant::now(), false);
        }
        match received? {
            Received::Late => Err(silent()),
            Received::Bytes(_) | Received::Interrupted => Ok(()),
        }
    }

    /// As [`Socket::send`](super::Socket::send).
    pub(super) fn send(
        &mut self,
        line: &Line,
        bytes: &[u8],
        deadline: Instant,
        wake_on_input: bool,
    ) -> io::Result<Sent> {
        if self.encrypted == 0 {
            // As much as the library's buffer holds, which is 64 KiB.
            self.encrypted = self.tls.writer().write(bytes)?;
        }
        match self.write(line, deadline, wake_on_input) {
            Ok(Sent::Taken(_)) if self.tls.wants_write() => Ok(Sent::Taken(0)),
            Ok(Sent::Taken(_)) => Ok(Sent::Taken(std::mem::take(&mut self.encrypted))),
            Ok(nothing) => Ok(nothing),
            Err(error) => Err(self.last_words(line).unwrap_or(error)),
        }
    }

    /// As [`Socket::receive`](super::Socket::receive).
    pub(super) fn receive(
        &mut self,
        line: &mut Line,
        room: &mut [u8],
        deadline: Option<Instant>,
    ) -> io::Result<Received> {
        while self.decrypted == 0 {
            match self.read(|room| line.receive(room, deadline))? {
                Received::Bytes(_) => {}
                nothing => return Ok(nothing),
            }
        }
        self.hand_out(room).map(Received::Bytes)
    }

    /// As [`Socket::receive_now`](super::Socket::receive_now).
    pub(super) fn receive_now(
        &mut self,
        line: &Line,
        room: &mut [u8],
    ) -> io::Result<Option<usize>> {
        while self.decrypted == 0 {
            match self.read(|room| now(line, room))? {
                Received::Bytes(_) => {}
                _ => return Ok(None),
            }
        }
        self.hand_out(room).map(Some)
    }

    /// Whether there is something to receive that the system does not know of.
    pub(super) fn holds_bytes(&self) -> bool {
        self.decrypted > 0
    }

    fn hand_out(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.tls.reader().read(room)?;
        self.decrypted -= count;
        Ok(count)
    }

    /// Sends one record, or a part of it.
    fn write(&mut self, line: &Line, deadline: Instant, wake_on_input: bool) -> io::Result<Sent> {
        let mut outcome = Sent::Taken(0);
        let written = self.tls.write_tls(&mut Send(|bytes: &[u8]| {
            outcome = line.send(bytes, deadline, wake_on_input)?;
            Ok(match outcome {
                Sent::Taken(count) => Some(count),
                Sent::InputWaits | Sent::Late => None,
            })
        }));
        match written {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(outcome),
            Err(error) => Err(error),
            Ok(count) => Ok(Sent::Taken(count)),
        }
    }

    /// Receives with `receive`, once, and decrypts what is complete by then.
    fn read(
        &mut self,
        mut receive: impl FnMut(&mut [u8]) -> io::Result<Received>,
    ) -> io::Result<Received> {
        let mut outcome = Received::Interrupted;
        let read = self.tls.read_tls(&mut Receive(|room: &mut [u8]| {
            outcome = receive(room)?;
            Ok(match outcome {
                Received::Bytes(count) => Some(count),
                Received::Late | Received::Interrupted => None,
            })
        }));
        match read {
            // The server has announced the end of the session.
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(outcome),
            Err(error) => return Err(error),
        }
        let state = self.tls.process_new_packets().map_err(refusal::explain)?;
        self.decrypted = state.plaintext_bytes_to_read();
        Ok(outcome)
    }

    /// What the server has said of TLS before it hung up.
    fn last_words(&mut self, line: &Line) -> Option<io::Error> {
        while self.decrypted == 0 {
            match self.read(|room| now(line, room)) {
                Ok(Received::Bytes(_)) => {}
                Err(error) if refusal::is_one(&error) => return Some(error),
                _ => break,
            }
        }
        None
    }
}

fn now(line: &Line, room: &mut [u8]) -> io::Result<Received> {
    let count = line.receive_now(room)?;
    Ok(count.map_or(Received::Interrupted, Received::Bytes))
}

/// Nobody answers in the language of TLS.
fn silent() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        "the greeting of TLS is not answered in time: does this port speak TLS?",
    )
}

/// Gives the library a `Write` that says when nothing can be taken.
struct Send<F>(F);

impl<F: FnMut(&[u8]) -> io::Result<Option<usize>>> Write for Send<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.0)(bytes)?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gives the library a `Read` that says when there is nothing.
struct Receive<F>(F);

impl<F: FnMut(&mut [u8]) -> io::Result<Option<usize>>> Read for Receive<F> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        (self.0)(room)?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }
}
