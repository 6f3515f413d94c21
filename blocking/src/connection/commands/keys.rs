//! Keys of any kind: whether they are there, for how long, under which name.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis_ipc_core::resp::Reply;

use super::arguments::{Argument, Each, Repeated, Words};
use super::milliseconds;
use crate::connection::Connection;
use crate::error::Error;
use crate::from_reply::FromReply;

impl Connection {
    /// Removes keys: DEL. Says how many there were.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn del(&mut self, keys: &[impl AsRef<[u8]>]) -> Result<u64, Error> {
        self.run("DEL", Each(keys))
    }

    /// Removes keys, and has the server free their memory later: UNLINK. Says how many there were.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn unlink(&mut self, keys: &[impl AsRef<[u8]>]) -> Result<u64, Error> {
        self.run("UNLINK", Each(keys))
    }

    /// Whether a key is there: EXISTS.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn exists(&mut self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        self.read("EXISTS", key.as_ref())
    }

    /// How many of these keys are there, those that are named twice counting twice: EXISTS.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn exists_many(&mut self, keys: &[impl AsRef<[u8]>]) -> Result<u64, Error> {
        self.read("EXISTS", Each(keys))
    }

    /// Marks keys as used just now, for servers that evict what is not: TOUCH. Says how many there
    /// are.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn touch(&mut self, keys: &[impl AsRef<[u8]>]) -> Result<u64, Error> {
        self.run("TOUCH", Each(keys))
    }

    /// Has a key removed after a time, in whole milliseconds: PEXPIRE. Says whether it is there.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn expire(&mut self, key: impl AsRef<[u8]>, after: Duration) -> Result<bool, Error> {
        self.run("PEXPIRE", (key.as_ref(), milliseconds(after)))
    }

    /// Has a key removed at a moment of the server's clock, in whole milliseconds: PEXPIREAT. Says
    /// whether it is there; a moment that has passed removes it now.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn expire_at(&mut self, key: impl AsRef<[u8]>, at: SystemTime) -> Result<bool, Error> {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.run("PEXPIREAT", (key.as_ref(), milliseconds(since)))
    }

    /// Has a key stay for ever: PERSIST. Says whether it was to expire.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn persist(&mut self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        self.run("PERSIST", key.as_ref())
    }

    /// How long a key will stay: PTTL.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn ttl(&mut self, key: impl AsRef<[u8]>) -> Result<Life, Error> {
        self.read("PTTL", key.as_ref())
    }

    /// What kind of value a key has, in the server's words (`string`, `hash`, `list`…): TYPE.
    /// `None` if it is not there.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn key_type(&mut self, key: impl AsRef<[u8]>) -> Result<Option<String>, Error> {
        let kind: String = self.read("TYPE", key.as_ref())?;
        Ok(Some(kind).filter(|kind| kind != "none"))
    }

    /// Gives a key another name, and takes the place of what bears it: RENAME.
    ///
    /// # Errors
    /// As with [`get`](Self::get); the server's if there is no such key.
    pub fn rename(&mut self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<(), Error> {
        self.run("RENAME", (from.as_ref(), to.as_ref()))
    }

    /// Gives a key another name unless something bears it: RENAMENX. Says whether it was done.
    ///
    /// # Errors
    /// As with [`rename`](Self::rename).
    pub fn renamenx(
        &mut self,
        from: impl AsRef<[u8]>,
        to: impl AsRef<[u8]>,
    ) -> Result<bool, Error> {
        self.run("RENAMENX", (from.as_ref(), to.as_ref()))
    }

    /// Copies a value to another key: COPY. Says whether it was done: if there is one to copy, and
    /// if nothing bears the name or it may be replaced.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn copy(
        &mut self,
        from: impl AsRef<[u8]>,
        to: impl AsRef<[u8]>,
        replace: bool,
    ) -> Result<bool, Error> {
        self.run(
            "COPY",
            (from.as_ref(), to.as_ref(), replace.then_some("REPLACE")),
        )
    }

    /// Moves a key to another database: MOVE. Says whether it was done: if it is there, and not yet
    /// there.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn move_to(&mut self, key: impl AsRef<[u8]>, database: u32) -> Result<bool, Error> {
        self.run("MOVE", (key.as_ref(), i64::from(database)))
    }

    /// Any of the keys: RANDOMKEY. `None` if there are none.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn randomkey(&mut self) -> Result<Option<Vec<u8>>, Error> {
        self.read("RANDOMKEY", ())
    }

    /// All keys whose names match a pattern: KEYS. The server does nothing else meanwhile;
    /// [`scan`](Self::scan) goes through many of them in pieces.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn keys(&mut self, pattern: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>, Error> {
        self.read("KEYS", pattern.as_ref())
    }

    /// A value in the server's own form: DUMP. `None` if it is not there.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn dump(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        self.read("DUMP", key.as_ref())
    }

    /// Makes a key of what [`dump`](Self::dump) gave, to expire after a time or never: RESTORE.
    ///
    /// # Errors
    /// As with [`get`](Self::get); the server's if the key is there and not to be replaced, and if
    /// the bytes are from a server of another version.
    pub fn restore(
        &mut self,
        key: impl AsRef<[u8]>,
        life: Option<Duration>,
        dump: impl AsRef<[u8]>,
        replace: bool,
    ) -> Result<(), Error> {
        let life = life.map_or(0, |life| milliseconds(life).max(1));
        let replace = replace.then_some("REPLACE");
        self.run("RESTORE", (key.as_ref(), life, dump.as_ref(), replace))
    }

    /// How the server holds a value (`listpack`, `hashtable`, `int`…): OBJECT ENCODING. `None` if
    /// it is not there.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn object_encoding(&mut self, key: impl AsRef<[u8]>) -> Result<Option<String>, Error> {
        self.read("OBJECT ENCODING", key.as_ref())
    }

    /// How many bytes a key takes in the server's memory, estimated from some of its members:
    /// MEMORY USAGE. `None` if it is not there.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn memory_usage(&mut self, key: impl AsRef<[u8]>) -> Result<Option<u64>, Error> {
        self.read("MEMORY USAGE", key.as_ref())
    }

    /// The members of a list, set or sorted set in order: SORT. What [`Sort::get`] looks up and
    /// does not find is `None`.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn sort(
        &mut self,
        key: impl AsRef<[u8]>,
        sort: &Sort,
    ) -> Result<Vec<Option<Vec<u8>>>, Error> {
        self.read("SORT", (key.as_ref(), sort))
    }

    /// Sorts, and keeps the outcome as a list: SORT with STORE. Returns its length.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn sort_into(
        &mut self,
        key: impl AsRef<[u8]>,
        sort: &Sort,
        to: impl AsRef<[u8]>,
    ) -> Result<u64, Error> {
        self.run("SORT", (key.as_ref(), sort, ("STORE", to.as_ref())))
    }
}

