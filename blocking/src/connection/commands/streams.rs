//! Streams: entries with numbers, kept until they are removed, read by one or by groups.

use std::ops::RangeBounds;
use std::time::Duration;

use redis_ipc_core::resp::Reply;

use super::stream_types::{
    Behind, Ends, Entry, Ids, Pending, PendingEntry, Since, StreamEntries, StreamId, Trim,
};

use super::arguments::{Each, InPairs};
use super::{Wait, milliseconds};
use crate::connection::Connection;
use crate::error::Error;
use crate::from_reply::FromReply;

impl Connection {
    /// Appends an entry with these fields to a stream: XADD. Returns its number.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xadd(
        &mut self,
        key: impl AsRef<[u8]>,
        pairs: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)],
    ) -> Result<StreamId, Error> {
        self.run("XADD", (key.as_ref(), "*", InPairs(pairs)))
    }

    /// Appends an entry, and removes the oldest ones beyond a limit: XADD with MAXLEN or MINID.
    /// Returns its number.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xadd_trimmed(
        &mut self,
        key: impl AsRef<[u8]>,
        trim: Trim,
        pairs: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)],
    ) -> Result<StreamId, Error> {
        self.run("XADD", (key.as_ref(), trim, "*", InPairs(pairs)))
    }

    /// Appends an entry of this number, which must be the highest of the stream: XADD.
    ///
    /// # Errors
    /// As with [`get`](Self::get); the server's if the number is too low.
    pub fn xadd_as(
        &mut self,
        key: impl AsRef<[u8]>,
        id: StreamId,
        pairs: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)],
    ) -> Result<StreamId, Error> {
        self.run("XADD", (key.as_ref(), id, InPairs(pairs)))
    }

    /// How many entries a stream has: XLEN.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xlen(&mut self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.read("XLEN", key.as_ref())
    }

    /// Removes entries of a stream: XDEL. Says how many there were.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xdel(&mut self, key: impl AsRef<[u8]>, ids: &[StreamId]) -> Result<u64, Error> {
        self.run("XDEL", (key.as_ref(), Ids(ids)))
    }

    /// Removes the oldest entries of a stream beyond a limit: XTRIM. Says how many.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xtrim(&mut self, key: impl AsRef<[u8]>, trim: Trim) -> Result<u64, Error> {
        self.run("XTRIM", (key.as_ref(), trim))
    }

    /// The entries of a stream whose numbers are in a range, at most `count` of them: XRANGE.
    ///
    /// ```no_run
    /// # let mut server = redis_ipc::Connection::open(&"/tmp/s".parse()?)?;
    /// let first = server.xrange("log", .., Some(10))?;
    /// # Ok::<(), redis_ipc::Error>(())
    /// ```
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xrange(
        &mut self,
        key: impl AsRef<[u8]>,
        ids: impl RangeBounds<StreamId>,
        count: Option<u64>,
    ) -> Result<Vec<Entry>, Error> {
        self.read(
            "XRANGE",
            (
                key.as_ref(),
                ends(&ids),
                count.map(|count| ("COUNT", count)),
            ),
        )
    }

    /// As [`xrange`](Self::xrange), the newest first: XREVRANGE.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xrevrange(
        &mut self,
        key: impl AsRef<[u8]>,
        ids: impl RangeBounds<StreamId>,
        count: Option<u64>,
    ) -> Result<Vec<Entry>, Error> {
        self.read(
            "XREVRANGE",
            (
                key.as_ref(),
                ends(&ids).reversed(),
                count.map(|count| ("COUNT", count)),
            ),
        )
    }

    /// The entries of streams behind these numbers, at most `count` of each stream; streams that
    /// have none are left out: XREAD.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xread<K: AsRef<[u8]>>(
        &mut self,
        streams: &[(K, StreamId)],
        count: Option<u64>,
    ) -> Result<Vec<StreamEntries>, Error> {
        let count = count.map(|count| ("COUNT", count));
        self.read("XREAD", (count, "STREAMS", Behind(streams)))
    }

    /// As [`xread`](Self::xread), and waits for an entry if there is none yet; empty if the
    /// time-out passes. Without one, waits for ever.
    ///
    /// # Errors
    /// As with [`blpop`](Self::blpop), but that nothing can be lost.
    pub fn xread_blocking<K: AsRef<[u8]>>(
        &mut self,
        streams: &[(K, StreamId)],
        count: Option<u64>,
        timeout: Option<Duration>,
    ) -> Result<Vec<StreamEntries>, Error> {
        let wait = Wait::new(timeout);
        let count = count.map(|count| ("COUNT", count));
        let block = ("BLOCK", wait.milliseconds());
        self.wait("XREAD", wait, (count, block, "STREAMS", Behind(streams)))
    }

    /// Makes a group of readers, which shares the entries of a stream among them: XGROUP CREATE. A
    /// stream that is not there is made if that is wanted.
    ///
    /// # Errors
    /// As with [`get`](Self::get); `BUSYGROUP` if there is one of that name.
    pub fn xgroup_create(
        &mut self,
        key: impl AsRef<[u8]>,
        group: impl AsRef<[u8]>,
        since: Since,
        make_stream: bool,
    ) -> Result<(), Error> {
        self.run(
            "XGROUP CREATE",
            (
                key.as_ref(),
                group.as_ref(),
                since,
                make_stream.then_some("MKSTREAM"),
            ),
        )
    }

    /// Has a group read on from another entry: XGROUP SETID.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xgroup_set_id(
        &mut self,
        key: impl AsRef<[u8]>,
        group: impl AsRef<[u8]>,
        since: Since,
    ) -> Result<(), Error> {
        self.run("XGROUP SETID", (key.as_ref(), group.as_ref(), since))
    }

    /// Removes a group: XGROUP DESTROY. Says whether there was one.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xgroup_destroy(
        &mut self,
        key: impl AsRef<[u8]>,
        group: impl AsRef<[u8]>,
    ) -> Result<bool, Error> {
        self.run("XGROUP DESTROY", (key.as_ref(), group.as_ref()))
    }

    /// Removes a reader of a group: XGROUP DELCONSUMER. Says how many entries it had not
    /// acknowledged.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xgroup_delconsumer(
        &mut self,
        key: impl AsRef<[u8]>,
        group: impl AsRef<[u8]>,
        consumer: impl AsRef<[u8]>,
    ) -> Result<u64, Error> {
        self.run(
            "XGROUP DELCONSUMER",
            (key.as_ref(), group.as_ref(), consumer.as_ref()),
        )
    }

    /// Entries that no reader of the group was handed yet, at most `count` of each stream, handed to
    /// this one: XREADGROUP. They are its own until they are [acknowledged](Self::xack).
    ///
    /// Waits for an entry if there is none yet, up to the time-out; [`Duration::ZERO`] is none at
    /// all, `None` is for ever. If the connection breaks meanwhile, nothing is lost:
    /// [`xreadgroup_pending`](Self::xreadgroup_pending) gives what was handed out.
    ///
    /// # Errors
    /// As with [`blpop`](Self::blpop); `NOGROUP` if there is no such group.
    pub fn xreadgroup(
        &mut self,
        group: impl AsRef<[u8]>,
        consumer: impl AsRef<[u8]>,
        keys: &[impl AsRef<[u8]>],
        count: Option<u64>,
        timeout: Option<Duration>,
    ) -> Result<Vec<StreamEntries>, Error> {
        let wait = Wait::new(timeout);
        let whose = ("GROUP", group.as_ref(), consumer.as_ref());
        let count = count.map(|count| ("COUNT", count));
        let block = (timeout != Some(Duration::ZERO)).then(|| ("BLOCK", wait.milliseconds()));
        let new = vec![">"; keys.len()];
        let streams = ("STREAMS", Each(keys), Each(&new));
        self.wait("XREADGROUP", wait, (whose, count, block, streams))
    }

    /// Entries behind these numbers that this reader was handed and has not acknowledged:
    /// XREADGROUP.
    ///
    /// # Errors
    /// As with [`get`](Self::get); `NOGROUP` if there is no such group.
    pub fn xreadgroup_pending<K: AsRef<[u8]>>(
        &mut self,
        group: impl AsRef<[u8]>,
        consumer: impl AsRef<[u8]>,
        streams: &[(K, StreamId)],
        count: Option<u64>,
    ) -> Result<Vec<StreamEntries>, Error> {
        let whose = ("GROUP", group.as_ref(), consumer.as_ref());
        let count = count.map(|count| ("COUNT", count));
        self.run("XREADGROUP", (whose, count, "STREAMS", Behind(streams)))
    }

    /// Says that entries have been dealt with: XACK. Returns how many were waiting for that.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xack(
        &mut self,
        key: impl AsRef<[u8]>,
        group: impl AsRef<[u8]>,
        ids: &[StreamId],
    ) -> Result<u64, Error> {
        self.run("XACK", (key.as_ref(), group.as_ref(), Ids(ids)))
    }

    /// What a group was handed and has not acknowledged, in short: XPENDING.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xpending(
        &mut self,
        key: impl AsRef<[u8]>,
        group: impl AsRef<[u8]>,
    ) -> Result<Pending, Error> {
        self.read("XPENDING", (key.as_ref(), group.as_ref()))
    }

    /// Entries that a group, or one of its readers, was handed and has not acknowledged, at most
    /// `count` of them: XPENDING.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xpending_range(
        &mut self,
        key: impl AsRef<[u8]>,
        group: impl AsRef<[u8]>,
        ids: impl RangeBounds<StreamId>,
        count: u64,
        consumer: Option<&str>,
    ) -> Result<Vec<PendingEntry>, Error> {
        let arguments = (key.as_ref(), group.as_ref(), ends(&ids), count, consumer);
        self.read("XPENDING", arguments)
    }

    /// Takes over entries from other readers of the group that have not acknowledged them for that
    /// long: XCLAIM. Returns those that there are.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xclaim(
        &mut self,
        key: impl AsRef<[u8]>,
        group: impl AsRef<[u8]>,
        consumer: impl AsRef<[u8]>,
        idle: Duration,
        ids: &[StreamId],
    ) -> Result<Vec<Entry>, Error> {
        let whose = (group.as_ref(), consumer.as_ref());
        let arguments = (key.as_ref(), whose, milliseconds(idle), Ids(ids));
        self.run("XCLAIM", arguments).map(present)
    }

    /// As [`xclaim`](Self::xclaim), whichever entries from a number on these are, about `count` at a
    /// time: XAUTOCLAIM. Returns them with the number to go on from, [`StreamId::MIN`] at the end.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn xautoclaim(
        &mut self,
        key: impl AsRef<[u8]>,
        group: impl AsRef<[u8]>,
        consumer: impl AsRef<[u8]>,
        idle: Duration,
        from: StreamId,
        count: u64,
    ) -> Result<(StreamId, Vec<Entry>), Error> {
        let whose = (group.as_ref(), consumer.as_ref());
        let arguments = (
            key.as_ref(),
            whose,
            milliseconds(idle),
            from,
            ("COUNT", count),
        );
        self.run::<Claimed>("XAUTOCLAIM", arguments)
            .map(|Claimed { next, entries }| (next, entries))
    }
}

fn ends(ids: &impl RangeBounds<StreamId>) -> Ends {
    Ends::of(ids.start_bound().cloned(), ids.end_bound().cloned())
}

/// Without those that were removed meanwhile. Compat: Redis 6.2 names them, as nothing.
fn present(entries: Vec<Option<Entry>>) -> Vec<Entry> {
    entries.into_iter().flatten().collect()
}

struct Claimed {
    next: StreamId,
    entries: Vec<Entry>,
}

impl FromReply for Claimed {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        let mut parts = reply.elements()?;
        Some(Self {
            next: FromReply::from_reply(&parts.next()?)?,
            // Since 7.0 a third part follows: the numbers of those that were removed.
            entries: FromReply::from_reply(&parts.next()?).map(present)?,
        })
    }
}
