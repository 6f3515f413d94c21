//! Workers and their callers, all of them ours.

use std::sync::mpsc::channel;
use std::time::Duration;

use redis_ipc::bus::{Client, Counters, Ended, Worker};
use redis_ipc::{CallError, Endpoint, Error, Failure, Options, Stop, Taken};
use redis_ipc_tests::server::Server;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Serialize, Deserialize)]
struct Sum {
    a: i64,
    b: i64,
}

pub(crate) fn endpoint(server: &Server) -> Endpoint {
    Endpoint::unix(server.socket()).unwrap()
}

pub(crate) fn client(server: &Server) -> Client {
    Client::connect_to(&endpoint(server), Options::default()).unwrap()
}

/// A calculator with all that a handler can do.
pub(crate) fn calculator<'w>(id: &str) -> Worker<'w> {
    Worker::new("local", "calc")
        .with_id(id)
        .on("add", |sum: Sum, _| Ok(sum.a + sum.b))
        .on("fail", |(): (), _| {
            Err::<(), _>(Failure::new("failed", "boom ü 😀"))
        })
        .on("coded", |(): (), _| {
            Err::<(), _>(Failure::new("no-paper", "tray 2"))
        })
        .on("panic", |(): (), _| -> Result<(), Failure> {
            panic!("at the disco")
        })
        .on("nothing", |(): (), _| Ok(()))
        .on_stream("stream", |to: u32, request| {
            (0..to).try_for_each(|n| request.send(&(n * n)))
        })
        .on_stream("half", |(): (), request| {
            request.send("first")?;
            Err(Failure::new("failed", "then it broke"))
        })
}

/// Runs a worker on a thread of its own until it is told to stop.
pub(crate) struct Running {
    id: String,
    thread: std::thread::JoinHandle<Result<Counters, Error>>,
    endpoint: Endpoint,
}

impl Running {
    /// Starts what `make` makes, and waits until others can find it.
    pub(crate) fn new(server: &Server, id: &str, make: fn(&str) -> Worker<'static>) -> Self {
        let endpoint = endpoint(server);
        let (there, name) = (endpoint.clone(), id.to_owned());
        let thread = std::thread::spawn(move || {
            make(&name)
                .until(Stop::new())
                .run(&there, Options::default())
        });
        let running = Self {
            id: id.to_owned(),
            thread,
            endpoint,
        };
        let mut client = Client::connect_to(&running.endpoint, Options::default()).unwrap();
        let _: Value = client
            .call(&running.address(), "ping", &(), PATIENCE)
            .unwrap();
        running
    }

    pub(crate) fn address(&self) -> String {
        format!("worker:{}", self.id)
    }

    pub(crate) fn stop(self) -> Counters {
        let mut client = Client::connect_to(&self.endpoint, Options::default()).unwrap();
        let reply: Value = client.call(&self.address(), "stop", &(), PATIENCE).unwrap();
        assert_eq!(reply, json!({"success": true, "msg": "OK"}));
        self.thread.join().unwrap().unwrap()
    }
}

#[test]
fn a_worker_answers_through_its_own_queue_and_through_its_groups() {
    let server = Server::start();
    let worker = Running::new(&server, "calc-1", calculator);
    let mut client = client(&server);
    for to in ["worker:calc-1", "group:local/calc"] {
        for a in 0..50 {
            let sum: i64 = client.call(to, "add", &Sum { a, b: 3 }, PATIENCE).unwrap();
            assert_eq!(sum, a + 3);
        }
    }
    assert_eq!(worker.stop(), Counters::default());
    assert_eq!(server.cli(&["KEYS", "reply:*"]).items().len(), 0);
}

