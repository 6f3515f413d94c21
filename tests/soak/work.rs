//! Those who work while the world falls apart.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redis_ipc::{BusEvent, Component, Endpoint, Options, Service, Stop, Turn};
use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

use crate::account::{Account, CALLERS, Told};

/// Whom commands are sent to: at most once on one queue and on two, at least once on one queue
/// and on two, and at least once in a process that is killed now and then.
const TARGETS: [&str; 7] = [
    "once",
    "pair.urgent",
    "pair.other",
    "durable",
    "many.urgent",
    "many.other",
    "mortal",
];

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Mood {
    Rest = 0,
    Work = 1,
    End = 2,
}

/// Everybody at work.
pub(crate) struct Crew {
    mood: Arc<AtomicUsize>,
    resting: Arc<AtomicUsize>,
    callers: Vec<JoinHandle<()>>,
    servers: Vec<JoinHandle<()>>,
    listeners: Vec<JoinHandle<()>>,
    stop: Stop,
    mortal: Mutex<Child>,
    place: String,
    folder: Folder,
}

impl Crew {
    pub(crate) fn start(server: &Server, account: &Arc<Account>) -> Self {
        let place = server.path();
        let folder = Folder::new();
        let mood = Arc::new(AtomicUsize::new(Mood::Rest as usize));
        let resting = Arc::new(AtomicUsize::new(0));
        let stop = Stop::new();
        let mut servers = Vec::new();
        for (name, queues, durable) in [
            ("once", &[][..], false),
            ("pair", &["urgent", "other"], false),
            ("durable", &[], true),
            ("many", &["urgent", "other"], true),
        ] {
            let (account, place, stop) = (Arc::clone(account), place.clone(), stop.clone());
            servers.push(std::thread::spawn(move || {
                let note = |command| account.executed(command, durable);
                serve(&place, name, queues, durable, &stop, &account, note);
            }));
        }
        let listener = {
            let (account, place, stop) = (Arc::clone(account), place.clone(), stop.clone());
            std::thread::spawn(move || listen(&place, &stop, &account))
        };
        let publisher = {
            let (place, mood) = (place.clone(), Arc::clone(&mood));
            std::thread::spawn(move || publish(&place, &mood))
        };
        let callers = (0..CALLERS).map(|caller| {
            let (account, place) = (Arc::clone(account), place.clone());
            let (mood, resting) = (Arc::clone(&mood), Arc::clone(&resting));
            std::thread::spawn(move || call(&place, caller, &account, &mood, &resting))
        });
        let mortal = Mutex::new(start_child(&place, &folder));
        Self {
            callers: callers.collect(),
            mood,
            resting,
            servers,
            listeners: vec![listener, publisher],
            stop,
            mortal,
            place,
            folder,
        }
    }

    /// Lets everybody work for a while, and rest.
    pub(crate) fn warm_up(&self) {
        self.go();
        std::thread::sleep(Duration::from_secs(3));
        self.rest();
    }

    pub(crate) fn go(&self) {
        self.mood.store(Mood::Work as usize, Relaxed);
    }

    /// Lets every caller make a last call, which has to be answered, and rest.
    pub(crate) fn rest(&self) {
        self.mood.store(Mood::Rest as usize, Relaxed);
        while self.resting.load(Relaxed) < CALLERS {
            std::thread::sleep(Duration::from_millis(5));
        }
        // What is left in the queues of those who serve at least once is served now.
        std::thread::sleep(Duration::from_secs(2));
    }

    /// SIGKILL for the component that has a process of its own, and another one.
    pub(crate) fn kill_mortal(&self) {
        let mut mortal = self.mortal.lock().expect("no panic");
        let _ = mortal.kill();
        let _ = mortal.wait();
        *mortal = start_child(&self.place, &self.folder);
    }

