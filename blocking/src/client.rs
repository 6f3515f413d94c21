//! One way to a server for a whole program, whatever kind of connection it is made of.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::options::Options;
use crate::pool::Pool;
use crate::sys;

/// What a [`Client`] is made of.
///
/// ```
/// use std::time::Duration;
/// use redis_ipc::Kind;
///
/// let few = Kind::pool(4).lazy().checkout_limit(Duration::from_millis(100));
/// assert_ne!(few, Kind::single());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Kind {
    pub(crate) size: usize,
    pub(crate) lazy: bool,
    pub(crate) checkout_limit: Duration,
}

impl Kind {
    /// One connection, for one user after the other.
    pub const fn single() -> Self {
        Self::pool(1)
    }

    /// As many connections as are used at the same time, at most `size`, at least one. They are
    /// made when they are first needed and kept.
    pub const fn pool(size: usize) -> Self {
        Self {
            size: if size == 0 { 1 } else { size },
            lazy: false,
            checkout_limit: Duration::from_secs(5),
        }
    }

    /// Does not connect until the first lease: there need not be a server yet.
    pub const fn lazy(mut self) -> Self {
        self.lazy = true;
        self
    }

    /// How long a lease may be waited for while all connections are in use; by default 5 s.
    pub const fn checkout_limit(mut self, limit: Duration) -> Self {
        self.checkout_limit = limit;
        self
    }
}

impl Default for Kind {
    fn default() -> Self {
        Self::single()
    }
}

/// A way to one server that a whole program shares: clone it, send it to threads.
///
/// [`lease`](Self::lease) lends a [`Connection`] for as long as it is held. Whether there is one
/// behind it or a pool, made now or when first needed, is said once, with a [`Kind`]; nothing
/// else in a program depends on it.
///
/// After a `fork()`, the child's connections are its own: those of the parent are left alone, and
/// no lock that another thread held is waited for.
///
/// Memory: two buffers a connection ([`Options::message_limit`]). A lease allocates nothing,
/// unless it makes a connection.
///
/// ```no_run
/// use redis_ipc::{Client, Endpoint, Kind, Options};
///
/// let bus = Client::open_with(&Endpoint::from_environment()?, Options::default(), Kind::pool(4))?;
/// std::thread::scope(|scope| {
///     for number in 0..8 {
///         let bus = bus.clone();
///         scope.spawn(move || bus.lease()?.rpush("numbers", number.to_string()));
///     }
/// });
/// assert_eq!(bus.lease()?.llen("numbers")?, 8);
/// # Ok::<(), redis_ipc::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    pool: Arc<Pool>,
}

impl Client {
    /// A single connection with the default [`Options`], made now.
    ///
    /// # Errors
    /// [`Error::Connect`] if there is no server, [`Error::Server`] if it refuses us.
    pub fn open(endpoint: &Endpoint) -> Result<Self, Error> {
        Self::open_with(endpoint, Options::default(), Kind::single())
    }

    /// A client of a certain kind. Blocks until there is one connection, at most
    /// [`Options::connect_limit`]; if it is [lazy](Kind::lazy), it returns at once and cannot
    /// fail.
    ///
    /// # Errors
    /// [`Error::Connect`] if there is no server, [`Error::Server`] if it refuses us.
    pub fn open_with(endpoint: &Endpoint, options: Options, kind: Kind) -> Result<Self, Error> {
        let client = Self {
            pool: Arc::new(Pool::new(endpoint.clone(), options, kind)),
        };
        if !kind.lazy {
            client.lease()?;
        }
        Ok(client)
    }

    /// Lends a connection that is connected, as far as can be told without asking the server.
    /// One that broke is made anew here, and one that was idle for long is looked at, which
    /// takes the server no work.
    ///
    /// Blocks while all connections are in use, at most [`Kind::checkout_limit`], and while one
    /// is made, at most [`Options::connect_limit`]. Who waits longest does not always come
    /// first.
    ///
    /// # Errors
    /// [`Error::Exhausted`] if all are in use for too long. [`Error::Connect`] while there is no
    /// server: as soon as the system says so, and at once if that took long just now; the next
    /// lease tries again.
    pub fn lease(&self) -> Result<Lease, Error> {
        let mut lease = Lease {
            connection: Some(self.pool.take()?),
            process: sys::forks(),
            pool: Arc::clone(&self.pool),
        };
        // If this fails, the place is given back, with a connection that is none.
        self.pool.connect(&mut lease)?;
        Ok(lease)
    }
}

/// A connection that is lent by a [`Client`]; it goes back when this is dropped.
///
/// What was done to the connection itself stays with it: SELECT, CLIENT TRACKING and the like
/// are to be undone before, or it is to be [closed](Self::close).
#[derive(Debug)]
pub struct Lease {
    /// There until it is dropped.
    connection: Option<Connection>,
    /// The process that it was lent in.
    process: u32,
    pool: Arc<Pool>,
}

impl Lease {
    /// Closes the connection instead of giving it back; a new one takes its place when it is
    /// needed.
    pub fn close(mut self) {
        self.disconnect();
    }
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match &self.connection {
            Some(connection) => connection,
            None => unreachable!("a lease is without its connection only while it is dropped"),
        }
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        match &mut self.connection {
            Some(connection) => connection,
            None => unreachable!("a lease is without its connection only while it is dropped"),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // In a child process neither the connection nor its place is ours.
        if let Some(connection) = self
            .connection
            .take()
            .filter(|_| self.process == sys::forks())
        {
            self.pool.give_back(connection);
        }
    }
}
