//! Replies and other messages in: waited for, told apart, never past a deadline.

use redis_ipc_core::resp::Reply;
use redis_ipc_core::session::{Incoming, Sequence};

use super::{Connection, Deadline, Next, closed};
use crate::error::{Error, Misunderstanding, Outcome, ServerError};
use crate::socket::{Readable, Received, Socket};

impl Connection {
    /// Waits for the reply to `request`; drops what comes before it.
    pub(crate) fn reply(
        &mut self,
        request: Sequence,
        deadline: Deadline,
    ) -> Result<Reply<'_>, Error> {
        self.await_reply(request, deadline)?;
        match self.session.frame() {
            Reply::Error(error) => Err(ServerError::new(&error).into()),
            reply => Ok(reply),
        }
    }

    pub(super) fn await_reply(
        &mut self,
        request: Sequence,
        deadline: Deadline,
    ) -> Result<(), Error> {
        loop {
            match self.poll()? {
                Some(Incoming::Reply(of)) if of == request => return Ok(()),
                Some(Incoming::TooLong { of, error }) if of == Some(request) => {
                    return Err(Error::TooLong {
                        outcome: Outcome::Unknown,
                        sizes: error,
                    });
                }
                Some(_) => {}
                None => {
                    if let Received::Late = self.wait_for_bytes(Some(deadline))? {
                        return Err(self.late(Outcome::Unknown, deadline));
                    }
                }
            }
        }
    }

    /// Waits for the next message of any kind.
    pub(crate) fn next(&mut self, deadline: Option<Deadline>) -> Result<Next, Error> {
        loop {
            if let Some(incoming) = self.poll()? {
                return Ok(Next::Message(incoming));
            }
            match self.wait_for_bytes(deadline)? {
                Received::Bytes(_) => {}
                Received::Late => return Ok(Next::Late),
                Received::Interrupted => return Ok(Next::Interrupted),
            }
        }
    }

    /// Waits for bytes, for one who reads them without the session.
    pub(crate) fn receive(
        &mut self,
        room: &mut [u8],
        deadline: Option<Deadline>,
    ) -> Result<Received, Error> {
        self.refuse_inherited(Outcome::Unknown)?;
        let Some(socket) = &mut self.socket else {
            return Err(closed(Outcome::Unknown));
        };
        let received = socket.receive(room, deadline.map(|d| d.at));
        received.map_err(|source| self.broken(Outcome::Unknown, source))
    }

    /// Waits for bytes and takes them in.
    pub(super) fn wait_for_bytes(&mut self, deadline: Option<Deadline>) -> Result<Received, Error> {
        self.refuse_inherited(Outcome::Unknown)?;
        let Some(socket) = &mut self.socket else {
            return Err(closed(Outcome::Unknown));
        };
        match socket.receive(self.session.space(), deadline.map(|d| d.at)) {
            Ok(received) => {
                if let Received::Bytes(count) = received {
                    self.session.received(count);
                }
                Ok(received)
            }
            Err(source) => Err(self.broken(Outcome::Unknown, source)),
        }
    }

    /// The next message that is here already.
    pub(crate) fn next_now(&mut self) -> Result<Option<Incoming>, Error> {
        if let Some(incoming) = self.poll()? {
            return Ok(Some(incoming));
        }
        self.take_in()?;
        self.poll()
    }

    /// Waits until something has arrived on one of two connections.
    pub(crate) fn either_readable(
        one: &Self,
        other: &Self,
        until: Option<Deadline>,
    ) -> Result<Readable, Error> {
        let (Some(one), Some(other)) = (&one.socket, &other.socket) else {
            return Err(closed(Outcome::Unknown));
        };
        Socket::either_readable(one, other, until.map(|until| until.at)).map_err(|source| {
            Error::Disconnected {
                outcome: Outcome::Unknown,
                source,
            }
        })
    }

    /// The next message in the inbox.
    #[inline]
    pub(crate) fn poll(&mut self) -> Result<Option<Incoming>, Error> {
        let found = self.session.poll().map_err(|error| {
            self.disconnect();
            Error::Protocol {
                why: Misunderstanding::Bytes(error),
            }
        })?;
        if self.following.is_wanted() && found.is_some() {
            self.note_demotion();
        }
        Ok(found)
    }

    /// Takes in what the server has sent, so that it goes on reading.
    pub(super) fn take_in(&mut self) -> Result<(), Error> {
        self.refuse_inherited(Outcome::Unknown)?;
        let Some(socket) = &mut self.socket else {
            return Err(closed(Outcome::Unknown));
        };
        let Some(room) = self.session.spare() else {
            return Ok(());
        };
        match socket.receive_now(room) {
            Ok(count) => {
                self.session.received(count.unwrap_or_default());
                Ok(())
            }
            Err(source) => Err(self.broken(Outcome::Unknown, source)),
        }
    }
}
