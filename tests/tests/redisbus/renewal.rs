//! A worker that lives is known to live, whatever it does.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redis_ipc::bus::{Counters, Worker};
use redis_ipc::{Error, Options, Stop};
use redis_ipc_tests::server::Server;

use super::workers::{client, endpoint};

const PATIENCE: Duration = Duration::from_secs(60);

fn start(server: &Server, id: &'static str, stop: &Stop) -> JoinHandle<Result<Counters, Error>> {
    let (there, until) = (endpoint(server), stop.clone());
    std::thread::spawn(move || {
        Worker::new("local", "calc")
            .with_id(id)
            .on_stream("drip", |(): (), request| {
                // Slowly, so that the reader is always there first.
                while !request.desk().stop_requested() && request.send(&0).is_ok() {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Ok(())
            })
            .until(until)
            .run(&there, Options::default())
    })
}

/// The seconds that a worker's record still stays.
fn life(server: &Server, id: &str) -> i64 {
    let key = format!("worker:local:calc:{id}");
    server.cli(&["TTL", &key]).integer()
}

#[test]
fn the_record_is_renewed_by_an_idle_worker_and_by_one_in_a_long_stream() {
    let server = Server::start();
    let stop = Stop::new();
    let idle = start(&server, "idle", &stop);
    let busy = start(&server, "busy", &stop);
    let reader = endpoint(&server);
    let begun = Instant::now();
    while life(&server, "idle") < 0 || life(&server, "busy") < 0 {
        assert!(begun.elapsed() < PATIENCE);
    }
    std::thread::scope(|scope| {
        let until = stop.clone();
        scope.spawn(move || {
            let client = redis_ipc::bus::Client::connect_to(&reader, Options::default());
            let mut client = client.unwrap().until(until);
            let replies = client.ask("worker:busy", "drip", &(), PATIENCE * 2);
            assert!(replies.unwrap().count() > 0);
        });
        let mut seen = [("idle", i64::MAX, false), ("busy", i64::MAX, false)];
        while !seen.iter().all(|(_, _, renewed)| *renewed) {
            for (id, least, renewed) in &mut seen {
                let left = life(&server, id);
                assert!(left >= 0, "{id} passes for dead");
                *least = left.min(*least);
                // Twelve seconds of thirteen are left again, and there were fewer.
                *renewed |= *least <= 11 && left >= 12;
            }
            assert!(begun.elapsed() < PATIENCE, "{seen:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        let found = client(&server).workers(None, None).unwrap();
        assert_eq!(found.iter().filter(|found| found.is_alive()).count(), 2);
        stop.request();
    });
    idle.join().unwrap().unwrap();
    busy.join().unwrap().unwrap();
}

#[test]
fn somebodys_key_in_the_way_of_the_record_or_the_log_does_not_end_a_worker() {
    let server = Server::start();
    let worker = start(&server, "w", &Stop::new());
    let mut client = client(&server);
    let ping = |client: &mut redis_ipc::bus::Client| {
        client.call::<_, i32>("worker:w", "ping", &1, PATIENCE)
    };
    ping(&mut client).unwrap();
    server.cli(&["DEL", "workers", "logs:calc:w"]);
    server.cli(&["SET", "workers", "x"]);
    server.cli(&["SET", "logs:calc:w", "x"]);
    // Each of these is logged, the second renews the record as well.
    for command in ["nosuch", "update_spawner"] {
        let refused = client.call::<_, serde_json::Value>("worker:w", command, &"boss", PATIENCE);
        assert!(refused.is_err(), "{refused:?}");
    }
    assert_eq!(ping(&mut client).unwrap(), 1);
    server.cli(&["DEL", "workers"]);
    let _: serde_json::Value = client.call("worker:w", "stop", &(), PATIENCE).unwrap();
    worker.join().unwrap().unwrap();
}
