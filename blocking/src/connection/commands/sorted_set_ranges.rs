//! Parts of sorted sets: by place, by score, by text.

use std::ops::{Bound, RangeBounds};

use redis_ipc_core::resp::request;
use redis_ipc_core::write::Writer;

use super::arguments::{Argument, Score};
use super::sorted_set_types::Member;
use crate::connection::Connection;
use crate::error::Error;

impl Connection {
    /// How many members have a score in a range: ZCOUNT.
    ///
    /// ```no_run
    /// # let mut server = redis_ipc::Connection::open(&"/tmp/s".parse()?)?;
    /// let (low, all) = (server.zcount("levels", ..10.0)?, server.zcount("levels", ..)?);
    /// # Ok::<(), redis_ipc::Error>(())
    /// ```
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zcount(
        &mut self,
        key: impl AsRef<[u8]>,
        scores: impl RangeBounds<f64>,
    ) -> Result<u64, Error> {
        self.read("ZCOUNT", (key.as_ref(), ends(&scores)))
    }

    /// The members from one place to another, both included; negative numbers count from the end,
    /// -1 being the last one: ZRANGE.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zrange(
        &mut self,
        key: impl AsRef<[u8]>,
        start: i64,
        stop: i64,
    ) -> Result<Vec<Vec<u8>>, Error> {
        self.read("ZRANGE", (key.as_ref(), start, stop))
    }

    /// As [`zrange`](Self::zrange), with their scores.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zrange_with_scores(
        &mut self,
        key: impl AsRef<[u8]>,
        start: i64,
        stop: i64,
    ) -> Result<Vec<Member>, Error> {
        self.read("ZRANGE", (key.as_ref(), start, stop, "WITHSCORES"))
    }

    /// As [`zrange`](Self::zrange), counted from the highest score: ZREVRANGE.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zrevrange(
        &mut self,
        key: impl AsRef<[u8]>,
        start: i64,
        stop: i64,
    ) -> Result<Vec<Vec<u8>>, Error> {
        self.read("ZREVRANGE", (key.as_ref(), start, stop))
    }

    /// As [`zrevrange`](Self::zrevrange), with their scores.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zrevrange_with_scores(
        &mut self,
        key: impl AsRef<[u8]>,
        start: i64,
        stop: i64,
    ) -> Result<Vec<Member>, Error> {
        self.read("ZREVRANGE", (key.as_ref(), start, stop, "WITHSCORES"))
    }

    /// The members whose scores are in a range, the lowest first: ZRANGEBYSCORE. With a limit, so
    /// many of them are left out first, and so many come.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zrange_by_score(
        &mut self,
        key: impl AsRef<[u8]>,
        scores: impl RangeBounds<f64>,
        limit: Option<(u64, u64)>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        self.read(
            "ZRANGEBYSCORE",
            (
                key.as_ref(),
                ends(&scores),
                limit.map(|(skip, count)| ("LIMIT", skip, count)),
            ),
        )
    }

    /// As [`zrange_by_score`](Self::zrange_by_score), with their scores.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zrange_by_score_with_scores(
        &mut self,
        key: impl AsRef<[u8]>,
        scores: impl RangeBounds<f64>,
        limit: Option<(u64, u64)>,
    ) -> Result<Vec<Member>, Error> {
        self.read(
            "ZRANGEBYSCORE",
            (
                key.as_ref(),
                ends(&scores),
                "WITHSCORES",
                limit.map(|(skip, count)| ("LIMIT", skip, count)),
            ),
        )
    }

    /// As [`zrange_by_score`](Self::zrange_by_score), the highest first: ZREVRANGEBYSCORE.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zrevrange_by_score(
        &mut self,
        key: impl AsRef<[u8]>,
        scores: impl RangeBounds<f64>,
        limit: Option<(u64, u64)>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        self.read(
            "ZREVRANGEBYSCORE",
            (
                key.as_ref(),
                ends_reversed(&scores),
                limit.map(|(skip, count)| ("LIMIT", skip, count)),
            ),
        )
    }

    /// The members between two texts, in a set whose scores are all the same: ZRANGEBYLEX.
    /// [`Bound`] says whether the ends are among them.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zrange_by_lex(
        &mut self,
        key: impl AsRef<[u8]>,
        members: (Bound<&[u8]>, Bound<&[u8]>),
        limit: Option<(u64, u64)>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        self.read(
            "ZRANGEBYLEX",
            (
                key.as_ref(),
                texts(members),
                limit.map(|(skip, count)| ("LIMIT", skip, count)),
            ),
        )
    }

    /// How many [`zrange_by_lex`](Self::zrange_by_lex) would give: ZLEXCOUNT.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zlexcount(
        &mut self,
        key: impl AsRef<[u8]>,
        members: (Bound<&[u8]>, Bound<&[u8]>),
    ) -> Result<u64, Error> {
        self.read("ZLEXCOUNT", (key.as_ref(), texts(members)))
    }

    /// Removes the members from one place to another, as with [`zrange`](Self::zrange):
    /// ZREMRANGEBYRANK. Says how many.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zremrange_by_rank(
        &mut self,
        key: impl AsRef<[u8]>,
        start: i64,
        stop: i64,
    ) -> Result<u64, Error> {
        self.run("ZREMRANGEBYRANK", (key.as_ref(), start, stop))
    }

    /// Removes the members whose scores are in a range: ZREMRANGEBYSCORE. Says how many.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zremrange_by_score(
        &mut self,
        key: impl AsRef<[u8]>,
        scores: impl RangeBounds<f64>,
    ) -> Result<u64, Error> {
        self.run("ZREMRANGEBYSCORE", (key.as_ref(), ends(&scores)))
    }

    /// Removes the members between two texts, as with [`zrange_by_lex`](Self::zrange_by_lex):
    /// ZREMRANGEBYLEX. Says how many.
    ///
    /// # Errors
    /// As with [`get`](Self::get).
    pub fn zremrange_by_lex(
        &mut self,
        key: impl AsRef<[u8]>,
        members: (Bound<&[u8]>, Bound<&[u8]>),
    ) -> Result<u64, Error> {
        self.run("ZREMRANGEBYLEX", (key.as_ref(), texts(members)))
    }
}

fn ends(scores: &impl RangeBounds<f64>) -> (Score, Score) {
    let (start, end) = (scores.start_bound().cloned(), scores.end_bound().cloned());
    (Score::From(start), Score::To(end))
}

fn ends_reversed(scores: &impl RangeBounds<f64>) -> (Score, Score) {
    let (low, high) = ends(scores);
    (high, low)
}

fn texts<'t>((from, to): (Bound<&'t [u8]>, Bound<&'t [u8]>)) -> (Text<'t>, Text<'t>) {
    (
        Text {
            end: from,
            open: b"-",
        },
        Text {
            end: to,
            open: b"+",
        },
    )
}

/// One end of a range of texts.
struct Text<'t> {
    end: Bound<&'t [u8]>,
    /// What stands for no end.
    open: &'static [u8],
}

impl Argument for Text<'_> {
    fn write(&self, w: &mut Writer<'_>) {
        let (mark, text): (&[u8], &[u8]) = match self.end {
            Bound::Included(text) => (b"[", text),
            Bound::Excluded(text) => (b"(", text),
            Bound::Unbounded => (self.open, b""),
        };
        request::bulk_with(w, |w| {
            w.put(mark);
            w.put(text);
        });
    }
}
