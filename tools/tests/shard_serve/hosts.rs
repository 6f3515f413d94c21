//! Hosts that are not what the router takes them for: nothing is done on the wrong one.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use redis_ipc::{Endpoint, Outcome};
use redis_ipc_tests::client::Client;
use redis_ipc_tests::value::Value;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Host, Options, Placement, Promised};

use super::Router;
use super::stand_in::stand_in;

#[test]
fn behind_a_greeting_that_is_refused_nothing_is_executed() {
    let farm = Farm::start(2, 1).unwrap();
    let wrong_database = farm.endpoint(0).with_database(99);
    let wrong_password = farm.endpoint(1).with_password(None, "wrong");
    let hosts = [Host::new(0, wrong_database), Host::new(1, wrong_password)];
    let cluster = Cluster::new(hosts, Placement::Partition).unwrap();
    let router = Router::over(farm, cluster);
    let keys = router.keys();
    for protocol in ["2", "3"] {
        let mut client = router.client();
        client.command(&["HELLO", protocol]);
        for (host, key) in keys.iter().enumerate() {
            client.send(&["SET", key, "1"]);
            client.send(&["BLPOP", key, "0"]);
            client.send(&["SET", key, "2"]);
            for _ in 0..3 {
                let reply = client.receive();
                let named = format!("CLUSTERDOWN host {host} (unix://");
                assert!(reply.text().starts_with(&named), "{reply:?}");
                assert!(reply.text().contains("refuses us"), "{reply:?}");
                assert!(reply.text().contains("was not sent"), "{reply:?}");
            }
        }
    }
    for server in 0..2 {
        let socket = router.farm.socket(server);
        let mut direct = Client::connect(&socket).unwrap();
        assert_eq!(direct.command(&["KEYS", "*"]), Value::Array(Vec::new()));
    }
}

/// Servers, and hosts whose addresses are links to their sockets.
struct Links {
    router: Router,
}

impl Links {
    /// One host for each of the first `hosts` of as many servers.
    fn start(servers: u32, hosts: u32) -> Self {
        let farm = Farm::start(servers, 1).unwrap();
        for host in 0..hosts {
            link(&farm, host, host as usize);
        }
        let address = |host| Endpoint::unix(farm.folder().join(format!("host{host}"))).unwrap();
        let hosts = (0..hosts).map(|host| Host::new(host, address(host)));
        let cluster = Cluster::new(hosts.collect::<Vec<_>>(), Placement::Partition).unwrap();
        Self {
            router: Router::over(farm, cluster),
        }
    }

    fn lead(&self, host: u32, server: usize) {
        link(&self.router.farm, host, server);
    }

    fn direct(&self, server: usize) -> Client {
        Client::connect(&self.router.farm.socket(server)).unwrap()
    }

    /// Ends all connections of a server but the one that says so.
    fn hang_up(&self, server: usize) {
        self.direct(server)
            .command(&["CLIENT", "KILL", "TYPE", "normal"]);
    }

    /// What a write to a host ends in, by each of the ways to make one.
    fn writes(&self, host: u32) -> Vec<Result<(), String>> {
        let cluster = &self.router.cluster;
        let key = &self.router.keys()[host as usize];
        let words = ["SET", key.as_str(), "x"];
        let mut map = cluster.map();
        let promise = map.command(&words).unwrap();
        map.send(Duration::from_secs(60));
        let fanned = cluster.fanout().to(&[host]).command(&words);
        let mut client = self.router.client();
        let mut results: Vec<Result<(), String>> = Vec::new();
        results.push(cluster.command(&words).map(drop).map_err(|e| e.to_string()));
        results.push(promise.wait().map(drop).map_err(|e| e.to_string()));
        results.push(fanned[&host].clone().map(drop).map_err(|e| e.to_string()));
        for words in [&words[..], &["BLPOP", key, "0.001"]] {
            let reply = client.command(words);
            let wrong_type = reply.is_error() && reply.text().starts_with("WRONGTYPE");
            results.push(match reply.is_error() && !wrong_type {
                true => Err(reply.text()),
                false => Ok(()),
            });
        }
        results
    }

    #[track_caller]
    fn refuses(&self, host: u32, why: &str) {
        for (way, result) in self.writes(host).into_iter().enumerate() {
            let error = result.expect_err(&format!("way {way}"));
            let named = format!("host {host} (unix://");
            assert!(error.contains(&named) && error.contains(why), "{error}");
        }
    }

    #[track_caller]
    fn takes(&self, host: u32) {
        for result in self.writes(host) {
            result.unwrap();
        }
    }
}

fn link(farm: &Farm, host: u32, server: usize) {
    let (new, link) = (
        farm.folder().join("new"),
        farm.folder().join(format!("host{host}")),
    );
    std::os::unix::fs::symlink(farm.socket(server), &new).unwrap();
    std::fs::rename(new, link).unwrap();
}

#[test]
fn one_server_under_two_names_is_written_to_as_one_host_only() {
    let links = Links::start(1, 1);
    let twice = ["host0", "other"].map(|name| links.router.farm.folder().join(name));
    std::os::unix::fs::symlink(links.router.farm.socket(0), &twice[1]).unwrap();
    let hosts = (0..)
        .zip(&twice)
        .map(|(id, path)| Host::new(id, Endpoint::unix(path).unwrap()));
    let cluster = Cluster::new(hosts, Placement::Partition).unwrap();
    cluster.command_on(0, &["SET", "k", "1"]).unwrap();
    let error = cluster.command_on(1, &["SET", "k", "2"]).unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    let error = error.to_string();
    assert!(error.starts_with("host 1 (unix://"), "{error}");
    assert!(
        error.contains("the server and the database of host 0"),
        "{error}"
    );
    assert_eq!(links.direct(0).command(&["GET", "k"]), "1");
}

