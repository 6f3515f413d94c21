//! One connection to a server: requests out, replies in, never past a deadline.

mod commands;
mod connect;
mod deadline;
#[cfg(not(feature = "tcp"))]
mod direct;
mod fork;
mod handshake;
mod notifications;
mod pipeline;
mod receiving;
mod sending;
#[cfg(feature = "tcp")]
mod sentinel;
mod transaction;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use redis_ipc_core::resp::{Reply, request};
use redis_ipc_core::session::{Incoming, Session};
use redis_ipc_core::write::Writer;

use crate::endpoint::Endpoint;
use crate::error::{Error, Outcome, ServerError};
use crate::options::Options;
use crate::script;
use crate::socket::Socket;
use crate::storage::Growing;
use crate::sys;
pub use commands::{
    AddOptions, BitOp, Combine, End, Entry, GeoSearch, Life, Member, MemberOf, NoStreamId, Pair,
    Pending, PendingEntry, Position, Role, SetOptions, Side, Since, Sort, StreamEntries, StreamId,
    Trim, Unit,
};
pub(crate) use deadline::{Deadline, FOREVER};
#[cfg(not(feature = "tcp"))]
use direct::Following;
pub use handshake::Server;
pub use pipeline::{Pipeline, Replies};
#[cfg(feature = "tcp")]
use sentinel::Following;
pub use transaction::{Transaction, Watch};

/// A synchronous client of one server.
///
/// Every request has one deadline over connecting, sending and receiving
/// ([`Options::reply_limit`]). A connection that broke is made anew by the next request; a
/// request is sent again by itself only if the server took no byte of it. After an error whose
/// [outcome](Error::outcome) is [`Outcome::Unknown`] the request may have been executed.
///
/// The connection holds one buffer for sending and one for receiving
/// ([`Options::message_limit`]); requests and replies allocate nothing else, but for what a
/// typed command returns.
///
/// ```no_run
/// use redis_ipc::{Connection, Endpoint};
///
/// let mut server = Connection::open(&Endpoint::from_environment()?)?;
/// server.set("greeting", "hello")?;
/// assert_eq!(server.get("greeting")?.as_deref(), Some(&b"hello"[..]));
/// let reply = server.command(&["STRLEN", "greeting"])?;
/// assert_eq!(reply.integer(), Some(5));
/// # Ok::<(), redis_ipc::Error>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    endpoint: Endpoint,
    options: Options,
    socket: Option<Socket>,
    /// Whether the server has answered the greeting on it.
    greeted: bool,
    session: Session<Growing>,
    server: Server,
    /// What `now` is counted from.
    epoch: Instant,
    /// How many connections were made.
    generation: u32,
    /// When the last request went out.
    last_used: Instant,
    /// No limit reaches beyond this, while somebody has set it.
    bound: Option<Instant>,
    /// Requests of a pipeline that wait to be sent.
    unsent: u32,
    following: Following,
    /// The process whose connection it is, as [`sys::forks`] counts them.
    process: u32,
}

/// What a wait brought.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Next {
    /// A message; it is the session's frame.
    Message(Incoming),
    /// The deadline passed.
    Late,
    /// Nothing yet, but it is time to look around.
    Interrupted,
}

impl Connection {
    /// Connects with the default [`Options`].
    ///
    /// # Errors
    /// [`Error::Connect`] if there is no server, [`Error::Server`] if it refuses us.
    pub fn open(endpoint: &Endpoint) -> Result<Self, Error> {
        Self::open_with(endpoint, Options::default())
    }

    /// Connects.
    ///
    /// # Errors
    /// [`Error::Connect`] if there is no server, [`Error::Server`] if it refuses us.
    pub fn open_with(endpoint: &Endpoint, options: Options) -> Result<Self, Error> {
        let mut connection = Self::closed(endpoint, options);
        connection.ensure_connected()?;
        Ok(connection)
    }

    /// A connection that is made by its first request, and by the next one if that fails: there
    /// need not be a server yet. Does no input or output now, and cannot fail.
    ///
    /// ```
    /// use redis_ipc::{Connection, Endpoint, Error, Options};
    ///
    /// let nowhere = Endpoint::unix("/nowhere/socket")?;
    /// let mut server = Connection::lazy(&nowhere, Options::default());
    /// assert!(!server.is_connected());
    /// assert!(matches!(server.ping(), Err(Error::Connect { .. })));
    /// # Ok::<(), redis_ipc::EndpointError>(())
    /// ```
    #[must_use]
    pub fn lazy(endpoint: &Endpoint, options: Options) -> Self {
        Self::closed(endpoint, options)
    }

    pub(crate) fn closed(endpoint: &Endpoint, options: Options) -> Self {
        let limit = options.message_limit;
        Self {
            endpoint: endpoint.clone(),
            session: Session::new(Growing::for_receiving(limit), Growing::for_sending(limit)),
            options,
            socket: None,
            greeted: false,
            server: Server::default(),
            epoch: Instant::now(),
            generation: 0,
            last_used: Instant::now(),
            bound: None,
            unsent: 0,
            following: Following::of(endpoint),
            process: sys::forks(),
        }
    }

    /// The server's address.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What the server said of itself when we connected.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Bytes that its buffers take at present. They grow with what is sent and received, and stay
    /// so: whoever keeps connections for later may rather let one go that has grown.
    ///
    /// ```
    /// use redis_ipc::{Connection, Endpoint, Options};
    ///
    /// let server = Connection::lazy(&Endpoint::unix("/tmp/socket")?, Options::default());
    /// assert_eq!(server.buffer_bytes(), (4 + 16) * 1024);
    /// # Ok::<(), redis_ipc::EndpointError>(())
    /// ```
    #[must_use]
    pub fn buffer_bytes(&self) -> usize {
        self.session.storage_bytes()
    }

