//! A command that was taken from its queue.

use redis_ipc_core::dialect::redis_ipc::{Command, Origin};
use redis_ipc_core::key::Key;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::payload::read;
use super::{Component, Failure};
use crate::error::Error;

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

    pub(super) fn results(&self) -> Option<&Key> {
        self.results.as_ref()
    }

    pub(super) fn remember(&mut self, raw: &[u8]) {
        self.raw.clear();
        self.raw.extend_from_slice(raw);
    }

    pub(super) fn set(&mut self, command: &Command<'_>, results: Key) {
        set(&mut self.payload, Some(command.payload));
        set(&mut self.command_id, Some(command.command_id));
        self.sender.set(&command.origin);
        self.results = Some(results);
    }

    pub(super) fn came_from(&mut self, queue: &Key, subqueue: Option<&str>) {
        if self.queue.as_ref() != Some(queue) {
            self.queue = Some(queue.clone());
            self.subqueue = subqueue.map(str::to_owned);
        }
    }
}

impl Component {
    /// Answers a job that was kept.
    ///
    /// # Errors
    /// [`Error::Value`] if the result is not an object, [`Error::TooLong`] if it does not fit:
    /// the caller gets the error `bad-result` instead. Else what broke; the job is gone then,
    /// unless you cloned it.
    #[allow(clippy::needless_pass_by_value, reason = "a job is answered once")]
    pub fn answer<R: Serialize + ?Sized>(&mut self, job: Job, result: &R) -> Result<(), Error> {
        self.push_result(&job, &super::payload::Payload::Value(result))
    }

    /// Answers a job that was kept with an error.
    ///
    /// # Errors
    /// [`Error::TooLong`] if the failure does not fit: the caller gets the error `bad-result`
    /// instead. Else what broke.
    #[allow(clippy::needless_pass_by_value, reason = "a job is answered once")]
    pub fn fail(&mut self, job: Job, failure: &Failure) -> Result<(), Error> {
        self.push_failure(&job, failure)
    }

    /// Puts a job back to the head of its queue, exactly as it came.
    ///
    /// # Errors
    /// What broke.
    #[allow(clippy::needless_pass_by_value, reason = "a job is put back once")]
    pub fn put_back(&mut self, job: Job) -> Result<(), Error> {
        match &job.queue {
            Some(queue) => self.work.lpush(queue, &job.raw).map(drop),
            None => Err(Error::Usage("this job came from no queue")),
        }
    }
}
