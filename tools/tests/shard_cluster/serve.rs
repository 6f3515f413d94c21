//! Components and workers over a Redis Cluster, through a router.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis_ipc_core::shard::slots;
use redis_ipc_tests::client::Client;
use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::redis_cluster::RedisCluster;
use redis_ipc_tests::server::Server;
use redis_ipc_tests::value::Value;

use super::play::{Ending, Printer, QUEUES, call, components_work, join, workers_work};
use super::router::Router;
use super::{LONG, NEVER, connect};

fn slot_of(queue: &str) -> u16 {
    slots::slot(format!("queues.commands.printer.{queue}").as_bytes())
}

#[test]
fn components_and_workers_work_over_a_redis_cluster() {
    let nodes = RedisCluster::start(3, NEVER);
    let folder = Folder::new();
    let router = Router::start(&connect(&nodes), folder.path());
    components_work(&router.endpoint());
    workers_work(&router.endpoint());

    let mut client = router.client();
    assert_eq!(
        client.command(&["MSET", "a", "1", "b", "2", "c", "3"]),
        "OK"
    );
    assert_eq!(
        client.command(&["MGET", "a", "b", "c"]).texts(),
        ["1", "2", "3"]
    );
    let refused = client.command(&["RENAME", "a", "b"]);
    assert!(
        refused.text().contains("live in several slots"),
        "{refused:?}"
    );
    // What is published is passed on from node to node, and heard once.
    assert_eq!(
        client.command(&["PSUBSCRIBE", "news.*"]).items()[0],
        "psubscribe"
    );
    for n in ["1", "2"] {
        while router
            .client()
            .command(&["PUBLISH", "news.a", n])
            .is_error()
        {}
        assert_eq!(client.receive().items()[3], n);
    }
}

#[test]
fn a_component_is_called_while_the_slots_of_its_queues_move() {
    let nodes = RedisCluster::start(3, NEVER);
    let folder = Folder::new();
    let router = Router::start(&connect(&nodes), folder.path());
    let printer = Printer::start(&router.endpoint());
    let (stop, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    let calls = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut caller = join(&router.endpoint(), "panel");
            let mut calls = 0;
            while !stop.load(Ordering::Acquire) {
                for queue in QUEUES {
                    call(&mut caller, queue, calls);
                    calls += 1;
                }
                rounds.fetch_add(1, Ordering::AcqRel);
            }
            calls
        });
        let ending = Ending(&stop);
        for queue in QUEUES {
            let slot = slot_of(queue);
            let from = (0..3).find(|node| owns(&nodes, *node, slot)).unwrap();
            nodes.move_slot(slot, from, (from + 1) % 3);
            nodes.move_slot(slot, (from + 1) % 3, (from + 2) % 3);
        }
        // A round that is begun from now on meets all slots where they are.
        let enough = rounds.load(Ordering::Acquire) + 2;
        while rounds.load(Ordering::Acquire) < enough && !load.is_finished() {
            std::thread::yield_now();
        }
        drop(ending);
        load.join().unwrap()
    });
    assert_eq!(printer.stop(), calls, "each was done once");
}

#[test]
fn who_waits_for_several_slots_is_served_where_one_has_moved_to_and_nobody_said_so() {
    let nodes = RedisCluster::start(3, NEVER);
    let folder = Folder::new();
    let router = Router::start(&connect(&nodes), folder.path());
    let owners = ["a", "b"].map(|key| {
        let slot = slots::slot(key.as_bytes());
        (slot, (0..3).find(|node| owns(&nodes, *node, slot)).unwrap())
    });
    let mut waiting = router.client();
    waiting.send(&["BLPOP", "a", "b", "0"]);
    for (_, node) in owners {
        asked_for_an_item(&nodes.nodes[node]);
    }
    let (slot, from) = owners[0];
    let to = (from + 1) % 3;
    nodes.move_slot(slot, from, to);
    assert_eq!(nodes.nodes[to].cli(&["RPUSH", "a", "there"]), 1);
    assert_eq!(waiting.receive().texts(), ["a", "there"]);
}

