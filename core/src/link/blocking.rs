//! A link over a line that blocks.

use core::time::Duration;

use embedded_io::{ErrorKind, Read, Write};

use super::{Answer, Calling, Error, Payload, Ticket, Work, replies, work};
use crate::call::{Progress, Terms};
use crate::dialect::redis_ipc::Stamp;
use crate::key::Key;
use crate::resp::Reply;
use crate::serve::Serve;
use crate::session::{Incoming, Sequence, Session, Storage};
use crate::write::{TooLong, Writer};

/// A session on a line whose reads and writes wait.
///
/// How long they wait is the line's own affair. One that gives up after a while with `TimedOut`
/// loses nothing: what was to be sent is kept and the operation can be tried again. `Interrupted`
/// reads and writes are tried again here.
///
/// ```
#[doc = include_str!("line.md")]
/// # let line = Line { says: b"+PONG\r\n$5\r\nready\r\n", told: Vec::new() };
/// use redis_ipc_core::{link::blocking::Link, resp::request, session::Session};
///
/// let mut link = Link::new(line, Session::new([0; 64], [0; 64]));
/// let pong = link.ask(|w| request::command(w, &[b"PING"]))?;
/// assert_eq!(pong.bytes(), Some(&b"PONG"[..]));
/// let state = link.ask(|w| request::command(w, &[b"HGET", b"status.printer", b"state"]))?;
/// assert_eq!(state.bytes(), Some(&b"ready"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A call, with what it takes from its caller's identity and clocks:
///
/// ```
#[doc = include_str!("line.md")]
/// # let line = Line {
/// #     says: b":1\r\n*2\r\n$22\r\nqueues.results.ui.main\r\n$38\r\n\
/// #         {\"pages\":2,\"command_id\":\"ui-main-1-0\"}\r\n",
/// #     told: Vec::new(),
/// # };
/// # let elapsed = || Duration::ZERO;
/// # let time = Timestamp { seconds: 1, microseconds: 0 };
/// use core::time::Duration;
/// use redis_ipc_core::dialect::redis_ipc::Timestamp;
/// use redis_ipc_core::link::{Answer, blocking::Link};
/// use redis_ipc_core::{address::Recipient, call::Terms, identity::Identity, session::Session};
/// use redis_ipc_core::name::{Component, Thread};
///
/// let mut ui = Identity::new(Component::parse("ui")?, Thread::parse("main")?, 1, 0)?;
/// let id = ui.next_id();
/// let terms = Terms {
///     queue: &Recipient::parse("printer.print")?.commands_queue()?,
///     results: ui.results_queue(),
///     id: id.as_str(),
///     timeout: Duration::from_secs(5),
///     queue_limit: 100,
/// };
/// let mut link = Link::new(line, Session::new([0; 512], [0; 512]));
/// let answer = link.call(terms, &ui.stamp(time), elapsed, r#"{"file":"a.pdf"}"#)?;
/// assert_eq!(answer, Answer::Result(r#"{"pages":2}"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Link<T, S> {
    line: T,
    session: Session<S>,
    /// Whether the line may hold back bytes that it took.
    unflushed: bool,
}

impl<T: Read + Write, S: Storage> Link<T, S> {
    /// A link over a fresh line.
    pub fn new(line: T, session: Session<S>) -> Self {
        Self {
            line,
            session,
            unflushed: false,
        }
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
        self.unflushed = false;
        core::mem::replace(&mut self.line, line)
    }

    /// Sends what the session has to send; blocks until the line has taken all of it.
    ///
    /// # Errors
    /// [`Error::Line`]; what was not sent is kept.
    pub fn flush(&mut self) -> Result<(), Error<T::Error>> {
        while !self.session.outgoing().is_empty() {
            let taken = uninterrupted(|| self.line.write(self.session.outgoing()))?;
            if taken == 0 {
                return Err(Error::Closed);
            }
            self.session.sent(taken);
            self.unflushed = true;
        }
        if self.unflushed {
            uninterrupted(|| self.line.flush())?;
            self.unflushed = false;
        }
        Ok(())
    }

    /// Blocks until a message is here. Sends nothing: [flush](Self::flush) first.
    ///
    /// # Errors
    /// [`Error::Line`], [`Error::Protocol`], or [`Error::Closed`] at the end of the stream.
    pub fn receive(&mut self) -> Result<Incoming, Error<T::Error>> {
        loop {
            if let Some(incoming) = self.session.poll()? {
                return Ok(incoming);
            }
            let count = uninterrupted(|| self.line.read(self.session.space()))?;
            if count == 0 {
                return Err(Error::Closed);
            }
            self.session.received(count);
        }
    }

    /// Sends what is to be sent and receives, over and over, until `step` has found what it
    /// looks for. Blocks until then.
    ///
    /// When the line is dead for writing, what the server said last is still received.
    ///
    /// # Errors
    /// As with [`flush`](Self::flush) and [`receive`](Self::receive).
    pub fn until<R>(
        &mut self,
        mut step: impl FnMut(&mut Session<S>, Incoming) -> Option<R>,
    ) -> Result<R, Error<T::Error>> {
        loop {
            let incoming = match self.flush() {
                Ok(()) => self.receive()?,
                Err(error) if is_dead(&error) => self.receive().map_err(|_| error)?,
                Err(error) => return Err(error),
            };
            if let Some(found) = step(&mut self.session, incoming) {
                return Ok(found);
            }
        }
    }

