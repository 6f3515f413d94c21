//! The commands that programs reach for first, with typed replies. Any other goes by name:
//! [`Connection::command`].

use std::time::Duration;

use redis_ipc_core::resp::{Reply, request};

use super::{Connection, write_command};
use crate::error::Error;

/// A field of a hash, or whatever else the server lists in pairs: its name and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

impl Connection {
    /// Sends a request that changes nothing; again if the connection breaks.
    fn read<A: AsRef<[u8]>>(&mut self, parts: &[A]) -> Result<Reply<'_>, Error> {
        self.ask_again(|w| write_command(w, parts))
    }

    /// Asks whether the server is there and willing: PING.
    ///
    /// # Errors
    /// The server's error, for instance `LOADING` or `MISCONF`, or what broke.
    pub fn ping(&mut self) -> Result<(), Error> {
        match self.read(&["PING"])? {
            Reply::Simple(b"PONG") => Ok(()),
            reply => Err(Error::unexpected_reply("PING", &reply)),
        }
    }

    /// The value of a key: GET.
    ///
    /// # Errors
    /// The server's error or what broke, as with all commands.
    pub fn get(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        let reply = self.read(&[&b"GET"[..], key.as_ref()])?;
        optional_bytes("GET", &reply)
    }

    /// Sets a key: SET.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn set(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.command(&[&b"SET"[..], key.as_ref(), value.as_ref()])
            .map(drop)
    }

    /// Removes keys: DEL. Says how many there were.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn del<A: AsRef<[u8]>>(&mut self, keys: &[A]) -> Result<u64, Error> {
        let reply = self.ask(|w| {
            request::array(w, keys.len() + 1);
            request::bulk(w, b"DEL");
            for key in keys {
                request::bulk(w, key.as_ref());
            }
        })?;
        count("DEL", &reply)
    }

    /// Whether a key is there: EXISTS.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn exists(&mut self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        let reply = self.read(&[&b"EXISTS"[..], key.as_ref()])?;
        count("EXISTS", &reply).map(|found| found > 0)
    }

    /// Has a key removed after a time, in whole milliseconds: PEXPIRE. Says whether it is there.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn expire(&mut self, key: impl AsRef<[u8]>, after: Duration) -> Result<bool, Error> {
        let milliseconds = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        let reply = self.ask(|w| {
            request::array(w, 3);
            request::bulk(w, b"PEXPIRE");
            request::bulk(w, key.as_ref());
            request::bulk_number(w, milliseconds);
        })?;
        count("PEXPIRE", &reply).map(|found| found > 0)
    }

    /// Adds one to a number: INCR. Returns the new number.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn incr(&mut self, key: impl AsRef<[u8]>) -> Result<i64, Error> {
        let reply = self.command(&[&b"INCR"[..], key.as_ref()])?;
        integer("INCR", &reply)
    }

    /// One field of a hash: HGET.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hget(
        &mut self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let reply = self.read(&[&b"HGET"[..], key.as_ref(), field.as_ref()])?;
        optional_bytes("HGET", &reply)
    }

    /// Sets one field of a hash: HSET. Says whether it is a new one.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hset(
        &mut self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<bool, Error> {
        let parts = [&b"HSET"[..], key.as_ref(), field.as_ref(), value.as_ref()];
        let reply = self.command(&parts)?;
        count("HSET", &reply).map(|new| new > 0)
    }

    /// Removes fields of a hash: HDEL. Says how many there were.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hdel<A: AsRef<[u8]>>(
        &mut self,
        key: impl AsRef<[u8]>,
        fields: &[A],
    ) -> Result<u64, Error> {
        let reply = self.ask(|w| {
            request::array(w, fields.len() + 2);
            request::bulk(w, b"HDEL");
            request::bulk(w, key.as_ref());
            for field in fields {
                request::bulk(w, field.as_ref());
            }
        })?;
        count("HDEL", &reply)
    }

    /// A whole hash in the server's order: HGETALL. Empty if it is not there.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hgetall(&mut self, key: impl AsRef<[u8]>) -> Result<Vec<Pair>, Error> {
        let reply = self.read(&[&b"HGETALL"[..], key.as_ref()])?;
        pairs("HGETALL", &reply)
    }

    /// Appends to a list: RPUSH. Returns its new length.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn rpush(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<u64, Error> {
        let reply = self.command(&[&b"RPUSH"[..], key.as_ref(), value.as_ref()])?;
        count("RPUSH", &reply)
    }

    /// Prepends to a list: LPUSH. Returns its new length.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn lpush(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<u64, Error> {
        let reply = self.command(&[&b"LPUSH"[..], key.as_ref(), value.as_ref()])?;
        count("LPUSH", &reply)
    }

    /// Takes the first element of a list: LPOP. `None` if there is none.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn lpop(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        let reply = self.command(&[&b"LPOP"[..], key.as_ref()])?;
        optional_bytes("LPOP", &reply)
    }

    /// The length of a list: LLEN.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn llen(&mut self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        let reply = self.read(&[&b"LLEN"[..], key.as_ref()])?;
        count("LLEN", &reply)
    }

    /// Removes `value` from a list wherever it stands: LREM with 0. Says how often it stood
    /// there.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn lrem(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<u64, Error> {
        let reply = self.command(&[&b"LREM"[..], key.as_ref(), b"0", value.as_ref()])?;
        count("LREM", &reply)
    }

    /// Publishes a message: PUBLISH. Says how many clients were told.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn publish(
        &mut self,
        channel: impl AsRef<[u8]>,
        message: impl AsRef<[u8]>,
    ) -> Result<u64, Error> {
        let reply = self.command(&[&b"PUBLISH"[..], channel.as_ref(), message.as_ref()])?;
        count("PUBLISH", &reply)
    }

    /// One setting of the server: CONFIG GET. `None` if it has no such setting.
    ///
    /// # Errors
    /// As with [`get`](Self::get); servers may forbid this to some users.
    pub fn config(&mut self, name: &str) -> Result<Option<String>, Error> {
        let reply = self.read(&["CONFIG", "GET", name])?;
        let pairs = pairs("CONFIG GET", &reply)?;
        let value = pairs.into_iter().next().map(|(_, value)| value);
        Ok(value.map(|value| String::from_utf8_lossy(&value).into_owned()))
    }
}

