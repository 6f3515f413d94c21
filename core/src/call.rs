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
//!                                            └──────not there──▶ Unanswered
//! ```

use core::time::Duration;

use crate::dialect::redis_ipc::read_result;
use crate::key::Key;
use crate::resp::{ErrorReply, Reply, request};
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
#[derive(Debug)]
pub enum Progress<'s> {
    /// Nothing is decided; goes on when more arrives.
    Waiting,
    /// The result: one JSON object with the members of the one who answered.
    Answered(&'s str),
    /// Time was up, and the command was still in its queue: it was taken out, nobody has seen it.
    NotTaken,
    /// Time was up; somebody has taken the command and may still execute it.
    Unanswered,
    /// More commands wait than [`Terms::queue_limit`] allows. The pop for the result is still in
    /// flight: the line has to be replaced, then [`Call::take_back`] removes the command.
    Overloaded {
        /// How many wait, this one included.
        length: u64,
    },
    /// The server refused the command; it was not queued. The pop for the result is still in
    /// flight: the line has to be replaced.
    CommandRefused(ErrorReply<'s>),
    /// The server refused to wait for the result, so the command was queued but cannot be
    /// answered; [`Call::take_back`] removes it if nobody took it yet.
    WaitRefused(ErrorReply<'s>),
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Pushing { push: Sequence },
    Waiting { pop: Sequence },
    TakingBack { remove: Sequence, removed: bool },
    Over,
}

/// What a message means, before the bytes of the session are lent out.
enum Verdict {
    Waiting,
    Answered { bulk: usize, payload: usize },
    NotTaken,
    Unanswered,
    Overloaded { length: u64 },
    CommandRefused,
    WaitRefused,
    OutOfStep,
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
            write_pop(w, terms.results, terms.timeout);
            Ok::<(), E>(())
        })?;
        Ok(Self {
            terms,
            kept: session.keep(body),
            deadline: now.saturating_add(terms.timeout),
            state: State::Pushing { push },
            stale: 0,
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
    pub fn handle<'s, S: Storage>(
        &mut self,
        session: &'s mut Session<S>,
        incoming: Incoming,
        now: Duration,
    ) -> Result<Progress<'s>, TooLong> {
        let verdict = match incoming {
            Incoming::Push => Verdict::Waiting,
            Incoming::TooLong { of, error } if self.expects(of) => {
                self.end(session);
                return Ok(Progress::ResultTooLong(error));
            }
            Incoming::TooLong { .. } => Verdict::Waiting,
            Incoming::Reply(of) => self.reply(session, of, now)?,
        };
        if !matches!(verdict, Verdict::Waiting | Verdict::Overloaded { .. }) {
            self.end_unless_taken_back(session, &verdict);
        }
        Ok(verdict.with_bytes(session))
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
        session.request(|w| {
            request::command(w, &[b"LPOP", self.terms.results.as_bytes()]);
            Ok::<(), TooLong>(())
        })?;
        self.state = State::TakingBack {
            remove,
            removed: false,
        };
        Ok(())
    }

    /// Ends the call without looking at what became of it.
    pub fn give_up<S: Storage>(&mut self, session: &mut Session<S>) {
        self.end(session);
    }

    fn expects(&self, of: Option<Sequence>) -> bool {
        match self.state {
            State::Pushing { push } => of == Some(push) || of == Some(push.after(1)),
            State::Waiting { pop } => of == Some(pop),
            State::TakingBack { remove, .. } => of == Some(remove) || of == Some(remove.after(1)),
            State::Over => false,
        }
    }

    fn end<S: Storage>(&mut self, session: &mut Session<S>) {
        self.state = State::Over;
        session.release();
    }

    /// Refused waits may still be taken back, so what was sent stays kept for them.
    fn end_unless_taken_back<S: Storage>(&mut self, session: &mut Session<S>, verdict: &Verdict) {
        if !matches!(verdict, Verdict::WaitRefused) {
            self.end(session);
        }
    }

    fn reply<S: Storage>(
        &mut self,
        session: &mut Session<S>,
        of: Sequence,
        now: Duration,
    ) -> Result<Verdict, TooLong> {
        match self.state {
            State::Pushing { push } if of == push => Ok(self.pushed(session.frame(), push)),
            State::Waiting { pop } if of == pop => self.popped(session, now),
            State::TakingBack { remove, .. } if of == remove => {
                let removed = matches!(session.frame(), Reply::Integer(1..));
                self.state = State::TakingBack { remove, removed };
                Ok(Verdict::Waiting)
            }
            State::TakingBack { remove, removed } if of == remove.after(1) => {
                Ok(self.taken_back(session, removed))
            }
            _ => Ok(Verdict::Waiting),
        }
    }

    fn pushed(&mut self, reply: Reply<'_>, push: Sequence) -> Verdict {
        let length = match reply {
            Reply::Integer(length) => u64::try_from(length).unwrap_or_default(),
            Reply::Error(_) => return Verdict::CommandRefused,
            _ => return Verdict::OutOfStep,
        };
        self.state = State::Waiting { pop: push.after(1) };
        if length > self.terms.queue_limit {
            return Verdict::Overloaded { length };
        }
        Verdict::Waiting
    }

    fn popped<S: Storage>(
        &mut self,
        session: &mut Session<S>,
        now: Duration,
    ) -> Result<Verdict, TooLong> {
        let message = match session.frame() {
            Reply::Null => None,
            Reply::Array(mut item) => item.nth(1).and_then(|m| m.bytes().map(<[u8]>::len)),
            Reply::Error(_) => return Ok(Verdict::WaitRefused),
            _ => return Ok(Verdict::OutOfStep),
        };
        if let Some(length) = message {
            if let Some(payload) = self.result_of_ours(session, length) {
                return Ok(Verdict::Answered {
                    bulk: length,
                    payload,
                });
            }
            self.stale = self.stale.saturating_add(1);
        }
        self.wait_on(session, now)?;
        Ok(Verdict::Waiting)
    }

    /// The length of the payload, if the last `length` bytes of the frame are our result.
    fn result_of_ours<S: Storage>(&self, session: &mut Session<S>, length: usize) -> Option<usize> {
        let result = read_result(session.last_bulk_mut(length)).ok()?;
        (result.command_id == self.terms.id).then_some(result.payload.len())
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
            write_pop(w, results, left);
            Ok::<(), TooLong>(())
        })?;
        self.state = State::Waiting { pop };
        Ok(())
    }

    fn taken_back<S: Storage>(&mut self, session: &mut Session<S>, removed: bool) -> Verdict {
        if let Some(length) = session.frame().bytes().map(<[u8]>::len) {
            if let Some(payload) = self.result_of_ours(session, length) {
                return Verdict::Answered {
                    bulk: length,
                    payload,
                };
            }
        }
        if removed {
            Verdict::NotTaken
        } else {
            Verdict::Unanswered
        }
    }
}

