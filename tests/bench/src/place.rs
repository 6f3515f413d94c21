//! Finding the host of a key, by each of the five placements, among four hosts.

use std::hint::black_box;
use std::num::NonZeroU16;
use std::time::Instant;

use redis_ipc_core::shard::consistent::HostName;
use redis_ipc_core::shard::ketama::{self, Ketama, Node};
use redis_ipc_core::shard::ring::{self, Ring};
use redis_ipc_core::shard::{Point, partition, slots};

use crate::{Failure, Outcome};

const HOSTS: usize = 4;

/// Keys of 9 to 12 bytes.
const KEYS: usize = 64;

/// Prints nanoseconds a key.
pub(crate) fn run(placement: &str, count: usize) -> Outcome {
    let names = (0..HOSTS).map(|n| format!("10.0.0.{n}:6379"));
    let names: Vec<String> = names.collect();
    let hosts = NonZeroU16::new(4).ok_or(Failure::NotBuilt)?;
    match placement {
        "partition" => timed(count, |key| partition::host(key, hosts).into()),
        "slots" => timed(count, |key| slots::slot(key).into()),
        "ketama" => {
            let nodes: Vec<_> = names.into_iter().map(Node::new).collect();
            ketama(count, &nodes)
        }
        "consistent" => {
            let name = |id| HostName::tcp(id, "10.0.0.1").to_string();
            let nodes: Vec<_> = (0..4).map(name).map(Node::new).collect();
            ketama(count, &nodes)
        }
        "ring" => {
            let room = vec![Point::EMPTY; ring::points(HOSTS)];
            let ring =
                Ring::new(&names, room).map_err(|error| Failure::Broken(error.to_string()))?;
            timed(count, |key| ring.node(key))
        }
        _ => Err(Failure::NotBuilt),
    }
}

fn ketama(count: usize, nodes: &[Node<String>]) -> Outcome {
    let room = vec![Point::EMPTY; ketama::points(nodes.len())];
    let ketama = Ketama::new(nodes, room).map_err(|error| Failure::Broken(error.to_string()))?;
    timed(count, |key| ketama.node(key))
}

fn timed(count: usize, place: impl Fn(&[u8]) -> usize) -> Outcome {
    let keys: Vec<String> = (0..KEYS)
        .map(|n| format!("user:{}", 1000 << (n % 14)))
        .collect();
    let before = Instant::now();
    let mut sum = 0;
    for key in keys.iter().cycle().take(count) {
        sum += place(black_box(key.as_bytes()));
    }
    black_box(sum);
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let each = before.elapsed().as_secs_f64() * 1e9 / count as f64;
    println!("ns {each:.2}");
    Ok(())
}
