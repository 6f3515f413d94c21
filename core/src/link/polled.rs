//! A link over a line that is never waited for.

use core::time::Duration;

use embedded_io::{Error as _, ErrorKind, Read, ReadReady, Write, WriteReady};

use super::{Answer, Calling, Error, Payload, Ticket, Work, replies, work};
use crate::call::Terms;
use crate::dialect::redis_ipc::Stamp;
use crate::key::Key;
use crate::resp::Reply;
use crate::serve::{Serve, Turn, woken::Woken};
use crate::session::{Incoming, Sequence, Session, Storage};
use crate::write::Writer;

/// A session on a line that says whether it is ready.
///
/// Nothing here blocks: what cannot go on now is [`nb::Error::WouldBlock`] and goes on where it
/// was when it is called again, bytes sent in part included. `Interrupted` reads and writes are
/// tried again at once. The line has to send by itself what it took: [`Write::flush`], which may
/// block, is never called.
///
/// ```
#[doc = include_str!("line.md")]
/// # let line = Line { says: b"+PONG\r\n", told: Vec::new() };
/// use redis_ipc_core::{link::polled::Link, resp::request, session::Session};
///
/// let mut link = Link::new(line, Session::new([0; 64], [0; 64]));
/// let ping = link.ask(|w| request::command(w, &[b"PING"]))?;
/// let pong = loop {
///     match link.reply(ping) {
///         Err(nb::Error::WouldBlock) => { /* the rest of the program */ }
///         Err(nb::Error::Other(error)) => return Err(error.into()),
///         Ok(reply) => break reply,
///     }
/// };
/// assert_eq!(pong.bytes(), Some(&b"PONG"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Link<T, S> {
    line: T,
    session: Session<S>,
}

impl<T: Read + Write + ReadReady + WriteReady, S: Storage> Link<T, S> {
    /// A link over a fresh line.
    pub fn new(line: T, session: Session<S>) -> Self {
        Self { line, session }
    }

    /// The session: to write requests into, and for its machines to look at.
    pub fn session(&mut self) -> &mut Session<S> {
        &mut self.session
    }

    /// The line.
    pub fn line(&mut self) -> &mut T {
        &mut self.line
    }

    /// The line, when the link is done with.
    pub fn into_line(self) -> T {
        self.line
    }

    /// Goes on with a new line, of which the server knows nothing yet, and returns the old one.
    /// What waited to be sent is forgotten, but not the command of a call that is under way. What
    /// serves or listens on this link has to be reset as well.
    pub fn replace_line(&mut self, line: T) -> T {
        self.session.reset();
        core::mem::replace(&mut self.line, line)
    }

