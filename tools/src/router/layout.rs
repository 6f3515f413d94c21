//! Hosts with their connections, and the rule over them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis_ipc::Connection;

use super::commands::Refusal;
use super::error::{Cause, Error, Failed, HostsError};
use super::host::Host;
use super::identity::Identities;
use super::options::Options;
use super::placement::{Placement, Rule};
use super::value::Value;

/// Bytes of buffers that a connection may hold while nobody uses it.
const MOST_IDLE_BYTES: usize = 8 * 1024 * 1024;

/// The hosts of a moment and the rule over them; replaced as a whole.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) nodes: Vec<Arc<Node>>,
    pub(crate) rule: Rule,
}

/// A host with its connections.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) host: Host,
    pub(crate) address: Arc<str>,
    options: Options,
    /// Where it is noted which server it is; `None` for a node of a Redis Cluster, where a wrong
    /// one does nothing.
    identities: Option<Identities>,
    idle: Mutex<Vec<Connection>>,
}

impl Layout {
    /// Hosts that are among `known` keep their connections.
    pub(crate) fn new(
        mut hosts: Vec<Host>,
        placement: Placement,
        options: &Options,
        known: &[Arc<Node>],
        identities: &Identities,
    ) -> Result<Self, HostsError> {
        hosts.sort_by_key(|host| host.id);
        check_numbers(&hosts)?;
        check_addresses(&hosts)?;
        check_names(&hosts, placement)?;
        let unnamed = |host: &&Host| placement == Placement::Consistent && !host.has_python_name();
        if let Some(host) = hosts.iter().find(unnamed) {
            return Err(HostsError::Unnamed { id: host.id });
        }
        let rule = Rule::new(placement, &hosts).map_err(HostsError::Circle)?;
        let node = |host: Host| {
            let same = known.iter().find(|node| node.host == host).cloned();
            same.unwrap_or_else(|| {
                let mut node = Node::new(host, options);
                node.identities = Some(identities.clone());
                Arc::new(node)
            })
        };
        let nodes = hosts.into_iter().map(node).collect();
        Ok(Self { nodes, rule })
    }

    pub(crate) fn node(&self, id: u32) -> Result<&Arc<Node>, Error> {
        let index = usize::try_from(id).ok();
        let node = index.and_then(|index| self.nodes.get(index));
        let hosts = self.nodes.len();
        node.ok_or(Error::NoHost { id, hosts })
    }

    pub(crate) fn of_key(&self, key: &[u8]) -> &Arc<Node> {
        &self.nodes[self.rule.host(key)]
    }

    /// Why a command with keys in these [units](Rule::unit) is not sent.
    pub(crate) fn several(&self, name: &str, mut units: Vec<usize>) -> Refusal {
        let (name, keys) = (name.to_owned(), units.len());
        if self.rule.has_slots() {
            return Refusal::SeveralSlots { name, keys };
        }
        units.sort_unstable();
        units.dedup();
        let ids = units.into_iter().map(|host| self.nodes[host].host.id);
        let hosts = ids.collect();
        Refusal::SeveralHosts { name, keys, hosts }
    }
}

/// `hosts` are sorted by number.
fn check_numbers(hosts: &[Host]) -> Result<(), HostsError> {
    if hosts.is_empty() {
        return Err(HostsError::None);
    }
    for pair in hosts.windows(2) {
        if pair[0].id == pair[1].id {
            let addresses = [&pair[0], &pair[1]].map(|host| host.endpoint.to_string());
            let id = pair[0].id;
            return Err(HostsError::Duplicate { id, addresses });
        }
    }
    match (0..).zip(hosts).find(|(number, host)| host.id != *number) {
        Some((missing, _)) => Err(HostsError::Gap {
            missing,
            hosts: hosts.len(),
        }),
        None => Ok(()),
    }
}

/// Whoever logs in as somebody else there finds the same keys.
fn check_addresses(hosts: &[Host]) -> Result<(), HostsError> {
    let mut seen = HashMap::new();
    for host in hosts {
        let endpoint = &host.endpoint;
        let place = match (endpoint.host(), endpoint.path()) {
            (Some((name, port)), _) => {
                let scheme = if endpoint.is_secure() {
                    "rediss"
                } else {
                    "redis"
                };
                format!("{scheme}://{name}:{port}/{}", endpoint.database())
            }
            (None, Some(path)) => format!("{}?{}", path.display(), endpoint.database()),
            (None, None) => endpoint.to_string(),
        };
        if let Some(other) = seen.insert(place, host) {
            return Err(HostsError::SameAddress {
                address: other.endpoint.to_string(),
                ids: [other.id, host.id],
            });
        }
    }
    Ok(())
}