#[test]
fn every_way_to_fail_reaches_the_caller_and_the_loop_goes_on() {
    let server = Server::start();
    let worker = Running::new(&server, "calc-1", calculator);
    let mut client = client(&server);
    let mut failure = |command: &str, data: Value| {
        let outcome = client.call::<_, Value>("worker:calc-1", command, &data, PATIENCE);
        match outcome.unwrap_err() {
            CallError::Failed(failure) => failure.message().to_owned(),
            other => panic!("{other}"),
        }
    };
    assert_eq!(failure("fail", json!(null)), "boom ü 😀");
    assert_eq!(failure("coded", json!(null)), "no-paper: tray 2");
    assert_eq!(
        failure("panic", json!(null)),
        "the handler panicked: at the disco"
    );
    assert_eq!(failure("nosuch", json!(null)), "unknown command \"nosuch\"");
    let text = failure("add", json!({"a": "two"}));
    assert!(text.starts_with("the data is of a wrong type"), "{text}");
    // The original's command line sends an empty text where nobody gave it data.
    for data in ["null", "\"\""] {
        let nothing = client.call_text("worker:calc-1", "nothing", data, PATIENCE);
        assert_eq!(nothing.unwrap(), r#"{"success": true, "msg": "OK"}"#);
    }
    worker.stop();
}

#[test]
fn a_stream_is_an_iterator_that_ends() {
    let server = Server::start();
    let worker = Running::new(&server, "calc-1", calculator);
    let mut client = client(&server);
    let mut replies = client
        .ask("worker:calc-1", "stream", &3000, PATIENCE)
        .unwrap();
    for number in 0..3000u32 {
        let reply = replies.next().unwrap().unwrap();
        assert_eq!(reply.number, Some(number));
        assert_eq!(reply.read::<u32>().unwrap(), number * number);
    }
    assert!(replies.next().is_none());
    assert_eq!(replies.ended(), Some(Ended::Complete));

    let mut some = client
        .ask("worker:calc-1", "stream", &10, PATIENCE)
        .unwrap()
        .limit(4);
    assert_eq!(some.by_ref().count(), 4);
    assert_eq!(some.ended(), Some(Ended::Limit));

    let mut none = client.ask("worker:calc-1", "stream", &0, PATIENCE).unwrap();
    assert!(none.next().is_none());
    assert_eq!(none.ended(), Some(Ended::Complete));

    let half: Vec<_> = client
        .ask("worker:calc-1", "half", &(), PATIENCE)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(half.len(), 2);
    assert_eq!(half[0].read::<String>().unwrap(), "first");
    match half[1].read::<Value>().unwrap_err() {
        CallError::Failed(failure) => assert_eq!(failure.message(), "then it broke"),
        other => panic!("{other}"),
    }
    worker.stop();
}

#[test]
fn a_message_that_nobody_takes_is_taken_back() {
    let server = Server::start();
    let mut client = client(&server);
    let short = Duration::from_millis(500);
    let error = client
        .call::<_, Value>("worker:nobody", "ping", &1, short)
        .unwrap_err();
    assert!(matches!(
        error,
        CallError::TimedOut {
            taken: Taken::No,
            ..
        }
    ));
    let mut replies = client.ask("group:local/none", "ping", &1, short).unwrap();
    assert!(replies.next().is_none());
    assert_eq!(replies.ended(), Some(Ended::TimedOut));
    assert_eq!(server.cli(&["DBSIZE"]), 0);
}

#[test]
fn a_caller_that_gave_up_is_told_whether_its_message_was_taken() {
    let server = Server::start();
    let (go_on, wait) = channel::<()>();
    let there = endpoint(&server);
    let thread = std::thread::spawn(move || {
        Worker::new("local", "calc")
            .with_id("slow")
            .on("sleep", move |(): (), request| {
                wait.recv()?;
                request.desk().stop();
                Ok(())
            })
            .until(Stop::new())
            .run(&there, Options::default())
    });
    let mut client = client(&server);
    let _: Value = client.call("worker:slow", "ping", &(), PATIENCE).unwrap();
    for id in ["gone-1", "gone-2"] {
        server.cli(&["SET", &format!("worker:local:calc:{id}"), "{}"]);
    }
    let short = Duration::from_millis(500);
    let mut given_up = |to: &str| {
        let mut replies = client.ask(to, "sleep", &(), short).unwrap();
        assert!(replies.next().is_none());
        assert_eq!(replies.ended(), Some(Ended::TimedOut));
        replies.taken()
    };
    assert_eq!(given_up("multicast:local/calc/gone-*"), Taken::No);
    assert_eq!(given_up("multicast:local/calc/*"), Taken::Yes);
    assert_eq!(given_up("worker:slow"), Taken::No);
    assert_eq!(given_up("group:local/calc"), Taken::No);
    let queues = ["direct:slow", "direct:gone-1", "direct:gone-2"];
    assert_eq!(server.cli(&[&["EXISTS"][..], &queues].concat()), 0);
    let nobody = client.call::<_, Value>("broadcast:plant", "ping", &(), PATIENCE);
    match nobody.unwrap_err() {
        CallError::TimedOut { taken, .. } => assert_eq!(taken, Taken::No),
        other => panic!("{other}"),
    }
    go_on.send(()).unwrap();
    thread.join().unwrap().unwrap();
}

#[test]
fn multicast_and_broadcast_reach_those_that_they_are_meant_for() {
    let server = Server::start();
    let workers = ["a-1", "a-2", "b-1"].map(|id| Running::new(&server, id, calculator));
    let other = Running::new(&server, "elsewhere", |id| {
        Worker::new("plant", "calc").with_id(id)
    });
    let mut client = client(&server);
    let mut heard = |to: &str| -> Vec<String> {
        let mut replies = client.ask(to, "ping", &"hello", PATIENCE).unwrap();
        let mut ids: Vec<_> = replies
            .by_ref()
            .map(|reply| {
                let reply = reply.unwrap();
                assert_eq!(reply.read::<String>().unwrap(), "hello");
                reply.worker
            })
            .collect();
        assert_eq!(replies.ended(), Some(Ended::Complete));
        ids.sort_unstable();
        ids
    };
    assert_eq!(heard("multicast:local/calc/a-*"), ["a-1", "a-2"]);
    assert_eq!(heard("multicast:local/calc/*"), ["a-1", "a-2", "b-1"]);
    assert_eq!(heard("multicast:local/*/a-?"), ["a-1", "a-2"]);
    assert_eq!(heard("multicast:plant/c[ab]lc/*"), ["elsewhere"]);
    assert_eq!(heard("broadcast:local"), ["a-1", "a-2", "b-1"]);
    assert_eq!(heard("broadcast:plant"), ["elsewhere"]);
    assert!(heard("multicast:local/none/*").is_empty());
    for worker in workers {
        worker.stop();
    }
    other.stop();
}

#[test]
fn a_worker_can_be_found_while_it_lives_and_is_told_from_one_that_died() {
    let server = Server::start();
    let worker = Running::new(&server, "calc-1", |id| {
        calculator(id)
            .tell("rooms", 3)
            .spawner("boss")
            .class("Calc")
    });
    server.cli(&["HSET", "workers", "worker:local:calc:dead", "dead"]);
    let mut client = client(&server);
    let found = client.workers(Some("local"), Some("calc")).unwrap();
    let alive: Vec<_> = found
        .iter()
        .map(|f| (f.id.as_str(), f.is_alive()))
        .collect();
    assert_eq!(alive, [("calc-1", true), ("dead", false)]);
    let record = found[0].record.as_ref().unwrap();
    assert_eq!(
        (record.class.as_str(), record.worker.as_str()),
        ("Calc", "calc")
    );
    assert_eq!(record.more["rooms"], 3);
    assert_eq!(record.spawner.as_deref(), Some("boss"));
    assert!(client.workers(Some("plant"), None).unwrap().is_empty());

    let info: Value = client.call("worker:calc-1", "info", &(), PATIENCE).unwrap();
    assert_eq!(info["success"], true);
    let commands = info["commands"].as_array().unwrap();
    for name in [
        "add",
        "download",
        "download_dir",
        "info",
        "ping",
        "stop",
        "update_spawner",
    ] {
        assert!(commands.contains(&json!(name)), "{name}");
    }
    let _: Value = client
        .call("worker:calc-1", "update_spawner", "chief", PATIENCE)
        .unwrap();
    let found = client.workers(None, None).unwrap();
    let record = found[0].record.as_ref().unwrap();
    assert_eq!(record.spawner.as_deref(), Some("chief"));
    let life = server.cli(&["TTL", "worker:local:calc:calc-1"]);
    assert!((11..=13).any(|seconds| life == seconds), "{life:?}");

    worker.stop();
    assert_eq!(server.cli(&["EXISTS", "worker:local:calc:calc-1"]), 0);
    assert_eq!(
        server.cli(&["HEXISTS", "workers", "worker:local:calc:calc-1"]),
        0
    );
    assert_eq!(client.forget_stale_workers().unwrap(), 1);
    assert_eq!(server.cli(&["EXISTS", "workers"]), 0);
}

#[test]
fn hooks_and_the_timer_run_on_the_loop_and_the_log_keeps_to_its_limits() {
    let server = Server::start();
    let (tell, told) = channel();
    let (start, end) = (tell.clone(), tell.clone());
    let there = endpoint(&server);
    let thread = std::thread::spawn(move || {
        let worker = Worker::new("local", "clock").with_id("c");
        let logger = worker.logger();
        let mut ticks = 0;
        worker
            .on_start(move |desk| {
                start.send(format!("start {}", desk.id()))?;
                Ok(())
            })
            .on_shutdown(move |_| Ok(end.send("end".to_owned())?))
            .every(Duration::from_millis(2), move |desk, _| {
                ticks += 1;
                for n in 0..100 {
                    log::Log::log(
                        &logger,
                        &log::Record::builder()
                            .level(log::Level::Info)
                            .target("mine")
                            .file(Some("src/clock.rs"))
                            .line(Some(7))
                            .args(format_args!("tick {ticks} {n}"))
                            .build(),
                    );
                }
                if ticks == 5 {
                    desk.stop();
                }
                tell.send(format!("tick {ticks}"))?;
                Ok(())
            })
            .until(Stop::new())
            .run(&there, Options::default())
    });
    thread.join().unwrap().unwrap();
    let told: Vec<String> = told.into_iter().collect();
    assert_eq!(
        told,
        [
            "start c", "tick 1", "tick 2", "tick 3", "tick 4", "tick 5", "end"
        ]
    );
    let log = client(&server).logs("clock", "c").unwrap();
    assert_eq!(log.len(), 200);
    let last = log.last().unwrap();
    assert_eq!(
        (last.message.as_str(), last.level.as_str()),
        ("worker_shutdown", "INFO")
    );
    let entry = &log[log.len() - 2];
    assert_eq!(entry.message, "tick 5 99");
    assert_eq!((entry.filename.as_str(), entry.line), ("clock.rs", 7));
    assert_eq!(entry.worker_id, "c");
    let life = server.cli(&["TTL", "logs:clock:c"]);
    assert!((86_300..=86_400).contains(&life.integer()), "{life:?}");
}

#[test]
fn a_timer_that_fails_or_panics_is_logged_and_the_worker_goes_on() {
    let server = Server::start();
    let mut ticks = 0;
    Worker::new("local", "clock")
        .with_id("c")
        .every(Duration::from_millis(1), move |desk, _| {
            ticks += 1;
            match ticks {
                1 => Err(Failure::new("failed", "out of step")),
                2 => panic!("at the disco"),
                _ => {
                    desk.stop();
                    Ok(())
                }
            }
        })
        .until(Stop::new())
        .run(&endpoint(&server), Options::default())
        .unwrap();
    let log = client(&server).logs("clock", "c").unwrap();
    let errors: Vec<_> = log
        .iter()
        .filter(|entry| entry.level == "ERROR")
        .map(|entry| entry.message.as_str())
        .collect();
    let panicked = "the timer's handler panicked: at the disco";
    assert_eq!(errors, ["out of step", panicked]);
}

#[test]
fn what_an_idle_workers_program_logs_comes_to_the_server_too() {
    let server = Server::start();
    let stop = Stop::new();
    let (until, there) = (stop.clone(), endpoint(&server));
    let (give, take) = channel();
    let thread = std::thread::spawn(move || {
        let worker = Worker::new("local", "quiet").with_id("q");
        give.send(worker.logger()).unwrap();
        worker.until(until).run(&there, Options::default())
    });
    let logger = take.recv().unwrap();
    let mut client = client(&server);
    let _: Value = client.call("worker:q", "ping", &(), PATIENCE).unwrap();
    let record = log::Record::builder()
        .level(log::Level::Warn)
        .target("elsewhere")
        .args(format_args!("from another thread"))
        .build();
    log::Log::log(&logger, &record);
    let logged = |entry: &redis_ipc::bus::LogEntry| {
        (entry.message.as_str(), entry.level.as_str()) == ("from another thread", "WARNING")
    };
    while !client.logs("quiet", "q").unwrap().iter().any(logged) {
        std::thread::sleep(Duration::from_millis(5));
    }
    stop.request();
    thread.join().unwrap().unwrap();
}

#[test]
fn a_worker_serves_again_after_its_server_was_killed_and_started_anew() {
    let mut server = Server::start();
    let worker = Running::new(&server, "calc-1", calculator);
    server.kill();
    server.restart();
    let mut client = client(&server);
    let sum: i64 = client
        .call("worker:calc-1", "add", &Sum { a: 1, b: 1 }, PATIENCE)
        .unwrap();
    assert_eq!(sum, 2);
    let heard = client.ask("broadcast:local", "ping", &1, PATIENCE).unwrap();
    assert_eq!(heard.count(), 1);
    while !client
        .workers(None, None)
        .unwrap()
        .iter()
        .any(redis_ipc::bus::Found::is_alive)
    {}
    worker.stop();
}

#[test]
fn names_that_are_none_are_refused_before_anything_is_written() {
    let server = Server::start();
    for worker in [
        Worker::new("lo cal", "calc"),
        Worker::new("local", "calc:1"),
        Worker::new("local", "calc").with_id("line\nbreak"),
    ] {
        let refused = worker.run(&endpoint(&server), Options::default());
        assert!(matches!(refused, Err(Error::Name { .. })), "{refused:?}");
    }
    assert_eq!(server.cli(&["DBSIZE"]), 0);
}
