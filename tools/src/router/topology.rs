//! Which node of a Redis Cluster has which slots: the crate `redis` asks, our connections talk.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, Value};
use redis_ipc::{Connection, Endpoint};
use redis_ipc_core::resp::Reply;
use redis_ipc_core::shard::slots;

use super::host::Host;
use super::layout::{Layout, Node};
use super::options::Options;
use super::placement::Rule;

/// How long one node is asked while there are others.
const SHARE: Duration = Duration::from_secs(1);

/// How often nodes are asked at most.
const PAUSE: Duration = Duration::from_millis(20);

/// A Redis Cluster as far as its nodes are asked about it.
#[derive(Debug)]
pub(crate) struct Topology {
    /// Nodes that can always be asked; the first one's login is that of all.
    seeds: Vec<Endpoint>,
    asked: Mutex<Asked>,
    /// Nodes that others have named and that have no slot yet.
    strays: Mutex<Vec<Arc<Node>>>,
}

#[derive(Debug)]
struct Asked {
    last: Option<Instant>,
}

/// The slots from `first` to `last` and the master that has them.
#[derive(Debug, PartialEq, Eq)]
struct Range {
    first: u16,
    last: u16,
    host: String,
    port: u16,
}

impl Topology {
    pub(crate) fn new(seeds: Vec<Endpoint>) -> Self {
        Self {
            seeds,
            asked: Mutex::new(Asked { last: None }),
            strays: Mutex::default(),
        }
    }

    /// Takes the turn to ask: waits until others have asked, and for a pause since then.
    pub(crate) fn turn(&self) -> Turn<'_> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        Turn {
            topology: self,
            asked,
        }
    }

    /// A node's address with the login of all.
    pub(crate) fn endpoint(&self, host: &str, port: u16) -> Endpoint {
        match self.seeds.first() {
            Some(seed) => seed.clone().with_host(host, port),
            None => Endpoint::tcp(host, port),
        }
    }

    /// The node at an address, which need not be one of `layout`.
    pub(crate) fn node(
        &self,
        layout: &Layout,
        (host, port): (&str, u16),
        options: &Options,
    ) -> Arc<Node> {
        let endpoint = self.endpoint(host, port);
        let mut strays = self.strays.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = layout.nodes.iter().chain(strays.iter());
        if let Some(node) = known.find(|node| node.host.endpoint == endpoint) {
            return node.clone();
        }
        let node = Arc::new(Node::new(Host::new(u32::MAX, endpoint), options));
        strays.push(node.clone());
        node
    }

    /// Those that the layout knows first: a seed may have left the cluster.
    fn ask(&self, known: &[Arc<Node>], limit: Duration) -> Result<Vec<Range>, String> {
        let until = Instant::now() + limit;
        let nodes = known.iter().map(|node| &node.host.endpoint);
        let seeds = self.seeds.iter();
        let mut reasons = Vec::new();
        let mut asked: Vec<&Endpoint> = Vec::new();
        for endpoint in nodes.chain(seeds) {
            let left = until.saturating_duration_since(Instant::now());
            if asked.contains(&endpoint) {
                continue;
            }
            asked.push(endpoint);
            match ask(endpoint, left.min(SHARE)) {
                Ok(ranges) if ranges.is_empty() => {
                    reasons.push(format!("{endpoint}: no slot has a node"));
                }
                Ok(ranges) => return Ok(ranges),
                Err(why) => reasons.push(format!("{endpoint}: {why}")),
            }
        }
        Err(reasons.join("; "))
    }
}

/// The right to ask.
pub(crate) struct Turn<'t> {
    topology: &'t Topology,
    asked: MutexGuard<'t, Asked>,
}

impl Turn<'_> {
    /// What the nodes say now; nodes that stay keep their connections. The error says what each
    /// of them answered.
    pub(crate) fn layout(
        &mut self,
        known: &[Arc<Node>],
        options: &Options,
        limit: Duration,
    ) -> Result<Layout, String> {
        if let Some(last) = self.asked.last {
            std::thread::sleep(PAUSE.saturating_sub(last.elapsed()));
        }
        let ranges = self.topology.ask(known, limit);
        self.asked.last = Some(Instant::now());
        Ok(self.topology.lay_out(ranges?, known, options))
    }
}

impl Topology {
    /// Masters are numbered in the order of their first slots.
    fn lay_out(&self, mut ranges: Vec<Range>, known: &[Arc<Node>], options: &Options) -> Layout {
        ranges.sort_by_key(|range| range.first);
        let mut nodes: Vec<Arc<Node>> = Vec::new();
        let mut owners = vec![0; usize::from(slots::SLOTS)];
        let mut strays = self.strays.lock().unwrap_or_else(PoisonError::into_inner);
        for range in ranges {
            let endpoint = self.endpoint(&range.host, range.port);
            let place = nodes
                .iter()
                .position(|node| node.host.endpoint == endpoint)
                .unwrap_or_else(|| {
                    let id = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
                    let host = Host::new(id, endpoint);
                    let same = known.iter().find(|node| node.host == host).cloned();
                    nodes.push(same.unwrap_or_else(|| Arc::new(Node::new(host, options))));
                    nodes.len() - 1
                });
            let slots = usize::from(range.first)..=usize::from(range.last);
            if let Some(owners) = owners.get_mut(slots) {
                // There are fewer nodes than slots.
                owners.fill(u16::try_from(place).unwrap_or_default());
            }
        }
        strays.retain(|stray| {
            nodes
                .iter()
                .all(|node| node.host.endpoint != stray.host.endpoint)
        });
        let rule = Rule::Assigned(owners.into_boxed_slice());
        Layout { nodes, rule }
    }
}

