//! Keys that rb and txredisapi have written are read by ours, and the other way round.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Placement, Promise, Promised, Value};

const KEYS: usize = 500;

/// The keys of `shard_peer.py`.
fn keys() -> Vec<String> {
    let key = |n: usize| match n % 5 {
        0 => format!("k{n}"),
        1 => format!("ünïcode {n}"),
        2 => format!("x{{{n}}}y"),
        3 => format!("{{{n}}}y"),
        _ => format!("a{{b{n}}}{{c}}"),
    };
    (0..KEYS).map(key).collect()
}

fn root() -> &'static Path {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR"));
    tools.parent().expect("a folder of the workspace")
}

#[track_caller]
fn python(placement: Placement, action: &str, farm: &Farm, databases: u32) {
    static SETUP: OnceLock<()> = OnceLock::new();
    SETUP.get_or_init(|| {
        let mut setup = Command::new(root().join("tests/setup.sh"));
        let setup = setup
            .current_dir(root())
            .args(["python", "tests/python/requirements.txt"]);
        assert!(
            setup.status().unwrap().success(),
            "Python's packages cannot be installed"
        );
    });
    let mut peer = Command::new(root().join("target/python/bin/python"));
    peer.arg(root().join("tests/python/shard_peer.py"));
    peer.args([&placement.to_string(), action, &KEYS.to_string()]);
    for host in farm.hosts() {
        let path = host.endpoint.path().unwrap().display().to_string();
        peer.arg(format!("{path}:{}", host.endpoint.database()));
    }
    assert!(farm.hosts().len().is_multiple_of(databases as usize));
    let output = peer.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn both_ways(placement: Placement, servers: u32, databases: u32) {
    let farm = Farm::start(servers, databases).unwrap();
    let cluster = farm.cluster(placement).unwrap();

    python(placement, "write", &farm, databases);
    let mut map = cluster.map();
    let found = Promise::all(keys().iter().map(|key| map.get(key)));
    map.send(Duration::from_secs(10));
    for (n, value) in found.wait().unwrap().into_iter().enumerate() {
        assert_eq!(value, Value::Bytes(format!("v{n}").into_bytes()), "{n}");
    }
    assert_eq!(size(&cluster), KEYS);

    cluster.fanout().command(&["FLUSHDB"]);
    let mut map = cluster.map();
    let set = keys().into_iter().enumerate();
    let set = Promise::all(set.map(|(n, key)| map.set(key, format!("v{n}"))));
    map.send(Duration::from_secs(10));
    set.wait().unwrap();
    python(placement, "read", &farm, databases);
}

fn size(cluster: &Cluster) -> usize {
    let sizes = cluster.fanout().command(&["DBSIZE"]);
    let size = |size: &Result<Value, _>| size.as_ref().unwrap().integer().unwrap();
    usize::try_from(sizes.values().map(size).sum::<i64>()).unwrap()
}

#[test]
fn rb_with_its_partition_router_and_ours_find_each_others_keys() {
    both_ways(Placement::Partition, 4, 8);
}

#[test]
fn rb_with_its_consistent_router_and_ours_find_each_others_keys() {
    both_ways(Placement::Consistent, 4, 8);
}

#[test]
fn the_ring_of_txredisapi_and_ours_find_each_others_keys() {
    both_ways(Placement::Ring, 4, 1);
}
