//! Calling another component.

use std::time::{Duration, Instant};

use redis_ipc_core::address::Recipient;
use redis_ipc_core::call::{Call, Progress, Terms};
use redis_ipc_core::dialect::redis_ipc::{error_of, finish_command, finish_command_until};
use redis_ipc_core::resp::Reply;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::payload::{NoValue, Payload, Unwritten};
use super::{CallError, Component, Failure, Taken, name_error, timestamp};
use crate::connection::{Deadline, FOREVER, Next};
use crate::error::{Error, Outcome, ServerError};
use crate::json::read;

/// How long after its deadline a call goes on waiting for the server to say that time is up. A
/// server whose clock was set back, or that stands still, says nothing.
const GRACE: Duration = Duration::from_millis(200);

/// How long it may take to take a command back.
const TAKE_BACK_LIMIT: Duration = Duration::from_secs(1);

impl Component {
    /// Sends a command to `recipient`, a component (`scanner`) or one of its subqueues
    /// (`printer.print`), and waits for the answer.
    ///
    /// `payload` is whatever serialises to a JSON object; the answer is whatever deserialises
    /// from one. Blocks for `timeout` at most, and a tenth of a second more to take the command
    /// back: a redis-server looks ten times a second whose time is up (its setting `hz`). With a
    /// server that does not answer at all it may be 1.2 s more. Answers to earlier calls that
    /// timed out are dropped and do not prolong the wait.
    ///
    /// # Errors
    /// [`CallError::Failed`] if the component answers with an error; [`CallError::TimedOut`],
    /// which says whether somebody took the command; [`CallError::Overloaded`] if the queue is
    /// full; [`CallError::WrongType`] if the answer is not an `R`; [`CallError::Bus`] for the
    /// rest, a payload that is not an object included.
    pub fn call<P, R>(
        &mut self,
        recipient: &str,
        payload: &P,
        timeout: Duration,
    ) -> Result<R, CallError>
    where
        P: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        let answer = self.exchange(recipient, &Payload::Value(payload), timeout)?;
        read(answer).map_err(|why| CallError::WrongType {
            why: why.to_string(),
            answer: answer.to_owned(),
        })
    }

    /// As [`call`](Self::call), with JSON text instead of values: `payload` must be one JSON
    /// object, and so is the answer. It stays readable until this component's next request.
    ///
    /// # Errors
    /// As with [`call`](Self::call), but for the type of the answer.
    pub fn call_text(
        &mut self,
        recipient: &str,
        payload: &str,
        timeout: Duration,
    ) -> Result<&str, CallError> {
        self.exchange(recipient, &Payload::<NoValue>::Text(payload), timeout)
    }

    fn exchange<P: Serialize + ?Sized>(
        &mut self,
        recipient: &str,
        payload: &Payload<'_, P>,
        timeout: Duration,
    ) -> Result<&str, CallError> {
        let timeout = timeout.min(FOREVER);
        let parsed = Recipient::parse(recipient).map_err(|why| name_error(recipient, why))?;
        let queue = parsed.commands_queue().map_err(Error::from)?;
        let results = self.identity.results_queue().clone();
        let id = self.identity.next_id();
        let mut terms = Terms {
            queue: &queue,
            results: &results,
            id: id.as_str(),
            timeout,
            queue_limit: self.queue_limit,
        };
        self.work.set_bound(Some(Instant::now() + timeout + GRACE));
        let begun = self
            .reach_server(&mut terms.timeout)
            .and_then(|()| self.begin(terms, payload));
        self.work.set_bound(None);
        let mut call = begun?;
        let outcome = self.follow(&mut call, recipient, timeout);
        self.work.set_bound(None);
        self.counters.stale_results += u64::from(call.stale_results());
        if outcome.is_err() {
            call.give_up(self.work.session());
        }
        outcome?;
        let answer = call.result(self.work.session());
        match error_of(answer) {
            Some(error) => Err(CallError::Failed(Failure::new(
                error.code.to_string(),
                error.message.to_string(),
            ))),
            None => Ok(answer),
        }
    }

    /// Sees to a connection; what a new one took is no longer there to wait for the answer.
    fn reach_server(&mut self, timeout: &mut Duration) -> Result<(), CallError> {
        self.work.look_if_idle();
        if self.work.is_connected() {
            return Ok(self.know_server()?);
        }
        let begin = Instant::now();
        self.know_server()?;
        *timeout = timeout.saturating_sub(begin.elapsed());
        Ok(())
    }

    /// Sends the command; once more on a new connection if the old one took no byte of it.
    fn begin<'k, P: Serialize + ?Sized>(
        &mut self,
        terms: Terms<'k>,
        payload: &Payload<'_, P>,
    ) -> Result<Call<'k>, CallError> {
        let deadline = self.work.deadline(self.work.options().reply_limit);
        let fresh = self.work.ensure_connected()?;
        let mut call = self.write_command(terms, payload)?;
        match self.work.flush(deadline) {
            Ok(()) => return Ok(call),
            Err(error) if error.outcome() != Outcome::NotSent || fresh => {
                call.give_up(self.work.session());
                return Err(error.into());
            }
            Err(_) => call.give_up(self.work.session()),
        }
        self.work.disconnect();
        self.work.ensure_connected()?;
        call = self.write_command(terms, payload)?;
        match self.work.flush(deadline) {
            Ok(()) => Ok(call),
            Err(error) => {
                call.give_up(self.work.session());
                Err(error.into())
            }
        }
    }

    fn write_command<'k, P: Serialize + ?Sized>(
        &mut self,
        terms: Terms<'k>,
        payload: &Payload<'_, P>,
    ) -> Result<Call<'k>, Error> {
        let now = self.work.now();
        let stamp = self.identity.stamp(timestamp());
        let deadline = self
            .command_deadlines
            .then(|| stamp.timestamp.after(terms.timeout));
        let call = Call::begin(self.work.session(), terms, now, |w| {
            let start = w.len();
            payload.write(w)?;
            let results = terms.results.as_str();
            match deadline {
                None => finish_command(w, start, results, terms.id, &stamp)?,
                Some(deadline) => {
                    finish_command_until(w, start, results, terms.id, &stamp, deadline)?;
                }
            }
            Ok::<(), Unwritten>(())
        })?;
        Ok(call)
    }

    /// Sees a call to its end. `Ok` says that the result is there.
    fn follow(
        &mut self,
        call: &mut Call<'_>,
        recipient: &str,
        timeout: Duration,
    ) -> Result<(), CallError> {
        let mut deadline = self.work.deadline_at(call.deadline() + GRACE, timeout);
        let mut stopped = false;
        loop {
            let incoming = match self.work.next(Some(deadline))? {
                Next::Message(incoming) => incoming,
                Next::Interrupted if stopped || !self.call_stop.is_requested() => continue,
                Next::Late | Next::Interrupted => {
                    stopped = true;
                    call.hurry(self.work.now());
                    self.renew_and_take_back(call, timeout)?;
                    deadline = self.work.deadline(self.work.options().reply_limit);
                    continue;
                }
            };
            let now = self.work.now();
            let progress = call.handle(self.work.session(), incoming, now)?;
            let timed_out = |taken| CallError::TimedOut {
                recipient: recipient.to_owned(),
                timeout,
                taken,
            };
            match progress {
                Progress::Waiting => {
                    if !self.work.session().outgoing().is_empty() {
                        // Either the wait goes on, or the command is being taken back.
                        let grace = self.work.options().reply_limit.min(TAKE_BACK_LIMIT);
                        let by = call.deadline().max(now) + GRACE + grace;
                        deadline = self.work.deadline_at(by, timeout);
                        let flushed = self.work.flush(deadline);
                        flushed.map_err(Error::behind_the_request)?;
                    }
                }
                Progress::Answered => return Ok(()),
                Progress::NotTaken => return Err(timed_out(Taken::No)),
                Progress::Unanswered => return Err(timed_out(Taken::Yes)),
                Progress::Overloaded { length } => {
                    return self.withdraw(call, recipient, length, timeout);
                }
                Progress::CommandRefused => {
                    let refused = self.refusal();
                    // The pop for the result is still in flight.
                    self.work.disconnect();
                    return Err(CallError::Bus(refused));
                }
                Progress::WaitRefused => {
                    let refused = self.refusal();
                    call.take_back(self.work.session())?;
                    return Err(self.after_take_back(call, refused));
                }
                Progress::TakeBackRefused => {
                    let refused = self.refusal();
                    return Err(CallError::Bus(Error::Unexpected(format!(
                        "time was up, and the command could not be taken back; \
                         it may still be executed: {refused}"
                    ))));
                }
                Progress::ResultTooLong(sizes) => {
                    return Err(CallError::Bus(Error::TooLong {
                        outcome: Outcome::Unknown,
                        sizes,
                    }));
                }
                Progress::OutOfStep => {
                    let error =
                        Error::unexpected_reply("RPUSH or BLPOP", &self.work.session().frame());
                    self.work.disconnect();
                    return Err(CallError::Bus(error));
                }
            }
        }
    }

    /// The error reply in the frame.
    fn refusal(&mut self) -> Error {
        match self.work.session().frame() {
            Reply::Error(error) => Error::Server(ServerError::new(&error)),
            reply => Error::unexpected_reply("RPUSH", &reply),
        }
    }

    /// The server did not say by itself that time is up.
    fn renew_and_take_back(
        &mut self,
        call: &mut Call<'_>,
        timeout: Duration,
    ) -> Result<(), CallError> {
        let unknown = |_| {
            CallError::Bus(Error::TimedOut {
                outcome: Outcome::Unknown,
                limit: timeout,
            })
        };
        self.work.disconnect();
        self.work.set_bound(Some(Instant::now() + TAKE_BACK_LIMIT));
        self.work.ensure_connected().map_err(unknown)?;
        call.take_back(self.work.session())?;
        let deadline = self.work.deadline(self.work.options().reply_limit);
        self.work.flush(deadline).map_err(unknown)
    }

    /// The queue is over its limit: takes the command out again. If somebody was quicker, it is
    /// a call like any other.
    fn withdraw(
        &mut self,
        call: &mut Call<'_>,
        recipient: &str,
        waiting: u64,
        timeout: Duration,
    ) -> Result<(), CallError> {
        self.renew_and_take_back(call, timeout)?;
        match self.follow(call, recipient, timeout) {
            Err(CallError::TimedOut {
                taken: Taken::No, ..
            }) => Err(CallError::Overloaded {
                recipient: recipient.to_owned(),
                waiting,
            }),
            outcome => outcome,
        }
    }

    /// What a refused wait comes to: nothing was executed if the command could be taken back.
    fn after_take_back(&mut self, call: &mut Call<'_>, refused: Error) -> CallError {
        call.hurry(self.work.now());
        let deadline = Deadline::after(self.work.options().reply_limit);
        if let Err(error) = self.work.flush(deadline) {
            return CallError::Bus(error.behind_the_request());
        }
        match self.follow(call, "", deadline.limit) {
            Err(CallError::TimedOut {
                taken: Taken::No, ..
            }) => CallError::Bus(refused),
            _ => CallError::Bus(Error::Unexpected(format!(
                "the command may have been executed, but its result cannot be read: {refused}"
            ))),
        }
    }
}