fn optional_bytes(request: &'static str, reply: &Reply<'_>) -> Result<Option<Vec<u8>>, Error> {
    match (reply, reply.bytes()) {
        (Reply::Null, _) => Ok(None),
        (_, Some(bytes)) => Ok(Some(bytes.to_vec())),
        _ => Err(Error::unexpected_reply(request, reply)),
    }
}

fn integer(request: &'static str, reply: &Reply<'_>) -> Result<i64, Error> {
    reply
        .integer()
        .ok_or_else(|| Error::unexpected_reply(request, reply))
}

fn count(request: &'static str, reply: &Reply<'_>) -> Result<u64, Error> {
    let number = integer(request, reply)?;
    u64::try_from(number).map_err(|_| Error::unexpected_reply(request, reply))
}

fn pairs(request: &'static str, reply: &Reply<'_>) -> Result<Vec<Pair>, Error> {
    let unexpected = || Error::unexpected_reply(request, reply);
    let mut elements = reply.elements().ok_or_else(unexpected)?;
    let mut pairs = Vec::with_capacity(elements.len() / 2);
    while let (Some(name), Some(value)) = (elements.next(), elements.next()) {
        let name = name.bytes().ok_or_else(unexpected)?;
        let value = value.bytes().ok_or_else(unexpected)?;
        pairs.push((name.to_vec(), value.to_vec()));
    }
    Ok(pairs)
}
