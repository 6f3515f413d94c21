//! Values that are text, bytes or numbers.

use std::time::Duration;

use super::arguments::{Argument, Each, InPairs, Words};
use super::milliseconds;
use crate::connection::Connection;
use crate::error::Error;

impl Connection {
    /// The value of a key: GET.
    ///
    /// # Errors
    /// The server's error or what broke, as with all commands.
    pub fn get(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        self.read("GET", key.as_ref())
    }

    /// Sets a key, which then stays for ever: SET.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn set(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.run("SET", (key.as_ref(), value.as_ref()))
    }

    /// Sets a key under conditions: SET with NX, XX, PX or KEEPTTL. Says whether it was set.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn set_with(
        &mut self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        options: &SetOptions,
    ) -> Result<bool, Error> {
        self.run("SET", (key.as_ref(), value.as_ref(), options))
    }

    /// Sets a key if it is not there: SETNX. Says whether it was set.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn setnx(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool, Error> {
        self.run("SETNX", (key.as_ref(), value.as_ref()))
    }

    /// Sets a key that is removed after a time, in whole milliseconds: PSETEX.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn setex(
        &mut self,
        key: impl AsRef<[u8]>,
        life: Duration,
        value: impl AsRef<[u8]>,
    ) -> Result<(), Error> {
        self.run("PSETEX", (key.as_ref(), milliseconds(life), value.as_ref()))
    }

    /// Sets a key and returns what it was before: GETSET.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn getset(
        &mut self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<Option<Vec<u8>>, Error> {
        self.run("GETSET", (key.as_ref(), value.as_ref()))
    }

    /// Removes a key and returns what it was: GETDEL.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn getdel(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        self.run("GETDEL", key.as_ref())
    }

    /// The value of a key, which from now on stays for a time, in whole milliseconds, or for ever:
    /// GETEX.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn getex(
        &mut self,
        key: impl AsRef<[u8]>,
        life: Option<Duration>,
    ) -> Result<Option<Vec<u8>>, Error> {
        self.run(
            "GETEX",
            (
                key.as_ref(),
                match life {
                    Some(life) => ("PX", Some(milliseconds(life))),
                    None => ("PERSIST", None),
                },
            ),
        )
    }

    /// The values of many keys, in their order: MGET. `None` for what is not there or no such
    /// value.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn mget(&mut self, keys: &[impl AsRef<[u8]>]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        self.read("MGET", Each(keys))
    }

    /// Sets many keys at once: MSET.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn mset(&mut self, pairs: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)]) -> Result<(), Error> {
        self.run("MSET", InPairs(pairs))
    }

    /// Sets many keys at once if none of them is there: MSETNX. Says whether they were set.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn msetnx(
        &mut self,
        pairs: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)],
    ) -> Result<bool, Error> {
        self.run("MSETNX", InPairs(pairs))
    }

    /// Adds bytes at the end of a value: APPEND. Returns its new length in bytes.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn append(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.run("APPEND", (key.as_ref(), value.as_ref()))
    }

    /// The length of a value in bytes, 0 if it is not there: STRLEN.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn strlen(&mut self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.read("STRLEN", key.as_ref())
    }

    /// The bytes of a value from one to another, both included; negative numbers count from its
    /// end, -1 being the last byte: GETRANGE.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn getrange(
        &mut self,
        key: impl AsRef<[u8]>,
        start: i64,
        stop: i64,
    ) -> Result<Vec<u8>, Error> {
        self.read("GETRANGE", (key.as_ref(), start, stop))
    }

    /// Overwrites the bytes of a value from one on, with zeros before it if it is shorter:
    /// SETRANGE. Returns its new length.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn setrange(
        &mut self,
        key: impl AsRef<[u8]>,
        offset: u64,
        value: impl AsRef<[u8]>,
    ) -> Result<u64, Error> {
        self.run("SETRANGE", (key.as_ref(), offset, value.as_ref()))
    }

    /// Adds one to a number: INCR. Returns the new number.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn incr(&mut self, key: impl AsRef<[u8]>) -> Result<i64, Error> {
        self.run("INCR", key.as_ref())
    }

    /// Adds to a number: INCRBY. Returns the new number.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn incr_by(&mut self, key: impl AsRef<[u8]>, by: i64) -> Result<i64, Error> {
        self.run("INCRBY", (key.as_ref(), by))
    }

    /// Adds to a number that need not be whole: INCRBYFLOAT. Returns the new number.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn incr_by_float(&mut self, key: impl AsRef<[u8]>, by: f64) -> Result<f64, Error> {
        self.run("INCRBYFLOAT", (key.as_ref(), by))
    }

    /// Takes one from a number: DECR. Returns the new number.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn decr(&mut self, key: impl AsRef<[u8]>) -> Result<i64, Error> {
        self.run("DECR", key.as_ref())
    }

    /// Takes from a number: DECRBY. Returns the new number.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn decr_by(&mut self, key: impl AsRef<[u8]>, by: i64) -> Result<i64, Error> {
        self.run("DECRBY", (key.as_ref(), by))
    }
}

/// Under what conditions a key is set, and for how long; by default always and for ever.
///
/// ```
/// use std::time::Duration;
/// use redis_ipc::commands::SetOptions;
///
/// let lock = SetOptions::new().if_absent().expire(Duration::from_secs(30));
/// assert_ne!(lock, SetOptions::default());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct SetOptions {
    condition: Option<&'static str>,
    life: Option<Duration>,
    keep: bool,
}

impl SetOptions {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only if the key is not there.
    pub fn if_absent(mut self) -> Self {
        self.condition = Some("NX");
        self
    }

    /// Only if the key is there.
    pub fn if_present(mut self) -> Self {
        self.condition = Some("XX");
        self
    }

    /// Has the key removed after a time, in whole milliseconds.
    pub fn expire(mut self, after: Duration) -> Self {
        (self.life, self.keep) = (Some(after), false);
        self
    }

    /// Has the key removed when it would have been anyway.
    pub fn keep_expiry(mut self) -> Self {
        (self.life, self.keep) = (None, true);
        self
    }
}

impl Words for SetOptions {
    fn words(&self) -> impl Argument {
        let life = self.life.map(|life| ("PX", milliseconds(life)));
        (self.condition, life, self.keep.then_some("KEEPTTL"))
    }
}
