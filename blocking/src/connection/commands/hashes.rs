//! Hashes: fields with values.

use super::Pair;

use super::arguments::{Each, InPairs};
use crate::connection::Connection;
use crate::error::Error;

impl Connection {
    /// One field of a hash: HGET.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hget(
        &mut self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
    ) -> Result<Option<Vec<u8>>, Error> {
        self.read("HGET", (key.as_ref(), field.as_ref()))
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
        self.run("HSET", (key.as_ref(), field.as_ref(), value.as_ref()))
    }

    /// Sets many fields of a hash: HSET. Says how many are new ones.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hset_all(
        &mut self,
        key: impl AsRef<[u8]>,
        pairs: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)],
    ) -> Result<u64, Error> {
        self.run("HSET", (key.as_ref(), InPairs(pairs)))
    }

    /// Sets a field of a hash if it is not there: HSETNX. Says whether it was set.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hsetnx(
        &mut self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<bool, Error> {
        self.run("HSETNX", (key.as_ref(), field.as_ref(), value.as_ref()))
    }

    /// Many fields of a hash, in the order they are asked for: HMGET.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hmget(
        &mut self,
        key: impl AsRef<[u8]>,
        fields: &[impl AsRef<[u8]>],
    ) -> Result<Vec<Option<Vec<u8>>>, Error> {
        self.read("HMGET", (key.as_ref(), Each(fields)))
    }

    /// Removes fields of a hash: HDEL. Says how many there were.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hdel(
        &mut self,
        key: impl AsRef<[u8]>,
        fields: &[impl AsRef<[u8]>],
    ) -> Result<u64, Error> {
        self.run("HDEL", (key.as_ref(), Each(fields)))
    }

    /// A whole hash in the server's order: HGETALL. Empty if it is not there.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hgetall(&mut self, key: impl AsRef<[u8]>) -> Result<Vec<Pair>, Error> {
        self.read("HGETALL", key.as_ref())
    }

    /// Whether a hash has a field: HEXISTS.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hexists(
        &mut self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
    ) -> Result<bool, Error> {
        self.read("HEXISTS", (key.as_ref(), field.as_ref()))
    }

    /// How many fields a hash has: HLEN.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hlen(&mut self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.read("HLEN", key.as_ref())
    }

    /// The names of all fields of a hash: HKEYS.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hkeys(&mut self, key: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>, Error> {
        self.read("HKEYS", key.as_ref())
    }

    /// The values of all fields of a hash: HVALS.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hvals(&mut self, key: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>, Error> {
        self.read("HVALS", key.as_ref())
    }

    /// The length of a field's value in bytes, 0 if it is not there: HSTRLEN.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hstrlen(
        &mut self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
    ) -> Result<u64, Error> {
        self.read("HSTRLEN", (key.as_ref(), field.as_ref()))
    }

    /// Adds to the number in a field: HINCRBY. Returns the new number.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hincr_by(
        &mut self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        by: i64,
    ) -> Result<i64, Error> {
        self.run("HINCRBY", (key.as_ref(), field.as_ref(), by))
    }

    /// Adds to the number in a field, which need not be whole: HINCRBYFLOAT. Returns the new
    /// number.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hincr_by_float(
        &mut self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        by: f64,
    ) -> Result<f64, Error> {
        self.run("HINCRBYFLOAT", (key.as_ref(), field.as_ref(), by))
    }

    /// Some of the fields of a hash, none of them twice: HRANDFIELD.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn hrandfield(&mut self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<Vec<u8>>, Error> {
        self.read("HRANDFIELD", (key.as_ref(), count))
    }
}
