//! TLS over a stream that does not block, for whoever waits for many of them at once.

use std::io::{self, ErrorKind, Read, Write};

use rustls::ClientConnection;

use super::{config, refusal};
use crate::endpoint::Endpoint;

/// A stream through TLS.
///
/// Reading and writing never wait: they fail with `WouldBlock` where the stream below does. What
/// was written may be on its way only in part, and the greeting of TLS is written by reading too:
/// while [`has_unsent`](Self::has_unsent) says so, [`flush`](Write::flush) is to be called when there is
/// room for more. After a read that gave bytes there may be others that the system knows nothing
/// of: it is to be read until it would block.
///
/// The end of the session is not announced.
#[derive(Debug)]
pub struct TlsStream<S> {
    tls: ClientConnection,
    stream: S,
}

impl Endpoint {
    /// Begins TLS, as this endpoint has it, on a stream that leads to it; nothing is sent yet. Reads
    /// the files with certificates.
    ///
    /// For whoever connects by other means. A [`Connection`](crate::Connection) does this by itself.
    ///
    /// # Errors
    /// What is wrong with a file or the server's name; `InvalidInput` if this endpoint has no TLS, or
    /// no host of its own.
    pub fn begin_tls<S: Read + Write>(&self, stream: S) -> io::Result<TlsStream<S>> {
        let (Some(tls), Some((host, _))) = (&self.tls, self.host()) else {
            return Err(ErrorKind::InvalidInput.into());
        };
        let tls = config::client(tls, host)?;
        Ok(TlsStream { tls, stream })
    }
}

impl<S: Read + Write> TlsStream<S> {
    /// The stream below, to be waited for.
    pub fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Whether something waits for room in the stream below.
    #[must_use]
    pub fn has_unsent(&self) -> bool {
        self.tls.wants_write()
    }

    fn receive(&mut self) -> io::Result<usize> {
        let count = self.tls.read_tls(&mut self.stream)?;
        let understood = self.tls.process_new_packets().map_err(refusal::explain);
        // A part of the greeting, or what we think of the server.
        match self.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock && understood.is_ok() => Err(error),
            _ => understood.map(|_| count),
        }
    }
}

impl<S: Read + Write> Read for TlsStream<S> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(room) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if self.receive()? == 0 {
                return Ok(0);
            }
        }
    }
}

impl<S: Read + Write> Write for TlsStream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let count = self.tls.writer().write(bytes)?;
            match self.flush() {
                Ok(()) if count == 0 && !self.tls.is_handshaking() => {}
                Ok(()) if count == 0 => return Err(ErrorKind::WouldBlock.into()),
                Err(error) if error.kind() == ErrorKind::WouldBlock && count > 0 => {
                    return Ok(count);
                }
                sent => return sent.map(|()| count),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.stream) {
                Ok(_) => {}
                // It is still being connected.
                Err(error) if error.kind() == ErrorKind::NotConnected => {
                    return Err(ErrorKind::WouldBlock.into());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
