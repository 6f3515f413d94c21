//! A call: one command, and the wait for its result.
//!
//! The command and the pop that waits for its result go out in one write, so a call costs one
//! turn of the line less than the original's four steps. The machine writes requests into a
//! [`Session`] and is handed what the session finds; it has no clock (`now` is the time since
//! some fixed moment, the same one in every call) and no line.
//!
//! ```text
//!            RPUSH command, BLPOP results
//!   begin ────────────────────────────────▶ waiting ──result of ours──▶ Answered
//!                                            │  ▲ result of an older call: dropped, BLPOP again
//!                                            │  └───────────────────────┐
//!                            time is up (nil)│
//!                                            ▼ LREM command, LPOP results
//!                                       taking back ──removed──▶ NotTaken
//!                                            ├──────not there──▶ Unanswered
//!                                            └──refused──▶ TakeBackRefused
//! ```

use core::time::Duration;

use crate::dialect::redis_ipc::read_result;
use crate::key::Key;
use crate::resp::{Reply, request};
use crate::session::{Incoming, Kept, Sequence, Session, Storage};
use crate::write::{TooLong, Writer};

/// What a call asks of whom.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'k> {
    /// The command queue.
    pub queue: &'k Key,
    /// Where the result is to be pushed.
    pub results: &'k Key,
    /// The command's id; the command itself must bear it.
    pub id: &'k str,
    /// How long to wait for the result.
    pub timeout: Duration,
    /// How many commands may wait in the queue, this one included.
    pub queue_limit: u64,
}

/// How a call stands after a message was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is decided; goes on when more arrives.
    Waiting,
    /// The result is here: [`Call::result`].
    Answered,
    /// Time was up, and the command was still in its queue: it was taken out, nobody has seen it.
    NotTaken,
    /// Time was up; somebody has taken the command and may still execute it.
    Unanswered,
    /// Time was up, and the server refused to take the command out of its queue, with the error
    /// in the session's frame. It may still be executed.
    TakeBackRefused,
    /// More commands wait than [`Terms::queue_limit`] allows. The pop for the result is still in
    /// flight: the line has to be replaced, then [`Call::take_back`] removes the command.
    Overloaded {
        /// How many wait, this one included.
        length: u64,
    },
    /// The server refused the command, with the error in the session's frame; it was not queued.
    /// The pop for the result is still in flight: the line has to be replaced.
    CommandRefused,
    /// The server refused to wait for the result, with the error in the session's frame. The
    /// command was queued but cannot be answered; [`Call::take_back`] removes it if nobody took
    /// it yet.
    WaitRefused,
    /// A result does not fit the inbox; it was dropped.
    ResultTooLong(TooLong),
    /// A reply of a type that the request cannot have: the line is out of step.
    OutOfStep,
}

/// A call under way.
#[derive(Debug)]
pub struct Call<'k> {
    terms: Terms<'k>,
    kept: Kept,
    deadline: Duration,
    state: State,
    stale: u32,
    result: Option<Found>,
}

/// Where the result stands in the session's frame.
#[derive(Debug, Clone, Copy)]
struct Found {
    /// The length of the whole message, with which the frame ends.
    message: usize,
    /// Where in the message the payload begins.
    start: usize,
    /// The payload's length.
    length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Pushing {
        push: Sequence,
    },
    Waiting {
        pop: Sequence,
    },
    TakingBack {
        remove: Sequence,
        removed: bool,
        /// Looks for a result that came in the meantime.
        pop: Sequence,
        /// How many such looks are left.
        looks: u8,
    },
    Over,
}

