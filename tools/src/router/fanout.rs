//! One command for many hosts.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::time::{Duration, Instant};

use super::cluster::Cluster;
use super::error::{Cause, Error, Failed};
use super::map::{FOREVER, Promise, Promised, Running};
use super::value::Value;

/// What each host has answered, by its number.
pub type Answers = BTreeMap<u32, Result<Value, Error>>;

/// A command for all hosts, or for some; see [`Cluster::fanout`].
///
/// ```no_run
/// # use redis_ipc_tools::router::{Cluster, Host, Placement};
/// # let cluster = Cluster::new([Host::new(0, "/tmp/s0".parse()?)], Placement::Partition)?;
/// for (host, size) in cluster.fanout().command(&["DBSIZE"]) {
///     println!("host {host} has {} keys", size?);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Fanout {
    cluster: Cluster,
    hosts: Vec<u32>,
    limit: Duration,
    progress: Box<dyn FnMut(usize, usize)>,
}

impl fmt::Debug for Fanout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Fanout");
        shown
            .field("hosts", &self.hosts)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl Fanout {
    pub(super) fn new(cluster: Cluster) -> Self {
        Self {
            hosts: cluster.hosts().iter().map(|host| host.id).collect(),
            limit: cluster.options().reply_limit,
            cluster,
            progress: Box::new(|_, _| ()),
        }
    }

    /// To these hosts only; to each once.
    #[must_use]
    pub fn to(mut self, hosts: &[u32]) -> Self {
        self.hosts = hosts.to_vec();
        self.hosts.sort_unstable();
        self.hosts.dedup();
        self
    }

    /// To the host on which `key` lives only.
    #[must_use]
    pub fn to_key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.hosts = vec![self.cluster.host_of(key)];
        self
    }

    /// With another limit than the cluster's, for all hosts together.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Tells, whenever a host has answered or failed, how many have and how many there are.
    #[must_use]
    pub fn on_progress(mut self, tell: impl FnMut(usize, usize) + 'static) -> Self {
        self.progress = Box::new(tell);
        self
    }

    /// Sends a command and waits for all answers; a number that no host has fails for itself.
    pub fn command<W: AsRef<[u8]>>(mut self, words: &[W]) -> Answers {
        let mut answers = Answers::new();
        let (running, queued) = self.send(&self.hosts, words, self.until(), &mut answers);
        running.wait_with(&mut self.progress);
        let answer = |(id, promise): (_, Promise)| (id, promise.wait());
        answers.extend(queued.into_iter().map(answer));
        answers
    }

    /// Runs a script; where it is missing it is loaded.
    pub fn script(
        mut self,
        script: &Script,
        keys: &[impl AsRef<[u8]>],
        arguments: &[impl AsRef<[u8]>],
    ) -> Answers {
        let (until, hosts) = (self.until(), self.hosts.len());
        let count = keys.len().to_string();
        let mut words: Vec<&[u8]> = vec![b"EVALSHA", script.sum.as_bytes(), count.as_bytes()];
        words.extend(keys.iter().map(AsRef::as_ref));
        words.extend(arguments.iter().map(AsRef::as_ref));
        let mut answers = Answers::new();
        let (running, mut queued) = self.send(&self.hosts, &words, until, &mut answers);
        words[0] = b"EVAL";
        words[1] = script.text.as_bytes();
        let mut again = Vec::new();
        let mut progress = mem::replace(&mut self.progress, Box::new(|_, _| ()));
        // Whoever lacks it is sent it at once, and does not wait for those that are slow.
        running.wait_with(|_, _| {
            for (id, promise) in queued.extract_if(.., |(_, promise)| promise.is_there()) {
                let answer = promise.wait();
                if lacks_script(&answer) {
                    again.extend(self.send(&[id], &words, until, &mut answers).1);
                } else {
                    answers.insert(id, answer);
                }
            }
            progress(answers.len(), hosts);
        });
        for (id, promise) in again.into_iter().chain(queued) {
            answers.insert(id, promise.wait());
            progress(answers.len(), hosts);
        }
        answers
    }

    fn until(&self) -> Instant {
        Instant::now() + self.limit.min(FOREVER)
    }

    /// Sends a command to some hosts. Those that there are not have their answers at once.
    fn send<W: AsRef<[u8]>>(
        &self,
        hosts: &[u32],
        words: &[W],
        until: Instant,
        answers: &mut Answers,
    ) -> (Running, Vec<(u32, Promise)>) {
        let mut map = self.cluster.map();
        let mut queued = Vec::new();
        for id in hosts {
            match map.command_on(*id, words) {
                Ok(promise) => queued.push((*id, promise)),
                Err(error) => drop(answers.insert(*id, Err(error))),
            }
        }
        let left = until.saturating_duration_since(Instant::now());
        (map.send(left), queued)
    }
}

fn lacks_script(answer: &Result<Value, Error>) -> bool {
    matches!(answer, Err(Error::Failed(Failed { cause: Cause::Rejected(words), .. }))
        if words.starts_with("NOSCRIPT"))
}

/// A Lua script that is sent whole only where it is missing, and known by its sum elsewhere.
#[derive(Debug)]
pub struct Script {
    text: String,
    sum: String,
}

impl Script {
    /// A script in the language of the server's EVAL.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let sum = sha1_smol::Sha1::from(&text).digest().to_string();
        Self { text, sum }
    }
}
