//! `ipc-tool shard serve`: how it starts, and how it ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis_ipc_tests::client::Client;
use redis_ipc_tools::farm::Farm;
use signal_hook::consts::SIGHUP;

use crate::shard::tool;

#[test]
fn a_host_that_is_silent_or_gone_at_the_start_keeps_no_router_from_serving_the_others() {
    let mut farm = Farm::start(3, 1).unwrap();
    let tool = tool(&farm);
    let file = farm.folder().join("hosts.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("reply_limit_s = 600\n{text}")).unwrap();
    let cluster = farm.cluster("partition".parse().unwrap()).unwrap();
    let key = |host| {
        let mut keys = (0..).map(|n| format!("k{n}"));
        keys.find(|key| cluster.host_of(key) == host).unwrap()
    };
    let socket = farm.folder().join("router").display().to_string();
    farm.pause(1);
    farm.kill(2);
    // The second time it is stopped while it waits.
    for stays in [true, false] {
        let router = tool.start_ready(&["shard", "serve", "--listen", &socket]);
        let mut client = Client::connect(socket.as_ref()).unwrap();
        assert_eq!(client.command(&["SET", &key(0), "1"]), "OK");
        let gone = client.command(&["SET", &key(2), "1"]);
        assert!(gone.text().starts_with("CLUSTERDOWN host 2 ("), "{gone:?}");
        if stays {
            farm.restart(2).unwrap();
            assert_eq!(client.command(&["SET", &key(2), "1"]), "OK");
            client.send(&["SET", &key(1), "1"]);
            farm.resume(1);
            assert_eq!(client.receive(), "OK");
            assert!(router.complaint().contains("host 2 ("));
            farm.pause(1);
            farm.kill(2);
        }
        router.signal("INT");
        assert_eq!(router.end().code, 0);
    }
}

#[test]
fn clients_that_find_a_router_without_descriptors_are_served_when_others_have_left() {
    let farm = Farm::start(1, 1).unwrap();
    let tool = tool(&farm);
    let socket = farm.folder().join("router").display().to_string();
    let router = tool.start_ready(&["shard", "serve", "--listen", &socket]);
    router.limit_descriptors(30);
    let mut clients: Vec<_> = (0..40)
        .map(|_| Client::connect(socket.as_ref()).unwrap())
        .collect();
    for client in &mut clients {
        client.send(&["PING"]);
    }
    // The first to come is in, the last is not.
    assert_eq!(clients[0].receive(), "PONG");
    let late = clients.split_off(30);
    // Those who are in have left the hosts' own to them.
    assert_eq!(clients[0].command(&["SET", "k", "v"]), "OK");
    drop(clients);
    for mut client in late {
        assert_eq!(client.receive(), "PONG");
        assert_eq!(client.command(&["GET", "k"]), "v");
    }
    router.signal("INT");
    assert_eq!(router.end().code, 0);
}

#[test]
fn a_router_takes_its_socket_away_however_it_is_told_to_end() {
    // Whoever runs the tests may have it ignored (`nohup`), and so would all that they start. What is
    // caught is not ignored there.
    signal_hook::flag::register(SIGHUP, Arc::default()).unwrap();
    let farm = Farm::start(1, 1).unwrap();
    let tool = tool(&farm);
    let socket = farm.folder().join("router");
    let words = ["shard", "serve", "--listen", socket.to_str().unwrap()];
    for signal in ["HUP", "TERM", "INT"] {
        let router = tool.start_ready(&words);
        router.signal(signal);
        let ran = router.end();
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{signal}");
        assert!(!socket.exists(), "{signal}");
    }
}

#[test]
fn a_router_that_is_to_outlive_its_terminal_does() {
    let farm = Farm::start(1, 1).unwrap();
    let tool = tool(&farm);
    let socket = farm.folder().join("router");
    let words = ["shard", "serve", "--listen", socket.to_str().unwrap()];
    let router = tool.start_unheeding("HUP", &words);
    router.signal("HUP");
    let mut client = Client::connect(&socket).unwrap();
    let until = Instant::now() + Duration::from_millis(300);
    while Instant::now() < until {
        assert_eq!(client.command(&["PING"]), "PONG");
    }
    router.signal("TERM");
    assert_eq!(router.end().code, 0);
}

#[test]
fn two_names_for_one_server_end_a_router_also_if_it_is_late_that_they_are_found() {
    let farm = Farm::start(2, 1).unwrap();
    let tool = tool(&farm);
    let other = farm.folder().join("other");
    std::os::unix::fs::symlink(farm.socket(0), &other).unwrap();
    let file = farm.folder().join("hosts.toml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    text += &format!("[[host]]\nid = 2\naddress = \"{}\"\n", other.display());
    std::fs::write(&file, text).unwrap();
    let socket = farm.folder().join("router").display().to_string();
    let words = ["shard", "serve", "--listen", &socket];
    let ran = tool.run(&words);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("hosts 0 and 2 are one database"),
        "{}",
        ran.stderr
    );
    farm.pause(1);
    let router = tool.start_ready(&words);
    farm.resume(1);
    let ran = router.end();
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("hosts 0 and 2 are one database"),
        "{}",
        ran.stderr
    );
}
