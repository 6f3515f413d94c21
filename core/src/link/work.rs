//! What a serving link has for its program: jobs, and what became of the answers to them.

use core::fmt;

use heapless::String;

use super::{Error, Payload};
use crate::dialect::redis_ipc::{
    MAX_HEADER, Malformed, Origin, Stamp, finish_result, read_command,
};
use crate::key::Key;
use crate::resp::ErrorReply;
use crate::serve::{Serve, Turn, woken::Woken};
use crate::session::{Session, Storage};
use crate::write::{TooLong, Writer};

/// One turn of serving; texts are readable until the link receives again.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is nowhere else to put a job without an allocator"
)]
pub enum Work<'l> {
    /// A command to be executed and answered.
    Job(Job<'l>),
    /// A message that cannot be served; it is off its queue and dropped. Worth counting.
    Dropped(Unservable),
    /// The wait ended without a command.
    Idle,
    /// A result was pushed.
    Delivered {
        /// How many results wait in that queue now; more than 1 says that nobody reads them.
        waiting: u64,
    },
    /// The server refused to pop.
    PopRefused(ErrorReply<'l>),
    /// The server refused to take a result.
    ResultRefused(ErrorReply<'l>),
}

/// A command off its queue.
#[derive(Debug)]
pub struct Job<'l> {
    /// Which of the queues it came from, counted from 0.
    pub queue: usize,
    /// The sender's members alone: one JSON object.
    pub payload: &'l str,
    /// Who sent it.
    pub origin: Origin<'l>,
    command_id: &'l str,
    results: Key,
}

impl Job<'_> {
    /// What it takes to answer this job, now or later: about 650 bytes, copied.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        let mut command_id = String::new();
        // Longer ones do not become jobs.
        let _ = command_id.push_str(self.command_id);
        Ticket {
            results: self.results.clone(),
            command_id,
        }
    }
}

/// Where the answer to a job goes, and what it is marked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    results: Key,
    command_id: String<MAX_HEADER>,
}

impl Ticket {
    /// The queue in which the caller waits.
    #[must_use]
    pub fn results_queue(&self) -> &Key {
        &self.results
    }

    /// The caller's mark.
    #[must_use]
    pub fn command_id(&self) -> &str {
        &self.command_id
    }
}

/// Why a message cannot be served. The sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unservable {
    /// It is no command.
    Malformed(Malformed),
    /// The queue in which it wants its answer is no results queue.
    ResultsQueue,
    /// It does not fit the inbox.
    TooLong(TooLong),
}

impl fmt::Display for Unservable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("command dropped: ")?;
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::ResultsQueue => f.write_str("member results_queue names no results queue"),
            Self::TooLong(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Unservable {}

/// What a turn of the machine is to the program.
pub(super) fn of_turn<E>(turn: Turn<'_>) -> Result<Work<'_>, Error<E>> {
    Ok(match turn {
        Turn::Item { queue, message } => match job(queue, message) {
            Ok(job) => Work::Job(job),
            Err(why) => Work::Dropped(why),
        },
        Turn::ItemTooLong(error) => Work::Dropped(Unservable::TooLong(error)),
        Turn::Nothing => Work::Idle,
        Turn::Delivered { waiting } => Work::Delivered { waiting },
        Turn::PopRefused(error) => Work::PopRefused(error),
        Turn::ResultRefused(error) => Work::ResultRefused(error),
        Turn::Foreign | Turn::OutOfStep => return Err(Error::OutOfStep),
    })
}

fn job(queue: usize, message: &mut [u8]) -> Result<Job<'_>, Unservable> {
    let command = read_command(message).map_err(Unservable::Malformed)?;
    let results = Key::results_of_peer(command.results_queue).ok_or(Unservable::ResultsQueue)?;
    Ok(Job {
        queue,
        payload: command.payload,
        origin: command.origin,
        command_id: command.command_id,
        results,
    })
}

/// Writes the answer to a job and, if no pop is in flight, the next one behind it.
pub(super) fn answer<S: Storage, E>(
    session: &mut Session<S>,
    serve: &mut Serve,
    queues: &[Key],
    ticket: &Ticket,
    stamp: &Stamp<'_>,
    payload: &impl Payload,
) -> Result<(), Error<E>> {
    let queues = (!serve.asked()).then_some(queues);
    serve.answer(session, &ticket.results, queues, |w| {
        result(w, ticket, stamp, payload)
    })
}

/// As [`answer`], for the machine that never waits.
pub(super) fn answer_woken<S: Storage, E>(
    session: &mut Session<S>,
    woken: &mut Woken,
    queues: &[Key],
    ticket: &Ticket,
    stamp: &Stamp<'_>,
    payload: &impl Payload,
) -> Result<(), Error<E>> {
    woken.answer(session, &ticket.results, queues, |w| {
        result(w, ticket, stamp, payload)
    })
}

fn result<E>(
    w: &mut Writer<'_>,
    ticket: &Ticket,
    stamp: &Stamp<'_>,
    payload: &impl Payload,
) -> Result<(), Error<E>> {
    let start = w.len();
    payload.write(w)?;
    finish_result(w, start, &ticket.command_id, stamp)?;
    Ok(())
}
