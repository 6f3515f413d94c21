//! Values as rows of bits.

use super::arguments::Each;
use crate::connection::Connection;
use crate::error::Error;

impl Connection {
    /// One bit of a value: GETBIT. Bits beyond its end are 0.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn getbit(&mut self, key: impl AsRef<[u8]>, offset: u64) -> Result<bool, Error> {
        self.read("GETBIT", (key.as_ref(), offset))
    }

    /// Sets one bit of a value, which grows if need be: SETBIT. Returns what it was before.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn setbit(&mut self, key: impl AsRef<[u8]>, offset: u64, bit: bool) -> Result<bool, Error> {
        self.run("SETBIT", (key.as_ref(), offset, u64::from(bit)))
    }

    /// How many bits of a value are set: BITCOUNT.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn bitcount(&mut self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.read("BITCOUNT", key.as_ref())
    }

    /// How many bits are set from one byte to another, both included: BITCOUNT. Negative numbers
    /// count from the end.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn bitcount_in(
        &mut self,
        key: impl AsRef<[u8]>,
        start: i64,
        stop: i64,
    ) -> Result<u64, Error> {
        self.read("BITCOUNT", (key.as_ref(), start, stop))
    }

    /// Where the first bit of this kind stands: BITPOS. `None` if there is none; a value without a 0
    /// has its first one behind its end.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn bitpos(&mut self, key: impl AsRef<[u8]>, bit: bool) -> Result<Option<u64>, Error> {
        let position: i64 = self.read("BITPOS", (key.as_ref(), u64::from(bit)))?;
        Ok(position.try_into().ok())
    }

    /// Combines values bit by bit and keeps the outcome: BITOP. Returns its length in bytes. NOT
    /// takes one key.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn bitop(
        &mut self,
        operation: BitOp,
        to: impl AsRef<[u8]>,
        keys: &[impl AsRef<[u8]>],
    ) -> Result<u64, Error> {
        self.run("BITOP", (operation.word(), to.as_ref(), Each(keys)))
    }
}

/// How bits are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitOp {
    /// 1 where all of them are.
    And,
    /// 1 where one of them is.
    Or,
    /// 1 where an odd number of them are.
    Xor,
    /// 1 where it is not.
    Not,
}

impl BitOp {
    fn word(self) -> &'static str {
        match self {
            Self::And => "AND",
            Self::Or => "OR",
            Self::Xor => "XOR",
            Self::Not => "NOT",
        }
    }
}
