//! Serving: commands handed out one by one, and answered.

use redis_ipc_core::dialect::redis_ipc::finish_result;
use redis_ipc_core::key::Key;
use redis_ipc_core::serve::Then;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::{WriteResult, bad_result, is_bad_result, write_failure};
use super::delivery::pop;
use super::job::Unfit;
use super::payload::{NoValue, Payload};
use super::{Component, Event, Failure, Job, Sender, component_name, queue_key, timestamp};
use crate::connection::Deadline;
use crate::error::{Error, Outcome};

/// A command at hand.
///
/// It is to be answered with [`answer`](Self::answer) or [`fail`](Self::fail), or to be kept
/// with [`keep`](Self::keep). One that is dropped is answered with the error `unanswered`, so
/// that its caller does not wait in vain.
#[derive(Debug)]
pub struct Command<'c> {
    component: &'c mut Component,
    /// Away from the component's line, where the next command will be put.
    job: Job,
    open: bool,
}

impl<'c> Command<'c> {
    pub(super) fn new(component: &'c mut Component) -> Self {
        let job = std::mem::take(&mut component.line.job);
        Self {
            component,
            job,
            open: true,
        }
    }

    /// A command that was kept, at hand again.
    pub(super) fn resumed(component: &'c mut Component, job: Job) -> Self {
        Self {
            component,
            job,
            open: true,
        }
    }

