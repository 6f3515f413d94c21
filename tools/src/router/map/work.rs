//! The threads of a map: each takes a host, sends its commands and keeps the answers.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redis_ipc::{Connection, Error, Outcome};
use redis_ipc_core::resp::Reply;

use super::batch::{Batch, Kind, Queued};
use super::shared::{Answer, Answers, Shared};
use super::workers::Workers;

#[cfg(feature = "redis")]
use crate::router::cluster::Cluster;
use crate::router::error::Cause;
use crate::router::layout::Layout;
use crate::router::value::Value;

/// How often a host is connected to anew while nothing was sent to it.
const RECONNECTS: u32 = 5;

/// The wait before the first of them; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// Bytes of requests that are sent before their replies are read. Less than a pipeline sends by
/// itself, so that each part goes out by one send, and what it says of its outcome holds for all.
const PART_BYTES: usize = 60 * 1024;

/// A map's commands on their way.
#[derive(Debug)]
pub(super) struct Work {
    /// Asked where commands belong that the nodes of a Redis Cluster do not do.
    #[cfg(feature = "redis")]
    pub(super) cluster: Cluster,
    pub(super) layout: Arc<Layout>,
    pub(super) shared: Arc<Shared>,
    pub(super) batches: Vec<Batch>,
    until: Instant,
    /// Places of the hosts that have commands, and how many of them were begun.
    hosts: Vec<usize>,
    begun: AtomicUsize,
}

impl Work {
    pub(super) fn new(
        #[cfg(feature = "redis")] cluster: Cluster,
        layout: Arc<Layout>,
        shared: Arc<Shared>,
        batches: Vec<Batch>,
        until: Instant,
    ) -> Self {
        let busy = |host: &usize| batches[*host].answers() > 0;
        let hosts = (0..batches.len()).filter(busy).collect();
        Self {
            #[cfg(feature = "redis")]
            cluster,
            layout,
            shared,
            batches,
            until,
            hosts,
            begun: AtomicUsize::new(0),
        }
    }

    pub(super) fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// Has a thread for each host, at most `most`, work on them; each takes the next host when it
    /// has done with one.
    pub(super) fn start(self, most: usize, workers: &Arc<Workers>) {
        let threads = self.hosts.len().min(most);
        let work = Arc::new(self);
        for _ in 0..threads {
            if workers.take_up(&work).is_err() {
                // No more threads to be had: those there are, or else this one, do it all.
                work.take_hosts();
                return;
            }
        }
    }

    pub(super) fn take_hosts(&self) {
        while let Some(host) = self.hosts.get(self.begun.fetch_add(1, Ordering::AcqRel)) {
            // A host that is not begun is not to blame for it.
            if self.shared.is_cancelled() || self.left().is_zero() {
                return;
            }
            let mut answers = Answers::with_room(self.batches[*host].answers());
            self.shared.begin_host(*host);
            if let Err(error) = self.ask(*host, &mut answers) {
                answers.failure = Some(Arc::new(error));
            }
            #[cfg(feature = "redis")]
            if let Some(topology) = self.cluster.topology() {
                self.settle(topology, *host, &mut answers);
            }
            self.shared.end_host(*host, answers);
        }
    }