    /// Whether the last request left a usable connection behind.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.socket.is_some()
    }

    /// Sends a request and returns its reply, which stays readable until the next request.
    ///
    /// ```no_run
    /// # let mut server = redis_ipc::Connection::open(&"/tmp/s".parse()?)?;
    /// let waiting = server.command(&["LLEN", "queues.commands.printer"])?;
    /// assert_eq!(waiting.integer(), Some(0));
    /// # Ok::<(), redis_ipc::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Server`] with the server's words for an error reply, else what broke.
    pub fn command<A: AsRef<[u8]>>(&mut self, parts: &[A]) -> Result<Reply<'_>, Error> {
        let reply = self.ask(|w| write_command(w, parts));
        reply.map_err(|error| script::judge(parts.first(), error))
    }

    /// As [`command`](Self::command), for a request that the server may answer late on purpose
    /// (BLPOP, WAIT…): `limit` takes the place of the connection's reply limit.
    ///
    /// # Errors
    /// As with [`command`](Self::command).
    pub fn blocking_command<A: AsRef<[u8]>>(
        &mut self,
        parts: &[A],
        limit: Duration,
    ) -> Result<Reply<'_>, Error> {
        let reply = self.ask_within(limit, |w| write_command(w, parts));
        reply.map_err(|error| script::judge(parts.first(), error))
    }

    /// Begins a pipeline: any number of requests, sent together.
    pub fn pipeline(&mut self) -> Pipeline<'_> {
        let limit = self.options.reply_limit;
        self.pipeline_within(limit)
    }

    /// As [`pipeline`](Self::pipeline); `limit` takes the place of the connection's reply limit
    /// over all of its requests.
    pub fn pipeline_within(&mut self, limit: Duration) -> Pipeline<'_> {
        Pipeline::new(self, limit)
    }

    /// The socket, to be waited for.
    pub(crate) fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }

    pub(crate) fn session(&mut self) -> &mut Session<Growing> {
        &mut self.session
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// The time as the machines of core count it.
    pub(crate) fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// A moment of [`now`](Self::now) as a deadline.
    pub(crate) fn deadline_at(&self, moment: Duration, limit: Duration) -> Deadline {
        Deadline {
            at: self.epoch + moment,
            limit,
        }
    }

    /// Lets no limit reach beyond a moment, until it is told otherwise.
    pub(crate) fn set_bound(&mut self, bound: Option<Instant>) {
        self.bound = bound;
    }

    /// The moment that a limit counted from now reaches to.
    pub(crate) fn deadline(&self, limit: Duration) -> Deadline {
        let mut deadline = Deadline::after(limit);
        if let Some(bound) = self.bound.filter(|bound| *bound < deadline.at) {
            deadline.limit = limit.saturating_sub(deadline.at - bound);
            deadline.at = bound;
        }
        deadline
    }

    /// Which of the connections made so far this is; another number, another line.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Closes the connection; the next request makes a new one.
    pub(crate) fn disconnect(&mut self) {
        self.socket = None;
        self.greeted = false;
        self.session.reset();
        self.unsent = 0;
        self.following.begin_anew();
    }

    /// What the server calls this run of itself; `None` if it does not tell.
    pub(crate) fn run_id(&mut self) -> Result<Option<String>, Error> {
        match self.ask_again(|w| request::command(w, &[b"INFO", b"server"])) {
            Ok(reply) => Ok(reply.bytes().and_then(run_id_in)),
            // Paths in it can make it long.
            Err(Error::Server(_) | Error::TooLong { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A reply may still come, and must not be taken for the answer to something else.
    pub(crate) fn late(&mut self, outcome: Outcome, deadline: Deadline) -> Error {
        self.disconnect();
        Error::TimedOut {
            outcome,
            limit: deadline.limit,
        }
    }

    /// The line is dead. The server's last words may lie in it: that it has too many clients,
    /// or that the request at hand is too long for it. Among several requests they may be the
    /// answer to one that is not at hand, and say nothing about the others.
    fn broken(&mut self, outcome: Outcome, source: io::Error) -> Error {
        let alone = !self.greeted || self.session.outstanding() <= 1;
        let words = alone.then(|| self.last_words()).flatten();
        self.disconnect();
        match words {
            Some(error) => error.into(),
            None => Error::Disconnected { outcome, source },
        }
    }

    fn last_words(&mut self) -> Option<ServerError> {
        let socket = self.socket.as_mut()?;
        let room = self.session.spare()?;
        if let Ok(Some(count)) = socket.receive_now(room) {
            self.session.received(count);
        }
        loop {
            match self.session.poll() {
                Ok(Some(Incoming::Reply(_))) => {}
                Ok(Some(_)) => continue,
                _ => return None,
            }
            if let Reply::Error(error) = self.session.frame() {
                return Some(ServerError::new(&error));
            }
        }
    }
}

fn run_id_in(info: &[u8]) -> Option<String> {
    let info = String::from_utf8_lossy(info);
    let id = info.lines().find_map(|line| line.strip_prefix("run_id:"))?;
    Some(id.trim().to_owned())
}

fn closed(outcome: Outcome) -> Error {
    Error::Disconnected {
        outcome,
        source: io::ErrorKind::NotConnected.into(),
    }
}

pub(crate) fn write_command<A: AsRef<[u8]>>(w: &mut Writer<'_>, parts: &[A]) {
    request::array(w, parts.len());
    for part in parts {
        request::bulk(w, part.as_ref());
    }
}
