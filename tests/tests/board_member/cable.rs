//! A serial cable with a gateway at its other end, which connects anew when the line is cut.

use std::convert::Infallible;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use redis_ipc_tests::client::Client;
use redis_ipc_tests::server::Server;

use crate::line::Line;

/// Where the connection behind the gateway ends; what is sent later goes into another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Never,
    /// After so many bytes were sent.
    Sent(usize),
    /// After so many bytes were received; what else had come is gone.
    Received(usize),
}

/// The cable, seen from the component.
#[derive(Debug)]
pub(crate) struct Cable {
    server: PathBuf,
    stream: UnixStream,
    /// Another client of the same server.
    witness: Client,
    cut: Cut,
    /// One byte that was looked at already.
    peeked: Option<u8>,
}

impl Cable {
    pub(crate) fn new(server: &Server, cut: Cut) -> Self {
        Self {
            stream: connect(&server.socket()),
            server: server.socket(),
            witness: server.client(),
            cut,
            peeked: None,
        }
    }

    /// Waits until the server has answered all that was sent, however slow it is: it turns to
    /// its clients in rounds, and a second round of the witness begins when the first one's
    /// replies are written.
    pub(crate) fn settle(&mut self) {
        for _ in 0..2 {
            self.witness.command(&["PING"]);
        }
    }

    /// Counts one byte against `left`; cuts when there is none.
    fn passes(&mut self) -> bool {
        let (Cut::Sent(left) | Cut::Received(left)) = &mut self.cut else {
            return true;
        };
        if *left > 0 {
            *left -= 1;
            return true;
        }
        self.anew();
        self.cut = Cut::Never;
        false
    }

    fn anew(&mut self) {
        self.stream = connect(&self.server);
        self.peeked = None;
    }

    fn look(&mut self) -> Option<u8> {
        if self.peeked.is_some() {
            return self.peeked;
        }
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(0) => self.anew(),
            Ok(_) => self.peeked = Some(byte[0]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.anew(),
        }
        self.peeked
    }
}

fn connect(server: &PathBuf) -> UnixStream {
    let stream = UnixStream::connect(server).expect("a server");
    stream.set_nonblocking(true).expect("a socket");
    stream
}

impl Line for Cable {
    fn is_broken(&mut self) -> bool {
        false
    }
}

impl ErrorType for Cable {
    type Error = Infallible;
}

impl ReadReady for Cable {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.look().is_some())
    }
}

impl Read for Cable {
    fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
        let mut count = 0;
        while let (Some(place), Some(byte)) = (room.get_mut(count), self.look()) {
            if matches!(self.cut, Cut::Received(_)) && !self.passes() {
                break;
            }
            *place = byte;
            self.peeked = None;
            count += 1;
        }
        // The line's contract: a read that was announced gives something.
        if count == 0 {
            room[0] = b'?';
            count = 1;
        }
        Ok(count)
    }
}

impl WriteReady for Cable {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(true)
    }
}

impl Write for Cable {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        if let Cut::Sent(left) = self.cut
            && left < bytes.len()
        {
            let (before, behind) = bytes.split_at(left);
            let _ = self.stream.write_all(before);
            self.anew();
            self.cut = Cut::Never;
            let _ = self.stream.write_all(behind);
            return Ok(bytes.len());
        }
        if let Cut::Sent(left) = &mut self.cut {
            *left -= bytes.len();
        }
        if self.stream.write_all(bytes).is_err() {
            self.anew();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
