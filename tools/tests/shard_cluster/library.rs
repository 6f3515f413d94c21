//! Commands, maps and fanouts on a Redis Cluster whose slots move and whose masters die.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use redis_ipc::Outcome;
use redis_ipc_core::shard::slots;
use redis_ipc_tests::redis_cluster::RedisCluster;
use redis_ipc_tools::router::{
    Cluster, Error, HostsError, Options, Promise, Promised, Script, Value,
};

use super::play::Ending;
use super::{LONG, NEVER, connect};

fn bytes(text: &str) -> Value {
    Value::Bytes(text.into())
}

/// Keys of the slots from 0 to `slots`, as many of each as are found among the first ones.
fn keys_below(slots: u16) -> Vec<String> {
    let keys = (0..100_000).map(|n| format!("k{n}"));
    keys.filter(|key| slots::slot(key.as_bytes()) < slots)
        .collect()
}

#[test]
fn it_is_used_as_any_other_cluster() {
    let nodes = RedisCluster::start(3, NEVER);
    let cluster = connect(&nodes);
    let ports: Vec<_> = cluster
        .hosts()
        .iter()
        .map(|h| h.endpoint.host().unwrap().1)
        .collect();
    assert_eq!(ports, [0, 1, 2].map(|node: usize| nodes.nodes[node].port()));
    assert!(matches!(
        cluster.set_hosts([]),
        Err(HostsError::RedisCluster)
    ));
    cluster.check().unwrap();

    let mut map = cluster.map();
    let set: Vec<_> = (0..10_000)
        .map(|n| map.set(format!("k{n}"), format!("v{n}")))
        .collect();
    map.send(LONG);
    Promise::all(set).wait().unwrap();
    let mut map = cluster.map();
    let got: Vec<_> = (0..10_000).map(|n| map.get(format!("k{n}"))).collect();
    map.send(LONG);
    for (n, promise) in got.into_iter().enumerate() {
        assert_eq!(promise.wait().unwrap(), bytes(&format!("v{n}")));
    }

    let mget = cluster
        .command(&["MGET", "k1", "k2", "k3", "none", "k4"])
        .unwrap();
    let values = mget.elements().unwrap();
    assert_eq!(values[..3], ["v1", "v2", "v3"].map(bytes));
    assert!(values[3].is_null());
    assert_eq!(
        cluster.command(&["DEL", "k1", "k2", "none"]).unwrap(),
        Value::Integer(2)
    );
    cluster
        .command(&["MSET", "{t}a", "1", "{t}b", "2"])
        .unwrap();
    let moved = cluster.command(&["RENAME", "{t}a", "{t}c"]).unwrap();
    assert_eq!(moved, Value::Text("OK".into()));
    let error = cluster.command(&["BLPOP", "k3", "k4", "0"]).unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(
        error.to_string().contains("live in several slots"),
        "{error}"
    );

    let sizes = cluster.fanout().command(&["DBSIZE"]);
    let sizes = sizes
        .into_values()
        .map(|size| size.unwrap().integer().unwrap());
    assert_eq!(sizes.sum::<i64>(), 10_000);
    let script = Script::new("return redis.call('GET', KEYS[1])");
    let owner = cluster
        .fanout()
        .to_key("k5")
        .script(&script, &["k5"], &["x"]);
    assert_eq!(
        owner[&cluster.host_of("k5")].as_ref().unwrap(),
        &bytes("v5")
    );
}

