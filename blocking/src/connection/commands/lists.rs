//! Lists, and waiting for what comes into them.

use std::time::Duration;

use super::arguments::Each;
use super::{Pair, Wait};
use crate::connection::Connection;
use crate::error::Error;

impl Connection {
    /// Appends to a list: RPUSH. Returns its new length.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn rpush(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.run("RPUSH", (key.as_ref(), value.as_ref()))
    }

    /// Appends many to a list, in their order: RPUSH. Returns its new length.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn rpush_all(
        &mut self,
        key: impl AsRef<[u8]>,
        values: &[impl AsRef<[u8]>],
    ) -> Result<u64, Error> {
        self.run("RPUSH", (key.as_ref(), Each(values)))
    }

    /// Appends to a list if it is there: RPUSHX. Returns its new length.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn rpushx(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.run("RPUSHX", (key.as_ref(), value.as_ref()))
    }

    /// Prepends to a list: LPUSH. Returns its new length.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn lpush(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.run("LPUSH", (key.as_ref(), value.as_ref()))
    }

    /// Prepends many to a list, one after the other, so that the last one stands first: LPUSH.
    /// Returns its new length.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn lpush_all(
        &mut self,
        key: impl AsRef<[u8]>,
        values: &[impl AsRef<[u8]>],
    ) -> Result<u64, Error> {
        self.run("LPUSH", (key.as_ref(), Each(values)))
    }

    /// Prepends to a list if it is there: LPUSHX. Returns its new length.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn lpushx(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.run("LPUSHX", (key.as_ref(), value.as_ref()))
    }

    /// Takes the first element of a list: LPOP. `None` if there is none.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn lpop(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        self.run("LPOP", key.as_ref())
    }

    /// Takes the last element of a list: RPOP. `None` if there is none.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn rpop(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        self.run("RPOP", key.as_ref())
    }

    /// Takes up to so many elements from the head of a list: LPOP.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn lpop_many(&mut self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<Vec<u8>>, Error> {
        self.run("LPOP", (key.as_ref(), count))
    }

    /// Takes up to so many elements from the end of a list, the last one first: RPOP.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn rpop_many(&mut self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<Vec<u8>>, Error> {
        self.run("RPOP", (key.as_ref(), count))
    }

    /// The length of a list: LLEN.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn llen(&mut self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.read("LLEN", key.as_ref())
    }

    /// Removes `value` from a list wherever it stands: LREM with 0. Says how often it stood there.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn lrem(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.run("LREM", (key.as_ref(), 0_i64, value.as_ref()))
    }

    /// Removes `value` from a list so many times: LREM. Looks from the head, or for a negative
    /// number from the end. Says how often it was removed.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn lrem_some(
        &mut self,
        key: impl AsRef<[u8]>,
        count: i64,
        value: impl AsRef<[u8]>,
    ) -> Result<u64, Error> {
        self.run("LREM", (key.as_ref(), count, value.as_ref()))
    }

    /// The elements of a list from one to another, both included; negative numbers count from its
    /// end, -1 being the last one: LRANGE.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn lrange(
        &mut self,
        key: impl AsRef<[u8]>,
        start: i64,
        stop: i64,
    ) -> Result<Vec<Vec<u8>>, Error> {
        self.read("LRANGE", (key.as_ref(), start, stop))
    }

    /// Removes all elements of a list but these, as with [`lrange`](Self::lrange): LTRIM.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn ltrim(&mut self, key: impl AsRef<[u8]>, start: i64, stop: i64) -> Result<(), Error> {
        self.run("LTRIM", (key.as_ref(), start, stop))
    }

    /// One element of a list; negative numbers count from its end: LINDEX.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn lindex(&mut self, key: impl AsRef<[u8]>, index: i64) -> Result<Option<Vec<u8>>, Error> {
        self.read("LINDEX", (key.as_ref(), index))
    }

    /// Sets one element of a list: LSET.
    ///
    /// # Errors
    /// As with [`get`](Self::get); the server's if there is no such element.
    pub fn lset(
        &mut self,
        key: impl AsRef<[u8]>,
        index: i64,
        value: impl AsRef<[u8]>,
    ) -> Result<(), Error> {
        self.run("LSET", (key.as_ref(), index, value.as_ref()))
    }

    /// Inserts an element before, or behind, the first one that equals `pivot`: LINSERT. Returns the
    /// list's new length; `None` if there is no such element.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn linsert(
        &mut self,
        key: impl AsRef<[u8]>,
        side: Side,
        pivot: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<Option<u64>, Error> {
        let side = match side {
            Side::Before => "BEFORE",
            Side::Behind => "AFTER",
        };
        let arguments = (key.as_ref(), side, pivot.as_ref(), value.as_ref());
        let length: i64 = self.run("LINSERT", arguments)?;
        Ok(length.try_into().ok().filter(|length| *length > 0))
    }

    /// Where in a list an element stands first: LPOS.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn lpos(
        &mut self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<Option<u64>, Error> {
        self.read("LPOS", (key.as_ref(), value.as_ref()))
    }

    /// Moves an element from an end of a list to an end of another one, or the same: LMOVE. Returns
    /// it; `None` if there is none.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn lmove(
        &mut self,
        from: impl AsRef<[u8]>,
        from_end: End,
        to: impl AsRef<[u8]>,
        to_end: End,
    ) -> Result<Option<Vec<u8>>, Error> {
        self.run(
            "LMOVE",
            (from.as_ref(), to.as_ref(), from_end.word(), to_end.word()),
        )
    }

    /// Waits until one of these lists has an element, and takes its first one: BLPOP. Returns the
    /// list's key with it; `None` if the time-out passes, which is counted in milliseconds, by the
    /// server. Without a time-out, waits for ever.
    ///
    /// If the connection breaks while it waits, the outcome is unknown: an element may have been
    /// taken, and is gone. [`blmove`](Self::blmove) into a list of one's own keeps it.
    ///
    /// # Errors
    /// As with [`get`](Self::get); [`Error::TimedOut`] if the server does not even say that time is
    /// up within [`Options::reply_limit`](crate::Options::reply_limit) after it.
    pub fn blpop(
        &mut self,
        keys: &[impl AsRef<[u8]>],
        timeout: Option<Duration>,
    ) -> Result<Option<Pair>, Error> {
        let wait = Wait::new(timeout);
        self.wait("BLPOP", wait, (Each(keys), wait.seconds()))
    }

    /// As [`blpop`](Self::blpop), from the end of a list: BRPOP.
    ///
    /// # Errors
    /// As with [`blpop`](Self::blpop).
    pub fn brpop(
        &mut self,
        keys: &[impl AsRef<[u8]>],
        timeout: Option<Duration>,
    ) -> Result<Option<Pair>, Error> {
        let wait = Wait::new(timeout);
        self.wait("BRPOP", wait, (Each(keys), wait.seconds()))
    }

    /// As [`lmove`](Self::lmove), and waits for an element as [`blpop`](Self::blpop) does: BLMOVE.
    ///
    /// # Errors
    /// As with [`blpop`](Self::blpop).
    pub fn blmove(
        &mut self,
        from: impl AsRef<[u8]>,
        from_end: End,
        to: impl AsRef<[u8]>,
        to_end: End,
        timeout: Option<Duration>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let wait = Wait::new(timeout);
        let ends = (from_end.word(), to_end.word());
        self.wait(
            "BLMOVE",
            wait,
            (from.as_ref(), to.as_ref(), ends, wait.seconds()),
        )
    }
}

/// An end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Where the first element is: the server's left.
    Head,
    /// Where the last element is: the server's right.
    Tail,
}

impl End {
    fn word(self) -> &'static str {
        match self {
            Self::Head => "LEFT",
            Self::Tail => "RIGHT",
        }
    }
}

/// A side of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Nearer to the head.
    Before,
    /// Nearer to the end.
    Behind,
}
