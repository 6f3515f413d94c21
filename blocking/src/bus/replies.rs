//! The replies to one message, as they come.

use std::time::{Duration, Instant};

use redis_ipc_core::dialect::redisbus::{Correlation, Place, read_reply};
use redis_ipc_core::key::Key;
use redis_ipc_core::resp::request;
use redis_ipc_core::write::TooLong;
use serde::de::DeserializeOwned;

use super::client::{Client, succeeded, wrong_type};
use crate::component::{CallError, Taken};
use crate::connection::Deadline;
use crate::error::Error;
use crate::exchange::{GRACE, Popped, TAKE_BACK_LIMIT, await_pop, bind};
use crate::json::read;

/// A reply of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The worker's id.
    pub worker: String,
    /// The data: JSON text of any type.
    pub data: String,
    /// Which element of a stream it is, counted from 0; `None` if it is the only reply.
    pub number: Option<u32>,
}

impl Reply {
    /// The data as a value.
    ///
    /// # Errors
    /// [`CallError::Failed`] with what the worker failed with, [`CallError::WrongType`] if it is
    /// not a `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        succeeded(&self.data)?;
        read(&self.data).map_err(|why| wrong_type(&why, &self.data))
    }
}

/// Why there are no more replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// Everybody who was asked has replied.
    Complete,
    /// Time is up.
    TimedOut,
    /// As many as were wanted have come.
    Limit,
    /// The wait was stopped: see [`Client::until`].
    Stopped,
    /// The connection failed.
    Broken,
}

/// What is waited for.
#[derive(Debug)]
pub(super) struct Waiting {
    replies: Key,
    correlation: Correlation,
    within: Duration,
    /// Workers that have not replied in full.
    workers: u64,
    /// Where the message may still stand, and the message.
    queues: Vec<Key>,
    message: Vec<u8>,
}

impl Waiting {
    pub(super) fn new(replies: Key, correlation: Correlation, within: Duration) -> Self {
        Self {
            replies,
            correlation,
            within,
            workers: 0,
            queues: Vec::new(),
            message: Vec::new(),
        }
    }

    /// For as many workers as there are queues that the message was pushed to.
    pub(super) fn pushed(mut self, queues: Vec<Key>, message: Vec<u8>) -> Self {
        self.workers = queues.len() as u64;
        self.queues = queues;
        self.message = message;
        self
    }

    /// For those who have heard it.
    pub(super) fn published(mut self, workers: u64) -> Self {
        self.workers = workers;
        self
    }
}

/// The replies to one message: an iterator that ends when everybody who was asked has replied in
/// full, when time is up, or when as many have come as were wanted. Each wait blocks.
///
/// A stream counts as one worker's reply and ends with the worker's word for it; its elements
/// are handed out one by one.
///
/// A message that was not taken until time was up is taken back: see [`taken`](Self::taken).
#[derive(Debug)]
pub struct Replies<'c> {
    client: &'c mut Client,
    waiting: Waiting,
    deadline: Instant,
    renews: bool,
    left: Option<usize>,
    ended: Option<Ended>,
    taken: Taken,
}

impl<'c> Replies<'c> {
    pub(super) fn new(client: &'c mut Client, waiting: Waiting) -> Self {
        Self {
            client,
            deadline: Deadline::after(waiting.within).at,
            ended: (waiting.workers == 0).then_some(Ended::Complete),
            waiting,
            renews: false,
            left: None,
            taken: Taken::Yes,
        }
    }

    /// Hands out at most so many replies.
    #[must_use]
    pub fn limit(mut self, replies: usize) -> Self {
        self.left = Some(replies);
        self
    }

    /// Has the time begin anew with every reply, instead of being for all of them.
    #[must_use]
    pub fn renewing(mut self) -> Self {
        self.renews = true;
        self
    }

    /// What ties the replies to the call.
    #[must_use]
    pub fn correlation(&self) -> &str {
        self.waiting.correlation.as_str()
    }

    /// How many workers have not replied in full.
    #[must_use]
    pub fn workers_left(&self) -> u64 {
        self.waiting.workers
    }

