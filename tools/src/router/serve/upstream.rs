//! A connection to a host.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use mio::net::{TcpStream, UnixStream};
use redis_ipc::Endpoint;
use redis_ipc_core::resp::{Reply, Scanner};

use super::client::ClientId;
use super::line::{Line, Stream};
use super::names::Names;
use super::through::Step;
use crate::router::layout::Node;

/// Who waits for a reply.
#[derive(Debug)]
pub(super) enum Waiting {
    /// We do: the connection's own greeting.
    Greeting,
    /// We do: which server it is, if it says so.
    Vetting,
    /// Nobody: the rest of a transaction, or the word before a redirected request.
    Nobody,
    /// A client that pops from several hosts.
    Gathering(ClientId),
    /// A client whose keys are looked for at their old places.
    Looking(ClientId, Step),
    /// We do: what was asked before hosts changed is answered then.
    Settled,
    /// A client, for one of its requests, or for a part of one.
    Client(Asked),
}

/// A request of a client that a host has.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) client: ClientId,
    pub(super) request: u64,
    pub(super) part: u32,
    /// How many replies come before its own that nobody waits for: those to a transaction's commands.
    pub(super) ahead: usize,
    /// The request itself, where it may have to be sent again, to another server.
    pub(super) frame: Option<Box<[u8]>>,
    pub(super) wandered: Wandered,
}

/// How a request has fared that was not done where it was sent first.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wandered {
    /// How often it was sent on without a pause.
    pub(super) hops: u8,
    /// When it was sent on last.
    pub(super) last: Option<Instant>,
    /// Until when it is sent again; unset while it was sent once.
    pub(super) until: Option<Instant>,
}

impl Asked {
    /// The only part of a request that is not sent again.
    pub(super) fn new(client: ClientId, request: u64) -> Self {
        Self {
            client,
            request,
            part: 0,
            ahead: 0,
            frame: None,
            wandered: Wandered::default(),
        }
    }
}

/// What a connection is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// For the requests of all clients.
    Shared,
    /// For one client's pops.
    Pops,
    /// For one client's transactions on keys that it watches.
    Transactions,
    /// For one client's keys that may be at their old or at their new places.
    Moving,
    /// For what one client has subscribed to.
    Listens,
    /// For a client that pops from several hosts: it tells of changes of keys that begin so.
    Watches(Vec<Vec<u8>>),
}

#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) line: Line,
    /// The host's place, and what is known of it.
    pub(super) host: usize,
    node: Arc<Node>,
    /// Where it was looked for.
    pub(super) endpoint: Endpoint,
    /// What it says of itself.
    info: String,
    /// The version of RESP that is spoken.
    pub(super) protocol: u8,
    /// The client whose own it is.
    pub(super) owner: Option<ClientId>,
    pub(super) purpose: Purpose,
    /// Its number at the server, once that has told.
    pub(super) server_id: Option<i64>,
    pub(super) scanner: Scanner,
    pub(super) waiting: VecDeque<Waiting>,
    /// What has sent a command of the transaction elsewhere whose replies are coming.
    pub(super) sent_on: Option<Vec<u8>>,
    /// Since when nothing has come although something is waited for.
    pub(super) since: Option<Instant>,
    /// Whether anything has come since that was looked at last.
    pub(super) heard: bool,
    /// How far a long request or reply was when that was looked at last.
    progress: (usize, usize),
}

impl Upstream {
    /// Begins to connect.
    pub(super) fn connect(
        endpoint: &Endpoint,
        (host, node): (usize, Arc<Node>),
        names: &Names,
        protocol: u8,
        owner: Option<ClientId>,
        purpose: Purpose,
    ) -> io::Result<Self> {
        let stream = match (endpoint.path(), endpoint.host()) {
            (Some(path), _) => Stream::Unix(UnixStream::connect(path)?),
            (None, host) => {
                let (name, port) = host.unwrap_or_default();
                let stream = connect_tcp(names.address(name, port)?)?;
                secured(endpoint, stream)?
            }
        };
        let mut upstream = Self {
            line: Line::new(stream),
            host,
            node,
            endpoint: endpoint.clone(),
            info: String::new(),
            protocol,
            owner,
            purpose,
            server_id: None,
            scanner: Scanner::default(),
            waiting: VecDeque::new(),
            sent_on: None,
            since: None,
            heard: false,
            progress: (0, 0),
        };
        upstream.greet(endpoint);
        // Behind a greeting that is refused, a request would be executed all the same: in another
        // database, or on another server than was meant.
        if !upstream.is_greeted() {
            upstream.line.hold();
        }
        Ok(upstream)
    }