#[test]
fn redirects_are_followed_by_commands_and_by_maps() {
    let nodes = RedisCluster::start(3, NEVER);
    let cluster = connect(&nodes);
    let slot = slots::slot(b"{first}");
    let from = usize::from(slot) * 3 / 16384;
    let to = (from + 1) % 3;
    for name in ["a", "b"] {
        cluster
            .command(&["SET", &format!("{{first}}{name}"), name])
            .unwrap();
    }
    nodes.begin_to_move(slot, from, to);
    let check = |when: &str| {
        for name in ["a", "b"] {
            let value = cluster.command(&["GET", &format!("{{first}}{name}")]);
            assert_eq!(value.unwrap(), bytes(name), "{when}");
        }
        let mut map = cluster.map();
        let both = Promise::all(["a", "b"].map(|name| map.get(format!("{{first}}{name}"))));
        // One that is not there is asked for where the slot is going to.
        let new = map.command(&["INCR", &format!("{{first}}{when}")]).unwrap();
        map.send(LONG);
        assert_eq!(both.wait().unwrap(), ["a", "b"].map(bytes), "{when}");
        assert_eq!(new.wait().unwrap(), Value::Integer(1), "{when}");
    };
    check("begun");
    assert_eq!(nodes.move_keys(slot, from, to), 2);
    check("moved");
    nodes.end_move(slot, from, to);
    check("done");
    let owner = cluster.host_of("{first}");
    let port = cluster.hosts()[owner as usize].endpoint.host().unwrap().1;
    assert_eq!(port, nodes.nodes[to].port(), "it was asked anew");
    let on_old = cluster.command_on(u32::try_from(from).unwrap(), &["GET", "{first}a"]);
    assert!(on_old.unwrap_err().to_string().contains("MOVED"));
}

/// Counts up every key again and again until it is told to stop; gives how often.
fn count_up(cluster: &Cluster, keys: &[String], begun: &AtomicI64, stop: &AtomicBool) -> i64 {
    let mut rounds = 0;
    while !stop.load(Ordering::Acquire) {
        let mut map = cluster.map();
        let half = keys.len() / 2;
        let incr = |key: &String| map.command(&["INCR", key]).unwrap();
        let counts: Vec<_> = keys[..half].iter().map(incr).collect();
        map.send(LONG);
        rounds += 1;
        begun.store(rounds, Ordering::Release);
        for count in counts {
            assert_eq!(count.wait().unwrap().integer(), Some(rounds));
        }
        for key in &keys[half..] {
            let count = cluster.command(&["INCR", key]).unwrap();
            assert_eq!(count.integer(), Some(rounds));
        }
    }
    rounds
}

#[test]
fn slots_that_move_under_load_lose_and_double_nothing() {
    let nodes = RedisCluster::start(3, NEVER);
    let cluster = connect(&nodes);
    let keys = keys_below(8);
    assert!(keys.len() > 20);
    let (stop, begun) = (AtomicBool::new(false), AtomicI64::new(0));
    let rounds = std::thread::scope(|scope| {
        let load = scope.spawn(|| count_up(&cluster, &keys, &begun, &stop));
        let ending = Ending(&stop);
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            for slot in 0..8 {
                nodes.move_slot(slot, from, to);
            }
            let round = begun.load(Ordering::Acquire);
            while begun.load(Ordering::Acquire) == round && !load.is_finished() {
                std::thread::yield_now();
            }
        }
        drop(ending);
        load.join().unwrap()
    });
    for key in &keys {
        let count = cluster.command(&["GET", key]).unwrap();
        assert_eq!(count, bytes(&rounds.to_string()));
    }
}