    /// Sends what the line takes now; done when nothing is left.
    ///
    /// # Errors
    /// `WouldBlock` while something is left, or [`Error::Line`]; what was not sent is kept.
    pub fn flush(&mut self) -> nb::Result<(), Error<T::Error>> {
        while !self.session.outgoing().is_empty() {
            if !self.line.write_ready().map_err(Error::Line)? {
                return Err(nb::Error::WouldBlock);
            }
            match self.line.write(self.session.outgoing()) {
                Ok(0) => return Err(Error::Closed.into()),
                Ok(taken) => self.session.sent(taken),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Line(error).into()),
            }
        }
        Ok(())
    }

    /// Sends what the line takes now, then looks for the next message.
    ///
    /// When the line is dead for writing, what the server said last still comes before the error.
    ///
    /// # Errors
    /// `WouldBlock` while there is none, else [`Error::Line`], [`Error::Protocol`], or
    /// [`Error::Closed`] at the end of the stream.
    pub fn poll(&mut self) -> nb::Result<Incoming, Error<T::Error>> {
        let flushed = self.flush();
        self.receive().map_err(|error| match flushed {
            Err(nb::Error::Other(earlier)) => earlier.into(),
            _ => error,
        })
    }

    fn receive(&mut self) -> nb::Result<Incoming, Error<T::Error>> {
        loop {
            if let Some(incoming) = self.session.poll().map_err(Error::from)? {
                return Ok(incoming);
            }
            if !self.line.read_ready().map_err(Error::Line)? {
                return Err(nb::Error::WouldBlock);
            }
            match self.line.read(self.session.space()) {
                Ok(0) => return Err(Error::Closed.into()),
                Ok(count) => self.session.received(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Line(error).into()),
            }
        }
    }

    /// [Polls](Self::poll) until `step` has found what it looks for among what is here.
    ///
    /// # Errors
    /// As with [`poll`](Self::poll).
    pub fn until<R>(
        &mut self,
        mut step: impl FnMut(&mut Session<S>, Incoming) -> Option<R>,
    ) -> nb::Result<R, Error<T::Error>> {
        loop {
            let incoming = self.poll()?;
            if let Some(found) = step(&mut self.session, incoming) {
                return Ok(found);
            }
        }
    }

    /// Puts one request, which `write` writes, among what is to be sent.
    ///
    /// # Errors
    /// [`Error::RequestTooLong`].
    pub fn ask(
        &mut self,
        mut write: impl FnMut(&mut Writer<'_>),
    ) -> Result<Sequence, Error<T::Error>> {
        self.session.request(|w| {
            write(w);
            Ok(())
        })
    }

    /// The reply to `request`, readable until the link receives again. An error of the server is
    /// a reply as well.
    ///
    /// # Errors
    /// `WouldBlock` until it is here, else [`Error`]; [`Error::OutOfStep`] if that reply was
    /// received before.
    pub fn reply(&mut self, request: Sequence) -> nb::Result<Reply<'_>, Error<T::Error>> {
        if !self.session.awaits(request) {
            return Err(Error::OutOfStep.into());
        }
        self.until(|_, incoming| replies(request, incoming))?
            .map_err(Error::ReplyTooLong)?;
        Ok(self.session.frame())
    }

    /// Begins a call: puts a command with the object that `payload` is among what is to be
    /// sent. `now` is the time since some fixed moment.
    ///
    /// # Errors
    /// [`Error::RequestTooLong`], [`Error::Payload`].
    pub fn begin<'k>(
        &mut self,
        terms: Terms<'k>,
        stamp: &Stamp<'_>,
        now: Duration,
        payload: impl Payload,
    ) -> Result<Calling<'k>, Error<T::Error>> {
        Calling::begin(&mut self.session, terms, stamp, now, &payload)
    }

    /// Goes on with a call; done when it is answered, or time was up and the command has been
    /// taken back.
    ///
    /// It is the server that says when time is up. If it says nothing, this goes on to return
    /// `WouldBlock`: some time after the call's [deadline](Calling::deadline) take the line for
    /// dead and [replace](Self::replace_line) it, then the command can be
    /// [taken back](Calling::take_back).
    ///
    /// # Errors
    /// `WouldBlock` until then, else [`Error`], after which the call is still under way.
    pub fn finish(
        &mut self,
        calling: &mut Calling<'_>,
        now: Duration,
    ) -> nb::Result<Answer<'_>, Error<T::Error>> {
        let end = self.until(|session, incoming| calling.step(session, incoming, now))?;
        let end = end.map_err(Error::from)?;
        Ok(calling.answer(&mut self.session, end)?)
    }

    /// Asks for the next command of `queues`, the first of them first, unless that was done
    /// already, and looks whether there is one, or something else to be told.
    ///
    /// # Errors
    /// `WouldBlock` while there is nothing, else [`Error`].
    pub fn serve(
        &mut self,
        serve: &mut Serve,
        queues: &[Key],
    ) -> nb::Result<Work<'_>, Error<T::Error>> {
        if !serve.asked() {
            serve.ask(&mut self.session, queues).map_err(Error::from)?;
        }
        let incoming = self.until(|_, incoming| serve.expects(incoming).then_some(incoming))?;
        Ok(work::of_turn(serve.handle(
            &mut self.session,
            incoming,
            queues,
        ))?)
    }

    /// Puts the answer to a job, the object that `payload` is, and the wait for the next
    /// command among what is to be sent. Whether the server took it is told by
    /// [`serve`](Self::serve).
    ///
    /// While the server waits for a next command already, since `serve` was called again in the
    /// meantime, the answer waits for that one: a component that keeps jobs answers them on
    /// another line.
    ///
    /// # Errors
    /// [`Error::RequestTooLong`], [`Error::Payload`]: answer something else, the caller waits.
    pub fn answer(
        &mut self,
        serve: &mut Serve,
        queues: &[Key],
        ticket: &Ticket,
        stamp: &Stamp<'_>,
        payload: impl Payload,
    ) -> Result<(), Error<T::Error>> {
        work::answer(&mut self.session, serve, queues, ticket, stamp, &payload)
    }

    /// Shows a message that [`poll`](Self::poll) found to a machine that serves without ever
    /// waiting; `None` if it is not for this machine alone. Ask for commands with
    /// [`Woken::ask`] on the [`session`](Self::session).
    ///
    /// ```
    #[doc = include_str!("line.md")]
    /// # let line = Line {
    /// #     says: b"$70\r\n{\"all\":true,\"results_queue\":\"queues.results.ui.main\",\"command_id\":\"7\"}\r\n",
    /// #     told: Vec::new(),
    /// # };
    /// use redis_ipc_core::dialect::redis_ipc::{Stamp, Timestamp};
    /// use redis_ipc_core::link::{Work, polled::Link};
    /// use redis_ipc_core::{address::Recipient, serve::woken::Woken, session::Session};
    ///
    /// let queues = [Recipient::parse("sensor")?.commands_queue()?];
    /// let mut link = Link::new(line, Session::new([0; 256], [0; 256]));
    /// let mut woken = Woken::new();
    /// woken.ask(link.session(), &queues)?;
    /// let incoming = link.poll().map_err(|_| "nothing came")?;
    /// let Some(Work::Job(job)) = link.look(&mut woken, &queues, incoming)? else {
    ///     return Err("no job".into());
    /// };
    /// assert_eq!(job.payload, r#"{"all":true}"#);
    /// let timestamp = Timestamp { seconds: 1, microseconds: 0 };
    /// let stamp = Stamp { timestamp, component: "sensor", thread: "main", tid: 1 };
    /// let ticket = job.ticket();
    /// link.settle(&mut woken, &queues, &ticket, &stamp, r#"{"temperature":215}"#)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfStep`].
    pub fn look(
        &mut self,
        woken: &mut Woken,
        queues: &[Key],
        incoming: Incoming,
    ) -> Result<Option<Work<'_>>, Error<T::Error>> {
        match woken.handle(&mut self.session, incoming, queues) {
            Turn::Foreign => Ok(None),
            turn => work::of_turn(turn).map(Some),
        }
    }

    /// Puts the answer to a job that [`look`](Self::look) found, the object that `payload` is,
    /// among what is to be sent, with the pop of the next command behind it.
    ///
    /// # Errors
    /// [`Error::RequestTooLong`], [`Error::Payload`]: answer something else, the caller waits.
    pub fn settle(
        &mut self,
        woken: &mut Woken,
        queues: &[Key],
        ticket: &Ticket,
        stamp: &Stamp<'_>,
        payload: impl Payload,
    ) -> Result<(), Error<T::Error>> {
        work::answer_woken(&mut self.session, woken, queues, ticket, stamp, &payload)
    }
}
