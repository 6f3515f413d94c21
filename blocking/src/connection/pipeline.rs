//! Many requests in one write, their replies in order.

use std::time::Duration;

use redis_ipc_core::resp::Reply;
use redis_ipc_core::session::Sequence;
use redis_ipc_core::write::TooLong;

use super::{Connection, Deadline, write_command};
use crate::error::Error;

/// Bytes that are sent at the latest, so that a long pipeline needs no long buffer and the
/// server can begin. Small requests then still fit into a buffer of 128 KiB.
const FLUSH_BYTES: usize = 120 * 1024;

/// Requests that go out together.
///
/// One deadline holds for the whole pipeline, counted from its first request. If an error ends it, the
/// requests whose replies were not read may have been executed. A pipeline that is dropped
/// instead of sent has sent nothing, unless it grew past 120 KiB or past the buffer.
///
/// ```no_run
/// # let mut server = redis_ipc::Connection::open(&"/tmp/s".parse()?)?;
/// let mut pipeline = server.pipeline();
/// for number in 0..1000 {
///     pipeline.command(&["RPUSH", "numbers", &number.to_string()])?;
/// }
/// let mut replies = pipeline.send()?;
/// while let Some(reply) = replies.next()? {
///     assert!(reply.error().is_none());
/// }
/// # Ok::<(), redis_ipc::Error>(())
/// ```
#[derive(Debug)]
pub struct Pipeline<'c> {
    connection: &'c mut Connection,
    limit: Duration,
    /// Set with the first request.
    deadline: Option<Deadline>,
    first: Option<Sequence>,
    count: u32,
    /// Whether some of it went out already.
    begun: bool,
}

impl<'c> Pipeline<'c> {
    pub(super) fn new(connection: &'c mut Connection, limit: Duration) -> Self {
        Self {
            connection,
            limit,
            deadline: None,
            first: None,
            count: 0,
            begun: false,
        }
    }

    /// Adds a request. Blocks only if more wait to be sent than the buffer may hold
    /// ([`Options::message_limit`](crate::Options::message_limit)), or than 120 KiB.
    ///
    /// # Errors
    /// [`Error::TooLong`] if it does not fit the buffer: the others stay. Else what broke.
    pub fn command<A: AsRef<[u8]>>(&mut self, parts: &[A]) -> Result<&mut Self, Error> {
        if self.deadline.is_none() {
            let deadline = Deadline::after(self.limit);
            self.connection.ensure_alive_for(deadline)?;
            self.deadline = Some(deadline);
        }
        let sequence = match self.write(parts) {
            Ok(sequence) => sequence,
            Err(too_long) => self.write_alone(parts, too_long)?,
        };
        self.first.get_or_insert(sequence);
        self.count += 1;
        self.connection.unsent += 1;
        if self.connection.session.outgoing().len() >= FLUSH_BYTES {
            self.flush()?;
        }
        Ok(self)
    }

    /// Sends what was not sent yet.
    fn flush(&mut self) -> Result<(), Error> {
        let Some(deadline) = self.deadline else {
            return Ok(());
        };
        let sent = self.connection.flush(deadline);
        let begun = std::mem::replace(&mut self.begun, true);
        sent.map_err(|error| {
            if begun {
                error.behind_the_request()
            } else {
                error
            }
        })
    }

    #[inline]
    fn write<A: AsRef<[u8]>>(&mut self, parts: &[A]) -> Result<Sequence, TooLong> {
        self.connection.session.request(|w| {
            write_command(w, parts);
            Ok(())
        })
    }

    /// Sends what waits, which leaves the buffer to this request.
    #[cold]
    #[inline(never)]
    fn write_alone<A: AsRef<[u8]>>(
        &mut self,
        parts: &[A],
        too_long: TooLong,
    ) -> Result<Sequence, Error> {
        if self.connection.session.outgoing().is_empty() {
            return Err(too_long.into());
        }
        self.flush()?;
        Ok(self.write(parts)?)
    }

    /// How many requests there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Sends the requests; their replies are read from what is returned.
    ///
    /// # Errors
    /// What broke; the outcome is [`NotSent`](crate::Outcome::NotSent) only if it holds for all.
    pub fn send(mut self) -> Result<Replies<'c>, Error> {
        self.flush()?;
        let first = self
            .first
            .unwrap_or_else(|| self.connection.session.upcoming());
        Ok(Replies {
            connection: self.connection,
            deadline: self.deadline.unwrap_or_else(|| Deadline::after(self.limit)),
            next: first,
            left: self.count,
        })
    }
}

impl Connection {
    /// Takes back what a pipeline that was dropped has written and not sent.
    #[inline]
    pub(crate) fn withdraw_abandoned(&mut self) {
        if self.unsent > 0 {
            self.session.withdraw_unsent(self.unsent);
            self.unsent = 0;
        }
    }
}

/// The replies to a pipeline, in the order of its requests. Those that are not read are dropped
/// by the connection's next request.
#[derive(Debug)]
pub struct Replies<'c> {
    connection: &'c mut Connection,
    deadline: Deadline,
    next: Sequence,
    left: u32,
}

impl Replies<'_> {
    /// The next reply, an error reply included; `None` after the last.
    ///
    /// # Errors
    /// What broke, or [`Error::TooLong`] for one reply that does not fit the buffer: the
    /// others can still be read.
    #[allow(
        clippy::should_implement_trait,
        reason = "a reply is lent, which Iterator cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<Reply<'_>>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        let sequence = self.next;
        self.left -= 1;
        self.next = sequence.after(1);
        let deadline = self.connection.received_by(self.deadline);
        self.connection.await_reply(sequence, deadline)?;
        Ok(Some(self.connection.session.frame()))
    }

    /// How many replies are still to be read.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left as usize
    }
}
