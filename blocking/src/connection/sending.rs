//! Requests out: written, sent, and sent once more where that does no harm.

use std::time::Duration;

use redis_ipc_core::resp::Reply;
use redis_ipc_core::session::Sequence;
use redis_ipc_core::write::{TooLong, Writer};

use super::{Connection, Deadline, closed};
use crate::error::{Error, Outcome, ServerError};
use crate::socket::Sent;

/// Writes one request; may be called more than once. Not generic: what surrounds it is in a
/// program once, however many commands that knows.
type Write<'w> = dyn FnMut(&mut Writer<'_>) + 'w;

impl Connection {
    pub(crate) fn ask(
        &mut self,
        mut write: impl FnMut(&mut Writer<'_>),
    ) -> Result<Reply<'_>, Error> {
        let deadline = self.deadline(self.options.reply_limit);
        let request = self.send_one(deadline, &mut write)?;
        self.reply(request, self.received_by(deadline))
    }

    /// As [`ask`](Self::ask), for a request that changes nothing, or nothing more if it is
    /// executed twice: sent once more if the connection breaks before its reply is here.
    pub(crate) fn ask_again(
        &mut self,
        mut write: impl FnMut(&mut Writer<'_>),
    ) -> Result<Reply<'_>, Error> {
        self.send_twice_and_await(&mut write)?;
        match self.session.frame() {
            Reply::Error(error) => Err(ServerError::new(&error).into()),
            reply => Ok(reply),
        }
    }

    fn send_twice_and_await(&mut self, write: &mut Write<'_>) -> Result<(), Error> {
        let deadline = self.deadline(self.options.reply_limit);
        match self.send_and_await(deadline, write) {
            Err(Error::Disconnected { .. }) => self.send_and_await(deadline, write),
            outcome => outcome,
        }
    }

    fn send_and_await(&mut self, deadline: Deadline, write: &mut Write<'_>) -> Result<(), Error> {
        let request = self.send_one(deadline, write)?;
        self.await_reply(request, self.received_by(deadline))
    }

    /// As [`ask`](Self::ask), for a request that the server may answer late.
    pub(crate) fn ask_within(
        &mut self,
        limit: Duration,
        mut write: impl FnMut(&mut Writer<'_>),
    ) -> Result<Reply<'_>, Error> {
        let deadline = self.deadline(limit);
        let request = self.send_one(deadline, &mut write)?;
        self.reply(request, deadline)
    }

    fn send_one(&mut self, deadline: Deadline, write: &mut Write<'_>) -> Result<Sequence, Error> {
        self.send(1, deadline, |w| {
            write(w);
            Ok::<(), TooLong>(())
        })
    }

    /// When the next reply must be here, of requests that have been sent.
    pub(super) fn received_by(&self, deadline: Deadline) -> Deadline {
        deadline.within(self.options.receive_limit)
    }

    /// Writes `count` requests and sends them; connects first if need be, and again if the
    /// connection turns out to be dead before it took a byte.
    pub(crate) fn send<E>(
        &mut self,
        count: u32,
        deadline: Deadline,
        mut write: impl FnMut(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<Sequence, Error>
    where
        E: From<TooLong>,
        Error: From<E>,
    {
        let fresh = self.ensure_alive_for(deadline)?;
        let alone = self.session.outstanding() == 0;
        let first = self.session.requests(count, &mut write)?;
        match self.flush(deadline) {
            Err(error) if error.outcome() == Outcome::NotSent && alone && !fresh => {
                self.disconnect();
                self.ensure_connected_by(Some(deadline))?;
                let first = self.session.requests(count, &mut write)?;
                self.flush(deadline).map(|()| first)
            }
            sent => sent.map(|()| first),
        }
    }

    /// Sends what the session has written.
    pub(crate) fn flush(&mut self, deadline: Deadline) -> Result<(), Error> {
        self.refuse_inherited(Outcome::NotSent)?;
        self.unsent = 0;
        let deadline = deadline.within(self.options.send_limit);
        let mut outcome = Outcome::NotSent;
        while !self.session.outgoing().is_empty() {
            let Some(socket) = &mut self.socket else {
                return Err(closed(outcome));
            };
            // A server that stops reading until we have read must not stop us both.
            let replies_may_wait = self.session.outstanding() > 1 && self.session.spare().is_some();
            match socket.send(self.session.outgoing(), deadline.at, replies_may_wait) {
                Ok(Sent::InputWaits) => self.take_in()?,
                Ok(Sent::Taken(count)) => {
                    self.session.sent(count);
                    outcome = Outcome::Unknown;
                }
                Ok(Sent::Late) => return Err(self.late(outcome, deadline)),
                Err(source) => return Err(self.broken(outcome, source)),
            }
        }
        Ok(())
    }
}
