//! Requests that are executed as one: WATCH, MULTI, EXEC.
//!
//! A transaction is written down first and goes out as a whole, from MULTI to EXEC, so a server
//! never holds half of one and there is nothing to DISCARD.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use redis_ipc_core::resp::{Elements, Reply, request};
use redis_ipc_core::session::Sequence;
use redis_ipc_core::write::{TooLong, Writer};

use super::{Connection, Deadline};
use crate::error::{Error, Outcome, ServerError};

/// Requests to be executed as one, without another client's in between.
///
/// Writing it down does no input or output and cannot fail; [`Connection::exec`] or
/// [`Watch::exec`] sends it, as often as it is wanted. Allocates one buffer that holds the
/// requests as they go out; all of them together must fit
/// [`Options::message_limit`](crate::Options::message_limit).
///
/// ```
/// use redis_ipc::Transaction;
///
/// let mut sale = Transaction::new();
/// sale.command(&["DECR", "stock"]).command(&["RPUSH", "sold", "lamp"]);
/// assert_eq!(sale.len(), 2);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Transaction {
    /// The requests in RESP.
    requests: Vec<u8>,
    count: u32,
}

impl Transaction {
    /// Without requests yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a request.
    pub fn command<A: AsRef<[u8]>>(&mut self, parts: &[A]) -> &mut Self {
        let mut measure = Writer::new(&mut []);
        super::write_command(&mut measure, parts);
        let start = self.requests.len();
        self.requests.resize(start + measure.len(), 0);
        let room = self.requests.get_mut(start..).unwrap_or_default();
        super::write_command(&mut Writer::new(room), parts);
        self.count += 1;
        self
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

    /// Takes all requests out; the buffer is kept.
    pub fn clear(&mut self) {
        self.requests.clear();
        self.count = 0;
    }

    fn write(&self, w: &mut Writer<'_>) -> Result<(), TooLong> {
        request::command(w, &[b"MULTI"]);
        w.put(&self.requests);
        request::command(w, &[b"EXEC"]);
        Ok(())
    }

    /// Requests on the wire: its own, MULTI and EXEC.
    fn on_wire(&self) -> u32 {
        self.count + 2
    }
}

/// What a server made of a transaction; the replies are the connection's present frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Executed {
    Yes,
    Conflict,
}

impl Connection {
    /// Executes a transaction and returns the replies to its requests, in their order. Blocks
    /// until they are here, at most [`Options::reply_limit`](crate::Options::reply_limit).
    ///
    /// `None` says that nothing was executed because a key that was [watched](Self::watch) has
    /// changed.
    ///
    /// ```no_run
    /// use redis_ipc::Transaction;
    ///
    /// # let mut server = redis_ipc::Connection::open(&"/tmp/s".parse()?)?;
    /// let mut sale = Transaction::new();
    /// sale.command(&["DECR", "stock"]).command(&["RPUSH", "sold", "lamp"]);
    /// if let Some(mut replies) = server.exec(&sale)? {
    ///     assert_eq!(replies.next().and_then(|reply| reply.integer()), Some(6));
    /// }
    /// # Ok::<(), redis_ipc::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Server`] with the server's words:
    /// - [rejected](crate::Outcome::Rejected) if it refused one of the requests beforehand, and
    ///   so all of them;
    /// - [unknown](crate::Outcome::Unknown) if one failed while they were executed: Redis takes
    ///   nothing back, the others **have** been executed ([`exec_each`](Self::exec_each) tells
    ///   which).
    ///
    /// [`Error::TooLong`] if it does not fit the buffer; else what broke.
    pub fn exec(&mut self, transaction: &Transaction) -> Result<Option<Elements<'_>>, Error> {
        let executed = self.execute(transaction, None)?;
        self.all_well(executed)
    }

    /// As [`exec`](Self::exec), but a request that failed while the others were executed is an
    /// error reply among theirs.
    ///
    /// # Errors
    /// As with [`exec`](Self::exec), but for the failed request.
    pub fn exec_each(&mut self, transaction: &Transaction) -> Result<Option<Elements<'_>>, Error> {
        let executed = self.execute(transaction, None)?;
        Ok(self.replies_if(executed))
    }

    /// Has the server watch keys: WATCH. A transaction that is then executed with
    /// [`Watch::exec`] comes to nothing if somebody has changed one of them meanwhile.
    ///
    /// ```no_run
    /// use redis_ipc::Transaction;
    ///
    /// # let mut server = redis_ipc::Connection::open(&"/tmp/s".parse()?)?;
    /// let sold = loop {
    ///     let mut watch = server.watch(&["stock"])?;
    ///     let stock = watch.get("stock")?;
    ///     if stock.is_none_or(|stock| stock == b"0") {
    ///         break false;
    ///     }
    ///     let mut sale = Transaction::new();
    ///     sale.command(&["DECR", "stock"]).command(&["RPUSH", "sold", "lamp"]);
    ///     if watch.exec(&sale)?.is_some() {
    ///         break true;
    ///     }
    /// };
    /// # Ok::<(), redis_ipc::Error>(())
    /// ```
    ///
    /// # Errors
    /// The server's error or what broke.
    pub fn watch<A: AsRef<[u8]>>(&mut self, keys: &[A]) -> Result<Watch<'_>, Error> {
        // A watch that ends with its connection has done nothing: it may be asked for again.
        let reply = self.ask_again(|w| {
            request::array(w, keys.len() + 1);
            request::bulk(w, b"WATCH");
            for key in keys {
                request::bulk(w, key.as_ref());
            }
        });
        reply.map(drop)?;
        Ok(Watch {
            generation: self.generation,
            connection: self,
            watching: true,
        })
    }

    /// Sends a transaction and reads its replies up to the last one. With `watched_on`, only on
    /// that connection: on any other, nobody watches.
    fn execute(
        &mut self,
        transaction: &Transaction,
        watched_on: Option<u32>,
    ) -> Result<Executed, Error> {
        let deadline = Deadline::after(self.options.reply_limit);
        let (count, write) = (transaction.on_wire(), |w: &mut Writer<'_>| {
            transaction.write(w)
        });
        let multi = match watched_on {
            None => self.send(count, deadline, write)?,
            Some(generation) => {
                self.ensure_alive_for(deadline)?;
                if self.generation != generation {
                    return Ok(Executed::Conflict);
                }
                let first = self.session.requests(count, write)?;
                // Not sent again by itself: the keys would not be watched.
                self.flush(deadline)?;
                first
            }
        };
        let refused = self.await_queued(multi, count - 1, deadline)?;
        self.await_reply(multi.after(count - 1), self.received_by(deadline))?;
        match (self.session.frame(), refused) {
            (Reply::Array(_), Some(error)) => Err(error.or_partial(true).into()),
            (_, Some(error)) => Err(error.into()),
            (Reply::Null, None) => Ok(Executed::Conflict),
            (Reply::Error(error), None) => Err(ServerError::new(&error).into()),
            (Reply::Array(_), None) => Ok(Executed::Yes),
            (reply, None) => Err(Error::unexpected_reply("EXEC", &reply)),
        }
    }

    /// Reads the replies to MULTI and to the requests behind it; returns the first refusal.
    fn await_queued(
        &mut self,
        multi: Sequence,
        count: u32,
        deadline: Deadline,
    ) -> Result<Option<ServerError>, Error> {
        let mut refused = None;
        let mut executed = false;
        for number in 0..count {
            self.await_reply(multi.after(number), self.received_by(deadline))?;
            match self.session.frame() {
                Reply::Error(error) => {
                    refused.get_or_insert_with(|| ServerError::new(&error));
                }
                // Where MULTI itself was refused, what follows is executed piece by piece.
                reply => executed |= reply != Reply::Simple(b"QUEUED") && number > 0,
            }
        }
        Ok(refused.map(|error| error.or_partial(executed)))
    }

    fn all_well(&self, executed: Executed) -> Result<Option<Elements<'_>>, Error> {
        let Some(replies) = self.replies_if(executed) else {
            return Ok(None);
        };
        match replies.clone().find_map(|reply| reply.error()) {
            Some(error) => Err(ServerError::inside(&error).into()),
            None => Ok(Some(replies)),
        }
    }

    fn replies_if(&self, executed: Executed) -> Option<Elements<'_>> {
        match executed {
            Executed::Yes => self.session.frame().elements(),
            Executed::Conflict => None,
        }
    }
}

