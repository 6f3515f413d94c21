//! A host that joins while `ipc-tool shard serve` serves.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use redis_ipc_tests::client::Client;
use redis_ipc_tools::farm::Farm;

use crate::support::Tool;

#[test]
fn clients_of_a_running_router_notice_nothing_of_a_host_that_joins() {
    const KEYS: usize = 500;
    let farm = Farm::start(2, 1).unwrap();
    let (file, socket) = (
        farm.folder().join("hosts.toml"),
        farm.folder().join("router"),
    );
    let [there, joining] = [0, 1].map(|host| farm.endpoint(host).to_string());
    fs::write(&file, format!("[[host]]\nid = 0\naddress = \"{there}\"\n")).unwrap();
    let tool = Tool::with("IPC_TOOL_HOSTS", file.to_str().unwrap());
    let serving = tool.start_ready(&["shard", "serve", "--listen", socket.to_str().unwrap()]);
    let mut client = Client::connect(&socket).unwrap();
    for n in 0..KEYS {
        assert_eq!(client.command(&["INCR", &n.to_string()]), 1);
    }
    let done = AtomicBool::new(false);
    let rounds = std::thread::scope(|scope| {
        let counting = scope.spawn(|| {
            let mut rounds = 1;
            let mut count = || {
                rounds += 1;
                for n in 0..KEYS {
                    assert_eq!(client.command(&["INCR", &n.to_string()]), rounds);
                }
            };
            while !done.load(Ordering::Relaxed) {
                count();
            }
            count();
            rounds
        });
        let moved = tool.start(&["shard", "move", "--add", &joining]).end();
        done.store(true, Ordering::Relaxed);
        assert_eq!((moved.code, &*moved.stderr), (0, ""), "{}", moved.stdout);
        counting.join().unwrap()
    });
    assert!(rounds > 2);
    assert!(
        serving
            .complaint()
            .ends_with("1 host (1 joining) from now on")
    );
    assert!(serving.complaint().ends_with("serving 2 hosts from now on"));
    let checked = tool.run(&["shard", "check"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    let there = tool.ok(&["shard", "fanout", "DBSIZE"]);
    let there: Vec<usize> = there
        .lines()
        .map(|line| line.split_whitespace().last().unwrap().parse().unwrap())
        .collect();
    assert!(
        there[1] > 0 && there.iter().sum::<usize>() == KEYS,
        "{there:?}"
    );
    serving.signal("TERM");
    assert_eq!(serving.end().code, 0);
}
