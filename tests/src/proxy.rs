//! A line to a server that can be cut at any byte.

use crate::folder::Folder;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// How a connection through the proxy is treated.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Line {
    to_server: usize,
    to_client: usize,
    piece: usize,
    held: bool,
}

impl Line {
    /// All bytes pass.
    pub const fn whole() -> Self {
        Self {
            to_server: usize::MAX,
            to_client: usize::MAX,
            piece: usize::MAX,
            held: false,
        }
    }

    /// Breaks once so many bytes have gone to the server.
    pub const fn cut_to_server(mut self, bytes: usize) -> Self {
        self.to_server = bytes;
        self
    }

    /// Breaks once so many bytes have gone to the client.
    pub const fn cut_to_client(mut self, bytes: usize) -> Self {
        self.to_client = bytes;
        self
    }

    /// Every byte travels alone.
    pub const fn bytewise(mut self) -> Self {
        self.piece = 1;
        self
    }

    /// The server does not see that the client is gone.
    pub const fn held(mut self) -> Self {
        self.held = true;
        self
    }
}

/// A socket that leads to another one. Its threads end with their connections.
#[derive(Debug)]
pub struct Proxy {
    folder: Folder,
    port: Option<u16>,
    plan: Arc<Mutex<VecDeque<Line>>>,
    passed: Arc<Mutex<(usize, usize)>>,
    clients: Arc<Mutex<Vec<UnixStream>>>,
}

impl Proxy {
    /// Listens, and leads every connection to `server`; bytes pass as they come, unless
    /// [`Proxy::next`] says otherwise.
    ///
    /// # Panics
    /// If there can be no socket.
    #[must_use]
    pub fn start(server: &Path) -> Self {
        let mut proxy = Self::idle();
        let listener = UnixListener::bind(proxy.socket()).expect("a socket");
        let server = server.to_owned();
        let accept = move || Ok(listener.accept()?.0);
        proxy.run(accept, move || UnixStream::connect(&server));
        proxy
    }

    /// As [`Proxy::start`], from a port of 127.0.0.1 to another one.
    ///
    /// # Panics
    /// If there can be no socket.
    #[must_use]
    pub fn start_tcp(server: u16) -> Self {
        let mut proxy = Self::idle();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        proxy.port = listener.local_addr().map(|address| address.port()).ok();
        let accept = move || listener.accept().map(|(stream, _)| any(stream));
        proxy.run(accept, move || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, server)).map(any)
        });
        proxy
    }

    fn idle() -> Self {
        Self {
            folder: Folder::new(),
            port: None,
            plan: Arc::default(),
            passed: Arc::default(),
            clients: Arc::default(),
        }
    }

    /// Leads every connection that is accepted to one that is made, on a thread of its own.
    fn run(
        &mut self,
        accept: impl Fn() -> std::io::Result<UnixStream> + Send + 'static,
        connect: impl Fn() -> std::io::Result<UnixStream> + Send + 'static,
    ) {
        let (plan, counts) = (Arc::clone(&self.plan), Arc::clone(&self.passed));
        let ends = Arc::clone(&self.clients);
        std::thread::spawn(move || {
            loop {
                let client = accept();
                let line = plan.lock().expect("no panic").pop_front();
                let line = line.unwrap_or(Line::whole());
                // Where there is no server the client sees its connection end.
                if let (Ok(client), Ok(server)) = (client, connect()) {
                    let end = client.try_clone().expect("a descriptor");
                    ends.lock().expect("no panic").push(end);
                    lead(client, server, line, &counts);
                }
            }
        });
    }

    /// The path of its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// Its port on 127.0.0.1.
    ///
    /// # Panics
    /// If it has none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.expect("a proxy that was started with a port")
    }

    /// Treats the next connection that is not planned for yet in this way.
    ///
    /// # Panics
    /// If a thread of it has panicked.
    pub fn next(&self, line: Line) {
        self.plan.lock().expect("no panic").push_back(line);
    }

    /// Ends all connections as seen by the clients; when this returns, they can know.
    ///
    /// # Panics
    /// If a thread of it has panicked.
    pub fn break_clients(&self) {
        for client in self.clients.lock().expect("no panic").drain(..) {
            // It may have gone by itself.
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    /// How many bytes went to the server and to its clients, all connections together.
    ///
    /// # Panics
    /// If a thread of it has panicked.
    #[must_use]
    pub fn passed(&self) -> (usize, usize) {
        *self.passed.lock().expect("no panic")
    }
}

/// A stream by its descriptor: reading, writing and closing ask for no kind of address.
fn any(stream: TcpStream) -> UnixStream {
    UnixStream::from(OwnedFd::from(stream))
}

fn lead(client: UnixStream, server: UnixStream, line: Line, counts: &Arc<Mutex<(usize, usize)>>) {
    let ends = || {
        let copies = client
            .try_clone()
            .and_then(|c| Ok((c, server.try_clone()?)));
        copies.expect("a descriptor")
    };
    let (from, to) = ends();
    let seen = Arc::clone(counts);
    std::thread::spawn(move || {
        let kept = line.held.then(|| to.try_clone());
        pass(from, to, line.to_server, line.piece, line.held, |n| {
            seen.lock().expect("no panic").0 += n;
        });
        // Open for as long as this process lives.
        std::mem::forget(kept);
    });
    let (to, from) = ends();
    let seen = Arc::clone(counts);
    std::thread::spawn(move || {
        pass(from, to, line.to_client, line.piece, false, |n| {
            seen.lock().expect("no panic").1 += n;
        });
    });
}

/// Passes bytes on until either end is closed or `left` of them have passed; then both are
/// closed, the one that is written to unless it is `held`.
fn pass(
    mut from: UnixStream,
    mut to: UnixStream,
    mut left: usize,
    piece: usize,
    held: bool,
    mut count: impl FnMut(usize),
) {
    let mut room = [0; 4096];
    while left > 0 {
        let wanted = room.len().min(left).min(piece);
        match from.read(&mut room[..wanted]) {
            Ok(taken) if taken > 0 => {
                // Before the peer can act on them.
                count(taken);
                if to.write_all(&room[..taken]).is_err() {
                    break;
                }
                left -= taken;
            }
            _ => break,
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    if !held {
        let _ = to.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;
    use crate::server::Server;

    #[test]
    fn what_passes_is_counted_and_a_cut_is_where_it_was_asked_for() {
        let server = Server::start();
        let proxy = Proxy::start(&server.socket());
        proxy.next(Line::whole().bytewise());
        let mut client = Client::connect(&proxy.socket()).unwrap();
        assert_eq!(client.command(&["PING"]), "PONG");
        assert_eq!(proxy.passed(), (14, 7));
        proxy.next(Line::whole().cut_to_client(6));
        let mut client = Client::connect(&proxy.socket()).unwrap();
        client.send(&["PING"]);
        assert!(client.try_receive().is_err());
        assert_eq!(proxy.passed(), (28, 13));
    }
}