/// Asks one node. The error is a sentence.
fn ask(endpoint: &Endpoint, limit: Duration) -> Result<Vec<Range>, String> {
    let limit = limit.max(Duration::from_millis(1));
    let slots = match endpoint.is_secure() {
        true => query_secretly(endpoint, limit).map_err(|error| error.to_string()),
        false => query(endpoint, limit).map_err(|error| error.to_string()),
    }?;
    let asked = endpoint.host().map_or("", |(host, _)| host);
    ranges(&slots, asked).ok_or_else(|| "it answers CLUSTER SLOTS with something else".to_owned())
}

fn query(endpoint: &Endpoint, limit: Duration) -> redis::RedisResult<Value> {
    let address = match (endpoint.host(), endpoint.path()) {
        (Some((host, port)), _) => ConnectionAddr::Tcp(host.to_owned(), port),
        (None, path) => ConnectionAddr::Unix(path.unwrap_or_else(|| "".as_ref()).to_owned()),
    };
    let mut login = RedisConnectionInfo::default();
    if let Some(user) = endpoint.user() {
        login = login.set_username(user);
    }
    if let Some(password) = endpoint.password() {
        login = login.set_password(password);
    }
    let info = address.into_connection_info()?.set_redis_settings(login);
    let mut connection = redis::Client::open(info)?.get_connection_with_timeout(limit)?;
    connection.set_read_timeout(Some(limit))?;
    connection.set_write_timeout(Some(limit))?;
    redis::cmd("CLUSTER").arg("SLOTS").query(&mut connection)
}

/// As [`query`], through TLS as our connections speak it, with an authority of the seed's own.
fn query_secretly(endpoint: &Endpoint, limit: Duration) -> Result<Value, redis_ipc::Error> {
    let options = redis_ipc::Options::default();
    let options = options.connect_limit(limit).reply_limit(limit);
    let mut connection = Connection::open_with(endpoint, options)?;
    let slots = connection.command(&["CLUSTER", "SLOTS"])?;
    Ok(converted(&slots))
}

fn converted(reply: &Reply<'_>) -> Value {
    match (reply.bytes(), reply.integer(), reply.elements()) {
        (Some(bytes), _, _) => Value::BulkString(bytes.to_vec()),
        (_, Some(number), _) => Value::Int(number),
        (_, _, Some(elements)) => Value::Array(elements.map(|one| converted(&one)).collect()),
        _ => Value::Nil,
    }
}

/// The answer to CLUSTER SLOTS: of each range its first and last slot, its master, its replicas;
/// of each of these an address and a port. Without an address, the asked one is meant.
fn ranges(slots: &Value, asked: &str) -> Option<Vec<Range>> {
    let range = |range: &Value| {
        let Value::Array(range) = range else {
            return None;
        };
        let [
            Value::Int(first),
            Value::Int(last),
            Value::Array(master),
            ..,
        ] = &range[..]
        else {
            return None;
        };
        let [host, Value::Int(port), ..] = &master[..] else {
            return None;
        };
        let host = match host {
            Value::BulkString(host) => std::str::from_utf8(host).ok()?,
            _ => "",
        };
        let host = if host.is_empty() { asked } else { host };
        Some(Range {
            first: u16::try_from(*first).ok()?,
            last: u16::try_from(*last).ok()?,
            host: host.to_owned(),
            port: u16::try_from(*port).ok()?,
        })
    };
    let Value::Array(slots) = slots else {
        return None;
    };
    slots.iter().map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn a_master_is_found_and_one_without_an_address_is_where_we_asked() {
        let node = |host: Value, port| Value::Array(vec![host, Value::Int(port), bulk("id")]);
        let row = |first, last, node| Value::Array(vec![Value::Int(first), Value::Int(last), node]);
        let answer = Value::Array(vec![
            row(100, 16383, node(bulk("10.0.0.2"), 7001)),
            row(0, 99, node(Value::Nil, 7000)),
        ]);
        let ranges = ranges(&answer, "10.0.0.1").unwrap();
        let topology = Topology::new(vec!["redis://u:p@10.0.0.1:7000".parse().unwrap()]);
        let layout = topology.lay_out(ranges, &[], &Options::default());
        let shown: Vec<_> = layout.nodes.iter().map(|n| n.host.to_string()).collect();
        assert_eq!(
            shown,
            [
                "host 0 (redis://u:***@10.0.0.1:7000)",
                "host 1 (redis://u:***@10.0.0.2:7001)"
            ]
        );
        let shares = layout.rule.shares(2);
        assert!((shares[0] - 100.0 / 16384.0).abs() < 1e-9, "{shares:?}");
        assert!(super::ranges(&Value::Nil, "").is_none());
        assert!(super::ranges(&Value::Array(vec![Value::Nil]), "").is_none());
    }
}
