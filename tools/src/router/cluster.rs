//! Hosts as one: which they are, and where keys live.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::commands::Table;
use super::error::{Cause, Error, HostsError};
use super::fanout::Fanout;
use super::host::Host;
use super::identity::Identities;
use super::layout::Layout;
use super::map::{Map, Workers};
use super::options::Options;
use super::placement::Placement;
#[cfg(feature = "redis")]
use super::topology::Topology;

/// Several hosts as one. Clones share their connections.
///
/// Making one does not connect: a host is connected to when it is needed. Whenever that is done, the
/// server is asked who it is, and refused if it is another host's server with the same database, or
/// if it was running already while another one still answered at that address, unless it was a
/// replica of that one. A server that was started after the former one had ended is taken for its
/// restart.
#[derive(Debug, Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    placement: Placement,
    options: Options,
    table: RwLock<Arc<Table>>,
    layout: RwLock<Arc<Layout>>,
    identities: Identities,
    /// The threads of maps.
    workers: Arc<Workers>,
    /// The hosts that there will be when keys have moved.
    next: Option<Cluster>,
    /// Whether those are the hosts that there are by now.
    joined: AtomicBool,
    /// Whom to ask for the hosts of a Redis Cluster.
    #[cfg(feature = "redis")]
    topology: Option<Topology>,
}

impl Cluster {
    /// A cluster with the default [`Options`].
    ///
    /// # Errors
    /// [`HostsError`] if there is no host, or if their numbers or addresses do not fit together.
    pub fn new(
        hosts: impl IntoIterator<Item = Host>,
        placement: Placement,
    ) -> Result<Self, HostsError> {
        Self::with(hosts, placement, Options::default())
    }

    /// A cluster.
    ///
    /// # Errors
    /// As with [`new`](Self::new).
    pub fn with(
        hosts: impl IntoIterator<Item = Host>,
        placement: Placement,
        options: Options,
    ) -> Result<Self, HostsError> {
        Self::growing(hosts.into_iter().collect(), &[], placement, options)
    }

    /// A cluster that other hosts join: until their keys have [moved](super::moving), each key is
    /// looked for where it was, then where it will be. Commands with one key and those that can be
    /// split work meanwhile; others with several keys, some of which move, are refused.
    ///
    /// # Errors
    /// As with [`new`](Self::new), for the hosts that there are and for all of them together.
    pub fn growing(
        hosts: Vec<Host>,
        joining: &[Host],
        placement: Placement,
        options: Options,
    ) -> Result<Self, HostsError> {
        let identities = Identities::default();
        let next = match joining {
            [] => None,
            joining => {
                let all = hosts.iter().chain(joining).cloned().collect();
                Some(Self::of(
                    all,
                    None,
                    placement,
                    options.clone(),
                    &identities,
                )?)
            }
        };
        Self::of(hosts, next, placement, options, &identities)
    }

