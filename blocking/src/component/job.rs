//! A command that was taken from its queue.

use std::fmt;

use redis_ipc_core::dialect::redis_ipc::{Malformed, Origin, Timestamp, read_command};
use redis_ipc_core::key::Key;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Component, Failure, timestamp};
use crate::error::Error;
use crate::json::read;

/// Who sent a message and when, in the sender's own words; empty where it did not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sender {
    /// The component.
    pub component: String,
    /// Its thread, by name.
    pub thread: String,
    /// Its thread, by number.
    pub tid: Option<u64>,
    /// `seconds.microseconds` since 1970.
    pub timestamp: String,
}

impl Sender {
    pub(super) fn set(&mut self, origin: &Origin<'_>) {
        set(&mut self.component, origin.component);
        set(&mut self.thread, origin.thread);
        set(&mut self.timestamp, origin.timestamp);
        self.tid = origin.tid;
    }
}

/// Keeps the room that a text has.
pub(super) fn set(text: &mut String, value: Option<&str>) {
    text.clear();
    text.push_str(value.unwrap_or_default());
}

/// A command to be answered later, or by another component of the same name.
///
/// A job holds its caller's patience only: nobody reminds you of it. To answer, hand it to
/// [`Component::answer`] or [`Component::fail`]; to let somebody else do it,
/// [`Component::put_back`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    /// The message as it came.
    raw: Vec<u8>,
    payload: String,
    results: Option<Key>,
    command_id: String,
    sender: Sender,
    /// Which of the component's queues it came from.
    queue: Option<Key>,
    subqueue: Option<String>,
    /// How often it was begun before, where it is served at least once.
    tries: u64,
}

impl Job {
    /// The command's members as JSON text: one object.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.payload
    }

    /// The command's members as a value.
    ///
    /// # Errors
    /// A [`Failure`] with the code `bad-payload`, ready for the caller.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        read(&self.payload).map_err(|error| Failure::new("bad-payload", error.to_string()))
    }

    /// The subqueue it came from, if it was one.
    #[must_use]
    pub fn subqueue(&self) -> Option<&str> {
        self.subqueue.as_deref()
    }

    /// The command's id.
    #[must_use]
    pub fn command_id(&self) -> &str {
        &self.command_id
    }

    /// Who sent it.
    #[must_use]
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// How often this command was begun before and not answered, where commands are served
    /// [at least once](super::Delivery::AtLeastOnce); 0 the first time.
    #[must_use]
    pub fn tries(&self) -> u64 {
        self.tries
    }

    pub(super) fn set_tries(&mut self, tries: u64) {
        self.tries = tries;
    }

    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }

    pub(super) fn queue(&self) -> Option<&Key> {
        self.queue.as_ref()
    }

    pub(super) fn results(&self) -> Option<&Key> {
        self.results.as_ref()
    }

    /// Becomes the command that `message` is; keeps the room that it has. `message` is read in
    /// place and of no further use.
    pub(super) fn read(
        &mut self,
        message: &mut [u8],
        queue: &Key,
        subqueue: Option<&str>,
    ) -> Result<(), Unfit> {
        self.raw.clear();
        self.raw.extend_from_slice(message);
        if self.queue.as_ref() != Some(queue) {
            self.queue = Some(queue.clone());
            match (subqueue, &mut self.subqueue) {
                (Some(name), Some(known)) => name.clone_into(known),
                (name, known) => *known = name.map(str::to_owned),
            }
        }
        self.tries = 0;
        let command = read_command(message).map_err(Unfit::Malformed)?;
        let expired = command.deadline.filter(|deadline| *deadline <= timestamp());
        let results = Key::results_of_peer(command.results_queue);
        self.results = Some(results.ok_or_else(|| Unfit::Results(command.results_queue.into()))?);
        set(&mut self.payload, Some(command.payload));
        set(&mut self.command_id, Some(command.command_id));
        self.sender.set(&command.origin);
        match expired {
            Some(deadline) => Err(Unfit::Expired(deadline)),
            None => Ok(()),
        }
    }
}

/// Why a message from a command queue is not served.
#[derive(Debug)]
pub(super) enum Unfit {
    Malformed(Malformed),
    /// It wants its result in this key, which is no results queue.
    Results(String),
    /// Nobody has waited for its result since then.
    Expired(Timestamp),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => why.fmt(f),
            Self::Expired(deadline) => write!(f, "its deadline was {deadline}"),
            Self::Results(key) => {
                write!(
                    f,
                    "it wants its result in {key:?}, which is no results queue"
                )
            }
        }
    }
}

impl Component {
    /// Answers a job that was kept.
    ///
    /// # Errors
    /// [`Error::Value`] if the result is not an object, [`Error::TooLong`] if it does not fit:
    /// the caller gets the error `bad-result` instead. Else what broke; the job is gone then,
    /// unless you cloned it, or commands are served
    /// [at least once](super::Delivery::AtLeastOnce): then it is served again.
    #[allow(clippy::needless_pass_by_value, reason = "a job is answered once")]
    pub fn answer<R: Serialize + ?Sized>(&mut self, job: Job, result: &R) -> Result<(), Error> {
        self.push_result(&job, &super::payload::Payload::Value(result))?;
        self.forget_tries(&job);
        Ok(())
    }

    /// Answers a job that was kept with an error.
    ///
    /// # Errors
    /// [`Error::TooLong`] if the failure does not fit: the caller gets the error `bad-result`
    /// instead. Else as with [`answer`](Self::answer).
    #[allow(clippy::needless_pass_by_value, reason = "a job is answered once")]
    pub fn fail(&mut self, job: Job, failure: &Failure) -> Result<(), Error> {
        self.push_failure(&job, failure)?;
        self.forget_tries(&job);
        Ok(())
    }

    /// Puts a job back to the head of its queue, exactly as it came.
    ///
    /// # Errors
    /// What broke; the job is gone then, unless you cloned it, or commands are served
    /// [at least once](super::Delivery::AtLeastOnce): then it is served again.
    #[allow(clippy::needless_pass_by_value, reason = "a job is put back once")]
    pub fn put_back(&mut self, job: Job) -> Result<(), Error> {
        self.try_to_put_back(&job)
            .inspect_err(|_| self.line.abandon(&job))
    }

    pub(super) fn try_to_put_back(&mut self, job: &Job) -> Result<(), Error> {
        match &job.queue {
            Some(queue) => self.move_out(job, queue, b"LPUSH"),
            None => Err(Error::Usage("this job came from no queue")),
        }
    }
}
