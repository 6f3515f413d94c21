//! Ten thousand GETs over four servers: ours, and redis-rs in its two fast ways.

use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use redis_ipc_core::shard::partition;
use redis_ipc_tools::router::{Cluster, Host, Placement, Promised};

use crate::{Failure, Outcome};

const KEYS: usize = 10_000;

/// Rounds before the clock is looked at.
const WARM_UP: usize = 3;

/// Prints the median time of a round in microseconds.
pub(crate) fn run(who: &str, rounds: usize, sockets: &[&str]) -> Outcome {
    match who {
        "ours" => ours(rounds, sockets),
        "redis_rs_get" => redis_rs(rounds, sockets, get),
        "redis_rs_mget" => redis_rs(rounds, sockets, mget),
        _ => Err(Failure::NotBuilt),
    }
}

fn keys() -> Vec<String> {
    (0..KEYS).map(|n| format!("user:{n}")).collect()
}

fn timed(rounds: usize, mut round: impl FnMut() -> Result<usize, Failure>) -> Outcome {
    let mut times = Vec::new();
    for number in 0..WARM_UP + rounds {
        let before = Instant::now();
        let bytes = round()?;
        if number >= WARM_UP {
            times.push(before.elapsed());
        }
        if bytes != KEYS * 16 {
            return Err(Failure::Broken(format!("{bytes} bytes came back")));
        }
    }
    times.sort_unstable();
    println!("us {:.1}", times[times.len() / 2].as_secs_f64() * 1e6);
    Ok(())
}

fn ours(rounds: usize, sockets: &[&str]) -> Outcome {
    let mut hosts = Vec::new();
    for (id, socket) in (0..).zip(sockets) {
        hosts.push(Host::new(id, socket.parse()?));
    }
    let cluster = Cluster::new(hosts, Placement::Partition)?;
    let keys = keys();
    let limit = Duration::from_secs(10);
    let mut map = cluster.map();
    let set: Vec<_> = (0..)
        .zip(&keys)
        .map(|(n, key)| map.set(key, value(n)))
        .collect();
    map.send(limit);
    for promise in set {
        promise.wait()?;
    }
    timed(rounds, || {
        let mut map = cluster.map();
        let got: Vec<_> = keys.iter().map(|key| map.get(key)).collect();
        map.send(limit);
        let mut bytes = 0;
        for promise in got {
            bytes += promise.wait()?.bytes().map_or(0, <[u8]>::len);
        }
        Ok(bytes)
    })
}

fn value(number: usize) -> String {
    format!("{number:016}")
}

type Connections = Vec<redis::Connection>;

/// Connects, fills the servers, and times a way to ask for all keys, given by node.
fn redis_rs(
    rounds: usize,
    sockets: &[&str],
    ask: fn(&mut Connections, &[Vec<&str>]) -> Result<usize, Failure>,
) -> Outcome {
    let mut connections = Vec::new();
    for socket in sockets {
        connections.push(redis::Client::open(format!("unix://{socket}"))?.get_connection()?);
    }
    let count = u16::try_from(sockets.len())?;
    let count = NonZeroU16::new(count).ok_or(Failure::NotBuilt)?;
    let node = |key: &str| usize::from(partition::host(key.as_bytes(), count));
    let keys = keys();
    for (n, key) in (0..).zip(&keys) {
        let mut set = redis::cmd("SET");
        set.arg(key)
            .arg(value(n))
            .exec(&mut connections[node(key)])?;
    }
    timed(rounds, || {
        let mut by_node = vec![Vec::new(); connections.len()];
        for key in &keys {
            by_node[node(key)].push(key.as_str());
        }
        ask(&mut connections, &by_node)
    })
}

/// All commands are sent to all nodes, then all answers are received.
fn get(connections: &mut Connections, by_node: &[Vec<&str>]) -> Result<usize, Failure> {
    for (connection, keys) in connections.iter_mut().zip(by_node) {
        let mut pipe = redis::pipe();
        keys.iter().for_each(|key| {
            pipe.get(*key);
        });
        connection.send_packed_command(&pipe.get_packed_pipeline())?;
    }
    let mut bytes = 0;
    for (connection, keys) in connections.iter_mut().zip(by_node) {
        for _ in keys {
            let value = connection.recv_response()?;
            bytes += redis::from_redis_value::<Vec<u8>>(value)?.len();
        }
    }
    Ok(bytes)
}

/// One MGET is sent to each node, then all answers are received.
fn mget(connections: &mut Connections, by_node: &[Vec<&str>]) -> Result<usize, Failure> {
    for (connection, keys) in connections.iter_mut().zip(by_node) {
        let packed = redis::cmd("MGET").arg(keys).get_packed_command();
        connection.send_packed_command(&packed)?;
    }
    let mut bytes = 0;
    for connection in connections.iter_mut() {
        let values = redis::from_redis_value::<Vec<Vec<u8>>>(connection.recv_response()?)?;
        bytes += values.iter().map(Vec::len).sum::<usize>();
    }
    Ok(bytes)
}
