//! A stop ends the loop in order: the job at hand is finished, no command is lost.

use redis_ipc::{Service, Stop, Turn};
use redis_ipc_tests::bus::{Caller, PATIENCE, join};
use redis_ipc_tests::client::Client;
use redis_ipc_tests::program::runnable;
use redis_ipc_tests::server::Server;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const QUEUE: &str = "queues.commands.worker.work";

#[test]
fn a_stop_from_another_thread_ends_an_idle_loop() {
    let server = Server::start();
    let mut worker = join(&server, "worker");
    let stop = Stop::new();
    let until = stop.clone();
    let service = std::thread::spawn(move || {
        Service::new()
            .on("work", |value: Value, _| Ok(value))
            .until(until)
            .run(&mut worker)
    });
    redis_ipc_tests::bus::until_blocked(&server, 1);
    let begin = Instant::now();
    stop.request();
    service.join().unwrap().unwrap();
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
}

#[test]
fn a_stop_that_was_asked_for_before_the_start_serves_nothing() {
    let server = Server::start();
    let mut worker = join(&server, "worker");
    let mut caller = Caller::new(&server);
    caller.ask(QUEUE, "");
    let stop = Stop::new();
    stop.request();
    Service::new()
        .on("work", |value: Value, _| Ok(value))
        .until(stop.clone())
        .run(&mut worker)
        .unwrap();
    assert_eq!(server.cli(&["LLEN", QUEUE]), 1);
    // Asked for once more, it is still asked for.
    worker.set_stop(stop);
    assert!(matches!(worker.next(None).unwrap(), Some(Turn::Stop)));
    // Without it, the same component takes up work again.
    worker.set_stop(Stop::new());
    let command = redis_ipc_tests::bus::next_command(&mut worker);
    command.answer(&json!({})).unwrap();
    caller.result();
}

#[test]
fn what_is_sent_around_a_stop_is_answered_or_still_in_the_queue() {
    const SENT: usize = 12;
    let server = Server::start();
    for round in 0..60 {
        let mut worker = join(&server, "worker");
        let stop = Stop::new();
        let until = stop.clone();
        let service = std::thread::spawn(move || {
            Service::new()
                .on("work", |value: Value, _| Ok(value))
                .until(until)
                .run(&mut worker)
        });
        let mut caller = Caller::new(&server);
        let mut ids = Vec::new();
        for number in 0..SENT {
            if number == round % SENT {
                stop.request();
            }
            ids.push(caller.ask(QUEUE, &format!("\"number\":{number}")));
        }
        service.join().unwrap().unwrap();
        let found = |key: &str| -> Vec<String> {
            let messages = server.cli(&["LRANGE", key, "0", "-1"]).texts();
            let id = |text: &String| -> Value { redis_ipc_tests::bus::parse(text) };
            let ids = messages.iter().map(id);
            ids.map(|message| message["command_id"].as_str().unwrap().to_owned())
                .collect()
        };
        let mut all = found(Caller::RESULTS);
        all.extend(found(QUEUE));
        assert_eq!(all, ids, "round {round}");
        server.cli(&["DEL", QUEUE, Caller::RESULTS]);
    }
}

#[test]
fn what_a_pop_took_while_nobody_looked_is_put_back_at_the_head() {
    let server = Server::start();
    let mut worker = join(&server, "worker");
    let mut caller = Caller::new(&server);
    worker.serve(&["work"]).unwrap();
    assert!(worker.next(Some(Duration::ZERO)).unwrap().is_none());
    redis_ipc_tests::bus::until_blocked(&server, 1);
    let ids = [caller.ask(QUEUE, ""), caller.ask(QUEUE, "")];
    assert_eq!(server.cli(&["LLEN", QUEUE]), 1, "one is taken");
    let stop = Stop::new();
    stop.request();
    worker.set_stop(stop);
    assert!(matches!(worker.next(None).unwrap(), Some(Turn::Stop)));
    let left = server.cli(&["LRANGE", QUEUE, "0", "-1"]).texts();
    assert_eq!(left.len(), 2);
    assert!(
        left[0].contains(&ids[0]) && left[1].contains(&ids[1]),
        "{left:?}"
    );
}