    /// Why there are no more replies; `None` while there may be.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Whether anybody took the message. [`Taken::No`] only once the wait has ended: then it was
    /// taken back from everybody who was to get it, and nobody will execute it.
    #[must_use]
    pub fn taken(&self) -> Taken {
        self.taken
    }

    fn find(&mut self) -> Result<Option<Reply>, Error> {
        while self.ended.is_none() {
            if self.left == Some(0) {
                self.ended = Some(Ended::Limit);
                break;
            }
            let (found, ended) = match self.pop()? {
                Popped::Message(length) => (Some(length), Ended::Complete),
                Popped::Nothing | Popped::Silence => (self.take_back()?, Ended::TimedOut),
                Popped::Stopped => (self.take_back()?, Ended::Stopped),
            };
            let Some(length) = found else {
                self.ended = Some(ended);
                break;
            };
            if let Some(reply) = self.take(length) {
                self.left = self.left.map(|left| left - 1);
                return Ok(Some(reply));
            }
        }
        Ok(None)
    }

    /// Waits for the next message.
    fn pop(&mut self) -> Result<Popped, Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if self.client.stop.is_requested() {
            return Ok(Popped::Stopped);
        }
        if left < Duration::from_millis(1) {
            return Ok(Popped::Nothing);
        }
        let connection = &mut self.client.connection;
        let late = Deadline::after(left + GRACE);
        let replies = &self.waiting.replies;
        bind(connection, left + GRACE);
        let asked = connection.send(1, late, |w| {
            request::blpop(w, replies.as_bytes(), left);
            Ok::<(), TooLong>(())
        });
        let popped = asked.and_then(|pop| await_pop(connection, pop, late, &self.client.stop));
        connection.set_bound(None);
        popped
    }

    /// Takes up a message; `None` if it only ends a stream, or is none.
    fn take(&mut self, length: usize) -> Option<Reply> {
        let message = self.client.connection.session().last_bulk_mut(length);
        let read = read_reply(message).ok();
        let reply = read.filter(|reply| reply.correlation == self.waiting.correlation.as_str());
        let Some(reply) = reply else {
            self.client.count_malformed();
            return None;
        };
        let (worker, data, place) = (reply.worker.to_owned(), reply.data.to_owned(), reply.place);
        if self.renews {
            self.deadline = Deadline::after(self.waiting.within).at;
        }
        if !matches!(place, Place::Nth(_)) {
            self.waiting.workers = self.waiting.workers.saturating_sub(1);
            if self.waiting.workers == 0 {
                self.ended = Some(Ended::Complete);
            }
        }
        let number = match place {
            Place::End => return None,
            Place::Only => None,
            Place::Nth(number) => Some(number),
        };
        Some(Reply {
            worker,
            data,
            number,
        })
    }

    /// Removes the message where nobody took it, and looks once more for a reply.
    fn take_back(&mut self) -> Result<Option<usize>, Error> {
        bind(&mut self.client.connection, TAKE_BACK_LIMIT);
        let found = self.take_back_in_time();
        self.client.connection.set_bound(None);
        found
    }

    fn take_back_in_time(&mut self) -> Result<Option<usize>, Error> {
        let queues = std::mem::take(&mut self.waiting.queues);
        if queues.is_empty() {
            return Ok(None);
        }
        let connection = &mut self.client.connection;
        let mut pipeline = connection.pipeline();
        for queue in &queues {
            // From the tail, where the youngest messages stand.
            pipeline.command(&[&b"LREM"[..], queue.as_bytes(), b"-1", &self.waiting.message])?;
        }
        let mut replies = pipeline.send()?;
        let mut removed = 0;
        while let Some(reply) = replies.next()? {
            removed += usize::from(reply.integer() == Some(1));
        }
        if removed == queues.len() {
            self.taken = Taken::No;
            return Ok(None);
        }
        let reply = connection.command(&["LPOP", self.waiting.replies.as_str()])?;
        Ok(reply.bytes().map(<[u8]>::len))
    }
}

impl Iterator for Replies<'_> {
    type Item = Result<Reply, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.find();
        if let Err(error) = &found {
            self.ended = Some(Ended::Broken);
            if matches!(error, Error::Server(_)) {
                // It is the wait that was refused; the message still stands there.
                let _ = self.take_back();
            }
        }
        found.transpose()
    }
}