/// Names must differ where they are all that a placement sees of a host.
fn check_names(hosts: &[Host], placement: Placement) -> Result<(), HostsError> {
    let name = |host: &Host| match placement {
        Placement::Ketama | Placement::Ring => Some(host.short_name()),
        Placement::Consistent => Some(host.python_name()),
        Placement::Partition | Placement::Slots => None,
    };
    let mut seen = HashMap::new();
    for host in hosts {
        let Some(name) = name(host) else { continue };
        if let Some(other) = seen.insert(name.clone(), host.id) {
            let ids = [other, host.id];
            return Err(HostsError::SameName { name, ids });
        }
    }
    Ok(())
}

impl Node {
    pub(crate) fn new(host: Host, options: &Options) -> Self {
        Self {
            address: host.endpoint.to_string().into(),
            host,
            options: options.clone(),
            identities: None,
            idle: Mutex::default(),
        }
    }

    /// A connection of its own, an idle one if there is one.
    pub(crate) fn connect(&self, limit: Duration) -> Result<Connection, redis_ipc::Error> {
        if let Some(connection) = self.idle().pop() {
            return Ok(connection);
        }
        let options = redis_ipc::Options::default()
            .connect_limit(limit.min(self.options.connect_limit))
            .reply_limit(self.options.reply_limit)
            .message_limit(self.options.message_limit);
        Connection::open_with(&self.host.endpoint, self.vetted(options))
    }

    /// Options of a connection whose server is looked at: whenever it is made, for it is made anew
    /// by itself.
    fn vetted(&self, options: redis_ipc::Options) -> redis_ipc::Options {
        let Some(identities) = self.identities.clone() else {
            return options;
        };
        let host = self.host.clone();
        options.vet(move |info| identities.meet(&host, info))
    }

    /// Whether its server is looked at before anything is sent to it.
    pub(crate) fn is_vetted(&self) -> bool {
        self.identities.is_some()
    }

    /// As a connection's own vetting, for one that is made by other means.
    pub(crate) fn meet(&self, info: &str) -> Result<(), String> {
        match &self.identities {
            Some(identities) => identities.meet(&self.host, info),
            None => Ok(()),
        }
    }

    /// Its server has answered at that moment, or later.
    pub(crate) fn lives(&self, when: Instant) {
        if let Some(identities) = &self.identities {
            identities.lives(&self.address, when);
        }
    }

    /// Takes a connection back over which an answer has just come.
    pub(crate) fn give_back_alive(&self, connection: Connection) {
        if connection.is_connected() {
            self.lives(Instant::now());
        }
        self.give_back(connection);
    }

    /// Takes a connection back that nothing is outstanding on.
    pub(crate) fn give_back(&self, connection: Connection) {
        let mut idle = self.idle();
        let small = connection.buffer_bytes() <= MOST_IDLE_BYTES;
        if small && connection.is_connected() && idle.len() < self.options.idle_connections {
            idle.push(connection);
        }
    }

    /// Forgets idle connections: one of them was found to be dead.
    pub(crate) fn forget_idle(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn command<W: AsRef<[u8]>>(
        &self,
        words: &[W],
        limit: Duration,
    ) -> Result<Value, Error> {
        let mut connection = self.connect(limit).map_err(|error| self.failed(error))?;
        let answer = connection.blocking_command(words, limit);
        let answer = answer.map(|reply| Value::from(&reply));
        self.give_back_alive(connection);
        answer.map_err(|error| self.failed(error))
    }

    pub(crate) fn failed(&self, error: redis_ipc::Error) -> Error {
        Error::Failed(self.failure(match error {
            redis_ipc::Error::Server(error) => Cause::Rejected(error.text().to_owned()),
            error => Cause::Connection(Arc::new(error)),
        }))
    }

    pub(crate) fn failure(&self, cause: Cause) -> Failed {
        Failed {
            host: self.host.id,
            address: self.address.clone(),
            cause,
        }
    }
}