/// A connection on which keys are watched, until a transaction is executed on it. It can be
/// talked on as on any connection; if it is dropped before, the keys are let go with the
/// connection's next request.
#[derive(Debug)]
pub struct Watch<'c> {
    connection: &'c mut Connection,
    /// The connection that the server knows the watch by.
    generation: u32,
    watching: bool,
}

impl Watch<'_> {
    /// Executes a transaction unless one of the watched keys has changed; returns the replies
    /// to its requests, in their order. The keys are not watched any longer afterwards.
    ///
    /// `None` says that nothing was executed: a key has changed, or the connection was made
    /// anew since they were watched, so that nobody knows. Watch, read and try again.
    ///
    /// # Errors
    /// As with [`Connection::exec`].
    pub fn exec(&mut self, transaction: &Transaction) -> Result<Option<Elements<'_>>, Error> {
        let executed = self.execute(transaction)?;
        self.connection.all_well(executed)
    }

    /// As [`exec`](Self::exec), but a request that failed while the others were executed is an
    /// error reply among theirs.
    ///
    /// # Errors
    /// As with [`Connection::exec_each`].
    pub fn exec_each(&mut self, transaction: &Transaction) -> Result<Option<Elements<'_>>, Error> {
        let executed = self.execute(transaction)?;
        Ok(self.connection.replies_if(executed))
    }

    fn execute(&mut self, transaction: &Transaction) -> Result<Executed, Error> {
        let watched = std::mem::take(&mut self.watching);
        if !watched {
            return Err(Error::Usage(
                "the keys are not watched any longer: a transaction was executed since",
            ));
        }
        self.connection
            .execute(transaction, Some(self.generation))
            .inspect_err(|error| self.watching = error.outcome() == Outcome::NotSent)
    }
}

impl Deref for Watch<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl DerefMut for Watch<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection
    }
}

impl Drop for Watch<'_> {
    /// Lets the keys go, without waiting for the server's word.
    fn drop(&mut self) {
        let connection = &mut *self.connection;
        let gone = !connection.is_connected() || connection.generation != self.generation;
        if gone || !self.watching {
            return;
        }
        let unwatch = connection.session.request(|w| {
            request::command(w, &[b"UNWATCH"]);
            Ok::<(), TooLong>(())
        });
        // What cannot be sent at once ends the connection, and the watch with it.
        match unwatch {
            Ok(_) => drop(connection.flush(Deadline::after(Duration::ZERO))),
            Err(_) => connection.disconnect(),
        }
    }
}
