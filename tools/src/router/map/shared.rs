//! What a map's promises and its threads share: the answers of each host, and how far it all is.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use redis_ipc::Outcome;

use crate::router::error::{Cause, Error, Failed};
use crate::router::value::Value;

/// Over the limit a host's own error is waited for, which says more than that time is over.
const GRACE: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Shared {
    cells: Vec<Cell>,
    /// When time is over; not set before the commands were sent.
    until: OnceLock<Instant>,
    /// Hosts that have commands.
    hosts: AtomicUsize,
    done: AtomicUsize,
    cancelled: AtomicBool,
    lock: Mutex<()>,
    /// Some host has ended.
    progressed: Condvar,
}

/// One host's part.
#[derive(Debug)]
struct Cell {
    host: u32,
    address: Arc<str>,
    begun: AtomicBool,
    answers: OnceLock<Box<Part>>,
    /// There are more of them. Whoever waits for this host is not woken for others.
    answered: Condvar,
}

/// Answers that came together, and those that came after them.
#[derive(Debug)]
struct Part {
    answers: Answers,
    /// Nothing comes after them.
    is_last: bool,
    next: OnceLock<Box<Part>>,
}

/// What a host has answered from some command on; then, if there are fewer than promises, why.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The place of the first among all answers of the host.
    pub(super) first: usize,
    pub(super) bytes: Vec<u8>,
    pub(super) list: Vec<Answer>,
    /// The first that failed with the connection has this, and so have those that were sent
    /// together with it.
    pub(super) failure: Option<Arc<redis_ipc::Error>>,
    /// Those from here on were not sent.
    pub(super) sent: usize,
}

/// One answer; bytes are kept together, so that many small ones cost nothing.
#[derive(Debug)]
pub(super) enum Answer {
    Bytes(Range<usize>),
    Value(Value),
    Refused(Cause),
    /// It was asked for in more than one place, and the error knows where it failed.
    Failed(Box<Error>),
}

impl Shared {
    pub(super) fn new(hosts: impl Iterator<Item = (u32, Arc<str>)>) -> Self {
        let cell = |(host, address)| Cell {
            host,
            address,
            begun: AtomicBool::new(false),
            answers: OnceLock::new(),
            answered: Condvar::new(),
        };
        Self {
            cells: hosts.map(cell).collect(),
            until: OnceLock::new(),
            hosts: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            cancelled: AtomicBool::new(false),
            lock: Mutex::new(()),
            progressed: Condvar::new(),
        }
    }

    pub(super) fn begin(&self, until: Instant, hosts: usize) {
        self.hosts.store(hosts, Ordering::Release);
        let _ = self.until.set(until);
    }

    pub(super) fn begin_host(&self, host: usize) {
        self.cells[host].begun.store(true, Ordering::Release);
    }

    /// Hands out answers while others are still to come.
    pub(super) fn hand_out(&self, host: usize, answers: Answers) {
        let cell = &self.cells[host];
        cell.add(answers, false);
        self.pass_lock();
        cell.answered.notify_all();
    }

    pub(super) fn end_host(&self, host: usize, answers: Answers) {
        let cell = &self.cells[host];
        cell.add(answers, true);
        self.done.fetch_add(1, Ordering::AcqRel);
        self.pass_lock();
        cell.answered.notify_all();
        self.progressed.notify_all();
    }

    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.pass_lock();
        let answered = self.cells.iter().map(|cell| &cell.answered);
        answered
            .chain([&self.progressed])
            .for_each(Condvar::notify_all);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    pub(super) fn progress(&self) -> (usize, usize) {
        let hosts = self.hosts.load(Ordering::Acquire);
        (self.done.load(Ordering::Acquire).min(hosts), hosts)
    }

