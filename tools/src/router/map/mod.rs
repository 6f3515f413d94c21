//! Any number of commands for several hosts, sent to all of them at once.

mod batch;
mod moving;
mod promise;
#[cfg(feature = "redis")]
mod settle;
mod shared;
mod work;
mod workers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use batch::Batch;
use moving::{Commands, Moving};
pub use promise::{All, Promise, Promised, Then};
use shared::Shared;
use work::Work;
pub(super) use workers::Workers;

use super::cluster::Cluster;
use super::commands::{Refusal, Table};
use super::error::Error;
use super::layout::Layout;
use super::split::{self, Parts, Route};

/// A hundred years: longer than anybody waits, and no clock overflows.
pub(super) const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Commands that wait to be sent; see [`Cluster::map`](super::Cluster::map).
///
/// Each command is a [`Promise`] that can be waited for once the map was sent. Commands for one
/// host keep their order; between hosts there is none. A host that is slow or dead delays or
/// fails only its own commands. A connection is made anew, up to five times, only while nothing
/// was sent on it.
///
/// Adjacent GETs for one host go out as one MGET, adjacent SETs as one MSET, as with rb: the
/// difference shows where GET meets a key that is no text, which is nil with MGET.
/// [`unmerged`](Self::unmerged) turns it off.
#[derive(Debug)]
pub struct Map {
    layout: Arc<Layout>,
    table: Arc<Table>,
    shared: Arc<Shared>,
    /// One for each host.
    batches: Vec<Batch>,
    cluster: Cluster,
    /// If hosts join it, the commands whose keys are on their way, by the hosts they come from.
    moving: Vec<Commands>,
}

