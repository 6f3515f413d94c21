//! A Redis Cluster: its nodes say who has which slot, and when that has changed.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use redis_ipc::{Endpoint, Outcome};

use super::cluster::Cluster;
use super::error::{Cause, Error, Failed};
use super::layout::Layout;
use super::map::{FOREVER, Promised};
use super::options::Options;
use super::redirect::Redirect;
use super::topology::Topology;
use super::value::Value;

impl Cluster {
    /// The Redis Cluster that one of these nodes belongs to; the first one's user and password
    /// are those of all nodes.
    ///
    /// Hosts are the masters that have slots, numbered in the order of their first slots; they
    /// change with the cluster. Commands follow redirects (MOVED, ASK), and those that were not
    /// sent because a master is gone wait for its successor, all within their limit. Commands
    /// whose keys live in several slots are refused or split, for no node does them.
    ///
    /// ```no_run
    /// use redis_ipc_tools::router::{Cluster, Options};
    ///
    /// let nodes = ["redis://10.0.0.1:7000".parse()?, "redis://10.0.0.2:7000".parse()?];
    /// let cluster = Cluster::of_redis_cluster(nodes, Options::default())?;
    /// cluster.command(&["SET", "greeting", "hello"])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Topology`] if no node says who has the slots.
    pub fn of_redis_cluster(
        nodes: impl IntoIterator<Item = Endpoint>,
        options: Options,
    ) -> Result<Self, Error> {
        let topology = Topology::new(nodes.into_iter().collect());
        let layout = topology.turn().layout(&[], &options, options.connect_limit);
        let layout = layout.map_err(Error::Topology)?;
        Ok(Self::following(layout, options, topology))
    }

    /// Asks the nodes of a Redis Cluster anew who has which slots; for others, does nothing. This
    /// is done without being asked for when a node says that something has changed.
    ///
    /// # Errors
    /// [`Error::Topology`] if no node says so; then nothing is changed.
    pub fn refresh_slots(&self) -> Result<(), Error> {
        self.renew(&self.layout(), self.options().connect_limit)
    }

    /// Asks anew unless somebody has done so since `seen`.
    pub(crate) fn renew(&self, seen: &Arc<Layout>, limit: Duration) -> Result<(), Error> {
        let Some(topology) = self.topology() else {
            return Ok(());
        };
        let mut turn = topology.turn();
        let present = self.layout();
        if !Arc::ptr_eq(seen, &present) {
            return Ok(());
        }
        let layout = turn.layout(&present.nodes, self.options(), limit);
        let layout = layout.map_err(Error::Topology)?;
        *self
            .layout_lock()
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(layout);
        Ok(())
    }

    /// Sends a command to a host, and where it belongs by then if that host does not do it.
    pub(super) fn follow<W: AsRef<[u8]>>(
        &self,
        layout: &Arc<Layout>,
        host: usize,
        words: &[W],
        limit: Duration,
    ) -> Result<Value, Error> {
        let until = Instant::now() + limit.min(FOREVER);
        let answer = layout.nodes[host].command(words, limit);
        if !answer.as_ref().is_err_and(wants_another) {
            return answer;
        }
        let mut map = self.map();
        let promise = map.command(words)?;
        map.send(until.saturating_duration_since(Instant::now()));
        promise.wait()
    }
}

/// Whether a command was not done where it was sent, and may be elsewhere or later.
fn wants_another(error: &Error) -> bool {
    match error {
        Error::Failed(Failed { cause, .. }) => is_open(cause),
        _ => false,
    }
}

/// As [`wants_another`], for what became of it on one host.
pub(super) fn is_open(cause: &Cause) -> bool {
    match cause {
        Cause::Rejected(words) => Redirect::read(words).is_some(),
        Cause::NotReached(_) => true,
        Cause::Connection(error) => error.outcome() == Outcome::NotSent && error.is_disconnection(),
        Cause::Unexpected(_) => false,
    }
}
