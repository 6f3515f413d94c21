//! A stream that does not block, with what came and what is to go out.

use std::io::{self, ErrorKind, Read, Write};

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};

/// Bytes that are read at a time, at least.
const READ_BYTES: usize = 64 * 1024;

/// Bytes by which room grows at most: what is not filled is memory all the same.
const MOST_GROWTH: usize = 8 * 1024 * 1024;

/// Bytes that go out at a time at most: whoever reads as fast as we write must not hold up others.
const MOST_AT_ONCE: usize = 1024 * 1024;

/// Room that is kept by a buffer whose contents are gone.
const KEPT_BYTES: usize = 256 * 1024;

#[derive(Debug)]
pub(super) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<redis_ipc::TlsStream<TcpStream>>),
}

impl Stream {
    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Unix(stream) => stream,
            Self::Tcp(stream) => stream,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.stream(),
        }
    }

    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(room),
            Self::Tcp(stream) => stream.read(room),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.read(room),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.write(bytes),
            Self::Tcp(stream) => stream.write(bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    /// Whether it may hold bytes that the system knows nothing of.
    fn has_buffers(&self) -> bool {
        #[cfg(feature = "tls")]
        return matches!(self, Self::Tls(_));
        #[cfg(not(feature = "tls"))]
        return false;
    }

    /// Sends what was written and is not on its way.
    fn flush(&mut self) -> io::Result<()> {
        #[cfg(feature = "tls")]
        if let Self::Tls(stream) = self {
            return stream.flush();
        }
        Ok(())
    }
}

#[derive(Debug)]
pub(super) struct Line {
    stream: Stream,
    token: Token,
    /// Whether it is told of when there is room to write. Only then: the other side would be held
    /// up by it, reading what was written.
    waits_for_room: bool,
    pub(super) input: Input,
    pub(super) output: Vec<u8>,
    sent: usize,
    /// Bytes of `output` that may go out for the time being, if not all.
    held_at: Option<usize>,
    /// Whether a byte has ever gone out of what was held back at first.
    pub(super) has_sent: bool,
    /// Whether there may be something to be read.
    pub(super) readable: bool,
    /// Whether the other side has closed: it is read until its end is seen.
    pub(super) ending: bool,
    /// Whether it is to be read again in the next turn.
    pub(super) unread: bool,
    /// Whether somebody has noted that there is something to be done with it.
    pub(super) noted: bool,
}

/// What came, from `read` up to `filled` not taken yet.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    read: usize,
    filled: usize,
}

impl Input {
    /// Bytes that came and were not taken.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.read..self.filled]
    }

    pub(super) fn take(&mut self, count: usize) {
        self.read += count;
        if self.read == self.filled {
            self.read = 0;
            self.filled = 0;
            if self.bytes.len() > KEPT_BYTES {
                self.bytes = Vec::new();
            }
        }
    }

    /// Puts bytes before those that were not taken.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        self.bytes = [bytes, self.bytes()].concat();
        self.read = 0;
        self.filled = self.bytes.len();
    }

    fn room(&mut self) -> &mut [u8] {
        if self.bytes.len() - self.filled < READ_BYTES / 2 {
            if self.read > 0 {
                self.bytes.copy_within(self.read..self.filled, 0);
                self.filled -= self.read;
                self.read = 0;
            }
            let room = (self.filled + self.filled.min(MOST_GROWTH)).max(READ_BYTES);
            if self.bytes.len() < room {
                self.bytes.resize(room, 0);
            }
        }
        &mut self.bytes[self.filled..]
    }
}

impl Line {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            token: Token(0),
            waits_for_room: false,
            input: Input::default(),
            output: Vec::new(),
            sent: 0,
            held_at: None,
            has_sent: false,
            readable: false,
            ending: false,
            unread: false,
            noted: false,
        }
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.token = token;
        registry.register(self.stream.source(), token, Interest::READABLE)
    }

    /// Is told of room to write from now on, or not any longer.
    fn wait_for_room(&mut self, registry: &Registry, waits: bool) -> io::Result<()> {
        match self.waits_for_room == waits {
            true => Ok(()),
            false => self.ask_for_room(registry, waits),
        }
    }

    /// As [`wait_for_room`](Self::wait_for_room); room that is there already is told of once more.
    fn ask_for_room(&mut self, registry: &Registry, waits: bool) -> io::Result<()> {
        self.waits_for_room = waits;
        let interest = match waits {
            true => Interest::READABLE | Interest::WRITABLE,
            false => Interest::READABLE,
        };
        registry.reregister(self.stream.source(), self.token, interest)
    }

    /// Keeps what is written from now on back, until it is let go.
    pub(super) fn hold(&mut self) {
        self.held_at = Some(self.output.len());
    }

    /// Lets go what was held back; `false` if nothing was.
    pub(super) fn let_go(&mut self) -> bool {
        self.held_at.take().is_some()
    }

    /// Whether something may be held back.
    pub(super) fn is_held(&self) -> bool {
        self.held_at.is_some()
    }

    /// Where the other side is: its address, or on a Unix socket the path of ours.
    pub(super) fn peer(&self) -> String {
        match &self.stream {
            Stream::Tcp(stream) => stream.peer_addr().map(|address| address.to_string()),
            Stream::Unix(stream) => stream.local_addr().map(|address| {
                let path = address.as_pathname().map(|path| path.display().to_string());
                format!("{}:0", path.unwrap_or_default())
            }),
            #[cfg(feature = "tls")]
            Stream::Tls(_) => Ok(String::new()),
        }
        .unwrap_or_default()
    }

    /// Bytes that wait to go out.
    pub(super) fn unsent(&self) -> usize {
        self.output.len() - self.sent
    }

    /// Bytes that went out of what does not go out at once, and that came of what is not whole.
    pub(super) fn progress(&self) -> (usize, usize) {
        (self.sent, self.input.bytes().len())
    }

    /// Reads once what is there, and notes whether there may be more.
    pub(super) fn receive(&mut self) -> io::Result<()> {
        let room = self.input.room();
        match self.stream.read(room) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                // Less than there was room for: there is no more, unless it is the end.
                self.readable = count == room.len() || self.ending || self.stream.has_buffers();
                self.input.filled += count;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Sends what the kernel takes, but no more than others can wait for; then it is told of room.
    pub(super) fn flush(&mut self, registry: &Registry) -> io::Result<()> {
        let end = self.held_at.unwrap_or(self.output.len());
        let begun = self.sent;
        while self.sent < end {
            if self.sent - begun >= MOST_AT_ONCE {
                return self.ask_for_room(registry, true);
            }
            let bytes = &self.output[self.sent..end];
            match self.stream.write(bytes) {
                Ok(count) => {
                    self.sent += count;
                    self.has_sent |= self.held_at.is_none();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // There is no room, or the connection is still being made.
                Err(error)
                    if [ErrorKind::WouldBlock, ErrorKind::NotConnected].contains(&error.kind()) =>
                {
                    return self.wait_for_room(registry, true);
                }
                Err(error) => return Err(error),
            }
        }
        match self.stream.flush() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return self.wait_for_room(registry, true);
            }
            flushed => flushed?,
        }
        self.wait_for_room(registry, false)?;
        if self.is_held() {
            return Ok(());
        }
        self.sent = 0;
        self.output.clear();
        if self.output.capacity() > KEPT_BYTES {
            self.output = Vec::new();
        }
        Ok(())
    }
}