impl Map {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        let layout = cluster.layout();
        let nodes = layout.nodes.iter();
        let addresses = nodes.map(|node| (node.host.id, node.address.clone()));
        let hosts = layout.nodes.len();
        // As many places more if hosts join, for what is on its way.
        let joined = if cluster.next().is_some() { hosts } else { 0 };
        let addresses = addresses.clone().chain(addresses.take(joined));
        let map = Self {
            shared: Arc::new(Shared::new(addresses)),
            batches: layout.nodes.iter().map(|_| Batch::new()).collect(),
            table: cluster.table(),
            cluster: cluster.clone(),
            moving: vec![Vec::new(); joined],
            layout,
        };
        // A node would refuse most of what was merged: its keys live in several slots.
        match map.layout.rule.has_slots() {
            true => map.unmerged(),
            false => map,
        }
    }

    /// The same without the merging of GETs and SETs; says so before any command is queued.
    #[must_use]
    pub fn unmerged(mut self) -> Self {
        for batch in &mut self.batches {
            batch.merges = false;
        }
        self
    }

    /// Queues a GET.
    pub fn get(&mut self, key: impl AsRef<[u8]>) -> Promise {
        let key = key.as_ref();
        let host = self.layout.rule.host(key);
        if self.is_moving(key) {
            return self.queue(host, &[b"GET", key]);
        }
        let index = self.batches[host].get(key);
        Promise::of(&self.shared, host, index)
    }

    /// Queues a SET.
    pub fn set(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Promise {
        let (key, value) = (key.as_ref(), value.as_ref());
        let host = self.layout.rule.host(key);
        if self.is_moving(key) {
            return self.queue(host, &[b"SET", key, value]);
        }
        let index = self.batches[host].set(key, value);
        Promise::of(&self.shared, host, index)
    }

    /// Queues any command for the host of its key. Those that
    /// [`Cluster::command`](super::Cluster::command) splits are split here too.
    ///
    /// # Errors
    /// [`Refusal`] if it is not clear which host it is for; the map stays as it was.
    pub fn command<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<Promise, Refusal> {
        match split::route(&self.table, &self.layout, words) {
            Ok(Route::One(key)) => {
                let host = self.layout.rule.host(words[key].as_ref());
                Ok(self.queue(host, words))
            }
            Ok(Route::Several(parts)) => Ok(self.queue_parts(parts, words)),
            Err(Error::Refused(refusal)) => Err(refusal),
            Err(_) => Err(Refusal::Unknown(String::new())),
        }
    }

    /// Queues any command for a host, whatever keys it has.
    ///
    /// # Errors
    /// [`Error::NoHost`], or [`Error::Refused`] if it changes the connection that it is sent over.
    pub fn command_on<W: AsRef<[u8]>>(&mut self, host: u32, words: &[W]) -> Result<Promise, Error> {
        self.layout.node(host)?;
        split::check_shared(words)?;
        let host = host as usize;
        let index = self.batches[host].command_here(words);
        Ok(Promise::of(&self.shared, host, index))
    }

    fn is_moving(&self, key: &[u8]) -> bool {
        let next = self.cluster.next();
        next.is_some_and(|next| self.cluster.moves(next, key))
    }

    /// Whether a command has keys that are on their way.
    fn is_moving_any<W: AsRef<[u8]>>(&self, words: &[W]) -> bool {
        let moving = |at: usize| self.is_moving(words[at].as_ref());
        let keys = || self.table.keys(words).ok();
        self.cluster.next().is_some() && keys().is_some_and(|mut keys| keys.any(moving))
    }

    fn queue<W: AsRef<[u8]>>(&mut self, host: usize, words: &[W]) -> Promise {
        let (place, index) = self.place(host, words);
        Promise::of(&self.shared, place, index)
    }

    /// The place of the host for the answer, and its own among that host's.
    fn place<W: AsRef<[u8]>>(&mut self, host: usize, words: &[W]) -> (usize, usize) {
        match self.is_moving_any(words) {
            true => self.place_moving(host, words),
            false => (host, self.batches[host].command(words)),
        }
    }

    /// Commands whose keys are on their way are done one after the other, those that come from one
    /// host.
    fn place_moving<W: AsRef<[u8]>>(&mut self, host: usize, words: &[W]) -> (usize, usize) {
        let own = &mut self.moving[host];
        own.push(words.iter().map(|word| word.as_ref().to_vec()).collect());
        (self.batches.len() + host, own.len() - 1)
    }

    pub(crate) fn queue_parts<W: AsRef<[u8]>>(&mut self, parts: Parts, words: &[W]) -> Promise {
        let mut queued = Vec::with_capacity(parts.parts.len());
        for part in &parts.parts {
            queued.push(self.place(part.host, &parts.words(part, words)));
        }
        let places = parts.parts.into_iter().map(|part| part.keys);
        let queued = queued.into_iter().zip(places);
        Promise::joined(&self.shared, parts.join, parts.keys, queued)
    }

    /// How many commands are queued, before merging.
    #[must_use]
    pub fn len(&self) -> usize {
        let moving = self.moving.iter().map(Vec::len).sum::<usize>();
        self.batches.iter().map(Batch::answers).sum::<usize>() + moving
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sends all commands; `limit` holds for all of them together, connecting included. Returns
    /// at once: the hosts are worked on by threads of their own, which the cluster keeps for a second.
    #[expect(
        clippy::must_use_candidate,
        reason = "promises are waited for without it"
    )]
    pub fn send(self, limit: Duration) -> Running {
        let until = Instant::now() + limit.min(FOREVER);
        let shared = self.shared.clone();
        let most = self.cluster.options().hosts_in_flight.max(1);
        let workers = self.cluster.workers().clone();
        let places = self.batches.len()..;
        let moving = places.zip(self.moving).filter(|(_, own)| !own.is_empty());
        let moving = Moving::new(&self.cluster, &shared, moving.collect(), until);
        let work = Work::new(
            #[cfg(feature = "redis")]
            self.cluster,
            self.layout,
            shared.clone(),
            self.batches,
            until,
        );
        shared.begin(until, work.hosts() + moving.hosts());
        moving.start(most);
        work.start(most, &workers);
        Running { shared }
    }
}

/// Commands that were sent. Dropping this changes nothing: the promises stay good.
#[derive(Debug, Clone)]
pub struct Running {
    shared: Arc<Shared>,
}

impl Running {
    /// How many hosts have answered or failed, and how many there are to do so.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        self.shared.progress()
    }

    /// Waits until all hosts have answered or failed, or time is over.
    pub fn wait(&self) {
        self.wait_with(|_, _| ());
    }

    /// As [`wait`](Self::wait); tells of the [progress](Self::progress) whenever there is some.
    pub fn wait_with(&self, mut progress: impl FnMut(usize, usize)) {
        let mut told = None;
        self.shared.wait_until(|shared| {
            let now = shared.progress();
            if told != Some(now) {
                told = Some(now);
                progress(now.0, now.1);
            }
            now.0 == now.1
        });
    }

    /// Gives up what was not answered yet: promises of it end at once. Commands that were sent
    /// may still be executed; hosts that were not begun are not.
    pub fn cancel(&self) {
        self.shared.cancel();
    }
}
