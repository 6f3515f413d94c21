//! Connections that wait to be lent.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::client::Kind;
use crate::connection::{Connection, Deadline};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::options::Options;
use crate::sys;

/// An attempt to connect that fails after longer than this is not repeated at once.
const SLOW: Duration = Duration::from_millis(100);

/// The longest time for which it is not repeated.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// A number of places for connections.
#[derive(Debug)]
pub(crate) struct Pool {
    endpoint: Endpoint,
    options: Options,
    kind: Kind,
    places: Places,
}

/// The places of one process.
#[derive(Debug)]
struct Places {
    /// Which process, as [`sys::forks`] counts them.
    process: u32,
    state: Mutex<State>,
    freed: Condvar,
    /// The places of a child process, in that child's memory. Its parent's lock may be held by
    /// a thread that the child does not have.
    child: OnceLock<Box<Places>>,
}

#[derive(Debug, Default)]
struct State {
    /// The one that was used last is lent first, so that those too many fall idle.
    idle: Vec<Connection>,
    lent: usize,
    rest: Option<Rest>,
}

/// Why, and until when, nobody tries to connect.
#[derive(Debug)]
struct Rest {
    until: Instant,
    why: String,
}

impl Pool {
    pub(crate) fn new(endpoint: Endpoint, options: Options, kind: Kind) -> Self {
        Self {
            endpoint,
            options,
            kind,
            places: Places::of(sys::forks()),
        }
    }

    /// Takes a connection, which need not be connected.
    pub(crate) fn take(&self) -> Result<Connection, Error> {
        let places = self.places.of_this_process();
        let mut state = places.lock();
        let mut deadline = None;
        loop {
            if let Some(connection) = state.idle.pop() {
                state.lent += 1;
                return Ok(connection);
            }
            if state.lent < self.kind.size {
                state.lent += 1;
                drop(state);
                return Ok(Connection::lazy(&self.endpoint, self.options.clone()));
            }
            let limit = self.kind.checkout_limit;
            let deadline = deadline.get_or_insert_with(|| Deadline::after(limit));
            let left = deadline.left();
            if left.is_zero() {
                let size = self.kind.size;
                return Err(Error::Exhausted { size, limit });
            }
            let woken = places.freed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Has a connection connected.
    pub(crate) fn connect(&self, connection: &mut Connection) -> Result<(), Error> {
        if connection.is_connected() {
            return self.try_connect(connection);
        }
        let places = self.places.of_this_process();
        if let Some(rest) = places.lock().rest.as_ref().filter(|rest| !rest.is_over()) {
            return Err(self.resting(rest));
        }
        let begin = Instant::now();
        let outcome = self.try_connect(connection);
        let took = begin.elapsed();
        let failed = outcome.as_ref().err().filter(|_| took > SLOW);
        places.lock().rest = failed.map(|error| Rest {
            until: Instant::now() + took.min(LONGEST_REST),
            why: match error {
                Error::Connect { source, .. } => source.to_string(),
                error => error.to_string(),
            },
        });
        outcome
    }

    fn try_connect(&self, connection: &mut Connection) -> Result<(), Error> {
        connection.ensure_alive().map(drop)
    }

    fn resting(&self, rest: &Rest) -> Error {
        let why = format!("not tried again so soon after: {}", rest.why);
        Error::Connect {
            endpoint: self.endpoint.to_string(),
            source: io::Error::new(io::ErrorKind::TimedOut, why),
        }
    }

    /// Puts a connection back into its place.
    pub(crate) fn give_back(&self, mut connection: Connection) {
        connection.withdraw_abandoned();
        let places = self.places.of_this_process();
        let mut state = places.lock();
        state.lent = state.lent.saturating_sub(1);
        state.idle.push(connection);
        drop(state);
        places.freed.notify_one();
    }
}

impl Places {
    fn of(process: u32) -> Self {
        Self {
            process,
            state: Mutex::default(),
            freed: Condvar::new(),
            child: OnceLock::new(),
        }
    }

    fn of_this_process(&self) -> &Self {
        let process = sys::forks();
        let mut places = self;
        while places.process != process {
            places = places.child.get_or_init(|| {
                places.close_inherited();
                Box::new(Self::of(process))
            });
        }
        places
    }

    /// Closes this process's copies of its parent's connections, so that they end when the
    /// parent ends them. If a thread of the parent's was at them just then, they stay.
    fn close_inherited(&self) {
        if let Ok(mut state) = self.state.try_lock() {
            state.idle.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rest {
    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}
