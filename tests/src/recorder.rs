//! A line to a server that writes down what passes.

use crate::folder::Folder;
use crate::value::Value;
use crate::vectors::{Frame, Sender};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A socket that leads to another one. What passes is written down before it is passed on, so
/// whatever a program has been answered is there to be read.
#[derive(Debug)]
pub struct Recorder {
    folder: Folder,
    frames: Arc<Mutex<Vec<Frame>>>,
}

impl Recorder {
    /// Listens, and leads every connection to `server`.
    ///
    /// # Panics
    /// If there can be no socket.
    #[must_use]
    pub fn start(server: &Path) -> Self {
        let folder = Folder::new();
        let listener = UnixListener::bind(folder.join("socket")).expect("a socket");
        let frames = Arc::new(Mutex::new(Vec::new()));
        let (kept, server) = (Arc::clone(&frames), server.to_owned());
        std::thread::spawn(move || {
            for (number, client) in (1..).zip(listener.incoming()) {
                if let (Ok(client), Ok(server)) = (client, UnixStream::connect(&server)) {
                    lead(number, &client, &server, &kept);
                }
            }
        });
        Self { folder, frames }
    }

    /// The path of its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// All that has passed so far.
    ///
    /// # Panics
    /// If a thread of it has panicked.
    #[must_use]
    pub fn frames(&self) -> Vec<Frame> {
        self.frames.lock().expect("no panic").clone()
    }
}

fn lead(number: u32, client: &UnixStream, server: &UnixStream, kept: &Arc<Mutex<Vec<Frame>>>) {
    for sender in [Sender::Client, Sender::Server] {
        let copy = |stream: &UnixStream| stream.try_clone().expect("a descriptor");
        let (from, to) = match sender {
            Sender::Client => (copy(client), copy(server)),
            Sender::Server => (copy(server), copy(client)),
        };
        let kept = Arc::clone(kept);
        std::thread::spawn(move || pass(from, to, |bytes| note(number, sender, bytes, &kept)));
    }
}

/// Writes down the frames that `bytes` begins with, and takes them out.
fn note(connection: u32, sender: Sender, bytes: &mut Vec<u8>, kept: &Mutex<Vec<Frame>>) {
    while let Some((_, end)) = Value::parse(bytes) {
        kept.lock().expect("no panic").push(Frame {
            connection,
            sender,
            bytes: bytes.drain(..end).collect(),
        });
    }
}

fn pass(mut from: UnixStream, mut to: UnixStream, mut note: impl FnMut(&mut Vec<u8>)) {
    let mut room = [0; 4096];
    let mut unfinished = Vec::new();
    while let Ok(taken @ 1..) = from.read(&mut room) {
        unfinished.extend(&room[..taken]);
        note(&mut unfinished);
        if to.write_all(&room[..taken]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;
    use crate::server::Server;

    #[test]
    fn what_passes_is_written_down_by_connection_and_sender() {
        let server = Server::start();
        let recorder = Recorder::start(&server.socket());
        for text in ["one", "two"] {
            let mut client = Client::connect(&recorder.socket()).unwrap();
            assert_eq!(client.command(&["ECHO", text]), text);
        }
        let seen: Vec<_> = recorder
            .frames()
            .into_iter()
            .map(|frame| (frame.connection, frame.sender, frame.value()))
            .collect();
        let text = |text: &str| Value::Bulk(text.as_bytes().to_vec());
        let request = |word: &str| Value::Array(vec![text("ECHO"), text(word)]);
        let wanted = [
            (1, Sender::Client, request("one")),
            (1, Sender::Server, text("one")),
            (2, Sender::Client, request("two")),
            (2, Sender::Server, text("two")),
        ];
        assert_eq!(seen, wanted);
    }
}
