//! What the operating system refuses or interrupts. Some of it concerns a whole process, so it
//! is done in one of its own: this test program again, with one test that is none.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redis_ipc::{
    BusEvent, Component, Connection, Endpoint, Error, Options, Outcome, Service, State, Turn,
};
use redis_ipc_tests::bus::{PATIENCE, Serving, endpoint, join};
use redis_ipc_tests::program;
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

use super::gone::most_attempts;
use super::{SHORT, bus_event, echo_one, until};

/// A process that does one of the things in [`the_body_of_a_child`].
pub(super) struct Child(std::process::Child);

impl Child {
    pub(super) fn start(what: &str, words: &[&str]) -> Self {
        let words = std::iter::once(what).chain(words.iter().copied());
        let words: Vec<_> = words.collect();
        let child = Command::new(program::this())
            .args([
                "--exact",
                "system::the_body_of_a_child",
                "--ignored",
                "--nocapture",
            ])
            // Then it runs on the main thread, the one that the kernel hands signals to first.
            .arg("--test-threads=1")
            .env("CHILD", words.join("\n"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    pub(super) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    #[track_caller]
    fn succeeds(mut self) {
        // Waiting would close it, which is the sign that we are gone.
        let _open = self.0.stdin.take();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "it is what other tests do in a process of its own"]
fn the_body_of_a_child() {
    let Ok(words) = std::env::var("CHILD") else {
        return;
    };
    // The child of a test that died without a word ends with it.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
    let words: Vec<_> = words.split('\n').collect();
    let place: Endpoint = words[1].parse().unwrap();
    match words[0] {
        "take-one-and-wait" => super::delivery::take_one_and_wait(&place, words[2]),
        "run-out-of-descriptors" => run_out_of_descriptors(&place),
        "survive-a-dead-server" => survive_a_dead_server(&place),
        "storm" => storm(&place),
        other => panic!("nobody knows how to {other}"),
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_socket_that_lets_nobody_in_is_named_with_what_to_do() {
    let server = Server::start();
    let begin = Instant::now();
    // Root may do everything, but it cannot go through a file.
    let file = server.folder().join("file");
    std::fs::write(&file, "").unwrap();
    let place = Endpoint::unix(file.join("socket")).unwrap();
    let error = Connection::open(&place).unwrap_err();
    assert!(error.to_string().contains("Not a directory"), "{error}");
    assert!(error.to_string().contains("/file/socket"), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    if !is_root() {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o0);
        std::fs::set_permissions(server.socket(), mode).unwrap();
        let error = Connection::open(&endpoint(&server)).unwrap_err();
        assert!(error.to_string().contains("Permission denied"), "{error}");
        assert!(error.to_string().contains("unixsocketperm"), "{error}");
        assert!(error.to_string().contains(&server.path()), "{error}");
    }
    assert!(begin.elapsed() < PATIENCE / 2);
}

#[test]
fn what_permission_denied_means_is_said_in_plain_words() {
    let error = Error::Connect {
        endpoint: "unix:///run/redis-ipc/socket".into(),
        source: std::io::ErrorKind::PermissionDenied.into(),
    };
    let text = error.to_string();
    assert!(
        text.contains("/run/redis-ipc/socket") && text.contains("owner and mode"),
        "{text}"
    );
}

#[test]
fn a_path_that_no_socket_can_have_is_refused_before_anything_is_tried() {
    let path = format!("/tmp/{}", "x".repeat(103));
    let error = Endpoint::unix(&path).unwrap_err();
    assert!(error.to_string().contains(&path), "{error}");
    assert!(error.to_string().contains("has 108 bytes"), "{error}");
    assert!(error.to_string().contains("at most 107"), "{error}");
    assert!(Endpoint::unix(&path[..107]).is_ok());
}

#[test]
fn a_process_without_descriptors_is_told_so_and_goes_on_when_it_has_some() {
    let server = Server::start();
    Child::start("run-out-of-descriptors", &[&server.path()]).succeeds();
}

fn run_out_of_descriptors(place: &Endpoint) {
    let mut echo = Component::connect_to(place, "echo", "main", Options::default()).unwrap();
    echo.serve_main().unwrap();
    assert!(echo.next(Some(Duration::ZERO)).unwrap().is_none());
    let mut control = Connection::open(place).unwrap();
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = Some(64);
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let mut files = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    let error = Connection::open(place).unwrap_err();
    assert!(matches!(&error, Error::Connect { source, .. }
        if source.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error())));
    let text = error.to_string();
    assert!(
        text.contains("Too many open files") && text.contains("socket"),
        "{text}"
    );
    assert_eq!(error.outcome(), Outcome::NotSent);

    // A connection that breaks cannot be made anew by those who took its descriptor.
    control
        .command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
        .unwrap();
    assert!(matches!(
        bus_event(&mut echo),
        BusEvent::Disconnected { .. }
    ));
    files.extend(std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()));
    let begin = Instant::now();
    until("it tries again", || {
        assert!(echo.next(Some(SHORT)).unwrap().is_none());
        matches!(echo.state(), State::Disconnected { attempts: 2.., .. })
    });
    let State::Disconnected { why, attempts, .. } = echo.state() else {
        panic!("{:?}", echo.state());
    };
    assert!(why.contains("Too many open files"), "{why}");
    assert!(*attempts <= most_attempts(begin), "{attempts}");
    drop(files);
    assert!(matches!(bus_event(&mut echo), BusEvent::Reconnected { .. }));
    control
        .rpush(
            "queues.commands.echo",
            r#"{"results_queue":"queues.results.a.b","command_id":"1"}"#,
        )
        .unwrap();
    echo_one(&mut echo);
}

#[test]
fn a_dead_server_raises_no_sigpipe() {
    let server = Server::start();
    Child::start("survive-a-dead-server", &[&server.path()]).succeeds();
}

fn survive_a_dead_server(place: &Endpoint) {
    let raised = Arc::new(AtomicBool::new(false));
    // Rust's runtime has the signal ignored; a C program has not.
    signal_hook::flag::register(signal_hook::consts::SIGPIPE, Arc::clone(&raised)).unwrap();
    let mut connection = Connection::open(place).unwrap();
    let mut desk = Component::connect_to(place, "desk", "main", Options::default()).unwrap();
    let mut echo = Component::connect_to(place, "echo", "main", Options::default()).unwrap();
    echo.serve_main().unwrap();
    assert!(echo.next(Some(Duration::ZERO)).unwrap().is_none());
    let mut killer = Connection::open(place).unwrap();
    killer
        .command(&["CONFIG", "SET", "maxclients", "1"])
        .unwrap();
    for _ in 0..3 {
        let _ = killer.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        assert!(connection.set("key", "value").is_err());
        let mut batch = connection.pipeline();
        let sent = batch.command(&["PING"]).is_ok() && batch.send().is_ok();
        assert!(!sent);
        assert!(desk.call::<_, Value>("c", &json!({}), SHORT).is_err());
        assert!(desk.publish(None, &json!({})).is_err());
        let _ = echo.next(Some(Duration::from_millis(5))).unwrap();
    }
    assert!(!raised.load(Ordering::Relaxed));
}

#[test]
fn a_storm_of_signals_changes_no_answer_and_no_limit() {
    let server = Server::start();
    let echo = join(&server, "echo");
    let _serving = Serving::start(&server, echo, || {
        Service::new().on_command(|value: Value, _| Ok(value))
    });
    Child::start("storm", &[&server.path()]).succeeds();
}

/// 10,000 signals at least, on the thread that calls.
fn storm(place: &Endpoint) {
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    signal_hook::flag::register_usize(signal_hook::consts::SIGUSR1, Arc::clone(&count), 1).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&stop);
    let me = rustix::process::getpid();
    let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let sending = Arc::clone(&sent);
    let sender = std::thread::spawn(move || {
        while !ended.load(Ordering::Relaxed) {
            rustix::process::kill_process(me, rustix::process::Signal::USR1).unwrap();
            sending.fetch_add(1, Ordering::Relaxed);
        }
    });
    let mut desk = Component::connect_to(place, "desk", "main", Options::default()).unwrap();
    let mut connection = Connection::open(place).unwrap();
    let mut calls = 0;
    while sent.load(Ordering::Relaxed) < 10_000 || calls < 500 {
        let sent = json!({"n": calls, "text": "x".repeat(3000)});
        let answer: Value = desk.call("echo", &sent, PATIENCE).unwrap();
        assert_eq!(answer, sent);
        connection.set("key", calls.to_string()).unwrap();
        assert_eq!(
            connection.get("key").unwrap().unwrap(),
            calls.to_string().as_bytes()
        );
        calls += 1;
    }
    // Requests that wait for room, again and again.
    let options = Options::default().message_limit(8 << 20);
    let mut wide = Connection::open_with(place, options).unwrap();
    let value = "x".repeat(4 << 20);
    for _ in 0..10 {
        wide.set("wide", &value).unwrap();
        assert_eq!(wide.strlen("wide").unwrap(), 4 << 20);
    }
    // A limit is neither cut short nor prolonged by signals.
    let begin = Instant::now();
    assert!(desk.call::<_, Value>("nobody", &json!({}), SHORT).is_err());
    assert!(begin.elapsed() >= SHORT && begin.elapsed() < PATIENCE / 2);
    let mut lonely = Component::connect_to(place, "lonely", "main", Options::default()).unwrap();
    lonely.serve_main().unwrap();
    let begin = Instant::now();
    assert!(lonely.next(Some(SHORT)).unwrap().is_none());
    assert!(begin.elapsed() >= SHORT && begin.elapsed() < PATIENCE / 2);
    assert!(matches!(
        lonely.next(Some(Duration::ZERO)),
        Ok(None::<Turn<'_>>)
    ));
    stop.store(true, Ordering::Relaxed);
    sender.join().unwrap();
    assert!(Path::new("/proc/self").exists());
}
