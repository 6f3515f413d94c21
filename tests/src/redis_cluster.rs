//! A Redis Cluster of a test's own: masters on loopback, each with one replica.

use crate::server::{LIMIT, Server};
use crate::value::Value;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// How many slots there are.
const SLOTS: usize = 16384;

/// Masters that share all slots evenly, and as many replicas.
#[derive(Debug)]
pub struct RedisCluster {
    /// The masters, in the order of their slots; then their replicas, in the same order.
    pub nodes: Vec<Server>,
}

impl RedisCluster {
    /// Starts `masters` masters and as many replicas; a replica takes the place of a master that
    /// was away for `patience`.
    ///
    /// # Panics
    /// If redis-server is missing, or the nodes do not get together in time.
    #[track_caller]
    #[must_use]
    pub fn start(masters: usize, patience: Duration) -> Self {
        let nodes: Vec<_> = (0..2 * masters).map(|_| start_node(patience)).collect();
        let cluster = Self { nodes };
        cluster.meet();
        for (number, node) in cluster.nodes[..masters].iter().enumerate() {
            let (first, end) = (number * SLOTS / masters, (number + 1) * SLOTS / masters);
            let (first, last) = (first.to_string(), (end - 1).to_string());
            assert_eq!(node.cli(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]), "OK");
        }
        for number in 0..masters {
            let id = cluster.id(number);
            let replica = &cluster.nodes[masters + number];
            replica.wait_until("no master is known", |node| {
                node.cli(&["CLUSTER", "REPLICATE", &id]) == "OK"
            });
        }
        for node in &cluster.nodes {
            node.wait_until("the cluster does not come up", |node| {
                let info = node.cli(&["CLUSTER", "INFO"]);
                let slots = node.cli(&["CLUSTER", "SLOTS"]);
                let complete = |range: &Value| range.items().len() == 4;
                info.text().contains("cluster_state:ok") && slots.items().iter().all(complete)
            });
        }
        for replica in &cluster.nodes[masters..] {
            replica.wait_until("a replica has no master", |node| {
                node.cli(&["INFO", "replication"])
                    .text()
                    .contains("master_link_status:up")
            });
        }
        cluster
    }

    /// All nodes know all.
    #[track_caller]
    fn meet(&self) {
        let first = &self.nodes[0];
        for (epoch, node) in (1..).zip(&self.nodes) {
            let epoch: usize = epoch;
            node.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch.to_string()]);
        }
        for node in &self.nodes[1..] {
            let (port, bus) = (node.port().to_string(), bus_port(node));
            assert_eq!(
                first.cli(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]),
                "OK"
            );
        }
        let all = format!("cluster_known_nodes:{}\r", self.nodes.len());
        for node in &self.nodes {
            node.wait_until("the nodes do not meet", |node| {
                node.cli(&["CLUSTER", "INFO"]).text().contains(&all)
            });
        }
    }

    /// A node's id.
    ///
    /// # Panics
    /// If it does not answer.
    #[track_caller]
    #[must_use]
    pub fn id(&self, node: usize) -> String {
        self.nodes[node].cli(&["CLUSTER", "MYID"]).text()
    }

    /// The URLs of all nodes.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        let url = |node: &Server| format!("redis://127.0.0.1:{}", node.port());
        self.nodes.iter().map(url).collect()
    }

    /// Begins to move a slot from one node to another: its keys stay where they are.
    ///
    /// # Panics
    /// If a node refuses.
    #[track_caller]
    pub fn begin_to_move(&self, slot: u16, from: usize, to: usize) {
        let slot = slot.to_string();
        let (from_id, to_id) = (self.id(from), self.id(to));
        let set = |node: usize, state: &str, id: &str| {
            let reply = self.nodes[node].cli(&["CLUSTER", "SETSLOT", &slot, state, id]);
            assert_eq!(reply, "OK");
        };
        set(to, "IMPORTING", &from_id);
        set(from, "MIGRATING", &to_id);
    }

    /// Moves the keys of a slot that was begun to be moved, as redis-cli does; returns how many.
    ///
    /// # Panics
    /// If a node refuses.
    #[track_caller]
    pub fn move_keys(&self, slot: u16, from: usize, to: usize) -> usize {
        let (slot, port) = (slot.to_string(), self.nodes[to].port().to_string());
        let mut moved = 0;
        loop {
            let keys = self.nodes[from].cli(&["CLUSTER", "GETKEYSINSLOT", &slot, "10"]);
            if keys.items().is_empty() {
                return moved;
            }
            let words = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            let mut words: Vec<_> = words.map(str::to_owned).into();
            words.extend(keys.texts());
            let reply = self.nodes[from].cli(&words);
            assert!(reply == "OK" || reply == "NOKEY", "{reply:?}");
            moved += keys.items().len();
        }
    }

    /// The slot belongs to `to` from now on, and every master is told, as redis-cli does: word of
    /// mouth among them may take seconds.
    ///
    /// The new owner takes an epoch above all that it knows of, and where two claim a slot, the
    /// higher epoch is believed; the other drops what keys it has. So it hears first of the epochs
    /// that moves before this one have brought.
    ///
    /// # Panics
    /// If a node refuses, or does not hear of the others in time.
    #[track_caller]
    pub fn end_move(&self, slot: u16, from: usize, to: usize) {
        self.hears_of_all_epochs(to);
        let (slot, id) = (slot.to_string(), self.id(to));
        let others = (0..self.nodes.len() / 2).filter(|node| ![to, from].contains(node));
        for node in [to, from].into_iter().chain(others) {
            let reply = self.nodes[node].cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &id]);
            assert_eq!(reply, "OK");
        }
    }

    /// Waits until a node knows the epoch of every master as that master knows it itself, and no
    /// two have the same.
    #[track_caller]
    fn hears_of_all_epochs(&self, node: usize) {
        let masters = 0..self.nodes.len() / 2;
        let ids: Vec<_> = masters.clone().map(|master| self.id(master)).collect();
        self.nodes[node].wait_until("epochs stay unknown", |node| {
            let known: HashSet<_> = ids.iter().map(|id| epoch(node, id)).collect();
            let own = |master: usize| epoch(&self.nodes[master], &ids[master]);
            known.len() == masters.len()
                && masters.clone().all(|master| known.contains(&own(master)))
        });
    }

    /// Moves a slot with its keys.
    ///
    /// # Panics
    /// If a node refuses.
    #[track_caller]
    pub fn move_slot(&self, slot: u16, from: usize, to: usize) {
        self.begin_to_move(slot, from, to);
        self.move_keys(slot, from, to);
        self.end_move(slot, from, to);
    }
}

/// The epoch of a master, by the word of a node.
#[track_caller]
fn epoch(node: &Server, id: &str) -> u64 {
    let nodes = node.cli(&["CLUSTER", "NODES"]).text();
    let line = nodes.lines().find(|line| line.starts_with(id)).unwrap();
    line.split(' ').nth(6).unwrap().parse().unwrap()
}

#[track_caller]
fn start_node(patience: Duration) -> Server {
    Server::setup()
        .cluster()
        .config(&format!("cluster-node-timeout {}", patience.as_millis()))
        .config("cluster-replica-validity-factor 0")
        .config("cluster-allow-replica-migration no")
        .config("repl-diskless-sync-delay 0")
        .start()
}

#[track_caller]
fn bus_port(node: &Server) -> String {
    let port = node.cli(&["CONFIG", "GET", "cluster-port"]);
    port.items()[1].text()
}

impl Server {
    #[track_caller]
    fn wait_until(&self, otherwise: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !condition(self) {
            assert!(Instant::now() < deadline, "{otherwise}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