    /// Sends a host's commands, again as long as nothing has gone out.
    fn ask(&self, host: usize, answers: &mut Answers) -> Result<(), Error> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..RECONNECTS {
            let error = match self.attempt(host, answers) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let again = error.outcome() == Outcome::NotSent
                && answers.end() == 0
                && error.is_disconnection();
            if !again || self.left() < pause || self.shared.is_cancelled() {
                return Err(error);
            }
            self.layout.nodes[host].forget_idle();
            thread::sleep(pause);
            pause *= 2;
        }
        self.attempt(host, answers)
    }

    fn attempt(&self, host: usize, answers: &mut Answers) -> Result<(), Error> {
        let (node, batch) = (&self.layout.nodes[host], &self.batches[host]);
        let mut connection = node.connect(self.left())?;
        let mut commands = &batch.commands[..];
        while !commands.is_empty() {
            let part = part_of(batch, commands);
            let (now, later) = commands.split_at(part);
            let promises: usize = now.iter().map(|queued| queued.answers).sum();
            self.exchange(&mut connection, batch, now, answers)
                .inspect_err(|error| {
                    let sent = error.outcome() != Outcome::NotSent;
                    answers.sent += if sent { promises } else { 0 };
                })?;
            answers.sent += promises;
            commands = later;
            if self.shared.is_cancelled() {
                break;
            }
            self.hand_out(host, answers);
        }
        node.give_back_alive(connection);
        Ok(())
    }

    /// Hands out what was answered while more is to come: nobody waits longer than he has to. What a
    /// node of a Redis Cluster says may not be its last word.
    fn hand_out(&self, host: usize, answers: &mut Answers) {
        #[cfg(feature = "redis")]
        if self.cluster.topology().is_some() {
            return;
        }
        let (there, all) = (answers.list.len(), self.batches[host].answers());
        // Each time a good deal more than before, so that these are few for any number of answers.
        if answers.end() < all && there > answers.first / 4 {
            let next = Answers {
                first: answers.end(),
                sent: answers.sent,
                ..Answers::with_room(all - answers.end())
            };
            self.shared.hand_out(host, mem::replace(answers, next));
        }
    }

    /// Sends some commands and reads their answers. GETs whose answers are too long together are
    /// sent one by one, unless something was sent behind them that might change them.
    fn exchange(
        &self,
        connection: &mut Connection,
        batch: &Batch,
        commands: &[Queued],
        answers: &mut Answers,
    ) -> Result<(), Error> {
        let mut words = Vec::new();
        let mut too_long = Vec::new();
        let mut pipeline = connection.pipeline_within(self.left());
        for queued in commands {
            batch.words(queued, &mut words);
            match pipeline.command(&words) {
                Err(error @ Error::TooLong { .. }) => too_long.push(Some(Arc::new(error))),
                sent => {
                    sent?;
                    too_long.push(None);
                }
            }
        }
        let mut replies = pipeline.send()?;
        let mut again = Vec::new();
        for (number, (queued, too_long)) in commands.iter().zip(too_long).enumerate() {
            if let Some(error) = too_long {
                answers.refused(queued, &Cause::Connection(error));
                continue;
            }
            match replies.next() {
                Ok(Some(reply)) => answers.take(queued, &reply),
                Ok(None) => return Ok(()),
                Err(error @ Error::TooLong { .. }) => {
                    if queued.answers > 1 && reads_only(&commands[number..]) {
                        again.push((answers.list.len(), queued));
                    }
                    answers.refused(queued, &Cause::Connection(Arc::new(error)));
                }
                Err(error) => return Err(error),
            }
        }
        for (place, queued) in again {
            let mut each = Answers::default();
            self.exchange(connection, batch, &queued.parts(), &mut each)?;
            answers.put(place, each);
        }
        Ok(())
    }

    pub(super) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// Whether each of these may as well be sent later than the others.
fn reads_only(commands: &[Queued]) -> bool {
    commands.iter().all(|queued| queued.kind == Kind::Get)
}

/// How many commands make a part; at least one.
fn part_of(batch: &Batch, commands: &[Queued]) -> usize {
    let mut bytes = 0;
    let fits = |queued: &&Queued| {
        bytes += batch.size(queued);
        bytes <= PART_BYTES
    };
    commands.iter().take_while(fits).count().max(1)
}

impl Answers {
    /// None yet; so many are to come.
    fn with_room(count: usize) -> Self {
        Self {
            list: Vec::with_capacity(count),
            ..Self::default()
        }
    }

    /// Keeps a reply for the promises of its command.
    pub(super) fn take(&mut self, queued: &Queued, reply: &Reply<'_>) {
        if let Some(error) = reply.error() {
            return self.refused(queued, &Cause::Rejected(error.to_string()));
        }
        match (queued.kind, queued.answers, reply) {
            (_, 1, reply) => self.keep(reply),
            (Kind::Get, count, Reply::Array(elements)) if elements.len() == count => {
                elements.clone().for_each(|element| self.keep(&element));
            }
            (Kind::Set, count, reply) => (0..count).for_each(|_| self.keep(reply)),
            (_, _, reply) => {
                let cause = format!("a merged command was answered with {}", Value::from(reply));
                self.refused(queued, &Cause::Unexpected(cause));
            }
        }
    }

    fn keep(&mut self, reply: &Reply<'_>) {
        match reply {
            Reply::Bulk(bytes) => {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(bytes);
                self.list.push(Answer::Bytes(start..self.bytes.len()));
            }
            reply => self.list.push(Answer::Value(Value::from(reply))),
        }
    }

    fn refused(&mut self, queued: &Queued, cause: &Cause) {
        let cause = || Answer::Refused(cause.clone());
        self.list.extend((0..queued.answers).map(|_| cause()));
    }
}