    fn of(
        hosts: Vec<Host>,
        next: Option<Self>,
        placement: Placement,
        options: Options,
        identities: &Identities,
    ) -> Result<Self, HostsError> {
        let layout = Layout::new(hosts, placement, &options, &[], identities)?;
        let inner = Inner {
            identities: identities.clone(),
            workers: Arc::default(),
            next,
            joined: AtomicBool::new(false),
            #[cfg(feature = "redis")]
            topology: None,
            placement,
            options,
            table: RwLock::new(Arc::new(Table::bundled().clone())),
            layout: RwLock::new(Arc::new(layout)),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    #[cfg(feature = "redis")]
    pub(super) fn following(layout: Layout, options: Options, topology: Topology) -> Self {
        let inner = Inner {
            identities: Identities::default(),
            workers: Arc::default(),
            next: None,
            joined: AtomicBool::new(false),
            topology: Some(topology),
            placement: Placement::Slots,
            options,
            table: RwLock::new(Arc::new(Table::bundled().clone())),
            layout: RwLock::new(Arc::new(layout)),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    #[cfg(feature = "redis")]
    pub(super) fn topology(&self) -> Option<&Topology> {
        self.inner.topology.as_ref()
    }

    #[cfg(feature = "redis")]
    pub(super) fn layout_lock(&self) -> &RwLock<Arc<Layout>> {
        &self.inner.layout
    }

    /// Whether its nodes say who the hosts are.
    pub(crate) fn is_redis_cluster(&self) -> bool {
        self.layout().rule.has_slots()
    }

    pub(super) fn workers(&self) -> &Arc<Workers> {
        &self.inner.workers
    }

    /// The hosts in the order of their numbers.
    #[must_use]
    pub fn hosts(&self) -> Vec<Host> {
        let layout = self.layout();
        layout.nodes.iter().map(|node| node.host.clone()).collect()
    }

    /// The rule by which keys are placed.
    #[must_use]
    pub fn placement(&self) -> Placement {
        self.inner.placement
    }

    /// The cluster that there will be when keys have moved; `None` if no host joins.
    #[must_use]
    pub fn next(&self) -> Option<&Cluster> {
        let next = self.inner.next.as_ref();
        next.filter(|_| !self.inner.joined.load(Ordering::Acquire))
    }

    /// All hosts, with those that join.
    pub(crate) fn with_joining(&self) -> &Cluster {
        self.next().unwrap_or(self)
    }

    pub(crate) fn failed(&self, host: u32, error: redis_ipc::Error) -> Error {
        match self.layout().node(host) {
            Ok(node) => node.failed(error),
            Err(error) => error,
        }
    }

    pub(crate) fn rejected(&self, host: u32, words: String) -> Error {
        match self.layout().node(host) {
            Ok(node) => Error::Failed(node.failure(Cause::Rejected(words))),
            Err(error) => error,
        }
    }

    /// How long is waited and how much is held.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// Puts other hosts in the place of those there are; hosts that stay keep their connections.
    /// Maps and fanouts that were begun go on with the hosts they know. Nothing is moved: while
    /// hosts join, they can only be put in with the others once all keys have moved, which ends it.
    ///
    /// # Errors
    /// As with [`new`](Self::new), [`HostsError::RedisCluster`] and [`HostsError::Joining`]; then
    /// nothing is changed.
    pub fn set_hosts(&self, hosts: impl IntoIterator<Item = Host>) -> Result<(), HostsError> {
        let (hosts, inner) = (hosts.into_iter().collect(), &self.inner);
        if self.is_redis_cluster() {
            return Err(HostsError::RedisCluster);
        }
        let nodes = &self.layout().nodes;
        let known = &inner.identities;
        let layout = Layout::new(hosts, inner.placement, &inner.options, nodes, known)?;
        let hosts: Vec<_> = layout.nodes.iter().map(|node| node.host.clone()).collect();
        if self.next().is_some_and(|next| next.hosts() != hosts) {
            return Err(HostsError::Joining);
        }
        known.keep(&hosts);
        *inner.layout.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(layout);
        inner.joined.store(true, Ordering::Release);
        Ok(())
    }

    /// The number of the host on which `key` lives.
    #[must_use]
    pub fn host_of(&self, key: impl AsRef<[u8]>) -> u32 {
        self.layout().of_key(key.as_ref()).host.id
    }

    /// The part of all keys that each host is to have, from 0 to 1, by its number.
    #[must_use]
    pub fn shares(&self) -> Vec<f64> {
        let layout = self.layout();
        layout.rule.shares(layout.nodes.len())
    }

    /// Begins a map: any number of commands, sent to all hosts at once.
    #[must_use]
    pub fn map(&self) -> Map {
        Map::new(self)
    }

    /// Begins a fanout: one command to all hosts, or to some.
    #[must_use]
    pub fn fanout(&self) -> Fanout {
        Fanout::new(self.clone())
    }

    pub(super) fn identities(&self) -> &Identities {
        &self.inner.identities
    }

    pub(crate) fn layout(&self) -> Arc<Layout> {
        let layout = self.inner.layout.read();
        layout.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn table(&self) -> Arc<Table> {
        let table = self.inner.table.read();
        table.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn change_table(&self, change: impl FnOnce(&Table) -> Table) {
        let table = self.inner.table.write();
        let mut table = table.unwrap_or_else(PoisonError::into_inner);
        *table = Arc::new(change(&table));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(hosts: &[(u32, &str)]) -> Result<Cluster, HostsError> {
        let host = |(id, address): &(u32, &str)| Host::new(*id, address.parse().unwrap());
        Cluster::new(hosts.iter().map(host), Placement::Partition)
    }

    #[test]
    fn hosts_that_make_no_cluster_are_named() {
        for (hosts, words) in [
            (&[][..], "there is no host"),
            (
                &[(0, "/a"), (0, "/b")],
                "two hosts have the number 0: unix:///a and unix:///b",
            ),
            (&[(0, "/a"), (2, "/b")], "host 1 is missing"),
            (&[(1, "/a")], "host 0 is missing"),
            (
                &[(0, "/a"), (1, "/a")],
                "hosts 0 and 1 have one address: unix:///a",
            ),
        ] {
            let error = cluster(hosts).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(cluster(&[(1, "/a"), (0, "unix:///a?db=1")]).is_ok());
    }

    #[test]
    fn the_router_is_built_anew_when_hosts_change() {
        let cluster = cluster(&[(0, "/a")]).unwrap();
        assert_eq!(cluster.host_of("foo"), 0);
        let hosts = ["/a", "/b", "/c"].map(|path| path.parse().unwrap());
        let hosts = (0..)
            .zip(hosts)
            .map(|(id, endpoint)| Host::new(id, endpoint));
        cluster.set_hosts(hosts).unwrap();
        assert_eq!(cluster.host_of("foo"), 1);
        assert!(cluster.set_hosts([]).is_err());
        assert_eq!(cluster.hosts().len(), 3);
    }

    #[test]
    fn hosts_that_join_are_no_others_until_they_have_joined() {
        let host = |id| Host::new(id, format!("/{id}").parse().unwrap());
        let options = Options::default();
        let joining = [host(1)];
        let cluster =
            Cluster::growing(vec![host(0)], &joining, Placement::Partition, options).unwrap();
        let other = Host::new(1, "/other".parse().unwrap());
        for hosts in [vec![host(0)], vec![host(0), other]] {
            assert_eq!(cluster.set_hosts(hosts), Err(HostsError::Joining));
            assert!(cluster.next().is_some());
        }
        cluster.set_hosts([host(1), host(0)]).unwrap();
        assert!(cluster.next().is_none());
        cluster.set_hosts([host(0), host(1), host(2)]).unwrap();
        assert_eq!(cluster.hosts().len(), 3);
    }

    #[test]
    fn a_host_that_is_not_there_is_named() {
        let cluster = cluster(&[(0, "/no/such/socket")]).unwrap();
        let error = cluster.command(&["GET", "a"]).unwrap_err();
        assert_eq!(error.outcome(), redis_ipc::Outcome::NotSent);
        let error = error.to_string();
        assert!(
            error.starts_with("host 0 (unix:///no/such/socket): no server"),
            "{error}"
        );
        let hosts = ["/no/such", "/nor/this"].map(|path| path.parse().unwrap());
        let hosts = (0..).zip(hosts).map(|(id, at)| Host::new(id, at));
        let both = Cluster::new(hosts, Placement::Partition).unwrap();
        let error = both.command(&["MSET", "a", "1", "b", "2", "c", "3", "d", "4"]);
        let error = error.unwrap_err();
        assert!(matches!(error, Error::Partly { .. }), "{error}");
        assert_eq!(error.outcome(), redis_ipc::Outcome::NotSent);
        let error = cluster.command_on(3, &["PING"]).unwrap_err().to_string();
        assert_eq!(error, "there is no host 3: there are 1, numbered from 0");
    }
}