    /// Ends all; what the processes of their own have noted.
    pub(crate) fn end(self) -> String {
        self.stop.request();
        self.mood.store(Mood::End as usize, Relaxed);
        let all = self.callers.into_iter().chain(self.listeners);
        for thread in all.chain(self.servers) {
            thread.join().expect("no panic");
        }
        let mut mortal = self.mortal.into_inner().expect("no panic");
        let _ = mortal.kill();
        let _ = mortal.wait();
        std::fs::read_to_string(self.folder.join("executed")).unwrap_or_default()
    }
}

/// Commands that wait, are at work, or were given up, though everybody rests.
pub(crate) fn left_behind(server: &Server) -> Vec<String> {
    let mut left = Vec::new();
    for pattern in [
        "queues.commands.*",
        "queues.at-work.*",
        "queues.dead.*",
        "queues.tries.*",
    ] {
        for key in server.cli(&["KEYS", pattern]).texts() {
            let length = match key.starts_with("queues.tries") {
                true => server.cli(&["HLEN", &key]).integer(),
                false => server.cli(&["LLEN", &key]).integer(),
            };
            left.push(format!("{key}: {length}"));
        }
    }
    left
}

fn join(place: &str, component: &str, thread: &str) -> Component {
    let endpoint = Endpoint::unix(place).expect("a short path");
    loop {
        let options = Options::default().reply_limit(Duration::from_secs(2));
        match Component::connect_to(&endpoint, component, thread, options) {
            Ok(component) => return component,
            Err(error) if error.is_temporary() => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => panic!("{component} cannot join: {error}"),
        }
    }
}

/// Echoes, and notes each command that it is handed.
fn serve(
    place: &str,
    name: &str,
    queues: &[&str],
    durable: bool,
    stop: &Stop,
    account: &Account,
    note: impl Fn(usize),
) {
    let mut component = join(place, name, "main");
    let answer = |value: Value, _: &mut redis_ipc::Command<'_>| {
        let command = value["n"].as_u64().and_then(|n| usize::try_from(n).ok());
        if let Some(command) = command {
            note(command);
        }
        Ok(value)
    };
    let mut service = Service::new().until(stop.clone()).on_bus(|event| {
        match event {
            BusEvent::Reconnected { .. } => account.reconnections.fetch_add(1, Relaxed),
            BusEvent::ServerRestarted => account.restarts_told.fetch_add(1, Relaxed),
            _ => 0,
        };
    });
    if durable {
        service = service.at_least_once(1_000_000);
    }
    service = match queues {
        [] => service.on_command(answer),
        queues => queues
            .iter()
            .fold(service, |service, queue| service.on(queue, &answer)),
    };
    let served = service.run(&mut component);
    assert!(served.is_ok(), "{name} ended: {served:?}");
}

fn call(place: &str, caller: usize, account: &Account, mood: &AtomicUsize, resting: &AtomicUsize) {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(caller as u64 + 1);
    let mut dice = move |sides: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % sides
    };
    let mut desk = join(place, "desk", &format!("t{caller}"));
    desk.set_queue_limit(50);
    let text = "ü".repeat(4000);
    loop {
        match mood.load(Relaxed) {
            mood if mood == Mood::Work as usize => {
                let length = 2 * usize::try_from(dice(2000)).expect("small");
                let target = TARGETS[usize::try_from(dice(7)).expect("small")];
                let timeout = Duration::from_millis(100 + dice(2000));
                let _ = one_call(&mut desk, caller, account, target, &text[..length], timeout);
                std::thread::sleep(Duration::from_micros(200 + dice(2000)));
            }
            mood if mood == Mood::End as usize => return,
            _ => {
                let all = TARGETS.iter().all(|target| {
                    let timeout = Duration::from_secs(10);
                    one_call(&mut desk, caller, account, target, &text, timeout)
                });
                if !all {
                    continue;
                }
                resting.fetch_add(1, Relaxed);
                while mood_is(mood_now(mood), Mood::Rest) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                resting.fetch_sub(1, Relaxed);
            }
        }
    }
}

fn mood_now(mood: &AtomicUsize) -> usize {
    mood.load(Relaxed)
}

