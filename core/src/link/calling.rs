//! A call as a link carries it: the envelope put around the program's message, the end of it in
//! one value.

use core::time::Duration;

use super::{Error, Payload};
use crate::call::{Call, Progress, Terms};
use crate::dialect::redis_ipc::{PeerError, Stamp, error_of, finish_command};
use crate::resp::{ErrorReply, Reply};
use crate::session::{Incoming, Session, Storage};
use crate::write::TooLong;

/// How a call ended; texts are readable until the link receives again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'l> {
    /// The result: one JSON object with the members of the one who answered, to be read with
    /// [`typed::from_text`](crate::json::typed::from_text) for instance.
    Result(&'l str),
    /// The one who took the command answered with an error.
    Failed(PeerError<'l>),
    /// Time was up and nobody had taken the command; it was taken back.
    NotTaken,
    /// Time was up and somebody has taken the command; it may still be executed.
    Unanswered,
    /// More commands waited than [`Terms::queue_limit`] allows and ours was not taken in time; it
    /// was taken back. One line can find that out only when time is up: it waits for the result.
    Overloaded {
        /// How many waited when the command was pushed, that one included.
        length: u64,
    },
    /// The server refused to queue the command. The line goes on with the next request when the
    /// time of this call is over, since the server has been asked to wait for the result already.
    CommandRefused(ErrorReply<'l>),
    /// The server queued the command and refused to wait for the result. It was asked to take the
    /// command out again, but somebody may have been faster.
    WaitRefused(ErrorReply<'l>),
    /// Time was up and the server refused to take the command out of its queue; it may still be
    /// executed.
    TakeBackRefused(ErrorReply<'l>),
}

/// A call under way on a link.
///
/// As long as it is, its command stays in the outbox, to be taken back by. Each call ends with an
/// [`Answer`] or is [given up](Self::give_up).
#[derive(Debug)]
pub struct Calling<'k> {
    call: Call<'k>,
    overload: Option<u64>,
}

impl<'k> Calling<'k> {
    pub(super) fn begin<S: Storage, E>(
        session: &mut Session<S>,
        terms: Terms<'k>,
        stamp: &Stamp<'_>,
        now: Duration,
        payload: &impl Payload,
    ) -> Result<Self, Error<E>> {
        let call = Call::begin(session, terms, now, |w| {
            let start = w.len();
            payload.write(w)?;
            finish_command(w, start, terms.results.as_str(), terms.id, stamp)?;
            Ok::<(), Error<E>>(())
        })?;
        Ok(Self {
            call,
            overload: None,
        })
    }

    /// When the wait for the result is over, on the clock of `now`. The server says so by itself
    /// soon after; if it does not, the line is dead.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.call.deadline()
    }

    /// How many results of older calls were dropped on the way.
    #[must_use]
    pub fn stale_results(&self) -> u32 {
        self.call.stale_results()
    }

    /// Asks for the command to be taken out of its queue; for a call whose line was replaced.
    /// Then finish it as usual.
    ///
    /// # Errors
    /// [`TooLong`] if the outbox has no room.
    pub fn take_back<S: Storage>(&mut self, session: &mut Session<S>) -> Result<(), TooLong> {
        self.call.take_back(session)
    }

    /// Ends the call without looking at what becomes of it.
    pub fn give_up<S: Storage>(mut self, session: &mut Session<S>) {
        self.call.give_up(session);
    }

    /// Looks at what the session found; something once the call is at its end.
    pub(super) fn step<S: Storage>(
        &mut self,
        session: &mut Session<S>,
        incoming: Incoming,
        now: Duration,
    ) -> Option<Result<Progress, TooLong>> {
        match self.call.handle(session, incoming, now) {
            Ok(Progress::Waiting) => None,
            Ok(Progress::Overloaded { length }) => {
                self.overload = Some(length);
                None
            }
            Ok(Progress::WaitRefused) => {
                let asked = self.call.take_back(session);
                self.call.give_up(session);
                Some(asked.map(|()| Progress::WaitRefused))
            }
            end => Some(end),
        }
    }

    /// Says how the call ended.
    pub(super) fn answer<'l, S: Storage, E>(
        &self,
        session: &'l mut Session<S>,
        end: Progress,
    ) -> Result<Answer<'l>, Error<E>> {
        Ok(match end {
            Progress::Answered => answered(self.call.result(session)),
            Progress::NotTaken => self
                .overload
                .map_or(Answer::NotTaken, |length| Answer::Overloaded { length }),
            Progress::Unanswered => Answer::Unanswered,
            Progress::CommandRefused => Answer::CommandRefused(refusal(session)?),
            Progress::WaitRefused => Answer::WaitRefused(refusal(session)?),
            Progress::TakeBackRefused => Answer::TakeBackRefused(refusal(session)?),
            Progress::ResultTooLong(error) => return Err(Error::ReplyTooLong(error)),
            Progress::Waiting | Progress::Overloaded { .. } | Progress::OutOfStep => {
                return Err(Error::OutOfStep);
            }
        })
    }
}

fn answered(payload: &str) -> Answer<'_> {
    match error_of(payload) {
        Some(error) => Answer::Failed(error),
        None => Answer::Result(payload),
    }
}

fn refusal<S: Storage, E>(session: &Session<S>) -> Result<ErrorReply<'_>, Error<E>> {
    match session.frame() {
        Reply::Error(error) => Ok(error),
        _ => Err(Error::OutOfStep),
    }
}
