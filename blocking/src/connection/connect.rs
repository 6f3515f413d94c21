//! Making a connection, and making it anew.

use std::time::{Duration, Instant};

use super::{Connection, Deadline};
use crate::endpoint::Place;
use crate::error::Error;
use crate::socket::Socket;
use crate::sys;

/// A connection that was idle for longer is looked at before it is used.
const IDLE_BEFORE_LOOK: Duration = Duration::from_millis(500);

/// How long to wait before a server that is loading is asked again, or Sentinels are whose
/// master is gone.
const PAUSE: Duration = Duration::from_millis(20);

/// Why an attempt to connect failed, and whether another one soon may not.
struct Failed {
    error: Error,
    passes: bool,
}

impl Connection {
    /// As [`ensure_connected`](Self::ensure_connected), and looks first whether a connection that
    /// was idle for long is still there: a server closes idle ones if it is told to, and over TCP
    /// a request would be sent into the void before that shows.
    pub(crate) fn ensure_alive(&mut self) -> Result<bool, Error> {
        self.withdraw_and_look(Instant::now())?;
        self.ensure_connected()
    }

    /// As [`ensure_alive`](Self::ensure_alive), for a request that has until `deadline`, which was
    /// just set.
    #[inline]
    pub(super) fn ensure_alive_for(&mut self, deadline: Deadline) -> Result<bool, Error> {
        self.withdraw_and_look(deadline.begun())?;
        self.ensure_connected_by(Some(deadline))
    }

    fn withdraw_and_look(&mut self, now: Instant) -> Result<(), Error> {
        self.leave_to_parent()?;
        self.withdraw_abandoned();
        self.look_if_idle_at(now);
        Ok(())
    }

    /// Finds out whether a connection that was idle for long is still there.
    pub(crate) fn look_if_idle(&mut self) {
        self.look_if_idle_at(Instant::now());
    }

    fn look_if_idle_at(&mut self, now: Instant) {
        let idle = now.saturating_duration_since(self.last_used);
        self.last_used = now;
        if idle > IDLE_BEFORE_LOOK && self.session.outstanding() == 0 && self.socket.is_some() {
            // Whatever is wrong with it, a new one takes its place.
            let _ = self.take_in();
        }
    }

    /// Makes a connection if there is none; says whether it is a new one. Waits for a server
    /// that is still loading its data, and for Sentinels to find a new master.
    pub(crate) fn ensure_connected(&mut self) -> Result<bool, Error> {
        self.ensure_connected_by(None)
    }

    /// As [`ensure_connected`](Self::ensure_connected), by `request` at the latest, for a request
    /// that has until then as a whole.
    #[inline]
    pub(super) fn ensure_connected_by(&mut self, request: Option<Deadline>) -> Result<bool, Error> {
        self.leave_to_parent()?;
        if self.socket.is_some() && !self.following.has_ended() {
            return Ok(false);
        }
        let deadline = self.deadline(self.options.connect_limit);
        self.connect_by(match request {
            Some(request) if request.at < deadline.at => request,
            _ => deadline,
        })
    }

    #[cold]
    fn connect_by(&mut self, deadline: Deadline) -> Result<bool, Error> {
        self.disconnect();
        let mut before = None;
        loop {
            let Failed { error, passes } = match self.attempt(deadline) {
                Ok(()) => return Ok(true),
                Err(failed) => failed,
            };
            let late = Instant::now() >= deadline.at;
            if late || !passes {
                // What was said before says more than that it was late to say it again.
                let before = before.filter(|_| late && matches!(error, Error::Connect { .. }));
                return Err(before.unwrap_or(error));
            }
            before = Some(error);
            std::thread::sleep(PAUSE);
        }
    }

    fn attempt(&mut self, deadline: Deadline) -> Result<(), Failed> {
        let found = self.find(deadline);
        let place = found.map_err(|error| Failed {
            error,
            passes: false,
        })?;
        self.connect_to(&place, deadline).map_err(|error| Failed {
            // Of a master that is gone, Sentinels will soon name the successor.
            passes: match &error {
                Error::Server(error) => error.code() == "LOADING",
                Error::Connect { .. } => self.following.is_wanted(),
                _ => false,
            },
            error,
        })
    }

    fn connect_to(&mut self, place: &Place, deadline: Deadline) -> Result<(), Error> {
        let watched = sys::watch_forks();
        let socket = watched.and_then(|()| {
            let (endpoint, options) = (&self.endpoint, &self.options);
            Socket::connect(endpoint, place, options, deadline.at)
        });
        let socket = socket.map_err(|source| self.unreachable(place, source))?;
        self.session.reset();
        self.socket = Some(socket);
        self.generation = self.generation.wrapping_add(1);
        let greeted = self.greet(deadline);
        match greeted.and_then(|server| self.check_role(place, deadline).map(|()| server)) {
            Ok(server) => {
                self.server = server;
                self.greeted = true;
                Ok(())
            }
            Err(error) => {
                self.disconnect();
                Err(error.while_connecting(&self.endpoint))
            }
        }
    }
}