impl Verdict {
    fn with_bytes<S: Storage>(self, session: &mut Session<S>) -> Progress<'_> {
        match self {
            Self::Waiting => Progress::Waiting,
            Self::Answered { bulk, payload } => {
                let message = session.last_bulk_mut(bulk).get(..payload);
                let text = core::str::from_utf8(message.unwrap_or_default());
                text.map_or(Progress::OutOfStep, Progress::Answered)
            }
            Self::NotTaken => Progress::NotTaken,
            Self::Unanswered => Progress::Unanswered,
            Self::Overloaded { length } => Progress::Overloaded { length },
            Self::CommandRefused => refused(session, Progress::CommandRefused),
            Self::WaitRefused => refused(session, Progress::WaitRefused),
            Self::OutOfStep => Progress::OutOfStep,
        }
    }
}

fn refused<'s, S: Storage>(
    session: &'s Session<S>,
    progress: impl FnOnce(ErrorReply<'s>) -> Progress<'s>,
) -> Progress<'s> {
    match session.frame() {
        Reply::Error(error) => progress(error),
        _ => Progress::OutOfStep,
    }
}

/// `BLPOP results seconds`, with milliseconds where they matter and never zero, which would
/// mean for ever.
fn write_pop(w: &mut Writer<'_>, results: &Key, timeout: Duration) {
    request::array(w, 3);
    request::bulk(w, b"BLPOP");
    request::bulk(w, results.as_bytes());
    request::bulk_with(w, |w| write_seconds(w, timeout));
}

/// The longest wait that a server is asked for; redis-server refuses numbers that overflow its
/// clock.
const LONGEST_WAIT: Duration = Duration::from_secs(1_000_000_000);

/// Writes a time-out for BLPOP: seconds with up to three decimals, rounded up to at least one
/// millisecond.
fn write_seconds(w: &mut Writer<'_>, timeout: Duration) {
    let timeout = timeout.min(LONGEST_WAIT);
    let milliseconds = timeout.subsec_nanos().div_ceil(1_000_000);
    let seconds = timeout.as_secs() + u64::from(milliseconds / 1000);
    let milliseconds = match milliseconds % 1000 {
        0 if seconds == 0 => 1,
        rest => rest,
    };
    w.put_decimal(seconds);
    if milliseconds == 0 {
        return;
    }
    w.put_byte(b'.');
    // Three digits with leading zeroes: the first digit of 1000 + n is cut off.
    let mut digits = [0; crate::write::decimal::MAX_DIGITS];
    let thousand = crate::write::decimal::digits(1000 + u64::from(milliseconds), &mut digits);
    w.put(thousand.get(1..).unwrap_or_default());
}
