//! Keys that rb and txredisapi have written are read by ours, and the other way round.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Host, Placement, Promise, Promised, Value};

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

/// What the peer prints.
#[track_caller]
fn peer(arguments: &[String]) -> String {
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
    let output = peer.args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn python(placement: Placement, action: &str, farm: &Farm) {
    let mut arguments = vec![placement.to_string(), action.to_owned(), KEYS.to_string()];
    for host in farm.hosts() {
        let path = host.endpoint.path().unwrap().display().to_string();
        arguments.push(format!("{path}:{}", host.endpoint.database()));
    }
    peer(&arguments);
}

fn both_ways(placement: Placement, servers: u32, databases: u32) {
    let farm = Farm::start(servers, databases).unwrap();
    let cluster = farm.cluster(placement).unwrap();

    python(placement, "write", &farm);
    let mut map = cluster.map();
    let found = Promise::all(keys().iter().map(|key| map.get(key)));
    map.send(Duration::from_secs(60));
    for (n, value) in found.wait().unwrap().into_iter().enumerate() {
        assert_eq!(value, Value::Bytes(format!("v{n}").into_bytes()), "{n}");
    }
    assert_eq!(size(&cluster), KEYS);

    cluster.fanout().command(&["FLUSHDB"]);
    let mut map = cluster.map();
    let set = keys().into_iter().enumerate();
    let set = Promise::all(set.map(|(n, key)| map.set(key, format!("v{n}"))));
    map.send(Duration::from_secs(60));
    set.wait().unwrap();
    python(placement, "read", &farm);
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

#[test]
fn hosts_have_the_names_that_rb_gives_them() {
    let mut hosts = vec![
        ("unix:///tmp/s0", r#"{"unix_socket_path": "/tmp/s0"}"#),
        (
            "unix://:it's@/a b?db=3",
            r#"{"unix_socket_path": "/a b", "db": 3, "password": "it's"}"#,
        ),
        ("redis://10.0.0.7", r#"{"host": "10.0.0.7"}"#),
        (
            "redis://:p%22%27%5C@h:6380/2",
            r#"{"host": "h", "port": 6380, "db": 2, "password": "p\"'\\"}"#,
        ),
        (
            "redis://:ü%0A%7F@h:6380",
            r#"{"host": "h", "port": 6380, "password": "ü\n\u007f"}"#,
        ),
    ];
    if cfg!(feature = "tls") {
        hosts.push((
            "rediss://h:6381",
            r#"{"host": "h", "port": 6381, "ssl": true}"#,
        ));
    }
    let theirs = hosts.iter().map(|(_, theirs)| *theirs).collect::<Vec<_>>();
    let theirs = peer(&["names".to_owned(), format!("[{}]", theirs.join(","))]);
    let theirs: Vec<String> = serde_json::from_str(&theirs).unwrap();
    for ((id, (ours, _)), theirs) in (0..).zip(&hosts).zip(theirs) {
        let ours = Host::new(id, ours.parse().unwrap()).python_name();
        assert_eq!(ours, theirs);
    }
}

#[cfg(feature = "tls")]
#[test]
fn a_host_whose_name_cannot_be_known_has_to_be_named() {
    let hosts = |name: &str| {
        let text =
            "placement = \"consistent\"\n[[host]]\nid = 0\naddress = \"rediss://h?ca=/a.pem\"\n";
        Cluster::from_toml("hosts.toml", &format!("{text}{name}"))
    };
    let error = hosts("").unwrap_err().to_string();
    assert!(
        error.starts_with("hosts.toml:3: host 0 has options of TLS"),
        "{error}"
    );
    assert!(hosts("name = \"<HostInfo …>\"").is_ok());
}
