//! With a server that speaks RESP2 only, everything works over one more connection.

use std::time::Duration;

use redis_ipc::{Component, Endpoint, HashKind, Limitation, Options, Service, Stop, Turn};
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

fn start() -> Server {
    Server::setup().config("rename-command HELLO \"\"").start()
}

fn join(server: &Server, component: &str) -> Component {
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    Component::connect_to(&endpoint, component, "main", Options::default()).unwrap()
}

#[test]
fn calls_are_served_and_events_heard_in_one_loop() {
    let server = start();
    let stop = Stop::new();
    let mut echo = join(&server, "echo");
    echo.subscribe_events(Some("printer"), None).unwrap();
    assert!(echo.limitations().contains(&Limitation::Resp3));
    let mut caller = join(&server, "caller");
    assert_eq!(caller.connection().server().protocol(), 2);
    std::thread::scope(|scope| {
        let until = stop.clone();
        let (tell, heard) = std::sync::mpsc::channel();
        scope.spawn(move || {
            Service::new()
                .on_command(|payload: Value, _| Ok(payload))
                .on_event(move |event| tell.send(event.text().to_owned()).unwrap())
                .until(until)
                .run(&mut echo)
                .unwrap();
        });
        for n in 0..20 {
            let answer: Value = caller.call("echo", &json!({ "n": n }), PATIENCE).unwrap();
            assert_eq!(answer, json!({ "n": n }));
            server.cli(&[
                "PUBLISH",
                "channel.events.printer.x",
                &format!("{{\"n\":{n}}}"),
            ]);
            assert_eq!(
                heard.recv_timeout(PATIENCE).unwrap(),
                format!("{{\"n\":{n}}}")
            );
        }
        stop.request();
    });
}

#[test]
fn watched_hashes_are_followed_by_notifications() {
    let server = start();
    let mut ui = join(&server, "ui");
    ui.watch_settings("web").unwrap();
    let mut theme = || match ui.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Changed(watched)) => watched.field("theme").map(str::to_owned),
        other => panic!("{other:?}"),
    };
    assert_eq!(theme(), None);
    server.cli(&["HSET", "settings.web", "theme", "dark"]);
    assert_eq!(theme().as_deref(), Some("dark"));
    server.cli(&["DEL", "settings.web"]);
    assert_eq!(theme(), None);
}

#[test]
fn a_server_killed_and_restarted_is_listened_to_again() {
    let mut server = start();
    let mut ui = join(&server, "ui");
    ui.subscribe_events(None, None).unwrap();
    ui.serve_main().unwrap();
    assert!(ui.next(Some(Duration::from_millis(1))).unwrap().is_none());
    server.kill();
    server.restart();
    while !matches!(
        ui.next(Some(PATIENCE)).unwrap(),
        Some(Turn::Bus(redis_ipc::BusEvent::ServerRestarted))
    ) {}
    server.cli(&["PUBLISH", "channel.events.a", "{}"]);
    assert!(matches!(
        ui.next(Some(PATIENCE)).unwrap(),
        Some(Turn::Event(_))
    ));
    let command = r#"{"results_queue":"queues.results.x.y","command_id":"1"}"#;
    server.cli(&["RPUSH", "queues.commands.ui", command]);
    assert!(matches!(
        ui.next(Some(PATIENCE)).unwrap(),
        Some(Turn::Command(_))
    ));
    assert!(ui.cached(HashKind::Status, "ui").is_none());
}