    /// Whoever is about to wait and has not seen what has changed does wait afterwards.
    fn pass_lock(&self) {
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until `ready`, which is asked whenever a host has ended, or until somebody cancels or
    /// time is over.
    pub(super) fn wait_until(&self, ready: impl FnMut(&Self) -> bool) {
        self.wait_on(&self.progressed, ready);
    }

    fn wait_on(&self, told: &Condvar, mut ready: impl FnMut(&Self) -> bool) {
        let Some(until) = self.until.get() else {
            return;
        };
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = (*until + GRACE).saturating_duration_since(Instant::now());
            if ready(self) || self.is_cancelled() || left.is_zero() {
                return;
            }
            let waited = told.wait_timeout(lock, left);
            lock = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The number of the host at a place.
    pub(super) fn number(&self, place: usize) -> u32 {
        self.cells[place].host
    }

    /// Whether a command of a host was answered or has failed.
    pub(super) fn is_answered(&self, host: usize, index: usize) -> bool {
        self.cells[host].find(index).is_some()
    }

    /// The answer to a command of a host.
    pub(super) fn wait_for(&self, host: usize, index: usize) -> Result<Value, Error> {
        let cell = &self.cells[host];
        let mut found = cell.find(index);
        if found.is_none() {
            if self.until.get().is_none() {
                return Err(Error::NotSent);
            }
            self.wait_on(&cell.answered, |_| {
                found = cell.find(index);
                found.is_some()
            });
        }
        let cancelled = self.is_cancelled();
        match found {
            Some(answers) if cancelled && answers.lacks(index) => {
                Err(cell.given_up(index < answers.sent, cancelled))
            }
            Some(answers) => answers.at(index, |cause| cell.failed(cause)),
            None => Err(cell.given_up(cell.begun.load(Ordering::Acquire), cancelled)),
        }
    }
}

impl Cell {
    fn add(&self, answers: Answers, is_last: bool) {
        let mut end = &self.answers;
        while let Some(part) = end.get() {
            end = &part.next;
        }
        let next = OnceLock::new();
        // One thread at a time has a host: nobody else has set it meanwhile.
        let _ = end.set(Box::new(Part {
            answers,
            is_last,
            next,
        }));
    }

    /// The answers among which a command's is, or its failure.
    fn find(&self, index: usize) -> Option<&Answers> {
        let mut part = self.answers.get()?;
        while !part.is_last && index >= part.answers.end() {
            part = part.next.get()?;
        }
        Some(&part.answers)
    }

    fn failed(&self, cause: Cause) -> Error {
        Error::Failed(Failed {
            host: self.host,
            address: self.address.clone(),
            cause,
        })
    }

    fn given_up(&self, maybe_sent: bool, cancelled: bool) -> Error {
        Error::GivenUp {
            host: self.host,
            address: self.address.clone(),
            outcome: if maybe_sent {
                Outcome::Unknown
            } else {
                Outcome::NotSent
            },
            cancelled,
        }
    }
}

impl Answers {
    fn at(&self, index: usize, failed: impl Fn(Cause) -> Error) -> Result<Value, Error> {
        match self.list.get(index - self.first) {
            Some(Answer::Bytes(range)) => Ok(Value::Bytes(self.bytes[range.clone()].to_vec())),
            Some(Answer::Value(value)) => Ok(value.clone()),
            Some(Answer::Refused(cause)) => Err(failed(cause.clone())),
            Some(Answer::Failed(error)) => Err((**error).clone()),
            None => Err(failed(self.failure(index))),
        }
    }

    /// The place behind the last.
    pub(super) fn end(&self) -> usize {
        self.first + self.list.len()
    }

    /// Whether there is neither this answer nor an error in its place: nobody was to ask for it
    /// any more.
    fn lacks(&self, index: usize) -> bool {
        index >= self.end() && self.failure.is_none()
    }

    /// Makes what all that failed have in common each one's own.
    #[cfg(feature = "redis")]
    pub(super) fn tell_each(&mut self, count: usize) {
        while self.list.len() < count {
            let cause = self.failure(self.list.len());
            self.list.push(Answer::Refused(cause));
        }
    }

    /// Puts the answers of others in the place of those from there on.
    pub(super) fn put(&mut self, index: usize, others: Self) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&others.bytes);
        for (place, answer) in self.list.iter_mut().skip(index).zip(others.list) {
            *place = match answer {
                Answer::Bytes(range) => Answer::Bytes(start + range.start..start + range.end),
                answer => answer,
            };
        }
    }

    fn failure(&self, index: usize) -> Cause {
        let Some(error) = &self.failure else {
            return Cause::Unexpected("the thread that asked the host has ended".to_owned());
        };
        match index < self.sent {
            true => Cause::Connection(error.clone()),
            false => Cause::NotReached(error.clone()),
        }
    }
}