#[test]
fn events_that_had_come_before_a_stop_are_heard_by_whoever_goes_on_after_it() {
    let server = Server::start();
    let mut worker = join(&server, "worker");
    worker.serve(&["work"]).unwrap();
    worker.subscribe_events(Some("a"), None).unwrap();
    assert!(worker.next(Some(Duration::ZERO)).unwrap().is_none());
    redis_ipc_tests::bus::until_blocked(&server, 1);
    assert_eq!(server.cli(&["PUBLISH", "channel.events.a", "{}"]), 1);
    let stop = Stop::new();
    stop.request();
    worker.set_stop(stop);
    assert!(matches!(worker.next(None).unwrap(), Some(Turn::Stop)));
    worker.set_stop(Stop::new());
    assert!(matches!(
        worker.next(Some(PATIENCE)).unwrap(),
        Some(Turn::Event(_))
    ));
}

/// The component `worker` in a process of its own, ended with this.
struct Worker(Child);

impl Worker {
    fn start(server: &Server) -> Self {
        Self::start_services(server, 1)
    }

    /// One that serves so many times.
    fn start_services(server: &Server, times: u32) -> Self {
        let mut command = Command::new(runnable(env!("CARGO_BIN_EXE_service")));
        command.arg(server.path()).arg(times.to_string());
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    fn end(mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A worker in the midst of a job, another one behind it.
fn at_work(server: &Server) -> (Worker, Caller, Client) {
    let mut listener = server.client();
    listener.command(&["SUBSCRIBE", "channel.events.worker.begun"]);
    let worker = Worker::start(server);
    let mut caller = Caller::new(server);
    caller.ask(QUEUE, "\"number\":1");
    let _ = listener.receive();
    caller.ask(QUEUE, "\"number\":2");
    (worker, caller, listener)
}

#[test]
fn a_signal_ends_a_service_when_the_job_at_hand_is_done() {
    for signal in [Signal::TERM, Signal::INT] {
        let server = Server::start();
        let (worker, mut caller, _listener) = at_work(&server);
        worker.signal(signal);
        server.cli(&["SET", "go", "1"]);
        assert_eq!(caller.result_value()["number"], 1, "{signal:?}");
        let status = worker.end();
        assert!(status.success(), "{status}");
        assert_eq!(server.cli(&["LLEN", QUEUE]), 1);
        assert!(
            server
                .cli(&["LINDEX", QUEUE, "0"])
                .text()
                .contains("\"number\":2")
        );
    }
}

#[test]
fn the_second_signal_ends_a_service_that_does_not_come_to_its_end() {
    let server = Server::start();
    let (mut worker, _caller, _listener) = at_work(&server);
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        worker.signal(Signal::TERM);
        if let Some(status) = worker.0.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    };
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
}

#[test]
fn each_service_of_a_program_is_ended_in_order_by_a_signal_of_its_own() {
    let server = Server::start();
    server.cli(&["SET", "go", "1"]);
    let worker = Worker::start_services(&server, 3);
    let mut caller = Caller::new(&server);
    for _ in 0..3 {
        caller.ask(QUEUE, "");
        caller.result();
        redis_ipc_tests::bus::until_blocked(&server, 1);
        worker.signal(Signal::INT);
    }
    let status = worker.end();
    assert!(status.success(), "{status}");
}

#[test]
fn a_signal_ends_an_idle_service() {
    let server = Server::start();
    let worker = Worker::start(&server);
    redis_ipc_tests::bus::until_blocked(&server, 1);
    let begin = Instant::now();
    worker.signal(Signal::TERM);
    assert!(worker.end().success());
    assert!(begin.elapsed() < PATIENCE);
}
