//! Following a master: which server it is, Sentinels know.
//!
//! Source of the rules: the guidelines for clients at
//! <https://redis.io/docs/latest/develop/reference/sentinel-clients/>.

use std::io;
use std::time::Duration;

use redis_ipc_core::resp::{Reply, request};

use super::{Connection, Deadline};
use crate::endpoint::{Endpoint, Host, Place, Sentinels};
use crate::error::Error;
use crate::options::Options;

/// The longest time for one Sentinel while there are others to ask.
const SHARE: Duration = Duration::from_millis(500);

/// What a Sentinel sends is short.
const MESSAGE_LIMIT: usize = 16 * 1024;

impl Endpoint {
    /// The same server by an address of its own: for a master that Sentinels name, they are asked
    /// where it is now, within the connect limit; any other is itself.
    ///
    /// For whoever connects by other means. A [`Connection`] asks by itself, and sees to it that
    /// what it finds is the master.
    ///
    /// # Errors
    /// [`Error::Connect`] if no Sentinel knows the master.
    pub fn resolve(&self, options: &Options) -> Result<Self, Error> {
        let mut seeking = Connection::closed(self, options.clone());
        let place = seeking.find(Deadline::after(options.connect_limit))?;
        Ok(Self {
            place,
            ..self.clone()
        })
    }
}

/// Following a master that Sentinels name.
#[derive(Debug)]
pub(super) struct Following {
    /// Whether that is what the endpoint asks for.
    wanted: bool,
    /// Which Sentinel is asked first.
    first_asked: usize,
    /// Whether the server has said that it is no master any longer.
    demoted: bool,
}

impl Following {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self {
            wanted: matches!(endpoint.place, Place::Sentinels(_)),
            first_asked: 0,
            demoted: false,
        }
    }

    #[inline]
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether the server is no master any longer.
    #[inline]
    pub(super) fn has_ended(&self) -> bool {
        self.demoted
    }

    /// Whatever server comes next, it may be the master.
    pub(super) fn begin_anew(&mut self) {
        self.demoted = false;
    }
}

impl Connection {
    /// The place to connect to, which for a master has to be asked for.
    pub(super) fn find(&mut self, deadline: Deadline) -> Result<Place, Error> {
        let Place::Sentinels(sentinels) = &self.endpoint.place else {
            return Ok(self.endpoint.place.clone());
        };
        let sentinels = sentinels.clone();
        let count = sentinels.nodes.len();
        let mut reasons = Vec::new();
        for turn in 0..count {
            let number = (self.following.first_asked + turn) % count;
            let (host, port) = &sentinels.nodes[number];
            let share = deadline.left() / u32::try_from(count - turn).unwrap_or(u32::MAX);
            let limit = if turn + 1 < count {
                share.min(SHARE)
            } else {
                share
            };
            match self.ask_sentinel(&sentinels, (host, *port), limit) {
                Ok(place) => {
                    self.following.first_asked = number;
                    return Ok(place);
                }
                Err(why) => reasons.push(format!("{}: {why}", Host(host, *port))),
            }
        }
        let why = format!("no sentinel knows the master ({})", reasons.join("; "));
        Err(self.unreachable(&self.endpoint.place, io::Error::other(why)))
    }

    fn ask_sentinel(
        &self,
        sentinels: &Sentinels,
        (host, port): (&str, u16),
        limit: Duration,
    ) -> Result<Place, String> {
        let mut endpoint = Endpoint::tcp(host, port);
        endpoint.user.clone_from(&sentinels.user);
        endpoint.password.clone_from(&sentinels.password);
        #[cfg(feature = "tls")]
        endpoint.tls.clone_from(&self.endpoint.tls);
        let options = Options {
            connect_limit: limit,
            reply_limit: limit,
            message_limit: MESSAGE_LIMIT,
            ..self.options.clone()
        };
        let master = sentinels.master.as_bytes();
        let mut sentinel = Self::closed(&endpoint, options);
        let reply = sentinel.ask(|w| {
            request::command(w, &[b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", master]);
        });
        match reply.map_err(|error| error.to_string())? {
            Reply::Null => Err(format!("it knows no master {:?}", sentinels.master)),
            reply => address(&reply).ok_or_else(|| format!("it answers {reply:?}")),
        }
    }

    /// Whether the server that was greeted is what was looked for.
    pub(super) fn check_role(&mut self, place: &Place, deadline: Deadline) -> Result<(), Error> {
        if !self.following.wanted {
            return Ok(());
        }
        let role = self.queue(&["ROLE"])?;
        self.flush(deadline)?;
        match self.reply(role, deadline) {
            Ok(reply) if is_master(&reply) => Ok(()),
            Ok(_) => Err(self.unreachable(place, io::Error::other("it is not the master itself"))),
            // Some servers forbid the question to some users; then the Sentinels' word counts.
            Err(Error::Server(error)) if error.code() == "NOPERM" => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// There is no connection to a place; where it was found by asking, it is named.
    pub(super) fn unreachable(&self, place: &Place, source: io::Error) -> Error {
        let source = match place {
            Place::Tcp { host, port } if self.following.wanted => {
                let found = Host(host, *port);
                io::Error::new(
                    source.kind(),
                    format!("the master is said to be {found}: {source}"),
                )
            }
            _ => source,
        };
        Error::Connect {
            endpoint: self.endpoint.to_string(),
            source,
        }
    }

    /// Looks whether an error reply says that this server is not the master any longer. If so,
    /// the next request asks the Sentinels again.
    #[cold]
    pub(super) fn note_demotion(&mut self) {
        if let Reply::Error(error) = self.session.frame() {
            let codes = [&b"READONLY"[..], b"MASTERDOWN", b"UNBLOCKED"];
            self.following.demoted |= codes.contains(&error.code());
        }
    }
}

fn address(reply: &Reply<'_>) -> Option<Place> {
    let mut parts = reply.elements()?;
    let mut next = || String::from_utf8(parts.next()?.bytes()?.to_vec()).ok();
    let host = next()?;
    let port = next()?.parse().ok()?;
    Some(Place::Tcp { host, port })
}

fn is_master(reply: &Reply<'_>) -> bool {
    let role = reply.elements().and_then(|mut parts| parts.next()?.bytes());
    role == Some(b"master")
}
