//! Masters that name each other as the owner of a slot: one of them is told late.

use std::time::{Duration, Instant};

use redis_ipc_core::shard::slots;
use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::redis_cluster::RedisCluster;
use redis_ipc_tools::router::{Cluster, Options, Promised};

use super::router::Router;
use super::{LONG, NEVER};

/// So many times in 20 ms a request is sent on at most: some hops, twice where news have come too.
const HOPS: u64 = 20;

/// A cluster, and a key of a slot that its owner says is another node's, which knows nothing of it.
struct Quarrel {
    nodes: RedisCluster,
    slot: String,
    to: usize,
}

const KEY: &str = "quarrel";

impl Quarrel {
    fn begin() -> Self {
        let nodes = RedisCluster::start(3, NEVER);
        let slot = slots::slot(KEY.as_bytes());
        let from = usize::from(slot) * 3 / 16384;
        let (slot, to) = (slot.to_string(), (from + 1) % 3);
        let quarrel = Self { nodes, slot, to };
        quarrel.tell(from);
        quarrel
    }

    /// Tells a node who the new owner is.
    fn tell(&self, node: usize) {
        let id = self.nodes.id(self.to);
        let reply = self.nodes.nodes[node].cli(&["CLUSTER", "SETSLOT", &self.slot, "NODE", &id]);
        assert_eq!(reply, "OK");
    }

    fn cluster(&self, limit: Duration) -> Cluster {
        let options = Options {
            reply_limit: limit,
            ..Options::default()
        };
        let seed = self.nodes.urls()[0].parse().unwrap();
        Cluster::of_redis_cluster([seed], options).unwrap()
    }

    /// How often nodes have said that the slot is another's.
    fn refusals(&self) -> u64 {
        let refusals = self.nodes.nodes.iter().map(|node| {
            let stats = node.cli(&["INFO", "errorstats"]).text();
            let count = stats.split("errorstat_MOVED:count=").nth(1);
            let count = count.and_then(|count| count.split("\r\n").next());
            count.map_or(0, |count| count.parse::<u64>().unwrap())
        });
        refusals.sum()
    }
}

#[test]
fn requests_do_not_run_in_circles_and_end_with_their_limit() {
    let quarrel = Quarrel::begin();
    let limit = Duration::from_secs(1);
    let cluster = quarrel.cluster(limit);
    let folder = Folder::new();
    let router = Router::start(&cluster, folder.path());
    let mut client = router.client();
    let pop = ["BLPOP", KEY, "elsewhere", "1"];
    for ask in ["command", "map", "router", "pop"] {
        let (before, begun) = (quarrel.refusals(), Instant::now());
        let said = match ask {
            "command" => cluster.command(&["INCR", KEY]).unwrap_err().to_string(),
            "map" => {
                let mut map = cluster.map();
                let promise = map.command(&["INCR", KEY]).unwrap();
                map.send(limit);
                promise.wait().unwrap_err().to_string()
            }
            "router" => client.command(&["INCR", KEY]).text(),
            // Nobody says that there is no item, but its time is over.
            _ => format!("MOVED {:?}", client.command(&pop)),
        };
        // The last attempt may have been under way when time was over.
        let late = said.contains("did not answer within");
        assert!(late || said.contains("MOVED"), "{ask}: {said}");
        let pauses = u64::try_from(begun.elapsed().as_millis() / 20).unwrap();
        let refusals = quarrel.refusals() - before;
        assert!(refusals > 0, "{ask}");
        assert!(refusals <= (pauses + 2) * HOPS, "{ask}: {refusals}");
        // Others are served meanwhile, and afterwards.
        assert!(router.client().command(&["INCR", "other"]).integer() > 0);
    }
}

#[test]
fn requests_wait_until_they_agree() {
    let quarrel = Quarrel::begin();
    let cluster = quarrel.cluster(LONG);
    let folder = Folder::new();
    let router = Router::start(&cluster, folder.path());
    let mut client = router.client();
    let mut map = cluster.map();
    let promise = map.command(&["INCR", KEY]).unwrap();
    map.send(LONG);
    client.send(&["INCR", KEY]);
    let before = quarrel.refusals();
    while quarrel.refusals() < before + 20 {
        std::thread::yield_now();
    }
    quarrel.tell(quarrel.to);
    let mut counts = [
        promise.wait().unwrap().integer().unwrap(),
        client.receive().integer(),
    ];
    counts.sort_unstable();
    assert_eq!(counts, [1, 2], "each was executed once");
    assert_eq!(cluster.command(&["INCR", KEY]).unwrap().integer(), Some(3));
}