impl<'k> Call<'k> {
    /// Sends a command. `write` writes the whole message; it may be called twice and must write
    /// the same each time.
    ///
    /// # Errors
    /// What `write` returns, or [`TooLong`] if the outbox cannot hold the message; nothing was
    /// sent then.
    pub fn begin<S: Storage, E: From<TooLong>>(
        session: &mut Session<S>,
        terms: Terms<'k>,
        now: Duration,
        mut write: impl FnMut(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut body = 0..0;
        let push = session.requests(2, |w| {
            request::array(w, 3);
            request::bulk(w, b"RPUSH");
            request::bulk(w, terms.queue.as_bytes());
            let header = w.len();
            let mut written = Ok(());
            request::bulk_with(w, |w| written = write(w));
            written?;
            body = header..w.len();
            request::blpop(w, terms.results.as_bytes(), terms.timeout);
            reserve(w);
            Ok::<(), E>(())
        })?;
        Ok(Self {
            terms,
            kept: session.keep(body),
            deadline: now.saturating_add(terms.timeout),
            state: State::Pushing { push },
            stale: 0,
            result: None,
        })
    }

    /// When the wait for the result is over, on the clock of `now`.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// How many results of older calls were dropped on the way.
    #[must_use]
    pub fn stale_results(&self) -> u32 {
        self.stale
    }

    /// Looks at what the session found. Messages that are not this call's are left alone.
    ///
    /// # Errors
    /// [`TooLong`] if the outbox has no room for the next request.
    pub fn handle<S: Storage>(
        &mut self,
        session: &mut Session<S>,
        incoming: Incoming,
        now: Duration,
    ) -> Result<Progress, TooLong> {
        let progress = match incoming {
            Incoming::TooLong { of, error } if self.expects(of) => Progress::ResultTooLong(error),
            Incoming::Reply(of) => self.reply(session, of, now)?,
            _ => Progress::Waiting,
        };
        match progress {
            // The command may still be taken back, so its bytes stay kept.
            Progress::Waiting | Progress::Overloaded { .. } | Progress::WaitRefused => {}
            _ => self.end(session),
        }
        Ok(progress)
    }

    /// The result, after [`Progress::Answered`] and until the session is polled again: one JSON
    /// object with the members of the one who answered; else empty.
    pub fn result<'s, S: Storage>(&self, session: &'s mut Session<S>) -> &'s str {
        let Some(found) = self.result else {
            return "";
        };
        let message = session.last_bulk_mut(found.message);
        let text = message.get(found.start..found.start + found.length);
        core::str::from_utf8(text.unwrap_or_default()).unwrap_or_default()
    }

    /// Asks for the command to be taken out of its queue, and for a result that came in the
    /// meantime. Done by itself when the server says that time is up; to be called when the
    /// server said nothing by then and the line was replaced.
    ///
    /// # Errors
    /// [`TooLong`] if the outbox has no room.
    pub fn take_back<S: Storage>(&mut self, session: &mut Session<S>) -> Result<(), TooLong> {
        let queue = self.terms.queue;
        let remove = session.resend(&mut self.kept, |w| {
            request::array(w, 4);
            request::bulk(w, b"LREM");
            request::bulk(w, queue.as_bytes());
            // From the tail, where the youngest commands stand.
            request::bulk(w, b"-1");
        })?;
        let pop = self.look(session)?;
        self.state = State::TakingBack {
            remove,
            removed: false,
            pop,
            looks: MAX_LOOKS,
        };
        Ok(())
    }

    /// Ends the wait now: time is up, whatever was agreed before.
    pub fn hurry(&mut self, now: Duration) {
        self.deadline = self.deadline.min(now);
    }

    /// Asks for a result that is there, without waiting for one.
    fn look<S: Storage>(&self, session: &mut Session<S>) -> Result<Sequence, TooLong> {
        session.request(|w| {
            request::command(w, &[b"LPOP", self.terms.results.as_bytes()]);
            Ok(())
        })
    }

    /// Ends the call without looking at what became of it.
    pub fn give_up<S: Storage>(&mut self, session: &mut Session<S>) {
        self.end(session);
    }

    fn expects(&self, of: Option<Sequence>) -> bool {
        match self.state {
            State::Pushing { push } => of == Some(push) || of == Some(push.after(1)),
            State::Waiting { pop } => of == Some(pop),
            State::TakingBack { remove, pop, .. } => of == Some(remove) || of == Some(pop),
            State::Over => false,
        }
    }

    fn end<S: Storage>(&mut self, session: &mut Session<S>) {
        self.state = State::Over;
        session.release();
    }

    fn reply<S: Storage>(
        &mut self,
        session: &mut Session<S>,
        of: Sequence,
        now: Duration,
    ) -> Result<Progress, TooLong> {
        match self.state {
            State::Pushing { push } if of == push => Ok(self.pushed(session.frame(), push)),
            State::Waiting { pop } if of == pop => self.popped(session, now),
            State::TakingBack { remove, .. } if of == remove => Ok(self.removed(session.frame())),
            State::TakingBack { pop, .. } if of == pop => self.taken_back(session, now),
            _ => Ok(Progress::Waiting),
        }
    }

    fn pushed(&mut self, reply: Reply<'_>, push: Sequence) -> Progress {
        let length = match reply {
            Reply::Integer(length) => u64::try_from(length).unwrap_or_default(),
            Reply::Error(_) => return Progress::CommandRefused,
            _ => return Progress::OutOfStep,
        };
        self.state = State::Waiting { pop: push.after(1) };
        if length > self.terms.queue_limit {
            return Progress::Overloaded { length };
        }
        Progress::Waiting
    }

    fn popped<S: Storage>(
        &mut self,
        session: &mut Session<S>,
        now: Duration,
    ) -> Result<Progress, TooLong> {
        let message = match session.frame() {
            Reply::Null => None,
            Reply::Array(mut item) => item.nth(1).and_then(|m| m.bytes().map(<[u8]>::len)),
            Reply::Error(_) => return Ok(Progress::WaitRefused),
            _ => return Ok(Progress::OutOfStep),
        };
        if let Some(length) = message {
            if self.is_ours(session, length) {
                return Ok(Progress::Answered);
            }
            self.stale = self.stale.saturating_add(1);
        }
        self.wait_on(session, now)?;
        Ok(Progress::Waiting)
    }

    /// Whether the last `length` bytes of the frame are our result; notes where it stands.
    fn is_ours<S: Storage>(&mut self, session: &mut Session<S>, length: usize) -> bool {
        let message = session.last_bulk_mut(length);
        let first = message.as_ptr().addr();
        let Ok(result) = read_result(message) else {
            return false;
        };
        if result.command_id != self.terms.id {
            return false;
        }
        // The payload is a part of the message.
        self.result = Some(Found {
            message: length,
            start: result.payload.as_ptr().addr().saturating_sub(first),
            length: result.payload.len(),
        });
        true
    }

    /// Waits for what is left of the time; the server's clock may have run ahead of ours.
    fn wait_on<S: Storage>(
        &mut self,
        session: &mut Session<S>,
        now: Duration,
    ) -> Result<(), TooLong> {
        let left = self.deadline.saturating_sub(now);
        if left < Duration::from_millis(1) {
            return self.take_back(session);
        }
        let results = self.terms.results;
        let pop = session.request(|w| {
            request::blpop(w, results.as_bytes(), left);
            Ok::<(), TooLong>(())
        })?;
        self.state = State::Waiting { pop };
        Ok(())
    }

    fn removed(&mut self, reply: Reply<'_>) -> Progress {
        match (reply, &mut self.state) {
            (Reply::Integer(count), State::TakingBack { removed, .. }) => {
                *removed = count > 0;
                Progress::Waiting
            }
            (Reply::Error(_), _) => Progress::TakeBackRefused,
            _ => Progress::OutOfStep,
        }
    }

    fn taken_back<S: Storage>(
        &mut self,
        session: &mut Session<S>,
        now: Duration,
    ) -> Result<Progress, TooLong> {
        if let Some(length) = session.frame().bytes().map(<[u8]>::len) {
            if self.is_ours(session, length) {
                return Ok(Progress::Answered);
            }
            self.stale = self.stale.saturating_add(1);
            if self.look_again(session)? {
                return Ok(Progress::Waiting);
            }
        }
        if matches!(self.state, State::TakingBack { removed: true, .. }) {
            return Ok(Progress::NotTaken);
        }
        if self.deadline.saturating_sub(now) < Duration::from_millis(1) {
            return Ok(Progress::Unanswered);
        }
        // Taken back before its time, for whatever reason; but somebody is at work on it.
        self.wait_on(session, now)?;
        Ok(Progress::Waiting)
    }

    /// Behind a result of an older call there may be ours.
    fn look_again<S: Storage>(&mut self, session: &mut Session<S>) -> Result<bool, TooLong> {
        if !matches!(self.state, State::TakingBack { looks: 1.., .. }) {
            return Ok(false);
        }
        let next = self.look(session)?;
        if let State::TakingBack { pop, looks, .. } = &mut self.state {
            *pop = next;
            *looks -= 1;
        }
        Ok(true)
    }
}

/// How many results of older calls are looked behind while a command is taken back.
const MAX_LOOKS: u8 = 16;

/// Bytes by which a later pop may be longer than the first: milliseconds, and one more digit in
/// the length of the time.
const LONGER_POP: usize = ".999".len() + 1;

/// Makes sure of the room for all that a call may still have to send. Later pops take the place
/// of the first one, and taking back is one byte shorter than calling.
fn reserve(w: &mut Writer<'_>) {
    let length = w.len();
    w.open_gap(length, LONGER_POP);
    if w.fits() {
        w.truncate(length);
    }
}
