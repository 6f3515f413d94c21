//! `ipc-tool shard serve` whose file names a Redis Cluster by and by, or no longer.

use std::fs;
use std::path::Path;

use redis_ipc_tests::client::Client;
use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::server::Server;

use super::support::{Started, Tool, wait_until};

/// A Redis Cluster of one node.
fn node() -> Server {
    let node = Server::setup().cluster().start();
    assert_eq!(node.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]), "OK");
    wait_until(|| {
        node.cli(&["CLUSTER", "INFO"])
            .text()
            .contains("cluster_state:ok")
    });
    node
}

fn list(servers: &[&Server]) -> String {
    let host = |(id, server): (usize, &&Server)| {
        format!("[[host]]\nid = {id}\naddress = \"{}\"\n", server.path())
    };
    servers.iter().enumerate().map(host).collect()
}

/// Puts another file into its place.
fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(&new, file).unwrap();
}

/// A router that follows the file, and one of its clients.
fn router(file: &Path, text: &str) -> (Started, Client) {
    replace(file, text);
    let socket = file.with_extension("socket");
    let tool = Tool::with("IPC_TOOL_HOSTS", file.to_str().unwrap());
    let words = ["shard", "serve", "--listen", socket.to_str().unwrap()];
    let router = tool.start_ready(&words);
    (router, Client::connect(&socket).unwrap())
}

#[test]
fn a_router_goes_on_with_its_hosts_when_others_of_a_redis_cluster_are_to_take_their_place() {
    let (folder, node, servers) = (Folder::new(), node(), [Server::start(), Server::start()]);
    let file = folder.join("hosts.toml");
    let cluster = format!("redis_cluster = [\"redis://127.0.0.1:{}\"]\n", node.port());
    let few = list(&[&servers[0]]);
    let refused = "without a new start; the router goes on with the former hosts";

    let (router, mut client) = router(&file, &few);
    replace(&file, &cluster);
    let note = router.complaint();
    assert!(note.contains(refused), "{note}");
    assert_eq!(client.command(&["SET", "k", "1"]), "OK");
    assert_eq!(servers[0].cli(&["GET", "k"]), "1");
    // Nor is it in the way of hosts that may.
    replace(&file, &list(&[&servers[0], &servers[1]]));
    let note = router.complaint();
    assert!(note.contains("serving 2 hosts from now on"), "{note}");
    drop(router);

    let (router, mut client) = self::router(&file, &cluster);
    replace(&file, &few);
    let note = router.complaint();
    assert!(note.contains(refused), "{note}");
    assert_eq!(client.command(&["SET", "k", "2"]), "OK");
    assert_eq!(node.cli(&["GET", "k"]), "2");
    assert_eq!(servers[0].cli(&["GET", "k"]), "1");
}
