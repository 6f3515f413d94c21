//! A board's connection to the server: requests go up, replies come down in their order, those
//! that are given here among them.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use redis_ipc::Endpoint;
use redis_ipc_core::resp::{Limits, Reply, Scanner, request};
use redis_ipc_core::write::Writer;

/// How long a server on another host may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// What a server may send in one reply or push.
const LIMITS: Limits = Limits {
    bulk_bytes: 16 * 1024 * 1024,
    elements: 1024 * 1024,
};

/// Bytes that may wait in either direction; more is not read until some have gone.
const MOST_WAITING: usize = 256 * 1024;

/// Requests that may be unanswered.
const MOST_UNANSWERED: usize = 1024;

#[derive(Debug)]
pub(crate) struct Upstream {
    stream: File,
    to_server: Vec<u8>,
    from_server: Vec<u8>,
    scanner: Scanner,
    /// What is to be answered, in order.
    expected: VecDeque<Expected>,
    to_board: Vec<u8>,
    /// What this gateway says on its own account before a board is heard.
    login: Vec<Vec<u8>>,
}

#[derive(Debug)]
enum Expected {
    /// The server's reply, for the board.
    Reply,
    /// The server's reply to this gateway's own request.
    Own,
    /// A reply that is here already.
    Local(Vec<u8>),
}

impl Upstream {
    /// Connects and logs in. Waits for a server on another host up to two seconds.
    pub(crate) fn connect(endpoint: &Endpoint) -> io::Result<Self> {
        let mut upstream = Self {
            stream: File::from(stream(endpoint)?),
            to_server: Vec::new(),
            from_server: Vec::new(),
            scanner: Scanner::new(LIMITS),
            expected: VecDeque::new(),
            to_board: Vec::new(),
            login: login(endpoint),
        };
        upstream.log_in();
        Ok(upstream)
    }

    fn log_in(&mut self) {
        for request in &self.login {
            self.to_server.extend_from_slice(request);
            self.expected.push_back(Expected::Own);
        }
    }

    /// Sends a request for the board.
    pub(crate) fn ask(&mut self, words: &[Vec<u8>]) {
        self.to_server.extend_from_slice(&written(words));
        self.expected.push_back(Expected::Reply);
        if words
            .first()
            .is_some_and(|name| name.eq_ignore_ascii_case(b"RESET"))
        {
            // The server has forgotten who asks.
            self.log_in();
        }
    }

    /// Answers the board in the server's place, behind what it asked for before.
    pub(crate) fn answer(&mut self, reply: Vec<u8>) {
        self.expected.push_back(Expected::Local(reply));
        self.hand_over_local();
    }

    fn hand_over_local(&mut self) {
        while let Some(Expected::Local(reply)) = self.expected.front() {
            self.to_board.extend_from_slice(reply);
            self.expected.pop_front();
        }
    }

    /// Whether another request may be sent.
    pub(crate) fn takes_more(&self) -> bool {
        self.to_server.len() < MOST_WAITING && self.expected.len() < MOST_UNANSWERED
    }

    /// Whether what comes is wanted now.
    pub(crate) fn wants_more(&self) -> bool {
        self.to_board.len() < MOST_WAITING
    }

    /// Whether something waits to be sent to the server.
    pub(crate) fn has_more(&self) -> bool {
        !self.to_server.is_empty()
    }

    /// What is for the board; take off what was passed on.
    pub(crate) fn downward(&mut self) -> &mut Vec<u8> {
        &mut self.to_board
    }

    /// Sends what the server takes now and takes what has come.
    pub(crate) fn exchange(&mut self) -> io::Result<()> {
        while !self.to_server.is_empty() {
            match self.stream.write(&self.to_server) {
                Ok(count) => drop(self.to_server.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let mut room = [0; 16 * 1024];
        while self.wants_more() {
            match self.stream.read(&mut room) {
                Ok(0) => return Err(io::Error::new(ErrorKind::UnexpectedEof, "it hung up")),
                Ok(count) => {
                    self.from_server.extend_from_slice(&room[..count]);
                    self.sort()?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn sort(&mut self) -> io::Result<()> {
        let mut start = 0;
        while let Some(end) = self
            .scanner
            .scan(&self.from_server[start..])
            .map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string()))?
        {
            let frame = &self.from_server[start..start + end];
            start += end;
            if frame.first() == Some(&b'>') {
                self.to_board.extend_from_slice(frame);
                continue;
            }
            match self.expected.pop_front() {
                Some(Expected::Reply) => self.to_board.extend_from_slice(frame),
                Some(Expected::Own) => check_login(frame)?,
                // A server says something unasked only before it hangs up.
                _ => return Err(io::Error::other(text(frame))),
            }
            self.hand_over_local();
        }
        self.from_server.drain(..start);
        Ok(())
    }
}

impl AsFd for Upstream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn check_login(frame: &[u8]) -> io::Result<()> {
    match Reply::parse(frame) {
        Reply::Error(_) => Err(io::Error::new(ErrorKind::PermissionDenied, text(frame))),
        _ => Ok(()),
    }
}

fn text(frame: &[u8]) -> String {
    let text = String::from_utf8_lossy(frame);
    format!("it says {:?}", text.trim_end())
}

fn stream(endpoint: &Endpoint) -> io::Result<OwnedFd> {
    if let Some(path) = endpoint.path() {
        let stream = UnixStream::connect(path)?;
        stream.set_nonblocking(true)?;
        return Ok(stream.into());
    }
    let address = endpoint.host().ok_or_else(|| {
        io::Error::new(
            ErrorKind::Unsupported,
            "a gateway does not follow Sentinels",
        )
    })?;
    let mut last = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                return Ok(stream.into());
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn login(endpoint: &Endpoint) -> Vec<Vec<u8>> {
    let mut requests = Vec::new();
    if let Some(password) = endpoint.password() {
        let words = [Some("AUTH"), endpoint.user(), Some(password)];
        requests.push(words.into_iter().flatten().map(str::to_owned).collect());
    }
    if endpoint.database() != 0 {
        requests.push(vec!["SELECT".to_owned(), endpoint.database().to_string()]);
    }
    requests
        .iter()
        .map(|words: &Vec<String>| written(words))
        .collect()
}

/// A request of these words.
fn written<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let words: Vec<&[u8]> = words.iter().map(AsRef::as_ref).collect();
    // A header and two line ends take less than this.
    let most = 32 + words.iter().map(|word| word.len() + 32).sum::<usize>();
    let mut bytes = vec![0; most];
    let mut writer = Writer::new(&mut bytes);
    request::command(&mut writer, &words);
    let length = writer.len();
    bytes.truncate(length);
    bytes
}