    /// The command's members as a value.
    ///
    /// # Errors
    /// A [`Failure`] with the code `bad-payload`, ready for the caller.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        self.job.payload()
    }

    /// The command's members as JSON text: one object.
    #[must_use]
    pub fn text(&self) -> &str {
        self.job.text()
    }

    /// The subqueue it came from, if it was one.
    #[must_use]
    pub fn subqueue(&self) -> Option<&str> {
        self.job.subqueue()
    }

    /// The command's id.
    #[must_use]
    pub fn command_id(&self) -> &str {
        self.job.command_id()
    }

    /// How often it was begun before: [`Job::tries`].
    #[must_use]
    pub fn tries(&self) -> u64 {
        self.job.tries()
    }

    /// Who sent it.
    #[must_use]
    pub fn sender(&self) -> &Sender {
        self.job.sender()
    }

    /// The component that serves, to call others, publish, keep its status.
    pub fn component(&mut self) -> &mut Component {
        self.component
    }

    /// Whether somebody has asked for a stop, for a handler that takes long.
    #[must_use]
    pub fn stop_requested(&self) -> bool {
        self.component.line.stop.is_requested()
    }

    /// Takes the next command of another subqueue of this component, if one is there: a look
    /// at `cancel` while a `print` is at work. Does not wait. The job is to be answered by
    /// [`Component::answer`].
    ///
    /// # Errors
    /// What broke.
    pub fn look(&mut self, subqueue: &str) -> Result<Option<Job>, Error> {
        self.component.take(Some(subqueue))
    }

    /// The next event that has arrived and was subscribed to: [`Component::heard`].
    ///
    /// # Errors
    /// What broke.
    pub fn heard(&mut self) -> Result<Option<&Event>, Error> {
        self.component.heard()
    }

    /// Sends the result and asks for the next command, in one write.
    ///
    /// # Errors
    /// [`Error::Value`] if the result is not an object, [`Error::TooLong`] if it does not fit:
    /// the caller gets the error `bad-result` instead. Else what broke.
    pub fn answer<R: Serialize + ?Sized>(mut self, result: &R) -> Result<(), Error> {
        self.finish(&Payload::Value(result))
    }

    /// As [`answer`](Self::answer), with JSON text: one object.
    ///
    /// # Errors
    /// As with [`answer`](Self::answer).
    pub fn answer_text(mut self, result: &str) -> Result<(), Error> {
        self.finish(&Payload::<NoValue>::Text(result))
    }

    /// Tells the caller that it failed, and asks for the next command.
    ///
    /// # Errors
    /// What broke.
    pub fn fail(mut self, failure: &Failure) -> Result<(), Error> {
        self.finish_failed(failure)
    }

    /// Puts the command back to the head of its queue, exactly as it came: for one that is not
    /// finished when somebody [asks for a stop](Self::stop_requested).
    ///
    /// # Errors
    /// What broke.
    pub fn put_back(mut self) -> Result<(), Error> {
        let job = self.take_job();
        self.component.put_back(job)
    }

    /// Keeps the command, to answer it later; the loop goes on with the next one.
    #[must_use = "the caller waits for an answer"]
    pub fn keep(mut self) -> Job {
        self.take_job()
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// As [`keep`](Self::keep), for a handler of a [`Service`](crate::Service), which only borrows
    /// the command; what that handler returns is then left alone.
    #[must_use = "the caller waits for an answer"]
    pub fn take_job(&mut self) -> Job {
        self.open = false;
        std::mem::take(&mut self.job)
    }

    pub(super) fn finish<R: Serialize + ?Sized>(
        &mut self,
        result: &Payload<'_, R>,
    ) -> Result<(), Error> {
        match self.send(&mut |w, id, stamp| {
            let start = w.len();
            result.write(w)?;
            finish_result(w, start, id, stamp)?;
            Ok(())
        }) {
            Err(error) if is_bad_result(&error) => {
                self.send_failure(&bad_result(&error))?;
                Err(error)
            }
            sent => sent,
        }
    }

    pub(super) fn finish_failed(&mut self, failure: &Failure) -> Result<(), Error> {
        match self.send_failure(failure) {
            Err(error) if is_bad_result(&error) => {
                self.send_failure(&bad_result(&error))?;
                Err(error)
            }
            sent => sent,
        }
    }

    fn send_failure(&mut self, failure: &Failure) -> Result<(), Error> {
        self.send(&mut |w, id, stamp| write_failure(w, failure, id, stamp))
    }

    /// A result that cannot be sent because the bus is gone is counted; the loop, which will
    /// notice the same, goes on.
    pub(super) fn bear(&mut self, sent: Result<(), Error>) -> Result<(), Error> {
        match sent {
            Err(error) if error.is_temporary() => {
                self.component.counters.results_dropped += 1;
                self.component.lost_bus(&error);
                self.open = false;
                Ok(())
            }
            sent => sent,
        }
    }

    fn send(&mut self, write: &mut WriteResult<'_>) -> Result<(), Error> {
        match self.try_to_send(write) {
            Ok(()) => {
                self.open = false;
                self.component.line.let_go(&self.job);
                self.component.forget_tries(&self.job);
                Ok(())
            }
            // Something else may be answered instead.
            Err(error) if is_bad_result(&error) => Err(error),
            Err(error) => {
                // If it is still on the server, it is to be served again from there.
                self.component.line.abandon(&self.job);
                Err(error)
            }
        }
    }

    fn try_to_send(&mut self, write: &mut WriteResult<'_>) -> Result<(), Error> {
        let deadline = Deadline::after(self.component.work.options().reply_limit);
        self.write_result(write)?;
        match self.component.line.connection.flush(deadline) {
            // Not a byte of it went out: the connection had died while the command was at work.
            Err(error) if error.outcome() == Outcome::NotSent => {
                self.component.line.connection.disconnect();
                self.write_result(write)?;
                self.component.line.connection.flush(deadline)
            }
            sent => sent,
        }
    }

    fn write_result(&mut self, write: &mut WriteResult<'_>) -> Result<(), Error> {
        let Some(results) = self.job.results() else {
            return Ok(());
        };
        self.component.connect_line()?;
        let stamp = self.component.identity.stamp(timestamp());
        let line = &mut self.component.line;
        // Whoever stops wants no further command; one that is asked for already is enough.
        let stops = line.stop.is_requested() || std::thread::panicking();
        let more = !stops && !line.serve.asked();
        let at_work = line.at_work(&self.job).cloned();
        let then = Then {
            done: at_work.as_ref().map(|list| (list, self.job.raw())),
            pop: pop(&line.queues, line.durable.as_ref()).filter(|_| more),
            ..Then::default()
        };
        let id = self.job.command_id();
        let session = line.connection.session();
        line.serve
            .answer_then(session, results, then, |w| write(w, id, &stamp))?;
        line.asked();
        Ok(())
    }
}

