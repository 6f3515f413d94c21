//! Hosts on TLS: commands, maps, fanouts, moves, a Redis Cluster, and the router process.

#[path = "shard_members/keys.rs"]
mod keys;
#[path = "shard_members/router.rs"]
mod router;

use std::time::Duration;

use redis_ipc::{Connection, Endpoint, Outcome, Tls};
use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::server::Server;
use redis_ipc_tests::tls::Authority;
use redis_ipc_tests::value::Value as Reply;
use redis_ipc_tools::router::{Cluster, Host, Options, Placement, Promise, Promised, Value};

use keys::one_on_each;
use router::Router;

const LONG: Duration = Duration::from_secs(30);

/// Two hosts on TLS and one in the clear.
struct Stage {
    authority: Authority,
    servers: Vec<Server>,
}

impl Stage {
    fn set() -> Self {
        let authority = Authority::new();
        let identity = authority.issue(&["localhost", "127.0.0.1"]);
        let tls = || Server::setup().tls(&identity).start();
        let servers = vec![tls(), tls(), Server::start()];
        Self { authority, servers }
    }

    fn endpoint(&self, server: usize, tls: Tls) -> Endpoint {
        match server {
            2 => Endpoint::unix(self.servers[2].socket()).unwrap(),
            _ => Endpoint::tcp("127.0.0.1", self.servers[server].port()).with_tls(tls),
        }
    }

    fn cluster(&self) -> Cluster {
        let tls = || Tls::new().ca(self.authority.ca());
        let hosts = (0..).zip(0..3);
        let hosts = hosts.map(|(id, server)| Host::new(id, self.endpoint(server, tls())));
        Cluster::new(hosts, Placement::Partition).unwrap()
    }
}

#[test]
fn commands_maps_and_fanouts_reach_hosts_on_tls() {
    let stage = Stage::set();
    let cluster = stage.cluster();
    cluster.check().unwrap();
    for key in one_on_each(&cluster) {
        cluster.command(&["SET", &key, "1"]).unwrap();
        assert_eq!(cluster.command(&["INCR", &key]).unwrap().integer(), Some(2));
    }
    let mut map = cluster.map();
    let set = (0..2000).map(|n| map.set(format!("key {n}"), format!("value {n}")));
    let set = Promise::all(set.collect::<Vec<_>>());
    map.send(LONG);
    set.wait().unwrap();
    let mut map = cluster.map();
    let got = Promise::all((0..2000).map(|n| map.get(format!("key {n}"))));
    map.send(LONG);
    for (n, value) in got.wait().unwrap().into_iter().enumerate() {
        assert_eq!(value, Value::Bytes(format!("value {n}").into_bytes()));
    }
    let sizes = cluster.fanout().command(&["DBSIZE"]).into_values();
    let sizes = sizes.map(|size| size.unwrap().integer().unwrap());
    assert_eq!(sizes.sum::<i64>(), 2003);
}

