//! A connected socket with deadlines: bytes in, bytes out, in the clear or through TLS.

mod connect;
mod line;
#[cfg(feature = "tcp")]
mod tcp;
#[cfg(feature = "tls")]
mod tls;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use crate::endpoint::{Endpoint, Place};
use crate::options::Options;
use line::Line;
#[cfg(feature = "tls")]
pub use tls::TlsStream;

/// How an attempt to send ended, if it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The system took something for the line. Of the bytes that were handed in, so many are done
    /// with; the others are to be handed in again.
    Taken(usize),
    /// Nothing was taken, and something can be received.
    InputWaits,
    /// The deadline passed.
    Late,
}

/// How a wait for bytes ended, if it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// So many bytes came, at least one.
    Bytes(usize),
    /// The deadline passed.
    Late,
    /// A signal arrived, or a second passed: time to look whether somebody wants a stop.
    Interrupted,
}

/// How a wait for one of two sockets ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readable {
    /// One of them has bytes, or its end.
    Yes,
    /// The deadline passed.
    Late,
    /// As [`Received::Interrupted`].
    Interrupted,
}

#[derive(Debug)]
pub(crate) struct Socket {
    line: Line,
    /// What makes the line's bytes readable, where they are not in the clear.
    #[cfg(feature = "tls")]
    tls: Option<Box<tls::Session>>,
}

impl Socket {
    /// Connects to a place where `endpoint` is, by `deadline` at the latest.
    #[cfg_attr(
        not(feature = "tls"),
        expect(
            unused_variables,
            reason = "all that matters in the clear is the place"
        )
    )]
    pub(crate) fn connect(
        endpoint: &Endpoint,
        place: &Place,
        options: &Options,
        deadline: Instant,
    ) -> io::Result<Self> {
        #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "TLS talks here"))]
        let mut line = Line::connect(place, options, deadline)?;
        Ok(Self {
            #[cfg(feature = "tls")]
            tls: match (&endpoint.tls, place) {
                (Some(tls), Place::Tcp { host, .. }) => Some(Box::new(tls::Session::begin(
                    tls, host, &mut line, deadline,
                )?)),
                _ => None,
            },
            line,
        })
    }

    /// Sends what the system takes at once; waits until `deadline` if it takes nothing. With
    /// `wake_on_input`, that wait ends when something can be received, so that a peer that stops
    /// reading until its replies are taken does not block us both.
    ///
    /// The next call is to begin with the bytes that were not [taken](Sent::Taken).
    #[inline]
    pub(crate) fn send(
        &mut self,
        bytes: &[u8],
        deadline: Instant,
        wake_on_input: bool,
    ) -> io::Result<Sent> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return tls.send(&self.line, bytes, deadline, wake_on_input);
        }
        self.line.send(bytes, deadline, wake_on_input)
    }

    /// Receives what is there; waits until `deadline`, or for ever, if nothing is.
    ///
    /// # Errors
    /// `UnexpectedEof` at the end of the stream, else what the system says.
    #[inline]
    pub(crate) fn receive(
        &mut self,
        room: &mut [u8],
        deadline: Option<Instant>,
    ) -> io::Result<Received> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return tls.receive(&mut self.line, room, deadline);
        }
        self.line.receive(room, deadline)
    }

    /// Receives what is there now, if anything is.
    pub(crate) fn receive_now(&mut self, room: &mut [u8]) -> io::Result<Option<usize>> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return tls.receive_now(&self.line, room);
        }
        self.line.receive_now(room)
    }

    /// Waits until one of two sockets can be read from.
    pub(crate) fn either_readable(
        one: &Self,
        other: &Self,
        deadline: Option<Instant>,
    ) -> io::Result<Readable> {
        #[cfg(feature = "tls")]
        if one.holds_bytes() || other.holds_bytes() {
            return Ok(Readable::Yes);
        }
        Line::either_readable(&one.line, &other.line, deadline)
    }

    /// Whether bytes that came were not handed out yet.
    #[cfg(feature = "tls")]
    fn holds_bytes(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.holds_bytes())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.line.as_fd()
    }
}