impl Drop for Command<'_> {
    fn drop(&mut self) {
        if self.open {
            let failure = Failure::new("unanswered", "the component did not answer this command");
            // Who drops a command does not look at errors either.
            let _ = self.finish_failed(&failure);
        }
        // Its room is used again for the next command.
        if self.component.line.job.text().is_empty() {
            self.component.line.job = std::mem::take(&mut self.job);
        }
    }
}

impl Component {
    /// Serves this component's command queue, or its subqueues in order of priority: whenever
    /// the component is free, the first queue that has a command wins.
    ///
    /// Commands are then handed out by [`next`](Self::next).
    ///
    /// ```no_run
    /// # let mut printer = redis_ipc::Component::connect("printer", "main")?;
    /// printer.serve(&["cancel", "print"])?;
    /// # Ok::<(), redis_ipc::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Name`] for a name that is none; nothing is changed then.
    pub fn serve(&mut self, subqueues: &[&str]) -> Result<(), Error> {
        let mut queues = Vec::with_capacity(subqueues.len());
        for subqueue in subqueues {
            queues.push(queue_key(self.name(), subqueue)?);
        }
        let names = subqueues.iter().map(|name| Some((*name).to_owned()));
        self.serve_queues(queues, names.collect())
    }

    /// Serves the one queue of a component that has no subqueues.
    ///
    /// # Errors
    /// [`Error::Key`] if its name makes too long a key.
    pub fn serve_main(&mut self) -> Result<(), Error> {
        let queue = Key::commands(component_name(self.name())?, None)?;
        self.serve_queues(vec![queue], vec![None])
    }

    pub(super) fn serve_queues(
        &mut self,
        queues: Vec<Key>,
        subqueues: Vec<Option<String>>,
    ) -> Result<(), Error> {
        let durable = self.prepare_delivery(&subqueues)?;
        self.try_unblocking()?;
        self.end_pop()?;
        self.watch_own_settings()?;
        self.line.queues = queues;
        self.line.subqueues = subqueues;
        self.line.durable = durable;
        // The queues may have to be tracked too.
        self.line.armed = 0;
        self.line.to_resume = true;
        if self.line.connection.is_connected() {
            self.connect_line()?;
        }
        Ok(())
    }

    /// Takes the next command of one of this component's queues, if one is there. Does not wait.
    ///
    /// # Errors
    /// What broke.
    pub fn take(&mut self, subqueue: Option<&str>) -> Result<Option<Job>, Error> {
        let queue = self.own_queue(subqueue)?;
        loop {
            let mut message = match self.take_message(&queue) {
                Ok(Some(message)) => message,
                Ok(None) => return Ok(None),
                Err(Error::TooLong { sizes, .. }) => {
                    self.drop_command(&sizes);
                    self.trim_work()?;
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

    /// Leaves out what was taken from a queue and is not served.
    pub(super) fn leave_out(&mut self, job: &Job, why: &Unfit) -> Result<(), Error> {
        let Unfit::Expired(_) = why else {
            self.drop_command(why);
            return self.remove_from_work(job);
        };
        self.counters.commands_expired += 1;
        self.note(&format!("dropped command {}: {why}", job.command_id()));
        // Its caller has stopped waiting, unless its clock is another one.
        let failure = Failure::new("expired", "this command was taken after its deadline");
        match self.push_failure(job, &failure) {
            Err(Error::Server(refused)) if refused.is_temporary() => self.remove_from_work(job),
            Err(error) => Err(error),
            Ok(()) => self.expire_unread(job.results(), u64::MAX),
        }
    }

    pub(super) fn drop_command(&mut self, why: &dyn std::fmt::Display) {
        self.counters.commands_dropped += 1;
        self.note(&format!("dropped a command: {why}"));
    }
}
