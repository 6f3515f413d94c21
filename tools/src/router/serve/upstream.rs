//! A connection to a host.

use std::collections::VecDeque;
use std::io;
use std::net::ToSocketAddrs;
use std::time::Instant;

use mio::net::{TcpStream, UnixStream};
use redis_ipc::Endpoint;
use redis_ipc_core::resp::Scanner;

use super::client::ClientId;
use super::line::{Line, Stream};

/// Who waits for a reply.
#[derive(Debug, Clone, Copy)]
pub(super) enum Waiting {
    /// We do: the connection's own greeting.
    Greeting,
    /// A client, for one of its requests, or for a part of one.
    Client {
        client: ClientId,
        request: u64,
        part: u32,
    },
}

#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) line: Line,
    /// The host's place.
    pub(super) host: usize,
    /// The client whose own it is.
    pub(super) owner: Option<ClientId>,
    /// Whether it has subscribed: what comes answers nothing.
    pub(super) listens: bool,
    pub(super) scanner: Scanner,
    pub(super) waiting: VecDeque<Waiting>,
    /// Since when nothing has come although something is waited for.
    pub(super) since: Option<Instant>,
}

impl Upstream {
    /// Begins to connect.
    pub(super) fn connect(
        endpoint: &Endpoint,
        host: usize,
        owner: Option<ClientId>,
    ) -> io::Result<Self> {
        let stream = match (endpoint.path(), endpoint.host()) {
            (Some(path), _) => Stream::Unix(UnixStream::connect(path)?),
            (None, host) => Stream::Tcp(connect_tcp(host.unwrap_or_default())?),
        };
        let mut upstream = Self {
            line: Line::new(stream),
            host,
            owner,
            listens: false,
            scanner: Scanner::default(),
            waiting: VecDeque::new(),
            since: None,
        };
        upstream.greet(endpoint);
        Ok(upstream)
    }

    /// Password and database; the replies go before all others.
    fn greet(&mut self, endpoint: &Endpoint) {
        if let Some(password) = endpoint.password() {
            match endpoint.user() {
                Some(user) => self.ask(&[b"AUTH", user.as_bytes(), password.as_bytes()]),
                None => self.ask(&[b"AUTH", password.as_bytes()]),
            }
        }
        if endpoint.database() != 0 {
            self.ask(&[b"SELECT", endpoint.database().to_string().as_bytes()]);
        }
    }

    fn ask(&mut self, words: &[&[u8]]) {
        write_request(&mut self.line.output, words);
        self.wait_for(Waiting::Greeting);
    }

    /// A request was written whose reply is for `waiting`.
    pub(super) fn wait_for(&mut self, waiting: Waiting) {
        if self.waiting.is_empty() {
            self.since = Some(Instant::now());
        }
        self.waiting.push_back(waiting);
    }
}

fn connect_tcp((host, port): (&str, u16)) -> io::Result<TcpStream> {
    let mut addresses = (host, port).to_socket_addrs()?;
    let address = addresses.next().ok_or(io::ErrorKind::NotFound)?;
    let stream = TcpStream::connect(address)?;
    // Refused on a socket that is still connecting on some systems; then it is merely slower.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

pub(super) fn write_request<W: AsRef<[u8]>>(output: &mut Vec<u8>, words: &[W]) {
    output.extend(format!("*{}\r\n", words.len()).bytes());
    for word in words {
        let word = word.as_ref();
        output.extend(format!("${}\r\n", word.len()).bytes());
        output.extend(word);
        output.extend(b"\r\n");
    }
}
