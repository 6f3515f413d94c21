//! Serving by hand: commands that are waited for one by one, and answered out of turn.

use std::time::Duration;

use redis_ipc_core::key::Key;

use super::line::Arrived;
use super::payload::{NoValue, Payload};
use super::{Command, Component, Event, Job, component_name, queue_key};
use crate::connection::{Deadline, FOREVER};
use crate::error::{Error, Outcome};

impl Component {
    /// Takes up a job that was kept, as the command at hand: its answer then goes out in one
    /// write with the request for the next command.
    ///
    /// # Errors
    /// The job itself, if the next command was asked for meanwhile: behind that request an answer
    /// would wait. [`answer`](Self::answer) and [`fail`](Self::fail) take another way.
    #[expect(
        clippy::result_large_err,
        reason = "the job is handed back, not an error"
    )]
    pub fn take_up(&mut self, job: Job) -> Result<Command<'_>, Job> {
        match self.line.serve.asked() || self.line.queues.is_empty() {
            true => Err(job),
            false => Ok(Command::resumed(self, job)),
        }
    }

    /// As [`answer`](Self::answer), with JSON text: one object.
    ///
    /// # Errors
    /// As with [`answer`](Self::answer).
    #[allow(clippy::needless_pass_by_value, reason = "a job is answered once")]
    pub fn answer_text(&mut self, job: Job, result: &str) -> Result<(), Error> {
        self.push_result(&job, &Payload::<NoValue>::Text(result))?;
        self.forget_tries(&job);
        Ok(())
    }

    /// Waits for the next command of one of this component's queues, which is not among those
    /// that are [served](Self::serve); `None` says that `timeout` passed. Without a time-out it
    /// waits for ever.
    ///
    /// For programs that look at one queue now and at another one later, and that take nothing
    /// while they do neither: when this returns, no pop is in flight. It costs a round trip that
    /// [`next`](Self::next) saves. Commands are taken at most once. A server looks ten times a
    /// second whose time is up, so it may take a tenth of a second longer.
    ///
    /// # Errors
    /// [`Error::Usage`] for a queue that is served; what broke: [`Counters::pops_unknown`] counts
    /// pops that may have taken a command then.
    ///
    /// [`Counters::pops_unknown`]: super::Counters::pops_unknown
    pub fn receive(
        &mut self,
        subqueue: Option<&str>,
        timeout: Option<Duration>,
    ) -> Result<Option<Job>, Error> {
        let queue = self.own_queue(subqueue)?;
        if self.line.queues.contains(&queue) {
            return Err(Error::Usage(
                "commands of a queue that is served come by `next`",
            ));
        }
        self.know_server()?;
        let limit = timeout.map(|timeout| Deadline::after(timeout.min(FOREVER)));
        loop {
            let left = limit.map(Deadline::left);
            let mut message = match self.await_message(&queue, left) {
                Ok(Some(message)) => message,
                Ok(None) => return Ok(None),
                Err(Error::TooLong { sizes, .. }) => {
                    self.drop_command(&sizes);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut job = Job::default();
            match job.read(&mut message, &queue, subqueue) {
                Ok(()) => return Ok(Some(job)),
                Err(why) => self.leave_out(&job, &why)?,
            }
        }
    }

    /// One BLPOP, or one LPOP where there is nothing left to wait.
    fn await_message(
        &mut self,
        queue: &Key,
        left: Option<Duration>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let seconds = match left {
            None => "0".to_owned(),
            Some(left) if left < Duration::from_millis(1) => return self.work.lpop(queue),
            Some(left) => format!("{}.{:03}", left.as_secs(), left.subsec_millis()),
        };
        let grace = self.work.options().reply_limit;
        let limit = left.unwrap_or(FOREVER).saturating_add(grace).min(FOREVER);
        let parts = [&b"BLPOP"[..], queue.as_bytes(), seconds.as_bytes()];
        let popped = self.work.blocking_command(&parts, limit);
        match popped {
            Ok(reply) => Ok(reply
                .elements()
                .and_then(|mut item| item.nth(1))
                .and_then(|message| message.bytes().map(<[u8]>::to_vec))),
            Err(error) => {
                let unknown = error.outcome() == Outcome::Unknown;
                if unknown && error.is_disconnection() {
                    self.counters.pops_unknown += 1;
                }
                Err(error)
            }
        }
    }

    /// The next event that has arrived and was subscribed to. Does not wait, and takes no
    /// command: for looking about between two pieces of work.
    ///
    /// Debug messages that come along are set aside for [`next`](Self::next), as many as
    /// [`Options::message_limit`](crate::Options::message_limit) holds; what comes beyond that is
    /// dropped and counted.
    ///
    /// # Errors
    /// What broke.
    pub fn heard(&mut self) -> Result<Option<&Event>, Error> {
        if self.line.take_up_event() {
            return Ok(Some(&self.line.event));
        }
        while let Some(arrived) = self.heard_now()? {
            if arrived == Arrived::Event {
                return Ok(Some(&self.line.event));
            }
            self.line.set_aside(arrived);
        }
        Ok(None)
    }

    /// Leaves nothing in flight: a command that was popped and not handed out goes back to the
    /// head of its queue, for others of this component's name to take, and results are seen to
    /// arrive. [`next`](Self::next) asks for commands again.
    ///
    /// Blocks for one turn of the line, at most for the
    /// [reply limit](crate::Options::reply_limit).
    ///
    /// # Errors
    /// The server's error; what broke is none, for then nothing is in flight either.
    pub fn rest(&mut self) -> Result<(), Error> {
        self.wind_down()
    }

    /// The key of one of this component's queues.
    pub(super) fn own_queue(&self, subqueue: Option<&str>) -> Result<Key, Error> {
        match subqueue {
            Some(subqueue) => queue_key(self.name(), subqueue),
            None => Ok(Key::commands(component_name(self.name())?, None)?),
        }
    }
}
