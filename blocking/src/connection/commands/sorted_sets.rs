//! Sorted sets: members in the order of their scores.

use std::time::Duration;

use super::Wait;
use super::arguments::{Each, Scored};
use super::sorted_set_types::{AddOptions, Combine, Member, MemberOf};
use crate::connection::Connection;
use crate::error::Error;

impl Connection {
    /// Adds members to a sorted set, or gives those it has new scores: ZADD. Says how many are new
    /// ones.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zadd(
        &mut self,
        key: impl AsRef<[u8]>,
        members: &[(f64, impl AsRef<[u8]>)],
    ) -> Result<u64, Error> {
        self.run("ZADD", (key.as_ref(), Scored(members)))
    }

    /// As [`zadd`](Self::zadd), under conditions: ZADD with NX, XX, GT, LT or CH.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zadd_with(
        &mut self,
        key: impl AsRef<[u8]>,
        options: &AddOptions,
        members: &[(f64, impl AsRef<[u8]>)],
    ) -> Result<u64, Error> {
        self.run("ZADD", (key.as_ref(), options, Scored(members)))
    }

    /// Adds to a member's score, 0 if it is a new one: ZINCRBY. Returns the new score.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zincr_by(
        &mut self,
        key: impl AsRef<[u8]>,
        by: f64,
        member: impl AsRef<[u8]>,
    ) -> Result<f64, Error> {
        self.run("ZINCRBY", (key.as_ref(), by, member.as_ref()))
    }

    /// Removes members of a sorted set: ZREM. Says how many there were.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zrem(
        &mut self,
        key: impl AsRef<[u8]>,
        members: &[impl AsRef<[u8]>],
    ) -> Result<u64, Error> {
        self.run("ZREM", (key.as_ref(), Each(members)))
    }

    /// A member's score: ZSCORE.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zscore(
        &mut self,
        key: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
    ) -> Result<Option<f64>, Error> {
        self.read("ZSCORE", (key.as_ref(), member.as_ref()))
    }

    /// The scores of many members: ZMSCORE.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zmscore(
        &mut self,
        key: impl AsRef<[u8]>,
        members: &[impl AsRef<[u8]>],
    ) -> Result<Vec<Option<f64>>, Error> {
        self.read("ZMSCORE", (key.as_ref(), Each(members)))
    }

    /// How many members stand before this one: ZRANK.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zrank(
        &mut self,
        key: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
    ) -> Result<Option<u64>, Error> {
        self.read("ZRANK", (key.as_ref(), member.as_ref()))
    }

    /// How many members stand behind this one: ZREVRANK.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zrevrank(
        &mut self,
        key: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
    ) -> Result<Option<u64>, Error> {
        self.read("ZREVRANK", (key.as_ref(), member.as_ref()))
    }

    /// How many members a sorted set has: ZCARD.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zcard(&mut self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.read("ZCARD", key.as_ref())
    }

    /// Takes up to so many members with the lowest scores: ZPOPMIN.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zpopmin(&mut self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<Member>, Error> {
        self.run("ZPOPMIN", (key.as_ref(), count))
    }

    /// Takes up to so many members with the highest scores: ZPOPMAX.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zpopmax(&mut self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<Member>, Error> {
        self.run("ZPOPMAX", (key.as_ref(), count))
    }

    /// Waits until one of these sorted sets has a member, and takes the one with the lowest score:
    /// BZPOPMIN. Returns the set's key, the member and its score; `None` if the time-out passes.
    ///
    /// # Errors
    /// As with [`blpop`](Self::blpop).
    pub fn bzpopmin(
        &mut self,
        keys: &[impl AsRef<[u8]>],
        timeout: Option<Duration>,
    ) -> Result<Option<MemberOf>, Error> {
        let wait = Wait::new(timeout);
        self.wait("BZPOPMIN", wait, (Each(keys), wait.seconds()))
    }

    /// As [`bzpopmin`](Self::bzpopmin), with the highest score: BZPOPMAX.
    ///
    /// # Errors
    /// As with [`blpop`](Self::blpop).
    pub fn bzpopmax(
        &mut self,
        keys: &[impl AsRef<[u8]>],
        timeout: Option<Duration>,
    ) -> Result<Option<MemberOf>, Error> {
        let wait = Wait::new(timeout);
        self.wait("BZPOPMAX", wait, (Each(keys), wait.seconds()))
    }

    /// Up to so many members of a sorted set, none of them twice: ZRANDMEMBER.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zrandmember(
        &mut self,
        key: impl AsRef<[u8]>,
        count: u64,
    ) -> Result<Vec<Vec<u8>>, Error> {
        self.read("ZRANDMEMBER", (key.as_ref(), count))
    }

    /// Keeps what any of these sorted sets has: ZUNIONSTORE. Returns its size.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zunionstore(
        &mut self,
        to: impl AsRef<[u8]>,
        keys: &[impl AsRef<[u8]>],
        combine: &Combine,
    ) -> Result<u64, Error> {
        self.run(
            "ZUNIONSTORE",
            (to.as_ref(), (keys.len(), Each(keys)), combine),
        )
    }

    /// Keeps what all of these sorted sets have: ZINTERSTORE. Returns its size.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zinterstore(
        &mut self,
        to: impl AsRef<[u8]>,
        keys: &[impl AsRef<[u8]>],
        combine: &Combine,
    ) -> Result<u64, Error> {
        self.run(
            "ZINTERSTORE",
            (to.as_ref(), (keys.len(), Each(keys)), combine),
        )
    }

    /// Keeps what the first of these sorted sets has and no other: ZDIFFSTORE. Returns its size.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zdiffstore(
        &mut self,
        to: impl AsRef<[u8]>,
        keys: &[impl AsRef<[u8]>],
    ) -> Result<u64, Error> {
        self.run("ZDIFFSTORE", (to.as_ref(), (keys.len(), Each(keys))))
    }

    /// What any of these sorted sets has, with scores: ZUNION.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zunion(
        &mut self,
        keys: &[impl AsRef<[u8]>],
        combine: &Combine,
    ) -> Result<Vec<Member>, Error> {
        self.read("ZUNION", (keys.len(), Each(keys), combine, "WITHSCORES"))
    }

    /// What all of these sorted sets have, with scores: ZINTER.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zinter(
        &mut self,
        keys: &[impl AsRef<[u8]>],
        combine: &Combine,
    ) -> Result<Vec<Member>, Error> {
        self.read("ZINTER", (keys.len(), Each(keys), combine, "WITHSCORES"))
    }

    /// What the first of these sorted sets has and no other, with scores: ZDIFF.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zdiff(&mut self, keys: &[impl AsRef<[u8]>]) -> Result<Vec<Member>, Error> {
        self.read("ZDIFF", (keys.len(), Each(keys), "WITHSCORES"))
    }
}
