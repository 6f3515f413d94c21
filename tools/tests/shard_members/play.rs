//! Components and workers as they are, that know nothing of several servers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use redis_ipc::bus::{Client as BusClient, Worker};
use redis_ipc::{Component, Endpoint, HashKind, Limitation, Options, Stop, Turn};
use serde_json::{Value, json};

pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Queues of one component, most urgent first.
pub(crate) const QUEUES: [&str; 6] = ["stop", "urgent", "print", "scan", "copy", "clean"];

/// Ends whoever loads the cluster beside a test, also where the test fails.
pub(crate) struct Ending<'s>(pub(crate) &'s AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

pub(crate) fn join(endpoint: &Endpoint, component: &str) -> Component {
    Component::connect_to(endpoint, component, "main", Options::default()).unwrap()
}

/// A component that serves all queues and answers with the name of the queue and the number of
/// the command, until it is told to stop.
pub(crate) struct Printer {
    stop: Stop,
    thread: JoinHandle<u64>,
}

impl Printer {
    pub(crate) fn start(endpoint: &Endpoint) -> Self {
        let stop = Stop::new();
        let (endpoint, until) = (endpoint.clone(), stop.clone());
        let (ready, is_ready) = channel();
        let thread = thread::spawn(move || {
            let mut printer = join(&endpoint, "printer");
            printer.set_stop(until);
            printer.serve(&QUEUES).unwrap();
            ready.send(()).unwrap();
            let mut served = 0;
            loop {
                match printer.next(None).unwrap() {
                    Some(Turn::Command(command)) => {
                        let n = command.payload::<Value>().unwrap()["n"].clone();
                        let answer = json!({ "queue": command.subqueue(), "n": n });
                        served += 1;
                        command.answer(&answer).unwrap();
                    }
                    Some(Turn::Stop) => return served,
                    _ => {}
                }
            }
        });
        is_ready.recv_timeout(PATIENCE).unwrap();
        Self { stop, thread }
    }

    /// How many commands it has served.
    pub(crate) fn stop(self) -> u64 {
        self.stop.request();
        self.thread.join().unwrap()
    }
}

pub(crate) fn call(caller: &mut Component, queue: &str, n: u64) {
    let to = format!("printer.{queue}");
    let answer: Value = caller.call(&to, &json!({ "n": n }), PATIENCE).unwrap();
    assert_eq!(answer["queue"], queue);
    assert_eq!(answer["n"], n);
}

/// Subqueues on different hosts, calls, events by patterns, watched settings and a clean end.
pub(crate) fn components_work(endpoint: &Endpoint) {
    let printer = Printer::start(endpoint);
    let mut caller = join(endpoint, "panel");
    for (n, queue) in (0..60).zip(QUEUES.iter().cycle()) {
        call(&mut caller, queue, n);
    }
    assert_eq!(printer.stop(), 60);

    let mut listener = join(endpoint, "listener");
    listener.subscribe_events(Some("panel"), None).unwrap();
    listener.watch_settings("listener").unwrap();
    assert!(matches!(
        listener.next(Some(PATIENCE)).unwrap(),
        Some(Turn::Changed(_))
    ));
    // The configuration is each server's own; changes are told by tracking all the same.
    let lost = |limitation: &Limitation| !matches!(limitation, Limitation::Notifications { .. });
    assert!(!listener.limitations().iter().any(lost));
    caller
        .publish(Some("news"), &json!({ "text": "hello" }))
        .unwrap();
    match listener.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Event(event)) => assert_eq!(event.payload::<Value>().unwrap()["text"], "hello"),
        other => panic!("{other:?}"),
    }
    // One that is told once is told once only.
    let mut writer = join(endpoint, "db");
    let mut settings = writer.settings("listener").unwrap();
    settings
        .write(&json!({ "theme": "dark", "size": null }))
        .unwrap();
    match listener.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Changed(watched)) => assert_eq!(watched.field("theme"), Some("dark")),
        other => panic!("{other:?}"),
    }
    assert!(listener.cached(HashKind::Settings, "listener").is_some());
}

/// A worker is found, called through its own queue and its group's, and by all at once.
pub(crate) fn workers_work(endpoint: &Endpoint) {
    let there = endpoint.clone();
    let worker = thread::spawn(move || {
        Worker::new("local", "calc")
            .with_id("calc-1")
            .on("double", |n: i64, _| Ok(2 * n))
            .until(Stop::new())
            .run(&there, Options::default())
    });
    let mut client = BusClient::connect_to(endpoint, Options::default()).unwrap();
    for to in ["worker:calc-1", "group:local/calc"] {
        for n in 0..20 {
            let double: i64 = client.call(to, "double", &n, PATIENCE).unwrap();
            assert_eq!(double, 2 * n);
        }
    }
    let found = client.workers(Some("local"), Some("calc")).unwrap();
    assert_eq!(found.len(), 1);
    let _: Value = client.call("worker:calc-1", "stop", &(), PATIENCE).unwrap();
    worker.join().unwrap().unwrap();
}