#[test]
fn a_master_that_dies_under_load_is_succeeded_and_fails_no_other() {
    let mut nodes = RedisCluster::start(3, Duration::from_secs(2));
    let cluster = connect(&nodes);
    let keys: Vec<_> = (0..30).map(|n| format!("k{n}")).collect();
    let dying = cluster.host_of(&keys[0]);
    let (mut done, mut unknown) = (vec![0; keys.len()], vec![0; keys.len()]);
    let mut killed = None;
    for round in 0.. {
        if round == 20 {
            killed = Some(nodes.nodes[dying as usize].port());
            nodes.nodes[dying as usize].kill();
        }
        let mut map = cluster.map();
        let counts: Vec<_> = keys
            .iter()
            .map(|key| map.command(&["INCR", key]).unwrap())
            .collect();
        map.send(LONG);
        for (n, count) in counts.into_iter().enumerate() {
            match count.wait() {
                Ok(_) => done[n] += 1,
                Err(error) => {
                    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
                    assert!(
                        error.to_string().contains(&format!("host {dying} ")),
                        "{error}"
                    );
                    unknown[n] += 1;
                }
            }
        }
        let hosts = cluster.hosts();
        let is_there = |port| {
            hosts
                .iter()
                .any(|host| host.endpoint.host().unwrap().1 == port)
        };
        if killed.is_some_and(|port| !is_there(port)) {
            break;
        }
    }
    for (n, key) in keys.iter().enumerate() {
        let count = cluster.command(&["GET", key]).unwrap();
        let count: i64 = String::from_utf8_lossy(count.bytes().unwrap())
            .parse()
            .unwrap();
        if cluster.host_of(key) != dying {
            assert_eq!((count, unknown[n]), (done[n], 0));
        }
        // What the dead one had not passed on yet is gone with it; nothing is done twice.
        assert!(
            count <= done[n] + unknown[n],
            "{key}: {count} {} {}",
            done[n],
            unknown[n]
        );
        assert!(count > 0);
    }
}

#[test]
fn nodes_that_are_none_are_named() {
    let server = redis_ipc_tests::server::Server::setup().tcp().start();
    let lone = format!("redis://127.0.0.1:{}", server.port());
    let nodes = [lone.as_str(), "redis://127.0.0.1:1"].map(|url| url.parse().unwrap());
    let error = Cluster::of_redis_cluster(nodes, Options::default()).unwrap_err();
    assert!(matches!(error, Error::Topology(_)));
    let error = error.to_string();
    for part in [&lone, "cluster support disabled", "redis://127.0.0.1:1: "] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_file_names_nodes_to_ask_and_the_tool_goes_by_it() {
    let nodes = RedisCluster::start(3, NEVER);
    let folder = redis_ipc_tests::folder::Folder::new();
    let file = folder.join("hosts.toml");
    // One that is gone does no harm, and any of the others will do.
    let text = format!(
        "reply_limit_s = 30.0\nredis_cluster = [\n  \"redis://127.0.0.1:1\",\n  \"{}\",\n]\n",
        nodes.urls()[4]
    );
    std::fs::write(&file, &text).unwrap();
    let cluster = Cluster::from_file(&file).unwrap();
    assert_eq!(cluster.hosts().len(), 3);
    assert_eq!(cluster.options().reply_limit, Duration::from_secs(30));
    for n in 0..100 {
        let key = format!("k{n}");
        cluster.command(&["SET", &key, "1"]).unwrap();
    }
    let tool = |words: &[&str]| {
        let mut tool = std::process::Command::new(env!("CARGO_BIN_EXE_ipc-tool"));
        let ran = tool.arg("shard").args(words).env("IPC_TOOL_HOSTS", &file);
        let ran = ran.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (ran.status.code(), text(ran.stdout), text(ran.stderr))
    };
    let owner = format!("k7  host {} (redis://127.0.0.1:", cluster.host_of("k7"));
    assert!(tool(&["where", "k7"]).1.starts_with(&owner));
    assert_eq!(tool(&["run", "INCR", "k7"]).1, "2\n");
    assert_eq!(tool(&["fanout", "DBSIZE"]).1.lines().count(), 3);
    assert_eq!(tool(&["ring"]).1.matches(" 33.3 %").count(), 3);
    let (code, checked, error) = tool(&["check", "--all"]);
    assert_eq!((code, checked.lines().count()), (Some(0), 3), "{error}");
    let (code, _, error) = tool(&["move", "--add", "redis://127.0.0.1:1"]);
    assert_ne!(code, Some(0));
    assert!(error.contains("redis-cli --cluster reshard"), "{error}");

    let gone = "redis_cluster = [\"redis://127.0.0.1:1\"]\n";
    let error = Cluster::from_toml("hosts.toml", gone).unwrap_err();
    assert!(
        error.to_string().starts_with("hosts.toml:1: no node says"),
        "{error}"
    );
}