/// How long a key will stay.
///
/// ```
/// use std::time::Duration;
/// use redis_ipc::{FromReply, Reply, commands::Life};
///
/// let life = Life::from_reply(&Reply::Integer(1500));
/// assert_eq!(life, Some(Life::Left(Duration::from_millis(1500))));
/// assert_eq!(Life::from_reply(&Reply::Integer(-2)), Some(Life::Missing));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// There is no such key.
    Missing,
    /// Until somebody removes it.
    Forever,
    /// So long, in whole milliseconds.
    Left(Duration),
}

impl FromReply for Life {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        match reply.integer()? {
            -2 => Some(Self::Missing),
            -1 => Some(Self::Forever),
            left => left
                .try_into()
                .ok()
                .map(Duration::from_millis)
                .map(Self::Left),
        }
    }
}

/// How members are sorted, and what is shown of them; by default all of them, as numbers, the
/// smallest first.
///
/// ```
/// use redis_ipc::commands::Sort;
///
/// let newest = Sort::new().by("job.*.time").descending().limit(0, 10).get("#");
/// assert_ne!(newest, Sort::default());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Sort {
    by: Option<Vec<u8>>,
    get: Vec<Vec<u8>>,
    limit: Option<(u64, u64)>,
    alpha: bool,
    descending: bool,
}

impl Sort {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sorts by what stands in the key that this pattern gives with the member for its `*`.
    pub fn by(mut self, pattern: impl Into<Vec<u8>>) -> Self {
        self.by = Some(pattern.into());
        self
    }

    /// Shows what stands in that key instead of the member, `#` being the member itself; more
    /// than one shows them by turns.
    pub fn get(mut self, pattern: impl Into<Vec<u8>>) -> Self {
        self.get.push(pattern.into());
        self
    }

    /// Leaves so many out first, and shows so many.
    pub fn limit(mut self, skip: u64, count: u64) -> Self {
        self.limit = Some((skip, count));
        self
    }

    /// Sorts as text.
    pub fn alpha(mut self) -> Self {
        self.alpha = true;
        self
    }

    /// The largest first.
    pub fn descending(mut self) -> Self {
        self.descending = true;
        self
    }
}

impl Words for Sort {
    fn words(&self) -> impl Argument {
        (
            self.by.as_deref().map(|by| ("BY", by)),
            self.limit.map(|(skip, count)| ("LIMIT", skip, count)),
            Repeated("GET", &self.get),
            self.descending.then_some("DESC"),
            self.alpha.then_some("ALPHA"),
        )
    }
}
