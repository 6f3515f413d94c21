//! Counting different things without keeping them, within a percent.

use super::arguments::Each;
use crate::connection::Connection;
use crate::error::Error;

impl Connection {
    /// Notes elements: PFADD. Says whether the count may have changed.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn pfadd(
        &mut self,
        key: impl AsRef<[u8]>,
        elements: &[impl AsRef<[u8]>],
    ) -> Result<bool, Error> {
        self.run("PFADD", (key.as_ref(), Each(elements)))
    }

    /// About how many different elements were noted under these keys together: PFCOUNT.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn pfcount(&mut self, keys: &[impl AsRef<[u8]>]) -> Result<u64, Error> {
        self.read("PFCOUNT", Each(keys))
    }

    /// Notes under one key what was noted under others: PFMERGE.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn pfmerge(
        &mut self,
        to: impl AsRef<[u8]>,
        keys: &[impl AsRef<[u8]>],
    ) -> Result<(), Error> {
        self.run("PFMERGE", (to.as_ref(), Each(keys)))
    }
}
