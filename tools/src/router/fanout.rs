//! One command for many hosts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use super::cluster::Cluster;
use super::error::{Cause, Error, Failed};
use super::map::Promised;
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

    /// To these hosts only.
    #[must_use]
    pub fn to(mut self, hosts: &[u32]) -> Self {
        self.hosts = hosts.to_vec();
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
        self.send(words)
    }

    /// Runs a script; where it is missing it is loaded.
    pub fn script(
        mut self,
        script: &Script,
        keys: &[impl AsRef<[u8]>],
        arguments: &[impl AsRef<[u8]>],
    ) -> Answers {
        let sum = match script.sum(&self) {
            Ok(sum) => sum,
            Err(error) => {
                return self
                    .hosts
                    .iter()
                    .map(|id| (*id, Err(error.clone())))
                    .collect();
            }
        };
        let count = keys.len().to_string();
        let mut words: Vec<&[u8]> = vec![b"EVALSHA", sum.as_bytes(), count.as_bytes()];
        words.extend(keys.iter().map(AsRef::as_ref));
        words.extend(arguments.iter().map(AsRef::as_ref));
        let mut answers = self.send(&words);
        let lacking = answers.iter().filter(|(_, answer)| lacks_script(answer));
        self.hosts = lacking.map(|(id, _)| *id).collect();
        if !self.hosts.is_empty() {
            words[0] = b"EVAL";
            words[1] = script.text.as_bytes();
            answers.extend(self.send(&words));
        }
        answers
    }

    fn send<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Answers {
        let mut map = self.cluster.map();
        let queued = self
            .hosts
            .iter()
            .map(|id| (*id, map.command_on(*id, words)));
        let queued: Vec<_> = queued.collect();
        map.send(self.limit).wait_with(&mut self.progress);
        let answer =
            |(id, promise): (_, Result<super::Promise, _>)| (id, promise.and_then(Promised::wait));
        queued.into_iter().map(answer).collect()
    }
}

fn lacks_script(answer: &Result<Value, Error>) -> bool {
    matches!(answer, Err(Error::Failed(Failed { cause: Cause::Rejected(words), .. }))
        if words.starts_with("NOSCRIPT"))
}

/// A Lua script that is sent once to each host and called by its sum afterwards.
#[derive(Debug)]
pub struct Script {
    text: String,
    sum: OnceLock<String>,
}

impl Script {
    /// A script in the language of the server's EVAL.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            sum: OnceLock::new(),
        }
    }

    /// Its sum as a server computes it; the first host of the fanout is asked for it once.
    fn sum(&self, fanout: &Fanout) -> Result<&str, Error> {
        if let Some(sum) = self.sum.get() {
            return Ok(sum);
        }
        let mut last = Error::NotSent;
        for host in &fanout.hosts {
            match fanout
                .cluster
                .command_on(*host, &["SCRIPT", "LOAD", &self.text])
            {
                Ok(value) => {
                    let sum = String::from_utf8_lossy(value.bytes().unwrap_or_default());
                    return Ok(self.sum.get_or_init(|| sum.into_owned()));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}
