//! Entries of streams, their numbers, and what stands for them in requests.

use std::fmt;
use std::ops::Bound;
use std::str::FromStr;
use std::time::Duration;

use redis_ipc_core::resp::{Reply, request};
use redis_ipc_core::write::Writer;

use super::Pair;
use super::arguments::Argument;
use crate::from_reply::FromReply;

/// The number of an entry: the server's clock when it came, and a count within the millisecond.
///
/// ```
/// use redis_ipc::commands::StreamId;
///
/// let id: StreamId = "1700000000000-3".parse().unwrap();
/// assert_eq!((id.milliseconds, id.count), (1_700_000_000_000, 3));
/// assert_eq!(id.to_string(), "1700000000000-3");
/// assert!(StreamId::MIN < id && id < StreamId::MAX);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Milliseconds since 1970, by the server's clock.
    pub milliseconds: u64,
    /// Which one of that millisecond.
    pub count: u64,
}

impl StreamId {
    /// Before every entry.
    pub const MIN: Self = Self::new(0, 0);
    /// Behind every entry.
    pub const MAX: Self = Self::new(u64::MAX, u64::MAX);

    /// The number of its two parts.
    #[must_use]
    pub const fn new(milliseconds: u64, count: u64) -> Self {
        Self {
            milliseconds,
            count,
        }
    }

    fn put(self, w: &mut Writer<'_>) {
        w.put_decimal(self.milliseconds);
        w.put_byte(b'-');
        w.put_decimal(self.count);
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.milliseconds, self.count)
    }
}

/// What a text is that is no number of an entry: not two whole numbers with `-` between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoStreamId;

impl fmt::Display for NoStreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the number of an entry has the form 1700000000000-0")
    }
}

impl std::error::Error for NoStreamId {}

impl FromStr for StreamId {
    type Err = NoStreamId;

    fn from_str(text: &str) -> Result<Self, NoStreamId> {
        let (milliseconds, count) = text.split_once('-').ok_or(NoStreamId)?;
        let part = |text: &str| text.parse().map_err(|_| NoStreamId);
        Ok(Self::new(part(milliseconds)?, part(count)?))
    }
}

impl FromReply for StreamId {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        String::from_reply(reply)?.parse().ok()
    }
}

impl Argument for StreamId {
    fn write(&self, w: &mut Writer<'_>) {
        request::bulk_with(w, |w| self.put(w));
    }
}

/// One entry of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: StreamId,
    /// Its fields and their values, in their order. Empty if it was removed after it had been
    /// handed to a reader.
    pub fields: Vec<Pair>,
}

impl FromReply for Entry {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        let (id, fields) = FromReply::from_reply(reply)?;
        Some(Self { id, fields })
    }
}

/// The key of a stream, and entries of it.
pub type StreamEntries = (Vec<u8>, Vec<Entry>);

/// From where on a group reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// What comes from now on.
    Now,
    /// What stands behind this entry; [`StreamId::MIN`] for all of them.
    Entry(StreamId),
}

impl Argument for Since {
    fn write(&self, w: &mut Writer<'_>) {
        match self {
            Self::Now => "$".write(w),
            Self::Entry(id) => id.write(w),
        }
    }
}

/// Which of the oldest entries are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trim {
    /// Those beyond so many.
    ToLength(u64),
    /// Those beyond so many, and as many more may stay as it is cheaper to keep.
    ToAboutLength(u64),
    /// Those before this one.
    Before(StreamId),
    /// Those before this one, and as many more may stay as it is cheaper to keep.
    AboutBefore(StreamId),
}

impl Argument for Trim {
    fn count(&self) -> usize {
        3
    }

    fn write(&self, w: &mut Writer<'_>) {
        match *self {
            Self::ToLength(length) => ("MAXLEN", "=", length).write(w),
            Self::ToAboutLength(length) => ("MAXLEN", "~", length).write(w),
            Self::Before(id) => ("MINID", "=", id).write(w),
            Self::AboutBefore(id) => ("MINID", "~", id).write(w),
        }
    }
}

/// What a group was handed and has not acknowledged, in short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pending {
    /// How many entries.
    pub count: u64,
    /// The first and the last of them.
    pub ends: Option<(StreamId, StreamId)>,
    /// Who has how many of them.
    pub consumers: Vec<(String, u64)>,
}

impl FromReply for Pending {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        let mut parts = reply.elements()?;
        let count = FromReply::from_reply(&parts.next()?)?;
        let first: Option<StreamId> = FromReply::from_reply(&parts.next()?)?;
        let last: Option<StreamId> = FromReply::from_reply(&parts.next()?)?;
        Some(Self {
            count,
            ends: first.zip(last),
            consumers: FromReply::from_reply(&parts.next()?)?,
        })
    }
}

/// One entry that was handed to a reader and not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingEntry {
    /// Its number.
    pub id: StreamId,
    /// Who has it.
    pub consumer: String,
    /// For how long, in whole milliseconds.
    pub idle: Duration,
    /// How often it was handed out.
    pub deliveries: u64,
}

impl FromReply for PendingEntry {
    fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        let mut parts = reply.elements()?;
        Some(Self {
            id: FromReply::from_reply(&parts.next()?)?,
            consumer: FromReply::from_reply(&parts.next()?)?,
            idle: u64::from_reply(&parts.next()?).map(Duration::from_millis)?,
            deliveries: FromReply::from_reply(&parts.next()?)?,
        })
    }
}

/// One word for each number.
pub(super) struct Ids<'a>(pub(super) &'a [StreamId]);

impl Argument for Ids<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn write(&self, w: &mut Writer<'_>) {
        self.0.iter().for_each(|id| id.write(w));
    }
}

/// The keys of streams, then the numbers behind which they are read.
pub(super) struct Behind<'a, K>(pub(super) &'a [(K, StreamId)]);

impl<K: AsRef<[u8]>> Argument for Behind<'_, K> {
    fn count(&self) -> usize {
        2 * self.0.len()
    }

    fn write(&self, w: &mut Writer<'_>) {
        self.0.iter().for_each(|(key, _)| key.as_ref().write(w));
        self.0.iter().for_each(|(_, id)| id.write(w));
    }
}

/// A range of numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends(Bound<StreamId>, Bound<StreamId>);

impl Ends {
    pub(super) fn of(from: Bound<StreamId>, to: Bound<StreamId>) -> Self {
        let open = |end, all| match end {
            Bound::Unbounded => Bound::Included(all),
            end => end,
        };
        Self(open(from, StreamId::MIN), open(to, StreamId::MAX))
    }

    pub(super) fn reversed(self) -> Self {
        Self(self.1, self.0)
    }
}

impl Argument for Ends {
    fn count(&self) -> usize {
        2
    }

    fn write(&self, w: &mut Writer<'_>) {
        for end in [self.0, self.1] {
            request::bulk_with(w, |w| match end {
                Bound::Included(id) => id.put(w),
                Bound::Excluded(id) => {
                    w.put_byte(b'(');
                    id.put(w);
                }
                Bound::Unbounded => {}
            });
        }
    }
}