fn mood_is(now: usize, mood: Mood) -> bool {
    now == mood as usize
}

/// Calls once and notes what it came to; says whether it was answered.
fn one_call(
    desk: &mut Component,
    caller: usize,
    account: &Account,
    target: &str,
    text: &str,
    timeout: Duration,
) -> bool {
    let Some(command) = account.next(caller) else {
        std::thread::sleep(Duration::from_millis(100));
        return false;
    };
    let payload = json!({"n": command, "text": text});
    let begin = Instant::now();
    let outcome = desk.call::<_, Value>(target, &payload, timeout);
    let over = begin.elapsed().saturating_sub(timeout).as_millis();
    let over = u64::try_from(over).unwrap_or(u64::MAX);
    account.slowest_call_over_millis.fetch_max(over, Relaxed);
    match outcome {
        Ok(answer) => {
            account
                .wrong_answers
                .fetch_add(u64::from(answer != payload), Relaxed);
            account.tell(command, Told::Answered);
            true
        }
        Err(error) => {
            let wrong = matches!(
                error,
                redis_ipc::CallError::Failed(_) | redis_ipc::CallError::WrongType { .. }
            );
            account.wrong_errors.fetch_add(u64::from(wrong), Relaxed);
            account.tell(command, Told::of(&error));
            false
        }
    }
}

/// Publishes numbers that grow.
fn publish(place: &str, mood: &AtomicUsize) {
    let mut clock = join(place, "clock", "main");
    let mut n = 0_u64;
    loop {
        match mood_now(mood) {
            now if mood_is(now, Mood::End) => return,
            now if mood_is(now, Mood::Work) => {
                n += 1;
                let _ = clock.publish(None, &json!({ "n": n }));
            }
            // So that it is connected when connections are counted.
            _ => drop(clock.connection().ping()),
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Hears them, and sees that they do.
fn listen(place: &str, stop: &Stop, account: &Account) {
    let mut ear = join(place, "ear", "main");
    while let Err(error) = ear.subscribe_events(Some("clock"), None) {
        assert!(error.is_temporary(), "{error}");
    }
    ear.set_stop(stop.clone());
    ear.set_tick(Duration::from_millis(50));
    let mut last = 0;
    loop {
        let ticked = match ear.next(None) {
            Ok(Some(Turn::Stop)) => return,
            Ok(Some(Turn::Event(event))) => {
                let value: Value = serde_json::from_str(event.text()).unwrap_or_default();
                let n = value["n"].as_u64().unwrap_or(0);
                account.events.fetch_add(1, Relaxed);
                account
                    .events_out_of_order
                    .fetch_add(u64::from(n <= last), Relaxed);
                last = n;
                false
            }
            Ok(Some(Turn::Tick)) => true,
            Ok(_) => false,
            Err(error) => panic!("the listener ended: {error}"),
        };
        if ticked {
            // Both of its connections are to be there when connections are counted.
            let _ = ear
                .status()
                .map(|mut status| drop(status.set("heard", &last)));
        }
    }
}

fn start_child(place: &str, folder: &Folder) -> Child {
    let executed = folder.join("executed");
    Command::new(redis_ipc_tests::program::this())
        .env("SOAK_CHILD", format!("{place}\n{}", executed.display()))
        .stdin(Stdio::piped())
        .spawn()
        .expect("a process")
}

/// The component with a process of its own; it ends with the process that started it.
pub(crate) fn be_a_child(words: &str) {
    let (place, executed) = words.split_once('\n').expect("two words");
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
    let file = std::fs::File::options()
        .append(true)
        .create(true)
        .open(executed);
    let file = file.expect("a file");
    let note = |command: usize| {
        // One write, which no SIGKILL cuts in two.
        let _ = (&file).write_all(format!("{command}\n").as_bytes());
    };
    serve(
        place,
        "mortal",
        &[],
        true,
        &Stop::new(),
        &Account::empty(),
        note,
    );
}
