//! Sets: members without an order.

use super::arguments::Each;
use crate::connection::Connection;
use crate::error::Error;

impl Connection {
    /// Adds members to a set: SADD. Says how many are new ones.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn sadd(
        &mut self,
        key: impl AsRef<[u8]>,
        members: &[impl AsRef<[u8]>],
    ) -> Result<u64, Error> {
        self.run("SADD", (key.as_ref(), Each(members)))
    }

    /// Removes members of a set: SREM. Says how many there were.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn srem(
        &mut self,
        key: impl AsRef<[u8]>,
        members: &[impl AsRef<[u8]>],
    ) -> Result<u64, Error> {
        self.run("SREM", (key.as_ref(), Each(members)))
    }

    /// Whether a set has a member: SISMEMBER.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn sismember(
        &mut self,
        key: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
    ) -> Result<bool, Error> {
        self.read("SISMEMBER", (key.as_ref(), member.as_ref()))
    }

    /// Which of these are members of a set: SMISMEMBER.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn smismember(
        &mut self,
        key: impl AsRef<[u8]>,
        members: &[impl AsRef<[u8]>],
    ) -> Result<Vec<bool>, Error> {
        self.read("SMISMEMBER", (key.as_ref(), Each(members)))
    }

    /// All members of a set: SMEMBERS. [`sscan`](Self::sscan) goes through many of them in pieces.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn smembers(&mut self, key: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>, Error> {
        self.read("SMEMBERS", key.as_ref())
    }

    /// How many members a set has: SCARD.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn scard(&mut self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.read("SCARD", key.as_ref())
    }

    /// Takes any member from a set: SPOP.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn spop(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        self.run("SPOP", key.as_ref())
    }

    /// Takes up to so many members from a set: SPOP.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn spop_many(&mut self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<Vec<u8>>, Error> {
        self.run("SPOP", (key.as_ref(), count))
    }

    /// Any member of a set: SRANDMEMBER.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn srandmember(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        self.read("SRANDMEMBER", key.as_ref())
    }

    /// Up to so many members of a set, none of them twice: SRANDMEMBER.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn srandmember_many(
        &mut self,
        key: impl AsRef<[u8]>,
        count: u64,
    ) -> Result<Vec<Vec<u8>>, Error> {
        self.read("SRANDMEMBER", (key.as_ref(), count))
    }

    /// Moves a member from one set to another: SMOVE. Says whether it was there.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn smove(
        &mut self,
        from: impl AsRef<[u8]>,
        to: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
    ) -> Result<bool, Error> {
        self.run("SMOVE", (from.as_ref(), to.as_ref(), member.as_ref()))
    }

    /// What all of these sets have: SINTER.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn sinter(&mut self, keys: &[impl AsRef<[u8]>]) -> Result<Vec<Vec<u8>>, Error> {
        self.read("SINTER", Each(keys))
    }

    /// What any of these sets has: SUNION.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn sunion(&mut self, keys: &[impl AsRef<[u8]>]) -> Result<Vec<Vec<u8>>, Error> {
        self.read("SUNION", Each(keys))
    }

    /// What the first of these sets has and no other: SDIFF.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn sdiff(&mut self, keys: &[impl AsRef<[u8]>]) -> Result<Vec<Vec<u8>>, Error> {
        self.read("SDIFF", Each(keys))
    }

    /// As [`sinter`](Self::sinter), kept as a set: SINTERSTORE. Returns its size.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn sinterstore(
        &mut self,
        to: impl AsRef<[u8]>,
        keys: &[impl AsRef<[u8]>],
    ) -> Result<u64, Error> {
        self.run("SINTERSTORE", (to.as_ref(), Each(keys)))
    }

    /// As [`sunion`](Self::sunion), kept as a set: SUNIONSTORE. Returns its size.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn sunionstore(
        &mut self,
        to: impl AsRef<[u8]>,
        keys: &[impl AsRef<[u8]>],
    ) -> Result<u64, Error> {
        self.run("SUNIONSTORE", (to.as_ref(), Each(keys)))
    }

    /// As [`sdiff`](Self::sdiff), kept as a set: SDIFFSTORE. Returns its size.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn sdiffstore(
        &mut self,
        to: impl AsRef<[u8]>,
        keys: &[impl AsRef<[u8]>],
    ) -> Result<u64, Error> {
        self.run("SDIFFSTORE", (to.as_ref(), Each(keys)))
    }
}
