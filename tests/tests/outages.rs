//! A component lives through what happens to its server.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use redis_ipc::{
    BusEvent, CallError, Component, Endpoint, Options, Outcome, Service, State, Stop, Turn,
};
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

fn join(server: &Server, component: &str) -> Component {
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    Component::connect_to(&endpoint, component, "main", Options::default()).unwrap()
}

/// An echo service on a thread of its own, which tells what happens to its bus.
struct Echo {
    stop: Stop,
    events: Receiver<BusEvent>,
    thread: std::thread::JoinHandle<()>,
}

impl Echo {
    fn start(mut component: Component) -> Self {
        let stop = Stop::new();
        let (tell, events): (Sender<BusEvent>, _) = channel();
        let until = stop.clone();
        let thread = std::thread::spawn(move || {
            Service::new()
                .on_command(|payload: Value, _| Ok(payload))
                .on_bus(move |event| tell.send(event.clone()).unwrap())
                .until(until)
                .run(&mut component)
                .unwrap();
        });
        Self {
            stop,
            events,
            thread,
        }
    }

    fn event(&self) -> BusEvent {
        self.events.recv_timeout(PATIENCE).unwrap()
    }

    fn end(self) {
        self.stop.request();
        self.thread.join().unwrap();
    }
}

#[test]
fn a_component_serves_again_after_its_server_was_killed_and_started_anew() {
    let mut server = Server::start();
    let mut echo = join(&server, "echo");
    echo.status().unwrap().set("state", "ready").unwrap();
    echo.status().unwrap().set("jobs", &3).unwrap();
    let echo = Echo::start(echo);
    let mut caller = join(&server, "caller");
    let call = |caller: &mut Component| -> Value {
        caller.call("echo", &json!({"n": 1}), PATIENCE).unwrap()
    };
    assert_eq!(call(&mut caller), json!({"n": 1}));

    server.kill();
    assert!(matches!(echo.event(), BusEvent::Disconnected { .. }));
    server.restart();
    assert!(matches!(echo.event(), BusEvent::Reconnected { .. }));
    assert_eq!(echo.event(), BusEvent::ServerRestarted);
    assert_eq!(call(&mut caller), json!({"n": 1}));
    assert_eq!(server.cli(&["HGET", "status.echo", "state"]), "ready");
    assert_eq!(server.cli(&["HGET", "status.echo", "jobs"]), "3");
    echo.end();
}

#[test]
fn without_a_server_a_call_says_that_nothing_was_sent() {
    let mut server = Server::start();
    let mut caller = join(&server, "caller");
    server.kill();
    let error = caller
        .call::<_, Value>("echo", &json!({}), PATIENCE)
        .unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::NotSent));
    assert!(
        error
            .to_string()
            .contains(&*server.socket().to_string_lossy())
    );
}

#[test]
fn a_server_killed_while_a_caller_waits_leaves_the_outcome_unknown() {
    let mut server = Server::start();
    let mut caller = join(&server, "caller");
    let mut monitor = server.monitor();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| caller.call::<_, Value>("nobody", &json!({}), PATIENCE));
        while server.cli(&["LLEN", "queues.commands.nobody"]) != 1 {}
        let _ = monitor.texts();
        server.kill();
        let error = waiting.join().unwrap().unwrap_err();
        assert_eq!(error.outcome(), Some(Outcome::Unknown), "{error}");
        assert!(matches!(error, CallError::Bus(_)));
    });
}

#[test]
fn a_loop_without_a_server_keeps_its_timer_and_tells_its_state() {
    let mut server = Server::start();
    let mut component = join(&server, "lonely");
    component.serve_main().unwrap();
    component.set_tick(Duration::from_millis(5));
    assert_eq!(component.state(), &State::Connected);
    server.kill();
    let mut ticks = 0;
    let mut gone = false;
    while ticks < 3 || !gone {
        match component.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Tick) => ticks += 1,
            Some(Turn::Bus(BusEvent::Disconnected { .. })) => gone = true,
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(component.state(), State::Disconnected { .. }));
    // Nothing is lost by a time-out in the meantime.
    component.set_tick(Duration::ZERO);
    assert!(
        component
            .next(Some(Duration::from_millis(1)))
            .unwrap()
            .is_none()
    );
    server.restart();
    assert!(matches!(
        component.next(Some(PATIENCE)).unwrap(),
        Some(Turn::Bus(BusEvent::Reconnected { .. }))
    ));
    assert_eq!(component.state(), &State::Connected);
}

#[test]
fn subscriptions_and_watches_are_there_again_after_a_restart() {
    let mut server = Server::start();
    let mut component = join(&server, "ui");
    component.subscribe_events(Some("printer"), None).unwrap();
    component.watch_status("printer").unwrap();
    server.cli(&["HSET", "status.printer", "state", "idle"]);
    let state = |component: &mut Component| loop {
        match component.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Changed(watched)) => {
                return watched.field("state").map(str::to_owned);
            }
            Some(Turn::Bus(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(state(&mut component).as_deref(), Some("idle"));
    server.kill();
    server.restart();
    assert_eq!(state(&mut component), None);
    server.cli(&["HSET", "status.printer", "state", "busy"]);
    assert_eq!(state(&mut component).as_deref(), Some("busy"));
    server.cli(&["PUBLISH", "channel.events.printer", "{\"n\":1}"]);
    match component.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Event(event)) => assert_eq!(event.text(), "{\"n\":1}"),
        other => panic!("{other:?}"),
    }
}
