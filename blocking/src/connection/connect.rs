//! Making a connection, and making it anew.

use std::time::{Duration, Instant};

use super::{Connection, Deadline};
use crate::error::Error;
use crate::socket::Socket;
use crate::sys;

/// A connection that was idle for longer is looked at before it is used.
const IDLE_BEFORE_LOOK: Duration = Duration::from_millis(500);

/// How long to wait before a server that is loading is asked again.
const LOADING_PAUSE: Duration = Duration::from_millis(20);

impl Connection {
    /// As [`ensure_connected`](Self::ensure_connected), and looks first whether a connection that
    /// was idle for long is still there: a server closes idle ones if it is told to, and over TCP
    /// a request would be sent into the void before that shows.
    pub(crate) fn ensure_alive(&mut self) -> Result<bool, Error> {
        self.leave_to_parent()?;
        self.withdraw_abandoned();
        self.look_if_idle();
        self.ensure_connected()
    }

    /// Finds out whether a connection that was idle for long is still there.
    pub(crate) fn look_if_idle(&mut self) {
        let now = Instant::now();
        let idle = now.saturating_duration_since(self.last_used);
        self.last_used = now;
        if idle > IDLE_BEFORE_LOOK && self.session.outstanding() == 0 && self.socket.is_some() {
            // Whatever is wrong with it, a new one takes its place.
            let _ = self.take_in();
        }
    }

    /// Makes a connection if there is none; says whether it is a new one. Waits for a server
    /// that is still loading its data.
    pub(crate) fn ensure_connected(&mut self) -> Result<bool, Error> {
        self.leave_to_parent()?;
        if self.socket.is_some() {
            return Ok(false);
        }
        let deadline = self.deadline(self.options.connect_limit);
        let mut loading = None;
        loop {
            match self.connect_once(deadline) {
                Ok(()) => return Ok(true),
                Err(Error::Server(error))
                    if error.code() == "LOADING" && Instant::now() < deadline.at =>
                {
                    loading = Some(error);
                    std::thread::sleep(LOADING_PAUSE);
                }
                // What it said before says more than that it was late to say it again.
                Err(error @ Error::Connect { .. }) => {
                    return Err(loading.map_or(error, Error::Server));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn connect_once(&mut self, deadline: Deadline) -> Result<(), Error> {
        let watched = sys::watch_forks();
        let socket =
            watched.and_then(|()| Socket::connect(&self.endpoint, &self.options, deadline.at));
        let socket = socket.map_err(|source| Error::Connect {
            endpoint: self.endpoint.to_string(),
            source,
        })?;
        self.session.reset();
        self.socket = Some(socket);
        self.generation = self.generation.wrapping_add(1);
        match self.greet(deadline) {
            Ok(server) => {
                self.server = server;
                Ok(())
            }
            Err(error) => {
                self.disconnect();
                Err(error.while_connecting(&self.endpoint))
            }
        }
    }
}