    /// Sends one request, which `write` writes, and blocks until its reply is here; it is
    /// readable until the link receives again. An error of the server is a reply as well.
    ///
    /// # Errors
    /// [`Error`]. A reply that comes after all, when the line has timed out, is dropped.
    pub fn ask(
        &mut self,
        mut write: impl FnMut(&mut Writer<'_>),
    ) -> Result<Reply<'_>, Error<T::Error>> {
        let request = self.session.request(|w| {
            write(w);
            Ok::<(), TooLong>(())
        })?;
        self.reply(request)
    }

    /// Blocks until the reply to `request` is here.
    ///
    /// # Errors
    /// [`Error`]; [`Error::OutOfStep`] if that reply was received before.
    pub fn reply(&mut self, request: Sequence) -> Result<Reply<'_>, Error<T::Error>> {
        if !self.session.awaits(request) {
            return Err(Error::OutOfStep);
        }
        self.until(|_, incoming| replies(request, incoming))?
            .map_err(Error::ReplyTooLong)?;
        Ok(self.session.frame())
    }

    /// Calls: pushes a command with the object that `payload` is, and blocks until it is
    /// answered or `terms.timeout` is over and the command has been taken back.
    ///
    /// `now` is the time since some fixed moment.
    ///
    /// # Errors
    /// [`Error`]. A line that times out while there is time left for the call is asked again.
    pub fn call(
        &mut self,
        terms: Terms<'_>,
        stamp: &Stamp<'_>,
        mut now: impl FnMut() -> Duration,
        payload: impl Payload,
    ) -> Result<Answer<'_>, Error<T::Error>> {
        let mut calling = self.begin(terms, stamp, now(), payload)?;
        match self.drive(&mut calling, now) {
            Ok(end) => calling.answer(&mut self.session, end),
            Err(error) => {
                calling.give_up(&mut self.session);
                Err(error)
            }
        }
    }

    /// Begins a call; its command goes out with the next [`flush`](Self::flush).
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

    /// Blocks until a call has ended. After an error the call is still under way: the line can be
    /// [replaced](Self::replace_line), the command [taken back](Calling::take_back) and the call
    /// finished then.
    ///
    /// # Errors
    /// As with [`call`](Self::call).
    pub fn finish(
        &mut self,
        calling: &mut Calling<'_>,
        now: impl FnMut() -> Duration,
    ) -> Result<Answer<'_>, Error<T::Error>> {
        let end = self.drive(calling, now)?;
        calling.answer(&mut self.session, end)
    }

    fn drive(
        &mut self,
        calling: &mut Calling<'_>,
        mut now: impl FnMut() -> Duration,
    ) -> Result<Progress, Error<T::Error>> {
        loop {
            // A server that is alive says within one time-out of the line that time is up.
            let late = now() >= calling.deadline();
            match self.until(|session, incoming| calling.step(session, incoming, now())) {
                Err(error) if !late && is_time_out(&error) => {}
                Err(error) => return Err(error),
                Ok(end) => {
                    // Sends what takes a command back whose wait was refused. If the line fails now,
                    // the next request tells; what this call came to is known.
                    let _ = self.flush();
                    return Ok(end?);
                }
            }
        }
    }

    /// Asks for the next command of `queues`, the first of them first, unless that was done
    /// already, and blocks until there is one, or something else to be told.
    ///
    /// # Errors
    /// [`Error`]. After a time-out of the line go on serving: the server still waits.
    pub fn serve(
        &mut self,
        serve: &mut Serve,
        queues: &[Key],
    ) -> Result<Work<'_>, Error<T::Error>> {
        if !serve.asked() {
            serve.ask(&mut self.session, queues)?;
        }
        let incoming = self.until(|_, incoming| serve.expects(incoming).then_some(incoming))?;
        work::of_turn(serve.handle(&mut self.session, incoming, queues))
    }

    /// Sends the answer to a job, the object that `payload` is, and asks for the next command
    /// in the same write. Whether the server took it is told by [`serve`](Self::serve).
    ///
    /// While the server waits for a next command already, since `serve` was called again in the
    /// meantime, the answer waits for that one: a component that keeps jobs answers them on
    /// another line.
    ///
    /// # Errors
    /// [`Error`]; after [`Error::RequestTooLong`] and [`Error::Payload`] answer something else,
    /// the caller waits.
    pub fn answer(
        &mut self,
        serve: &mut Serve,
        queues: &[Key],
        ticket: &Ticket,
        stamp: &Stamp<'_>,
        payload: impl Payload,
    ) -> Result<(), Error<T::Error>> {
        work::answer(&mut self.session, serve, queues, ticket, stamp, &payload)?;
        self.flush()
    }
}

/// Tries again as often as it was interrupted.
fn uninterrupted<R, E: embedded_io::Error>(
    mut attempt: impl FnMut() -> Result<R, E>,
) -> Result<R, Error<E>> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done.map_err(Error::Line),
        }
    }
}

fn is_time_out<E: embedded_io::Error>(error: &Error<E>) -> bool {
    matches!(error, Error::Line(error) if error.kind() == ErrorKind::TimedOut)
}

/// Whether the line is at its end, so that reading from it does not wait.
fn is_dead<E: embedded_io::Error>(error: &Error<E>) -> bool {
    let Error::Line(error) = error else {
        return false;
    };
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted
    )
}
