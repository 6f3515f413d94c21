//! A plain client for assertions: one connection, one command after another.

use crate::value::{Value, request};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long a reply may take before the test has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to a server's Unix socket.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    unread: Vec<u8>,
}

impl Client {
    /// Connects, or says why not.
    ///
    /// # Errors
    /// What connecting to the socket ended in.
    pub fn connect(socket: &Path) -> std::io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            unread: Vec::new(),
        })
    }

    /// Sends a command and reads its reply; an error reply is a value.
    ///
    /// # Panics
    /// If the connection ends or no reply comes within [`PATIENCE`].
    #[track_caller]
    pub fn command<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Value {
        self.send(words);
        self.receive()
    }

    /// Sends a command and does not wait for its reply.
    ///
    /// # Panics
    /// If the connection is gone.
    #[track_caller]
    pub fn send<W: AsRef<[u8]>>(&mut self, words: &[W]) {
        self.send_raw(&request(words));
    }

    /// Sends a command, or says what kept it from going out.
    ///
    /// # Errors
    /// The connection's end or fault.
    pub fn try_send<W: AsRef<[u8]>>(&mut self, words: &[W]) -> std::io::Result<()> {
        self.stream.write_all(&request(words))
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    /// If the connection is gone.
    #[track_caller]
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server takes it");
    }

    /// Says that nothing more will be sent; replies still come.
    ///
    /// # Panics
    /// If the connection is gone.
    pub fn end_requests(&mut self) {
        let ended = self.stream.shutdown(std::net::Shutdown::Write);
        ended.expect("the server is there");
    }

    /// Reads the next reply, push or published message.
    ///
    /// # Panics
    /// If the connection ends or nothing comes within [`PATIENCE`].
    #[track_caller]
    pub fn receive(&mut self) -> Value {
        match self.try_receive() {
            Ok(value) => value,
            Err(error) => panic!("no reply from the server: {error}"),
        }
    }

    /// Reads the next reply, or says what kept it from coming.
    ///
    /// # Errors
    /// The connection's end (`UnexpectedEof`), its fault, or [`PATIENCE`] at its
    /// end (`WouldBlock`).
    pub fn try_receive(&mut self) -> std::io::Result<Value> {
        loop {
            if let Some((value, end)) = Value::parse(&self.unread) {
                self.unread.drain(..end);
                return Ok(value);
            }
            let mut chunk = [0; 16 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.unread.extend(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::server::Server;

    #[test]
    fn replies_come_in_the_order_of_the_commands() {
        let server = Server::start();
        let mut client = server.client();
        client.send(&["SET", "key", "text"]);
        client.send(&["GET", "key"]);
        assert_eq!(client.receive(), "OK");
        assert_eq!(client.receive(), "text");
    }

    #[test]
    fn bytes_of_any_kind_come_back() {
        let server = Server::start();
        let every: Vec<u8> = (0..=255).collect();
        let value = server.client().command(&[b"ECHO", every.as_slice()]);
        assert_eq!(value, crate::value::Value::Bulk(every));
    }
}
