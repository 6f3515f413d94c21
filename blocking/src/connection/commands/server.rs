//! The server itself.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis_ipc_core::resp::Reply;

use super::Wait;
use crate::connection::Connection;
use crate::error::Error;
use crate::from_reply::FromReply;

impl Connection {
    /// Asks whether the server is there and willing: PING.
    ///
    /// # Errors
    /// The server's error, for instance `LOADING` or `MISCONF`, or what broke.
    pub fn ping(&mut self) -> Result<(), Error> {
        self.read::<Pong>("PING", ()).map(drop)
    }

    /// Has the server say something: ECHO.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn echo(&mut self, message: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
        self.read("ECHO", message.as_ref())
    }

    /// What time the server has, in microseconds: TIME.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn time(&mut self) -> Result<SystemTime, Error> {
        let (seconds, micros): (u64, u64) = self.read("TIME", ())?;
        Ok(UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros))
    }

    /// How many keys the database has: DBSIZE.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn dbsize(&mut self) -> Result<u64, Error> {
        self.read("DBSIZE", ())
    }

    /// Removes all keys of the database: FLUSHDB.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn flushdb(&mut self) -> Result<(), Error> {
        self.run("FLUSHDB", ())
    }

    /// Removes all keys of all databases: FLUSHALL.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn flushall(&mut self) -> Result<(), Error> {
        self.run("FLUSHALL", ())
    }

    /// What the server says of itself, by name: INFO. Sections are `server`, `clients`, `memory`,
    /// `stats`… or `everything`.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn info(&mut self, section: &str) -> Result<BTreeMap<String, String>, Error> {
        let text: Vec<u8> = self.read("INFO", section)?;
        let text = String::from_utf8_lossy(&text);
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        Ok(pairs
            .map(|(name, value)| (name.into(), value.into()))
            .collect())
    }

    /// One setting of the server: CONFIG GET. `None` if it has no such setting.
    ///
    /// # Errors
    /// As with [`get`](Self::get); servers may forbid this to some users.
    pub fn config(&mut self, name: &str) -> Result<Option<String>, Error> {
        let pairs: Vec<(Vec<u8>, Vec<u8>)> = self.read("CONFIG GET", name)?;
        let value = pairs.into_iter().next().map(|(_, value)| value);
        Ok(value.map(|value| String::from_utf8_lossy(&value).into_owned()))
    }

    /// Changes a setting of the server, until it is started again: CONFIG SET.
    ///
    /// # Errors
    /// As with [`config`](Self::config).
    pub fn config_set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        self.run("CONFIG SET", (name, value))
    }

    /// Has the server write its settings into its file: CONFIG REWRITE.
    ///
    /// # Errors
    /// As with [`config`](Self::config).
    pub fn config_rewrite(&mut self) -> Result<(), Error> {
        self.run("CONFIG REWRITE", ())
    }

    /// Sets the counters of INFO to zero: CONFIG RESETSTAT.
    ///
    /// # Errors
    /// As with [`config`](Self::config).
    pub fn config_resetstat(&mut self) -> Result<(), Error> {
        self.run("CONFIG RESETSTAT", ())
    }

    /// Writes all data to disk now; the server does nothing else meanwhile: SAVE. It must be done
    /// within the connection's reply limit.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn save(&mut self) -> Result<(), Error> {
        self.run("SAVE", ())
    }

    /// Has the server write all data to disk in another process: BGSAVE.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn bgsave(&mut self) -> Result<(), Error> {
        self.run("BGSAVE", ())
    }

    /// Has the server write its append-only file anew: BGREWRITEAOF.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn bgrewriteaof(&mut self) -> Result<(), Error> {
        self.run("BGREWRITEAOF", ())
    }

    /// When data was last written to disk, in whole seconds: LASTSAVE.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn lastsave(&mut self) -> Result<SystemTime, Error> {
        let seconds = self.read("LASTSAVE", ())?;
        Ok(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    /// Whether the server is a master, a replica or a Sentinel: ROLE.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn role(&mut self) -> Result<Role, Error> {
        self.read("ROLE", ())
    }

    /// Makes the server a replica of another one, or a master: REPLICAOF.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn replicaof(&mut self, master: Option<(&str, u16)>) -> Result<(), Error> {
        match master {
            Some((host, port)) => self.run("REPLICAOF", (host, u64::from(port))),
            None => self.run("REPLICAOF", ("NO", "ONE")),
        }
    }

    /// Waits until so many replicas have what was written on this connection, or a time-out passes:
    /// WAIT. Says how many have.
    ///
    /// # Errors
    /// As with [`blpop`](Self::blpop).
    pub fn wait_for_replicas(
        &mut self,
        count: u64,
        timeout: Option<Duration>,
    ) -> Result<u64, Error> {
        let wait = Wait::new(timeout);
        self.wait("WAIT", wait, (count, wait.milliseconds()))
    }

    /// The number of this connection: CLIENT ID.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn client_id(&mut self) -> Result<i64, Error> {
        self.read("CLIENT ID", ())
    }

    /// The name of this connection: CLIENT GETNAME.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn client_name(&mut self) -> Result<Option<String>, Error> {
        self.read("CLIENT GETNAME", ())
    }

    /// All clients, a line each: CLIENT LIST.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn client_list(&mut self) -> Result<String, Error> {
        self.read("CLIENT LIST", ())
    }

    /// Ends the connection of this number: CLIENT KILL. Says whether there was one.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn client_kill(&mut self, id: i64) -> Result<bool, Error> {
        self.run("CLIENT KILL", ("ID", id))
    }

    /// Ends the blocking request of the connection of this number, as if its time were up: CLIENT
    /// UNBLOCK. Says whether there was one. Nothing is lost by it.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn client_unblock(&mut self, id: i64) -> Result<bool, Error> {
        self.run("CLIENT UNBLOCK", id)
    }

    /// Exchanges two databases: SWAPDB.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn swapdb(&mut self, one: u32, other: u32) -> Result<(), Error> {
        self.run("SWAPDB", (i64::from(one), i64::from(other)))
    }
}

/// The one answer to PING.
struct Pong;

impl FromReply for Pong {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        matches!(reply, Reply::Simple(b"PONG")).then_some(Self)
    }
}

/// What a server is to others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// One that is written to.
    Master {
        /// Hosts and ports of those that copy it.
        replicas: Vec<(String, u16)>,
    },
    /// One that copies another one.
    Replica {
        /// The other one's host.
        host: String,
        /// Its port.
        port: u16,
        /// Whether it has caught up.
        connected: bool,
    },
    /// One that watches others.
    Sentinel {
        /// The names of the masters it watches.
        masters: Vec<String>,
    },
}

impl FromReply for Role {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        let mut parts = reply.elements()?;
        match parts.next()?.bytes()? {
            b"master" => {
                let replicas: Vec<(String, String, String)> =
                    FromReply::from_reply(&parts.nth(1)?)?;
                let replicas = replicas.into_iter();
                let replicas = replicas.map(|(host, port, _)| Some((host, port.parse().ok()?)));
                let replicas = replicas.collect::<Option<_>>()?;
                Some(Self::Master { replicas })
            }
            b"slave" => Some(Self::Replica {
                host: FromReply::from_reply(&parts.next()?)?,
                port: parts.next()?.integer()?.try_into().ok()?,
                connected: parts.next()?.bytes()? == b"connected",
            }),
            b"sentinel" => Some(Self::Sentinel {
                masters: FromReply::from_reply(&parts.next()?)?,
            }),
            _ => None,
        }
    }
}