    /// Whether the greeting was answered.
    pub(super) fn is_greeted(&self) -> bool {
        let first = self.waiting.front();
        !matches!(first, Some(Waiting::Greeting | Waiting::Vetting))
    }

    /// Password, protocol and database; the replies go before all others.
    fn greet(&mut self, endpoint: &Endpoint) {
        if let Some(password) = endpoint.password() {
            match endpoint.user() {
                Some(user) => self.ask(&[b"AUTH", user.as_bytes(), password.as_bytes()]),
                None => self.ask(&[b"AUTH", password.as_bytes()]),
            }
        }
        if self.protocol == 3 {
            self.ask(&[b"HELLO", b"3"]);
        } else if self.purpose == Purpose::Pops {
            self.ask(&[b"CLIENT", b"ID"]);
        }
        if endpoint.database() != 0 {
            self.ask(&[b"SELECT", endpoint.database().to_string().as_bytes()]);
        }
        if self.node.is_vetted() {
            for section in ["server", "replication"] {
                write_request(&mut self.line.output, &["INFO", section]);
                self.wait_for(Waiting::Vetting);
            }
        }
        if let Purpose::Watches(prefixes) = self.purpose.clone() {
            let mut words: Vec<&[u8]> = vec![b"CLIENT", b"TRACKING", b"ON", b"BCAST", b"NOLOOP"];
            for prefix in &prefixes {
                words.extend([&b"PREFIX"[..], prefix]);
            }
            self.ask(&words);
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

    /// Notes whether a long request has got further, or a long reply: that is no silence.
    pub(super) fn note_progress(&mut self) {
        let progress = self.line.progress();
        if std::mem::replace(&mut self.progress, progress) != progress && progress != (0, 0) {
            self.since = self.since.map(|_| Instant::now());
        }
    }

    /// Takes what the server says of itself, and looks at it when that is all. The error is a
    /// sentence.
    pub(super) fn introduced(&mut self, frame: &[u8]) -> Result<(), String> {
        let reply = Reply::parse(frame);
        self.info += &String::from_utf8_lossy(reply.bytes().unwrap_or_default());
        match self.waiting.front() {
            Some(Waiting::Vetting) => Ok(()),
            _ => self.node.meet(&std::mem::take(&mut self.info)),
        }
    }

    /// Takes the answer to a part of the greeting. The error is a sentence.
    pub(super) fn greeted(&mut self, frame: &[u8]) -> Result<(), String> {
        match Reply::parse(frame) {
            Reply::Error(refusal) => return Err(format!("it refuses us: {refusal}")),
            Reply::Integer(id) => self.server_id = Some(id),
            Reply::Map(mut members) => {
                while let (Some(name), Some(value)) = (members.next(), members.next()) {
                    if name.bytes() == Some(b"id") {
                        self.server_id = value.integer();
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The stream as the endpoint wants it: through TLS or in the clear.
#[cfg(feature = "tls")]
fn secured(endpoint: &Endpoint, stream: TcpStream) -> io::Result<Stream> {
    Ok(match endpoint.is_secure() {
        true => Stream::Tls(Box::new(endpoint.begin_tls(stream)?)),
        false => Stream::Tcp(stream),
    })
}

#[cfg(not(feature = "tls"))]
fn secured(endpoint: &Endpoint, stream: TcpStream) -> io::Result<Stream> {
    match endpoint.is_secure() {
        true => Err(io::Error::other("the router was built without TLS")),
        false => Ok(Stream::Tcp(stream)),
    }
}

fn connect_tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    // Refused on a socket that is still connecting on some systems; then it is merely slower.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Writes a request as clients send it.
pub(super) fn write_request<W: AsRef<[u8]>>(output: &mut Vec<u8>, words: &[W]) {
    write_head(output, b'*', words.len());
    for word in words {
        write_bulk(output, word.as_ref());
    }
}

pub(super) fn write_bulk(output: &mut Vec<u8>, bytes: &[u8]) {
    write_head(output, b'$', bytes.len());
    output.extend_from_slice(bytes);
    output.extend_from_slice(b"\r\n");
}

/// A bulk string that is not there, as a protocol has it.
pub(super) fn no_bulk(protocol: u8) -> &'static [u8] {
    match protocol {
        2 => b"$-1\r\n",
        _ => b"_\r\n",
    }
}

fn write_head(output: &mut Vec<u8>, kind: u8, count: usize) {
    output.push(kind);
    // Writing to a vector cannot fail.
    let _ = write!(output, "{count}\r\n");
}