#[test]
fn hosts_that_are_exchanged_are_not_written_to_until_they_are_back() {
    let links = Links::start(2, 2);
    links.takes(0);
    links.takes(1);
    for (host, server) in [(0, 0), (1, 1)] {
        links.direct(server).command(&["FLUSHALL"]);
        links.lead(host, 1 - server);
        links.hang_up(server);
    }
    links.refuses(0, "the server and the database of host 1");
    links.refuses(1, "the server and the database of host 0");
    for (host, server) in [(0, 0), (1, 1)] {
        assert_eq!(links.direct(server).command(&["DBSIZE"]), 0);
        links.lead(host, server);
    }
    links.takes(0);
    links.takes(1);
}

#[test]
fn a_stranger_at_the_address_of_a_host_is_told_from_its_restart() {
    let mut links = Links::start(2, 1);
    let age = |links: &Links| {
        let info = links
            .direct(1)
            .command(&["INFO", "server"])
            .text()
            .to_owned();
        let age = info.split("uptime_in_seconds:").nth(1).unwrap();
        age.split("\r\n").next().unwrap().parse::<u32>().unwrap()
    };
    // A server counts its age in seconds; it has to be older than what is let pass.
    while age(&links) < 6 {
        std::thread::sleep(Duration::from_millis(50));
    }
    links.takes(0);
    links.router.farm.kill(0);
    links.lead(0, 1);
    links.refuses(0, "another one answered there");
    assert_eq!(links.direct(1).command(&["DBSIZE"]), 0);
    links.router.farm.restart(0).unwrap();
    links.lead(0, 0);
    links.takes(0);
}

#[test]
fn hosts_have_names_and_one_that_is_unknown_fails_only_its_own() {
    let servers = [0, 1].map(|_| redis_ipc_tests::server::Server::setup().tcp().start());
    let named = |host: &str, port| format!("redis://{host}:{port}").parse().unwrap();
    let hosts = [
        Host::new(0, named("localhost", servers[0].port())),
        Host::new(1, named("no-such-host.invalid", servers[1].port())),
    ];
    let cluster = Cluster::new(hosts, Placement::Partition).unwrap();
    let router = Router::over(Farm::start(1, 1).unwrap(), cluster);
    let (mut client, keys) = (router.client(), router.keys());
    for count in 1..5 {
        client.send(&["INCR", &keys[1]]);
        client.send(&["INCR", &keys[0]]);
        let reply = client.receive();
        let named = "CLUSTERDOWN host 1 (redis://no-such-host.invalid";
        assert!(reply.text().starts_with(named), "{reply:?}");
        assert_eq!(client.receive(), count);
    }
}

/// A host on a slow line: it answers GET with these pieces, one at a time.
fn trickle(folder: &Path, pieces: u32, pause: Duration) -> Endpoint {
    stand_in(folder, move |stream| {
        write!(stream, "${pieces}\r\n").unwrap();
        for _ in 0..pieces {
            std::thread::sleep(pause);
            stream.write_all(b"x").unwrap();
        }
        stream.write_all(b"\r\n").unwrap();
        // Until the router hangs up.
        let _ = io::copy(stream, &mut io::sink());
    })
}

#[test]
fn a_reply_that_comes_slowly_is_no_silence() {
    let farm = Farm::start(1, 1).unwrap();
    let limit = Duration::from_secs(3);
    let options = Options {
        reply_limit: limit,
        ..Options::default()
    };
    let slow = trickle(farm.folder(), 8, limit / 6);
    let cluster = Cluster::with([Host::new(0, slow)], Placement::Partition, options).unwrap();
    let router = Router::over(farm, cluster);
    assert_eq!(router.client().command(&["GET", "k"]).text(), "xxxxxxxx");
}

#[test]
fn a_command_that_was_done_in_part_is_not_said_to_be_safe_to_send_again() {
    let mut router = Router::start(3, 1);
    let (mut client, keys) = (router.client(), router.keys());
    router.farm.kill(1);
    let away = "host 1 (unix://";
    let set = client.command(&["MSET", &keys[0], "x", &keys[1], "x", &keys[2], "x"]);
    let deleted = client.command(&["DEL", &keys[1], &keys[2]]);
    for reply in [set, deleted] {
        let text = reply.text();
        assert!(text.starts_with(&format!("ERR {away}")), "{text}");
        assert!(
            text.ends_with("other hosts have done their parts"),
            "{text}"
        );
    }
    assert_eq!(client.command(&["EXISTS", &keys[0], &keys[2]]), 1);
    // Where nothing was done, and where nothing changes, it is.
    let more = format!("{} too", keys[1]);
    let same = (0..).map(|n| format!("{more}{n}"));
    let mut same = same.filter(|key| router.cluster.host_of(key) == 1);
    for words in [
        &["MSET", &keys[1], "x", &same.next().unwrap(), "x"][..],
        &["MGET", &keys[0], &keys[1]],
    ] {
        let text = client.command(words).text();
        assert!(text.starts_with(&format!("CLUSTERDOWN {away}")), "{text}");
    }
    router.farm.kill(0);
    // Behind this, the router has noticed.
    client.command(&["PING"]);
    let text = client
        .command(&["MSET", &keys[0], "x", &keys[1], "x"])
        .text();
    assert!(text.starts_with("CLUSTERDOWN host "), "{text}");
}