#[test]
fn the_router_speaks_tls_to_hosts() {
    let mut stage = Stage::set();
    let cluster = stage.cluster();
    let folder = Folder::new();
    let router = Router::start(&cluster, folder.path());
    let keys = one_on_each(&cluster);
    for protocol in ["2", "3"] {
        let mut client = router.client();
        client.command(&["HELLO", protocol]);
        for n in 0..3000 {
            client.send(&["SET", &format!("k{n}"), &format!("v{n}")]);
            client.send(&["GET", &format!("k{n}")]);
        }
        for n in 0..3000 {
            assert_eq!(client.receive(), "OK");
            assert_eq!(client.receive(), format!("v{n}").as_str());
        }
        // Around the size of a record, of the library's buffer, and far beyond.
        for size in [16_384, 16_385, 65_536, 65_537, 20_000_000] {
            let value: Vec<u8> = (0..size).map(|n: u32| n.to_le_bytes()[1]).collect();
            for key in &keys {
                let set = client.command(&[&b"SET"[..], key.as_bytes(), &value]);
                assert_eq!(set, "OK", "{size}");
                let got = client.command(&["GET", key]);
                assert!(got == Reply::Bulk(value.clone()), "{size}");
            }
        }
        // Connections of a client's own.
        let mut other = router.client();
        for key in &keys {
            other.command(&["DEL", key]);
            client.send(&["BLPOP", key, "20"]);
            assert_eq!(other.command(&["RPUSH", key, "item"]), 1);
            assert_eq!(client.receive().items()[1], "item");
            client.command(&["SUBSCRIBE", key]);
            assert_eq!(other.command(&["PUBLISH", key, "news"]), 1);
            assert_eq!(client.receive().items()[2], "news");
            client.command(&["UNSUBSCRIBE", key]);
        }
        client.send(&["BLPOP", &keys[0], &keys[1], "20"]);
        other.command(&["RPUSH", &keys[1], "item"]);
        assert_eq!(client.receive().items()[1], "item");
    }
    Connection::open(&router.endpoint())
        .unwrap()
        .ping()
        .unwrap();
    stage.servers[1].kill();
    let mut client = router.client();
    let reply = client.command(&["GET", &keys[1]]);
    assert!(reply.text().contains("host 1 (rediss://"), "{reply:?}");
    assert!(!client.command(&["GET", &keys[0]]).is_error());
    stage.servers[1].restart();
    while client.command(&["GET", &keys[1]]).is_error() {}
}

#[test]
fn a_host_that_cannot_prove_who_it_is_is_sent_nothing() {
    let stage = Stage::set();
    let stranger = Authority::new();
    let hosts = [
        stage.endpoint(0, Tls::new().ca(stranger.ca())),
        stage.endpoint(1, Tls::new().ca(stage.authority.ca()).server_name("other")),
        // In the clear, to a port that wants TLS.
        Endpoint::tcp("127.0.0.1", stage.servers[0].port()),
    ];
    let hosts = (0..)
        .zip(hosts)
        .map(|(id, endpoint)| Host::new(id, endpoint));
    let options = Options {
        reply_limit: Duration::from_secs(5),
        ..Options::default()
    };
    let cluster = Cluster::with(hosts, Placement::Partition, options).unwrap();
    let folder = Folder::new();
    let router = Router::start(&cluster, folder.path());
    for (host, key) in one_on_each(&cluster).iter().enumerate() {
        let named = format!("host {host} (redis");
        let error = cluster.command(&["SET", key, "1"]).unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
        assert!(error.to_string().contains(&named), "{error}");
        let reply = router.client().command(&["SET", key, "1"]);
        assert!(reply.text().contains(&named), "{reply:?}");
        assert!(reply.text().contains("was not sent"), "{reply:?}");
        if host < 2 {
            assert!(reply.text().contains("certificate"), "{reply:?}");
        }
    }
    for server in &stage.servers {
        assert_eq!(server.cli(&["DBSIZE"]), 0);
    }
}

#[cfg(feature = "redis")]
#[test]
fn a_redis_cluster_on_tls_is_found_and_served() {
    let authority = Authority::new();
    let node = Server::setup()
        .tls(&authority.issue(&["127.0.0.1"]))
        .cluster()
        .config("tls-cluster yes")
        .start();
    assert_eq!(node.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]), "OK");
    while !node
        .cli(&["CLUSTER", "INFO"])
        .text()
        .contains("cluster_state:ok")
    {
        std::thread::yield_now();
    }
    let ca = authority.ca().display().to_string();
    let text = format!(
        "redis_cluster = [\"rediss://127.0.0.1:{}?ca={ca}\"]\n",
        node.port()
    );
    let cluster = Cluster::from_toml("hosts.toml", &text).unwrap();
    assert!(cluster.hosts()[0].endpoint.is_secure());
    cluster.command(&["SET", "k", "1"]).unwrap();
    let folder = Folder::new();
    let router = Router::start(&cluster, folder.path());
    assert_eq!(router.client().command(&["INCR", "k"]), 2);
}