#[test]
fn a_transaction_goes_where_its_slot_has_gone_and_waits_while_it_moves() {
    let nodes = RedisCluster::start(3, NEVER);
    let folder = Folder::new();
    let router = Router::start(&connect(&nodes), folder.path());
    let slot = slots::slot(b"a");
    let from = (0..3).find(|node| owns(&nodes, *node, slot)).unwrap();
    let to = (from + 1) % 3;
    let mut client = router.client();
    let ask = |client: &mut Client| {
        for words in [
            &["MULTI"][..],
            &["PING"],
            &["INCR", "a"],
            &["INCR", "a"],
            &["EXEC"],
        ] {
            client.send(words);
        }
        client.send(&["MGET", "a", "b"]);
    };
    let answered = |client: &mut Client| {
        assert_eq!(client.receive(), "OK");
        for _ in 0..3 {
            assert_eq!(client.receive(), "QUEUED");
        }
        let results = client.receive();
        assert_eq!(results.items()[0], "PONG");
        assert_eq!(results.items()[1..], [Value::Integer(1), Value::Integer(2)]);
        assert_eq!(client.receive().items()[0], "2", "it is not overtaken");
    };
    nodes.move_slot(slot, from, to);
    ask(&mut client);
    answered(&mut client);
    // Its key is not there yet, and the other node takes single commands only.
    assert_eq!(client.command(&["DEL", "a"]), 1);
    nodes.begin_to_move(slot, to, from);
    ask(&mut client);
    nodes.end_move(slot, to, from);
    answered(&mut client);
}

#[test]
fn a_transaction_on_a_watched_key_is_executed_only_where_its_slot_is() {
    let nodes = RedisCluster::start(3, NEVER);
    let folder = Folder::new();
    let router = Router::start(&connect(&nodes), folder.path());
    let slot = slots::slot(b"a");
    let from = (0..3).find(|node| owns(&nodes, *node, slot)).unwrap();
    let mut client = router.client();
    let execute = |client: &mut Client| {
        client.command(&["MULTI"]);
        client.command(&["INCR", "a"]);
        client.command(&["EXEC"])
    };
    assert_eq!(client.command(&["WATCH", "a"]), "OK");
    nodes.move_slot(slot, from, (from + 1) % 3);
    let aborted = execute(&mut client);
    assert!(aborted.text().starts_with("EXECABORT"), "{aborted:?}");
    let executed = loop {
        // Watched by a node that has it no longer, it is not executed either.
        let watched = client.command(&["WATCH", "a"]);
        assert!(
            watched == "OK" || watched.text().starts_with("TRYAGAIN"),
            "{watched:?}"
        );
        let reply = execute(&mut client);
        if !reply.is_error() {
            break reply;
        }
    };
    assert_eq!(executed.items()[0], 1);
}

/// Waits until a node was asked for the first of a list.
fn asked_for_an_item(node: &Server) {
    let deadline = Instant::now() + LONG;
    while !node
        .cli(&["INFO", "commandstats"])
        .text()
        .contains("cmdstat_lpop:")
    {
        assert!(Instant::now() < deadline, "nobody asks");
    }
}

fn owns(nodes: &RedisCluster, node: usize, slot: u16) -> bool {
    let port = i64::from(nodes.nodes[node].port());
    let ranges = nodes.nodes[node].cli(&["CLUSTER", "SLOTS"]);
    ranges.items().iter().any(|range| {
        let [first, last] = [0, 1].map(|n: usize| range.items()[n].integer());
        range.items()[2].items()[1] == port && (first..=last).contains(&i64::from(slot))
    })
}

#[test]
fn a_component_goes_on_when_the_master_of_a_queue_dies() {
    let mut nodes = RedisCluster::start(3, Duration::from_secs(2));
    let folder = Folder::new();
    let router = Router::start(&connect(&nodes), folder.path());
    let printer = Printer::start(&router.endpoint());
    let mut caller = join(&router.endpoint(), "panel");
    for queue in QUEUES {
        call(&mut caller, queue, 0);
    }
    let dying = (0..3)
        .find(|node| owns(&nodes, *node, slot_of("print")))
        .unwrap();
    nodes.nodes[dying].kill();
    let others: Vec<_> = QUEUES
        .into_iter()
        .filter(|queue| usize::from(slot_of(queue)) * 3 / 16384 != dying)
        .collect();
    assert!(!others.is_empty() && others.len() < QUEUES.len());
    for queue in QUEUES {
        call(&mut caller, queue, 1);
    }
    assert!(printer.stop() >= 12);
}
