//! Two hosts, one of them whichever server three Sentinels call the master.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use redis_ipc::{Endpoint, Outcome};
use redis_ipc_tests::client::Client;
use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::sentinel::Sentinels;
use redis_ipc_tests::server::Server;
use redis_ipc_tools::router::{Cluster, Host, Options, Placement, Promise, Promised, Value};

use crate::play::{Ending, PATIENCE, Printer, QUEUES, call, join};
use crate::router::Router;

struct Stage {
    master: Server,
    _replica: Server,
    other: Server,
    sentinels: Sentinels,
}

impl Stage {
    fn set() -> Self {
        let server = || Server::setup().tcp().config("repl-diskless-sync-delay 0");
        let master = server().start();
        let replica = server()
            .config(&format!("replicaof 127.0.0.1 {}", master.port()))
            .start();
        Self {
            sentinels: Sentinels::watch(&master, 1, 3),
            other: Server::start(),
            master,
            _replica: replica,
        }
    }

    fn cluster(&self) -> Cluster {
        let hosts = [
            Host::new(0, self.sentinels.url().parse().unwrap()),
            Host::new(1, Endpoint::unix(self.other.socket()).unwrap()),
        ];
        let options = Options {
            connect_limit: PATIENCE,
            reply_limit: PATIENCE,
            ..Options::default()
        };
        Cluster::with(hosts, Placement::Partition, options).unwrap()
    }
}

#[test]
fn a_master_that_dies_under_load_is_followed_and_fails_no_other_host() {
    let mut stage = Stage::set();
    let cluster = stage.cluster();
    let keys: Vec<_> = (0..20).map(|n| format!("k{n}")).collect();
    let (mut done, mut unknown) = (vec![0; keys.len()], vec![0; keys.len()]);
    for round in 0..40 {
        if round == 20 {
            stage.master.kill();
        }
        let mut map = cluster.map();
        let counts: Vec<_> = keys
            .iter()
            .map(|key| map.command(&["INCR", key]).unwrap())
            .collect();
        map.send(PATIENCE);
        for (n, count) in counts.into_iter().enumerate() {
            match count.wait() {
                Ok(_) => done[n] += 1,
                Err(error) => {
                    assert_eq!(cluster.host_of(&keys[n]), 0, "{error}");
                    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
                    unknown[n] += 1;
                }
            }
        }
    }
    let mut map = cluster.map();
    let all = Promise::all(keys.iter().map(|key| map.get(key)).collect::<Vec<_>>());
    map.send(PATIENCE);
    for (n, count) in all.wait().unwrap().into_iter().enumerate() {
        let count = String::from_utf8_lossy(count.bytes().unwrap()).into_owned();
        let count: u32 = count.parse().unwrap();
        match cluster.host_of(&keys[n]) {
            0 => assert!(count > 0 && count <= done[n] + unknown[n]),
            _ => assert_eq!(count, 40),
        }
    }
    let sizes = cluster.fanout().command(&["DBSIZE"]);
    assert!(sizes.values().all(Result::is_ok), "{sizes:?}");
}

#[test]
fn components_go_on_through_a_router_when_a_master_is_succeeded() {
    let stage = Stage::set();
    let cluster = stage.cluster();
    let hosts = QUEUES.map(|queue| cluster.host_of(format!("queues.commands.printer.{queue}")));
    assert!(hosts.contains(&0) && hosts.contains(&1), "{hosts:?}");
    let folder = Folder::new();
    let router = Router::start(&cluster, folder.path());
    let printer = Printer::start(&router.endpoint());
    let mut caller = join(&router.endpoint(), "panel");
    for queue in QUEUES {
        call(&mut caller, queue, 0);
    }
    stage.sentinels.fail_over();
    for queue in QUEUES {
        call(&mut caller, queue, 1);
    }
    assert_eq!(printer.stop(), 12);
}

#[test]
fn requests_wait_at_the_router_for_the_successor_of_a_dead_master() {
    let mut stage = Stage::set();
    let cluster = stage.cluster();
    let folder = Folder::new();
    let router = Router::start(&cluster, folder.path());
    let keys: Vec<_> = (0..10).map(|n| format!("k{n}")).collect();
    let mut client = router.client();
    for key in &keys {
        assert_eq!(client.command(&["SET", key, "1"]), "OK");
    }
    let mut direct = stage.master.client();
    direct.command(&["SET", "last", "1"]);
    assert_eq!(direct.command(&["WAIT", "1", "20000"]).integer(), 1);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Another client's requests to the other host go on meanwhile.
        let other = scope.spawn(|| {
            let key = keys.iter().find(|key| cluster.host_of(key) == 1).unwrap();
            let mut client = router.client();
            while !stop.load(Ordering::Acquire) {
                assert!(client.command(&["INCR", key]).integer() > 1);
            }
        });
        let ending = Ending(&stop);
        stage.master.kill();
        let key = keys.iter().find(|key| cluster.host_of(key) == 0).unwrap();
        // So does a pop that asks both.
        let mut popping = router.client();
        let lists = [0, 1].map(|host| {
            let mut lists = (0..).map(|n| format!("list{n}"));
            lists.find(|list| cluster.host_of(list) == host).unwrap()
        });
        popping.send(&["BLPOP", &lists[0], &lists[1], "0"]);
        // The first may go to the dead one before that is noticed; nobody executes it there.
        let mut done = 0;
        while done < 10 {
            for _ in 0..10 {
                client.send(&["INCR", key]);
            }
            for _ in 0..10 {
                let reply = patiently(&mut client);
                if reply.is_error() && reply.text().contains("may have been executed") {
                    continue;
                }
                done += 1;
                assert_eq!(reply, done + 1, "each is executed once, in its order");
            }
        }
        client.send(&["GET", key]);
        assert_eq!(patiently(&mut client), (done + 1).to_string().as_str());
        assert_eq!(client.command(&["RPUSH", &lists[0], "item"]), 1);
        assert_eq!(patiently(&mut popping).texts(), [&lists[0], "item"]);
        drop(ending);
        other.join().unwrap();
    });
    stage.sentinels.wait_for_another(stage.master.port());
    assert_ne!(cluster.command(&["GET", &keys[0]]).unwrap(), Value::Null);
}

/// The next reply; the client by itself waits for less long than a successor may take.
fn patiently(client: &mut Client) -> redis_ipc_tests::value::Value {
    let until = Instant::now() + PATIENCE;
    loop {
        match client.try_receive() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                assert!(Instant::now() < until, "no reply");
            }
            reply => return reply.unwrap(),
        }
    }
}
