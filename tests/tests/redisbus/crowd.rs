//! Many workers, and the order of messages.

use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use redis_ipc::bus::{Counters, Ended, Worker};
use redis_ipc::{Options, Stop};
use redis_ipc_tests::server::Server;
use rustix::process::{Resource, getrlimit, setrlimit};

use super::workers::{Running, client, endpoint};

const WORKERS: usize = 1000;
const COMMANDS: u32 = 10_000;
const LONG: Duration = Duration::from_secs(120);

/// Each worker has two sockets, and the server one for each of them.
fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

#[test]
fn a_thousand_workers_share_ten_thousand_commands_and_all_hear_a_broadcast() {
    allow_many_files();
    let server = Server::start();
    let served = AtomicU32::new(0);
    let ready = Barrier::new(WORKERS + 1);
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for number in 0..WORKERS {
            let (server, served, ready) = (&server, &served, &ready);
            let thread = std::thread::Builder::new().stack_size(256 * 1024);
            let work = move || {
                Worker::new("local", "crowd")
                    .with_id(&format!("w-{number}"))
                    .on_start(move |_| {
                        ready.wait();
                        Ok(())
                    })
                    .on("take", move |number: u32, _| {
                        served.fetch_add(1, Ordering::Relaxed);
                        Ok(number)
                    })
                    .until(Stop::new())
                    .run(&endpoint(server), Options::default())
            };
            threads.push(thread.spawn_scoped(scope, work).unwrap());
        }
        ready.wait();
        share(&server);
        assert_eq!(served.load(Ordering::Relaxed), COMMANDS);
        broadcast(&server);
        for thread in threads {
            assert_eq!(thread.join().unwrap().unwrap(), Counters::default());
        }
    });
}

/// All commands go out at once, each with a correlation of its own, and are then collected.
fn share(server: &Server) {
    let mut bus = server.client();
    for number in 0..COMMANDS {
        let message = format!(r#"{{"x": "take", "d": {number}, "c": "c:{number:012x}", "i": ""}}"#);
        bus.send(&["RPUSH", "group:local:crowd", &message]);
    }
    for _ in 0..COMMANDS {
        let _ = bus.receive();
    }
    let mut workers = HashSet::new();
    for number in 0..COMMANDS {
        bus.send(&["BLPOP", &format!("reply:c:{number:012x}"), "60"]);
        let reply = bus.receive();
        let text = reply.items()[1].text();
        let reply: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(reply["d"], number);
        workers.insert(reply["i"].as_str().unwrap().to_owned());
    }
    assert!(workers.len() > 1, "one worker did it all");
    assert_eq!(server.cli(&["KEYS", "reply:*"]).items().len(), 0);
}

fn broadcast(server: &Server) {
    let mut client = client(server);
    let mut replies = client.ask("broadcast:local", "stop", &(), LONG).unwrap();
    let ids: HashSet<String> = replies
        .by_ref()
        .map(|reply| reply.unwrap().worker)
        .collect();
    assert_eq!(ids.len(), WORKERS);
    assert_eq!(replies.ended(), Some(Ended::Complete));
}

#[test]
fn what_waits_in_a_direct_queue_is_served_in_its_order() {
    let server = Server::start();
    let mut bus = server.client();
    for number in 0..500 {
        let message = format!(r#"{{"x":"ping","d":{number},"c":"same"}}"#);
        let _ = bus.command(&["RPUSH", "direct:late", &message]);
    }
    let worker = Running::new(&server, "late", |id| {
        Worker::new("local", "order").with_id(id)
    });
    worker.stop();
    let replies = server.cli(&["LRANGE", "reply:same", "0", "-1"]);
    assert_eq!(replies.items().len(), 500);
    for (number, reply) in replies.items().iter().enumerate() {
        let reply: serde_json::Value = serde_json::from_str(&reply.text()).unwrap();
        assert_eq!(reply["d"], number);
    }
}
