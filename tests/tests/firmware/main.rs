//! The firmware on an emulated board, its serial line on a real server with nothing between, or with
//! frames on a bad line and a gateway.
//!
//! `make test-firmware` builds what this needs and runs it.

mod framed;
mod image;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use redis_ipc::{CallError, Component, Endpoint, Options};
use redis_ipc_tests::board::Board;
use redis_ipc_tests::client::Client;
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

/// How long the emulated board may take for anything, the emulator's second before it connects
/// anew and the component's own patience included.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that `make test-firmware` has built: with `feature` or without any.
fn built(feature: &str) -> PathBuf {
    let folder = "../targets/thumbv7em-none-eabihf/target";
    let program = format!("{folder}/{feature}/thumbv7em-none-eabihf/release/sensor");
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(program)
}

pub(crate) fn firmware() -> PathBuf {
    built("bare")
}

pub(crate) fn framed_firmware() -> PathBuf {
    built("framed")
}

fn tool() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/debug/ipc-tool")
}

fn board(server: &Server) -> Board {
    Board::start(&firmware(), &server.socket())
}

fn caller(server: &Server) -> Component {
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    Component::connect_to(&endpoint, "desk", "main", Options::default()).unwrap()
}

fn read(caller: &mut Component) -> Result<Value, CallError> {
    caller.call("sensor", &json!({"method": "read"}), PATIENCE)
}

fn field(client: &mut Client, name: &str) -> Option<i64> {
    let value = client.command(&["HGET", "status.sensor", name]);
    (!value.is_nil()).then(|| value.text().parse().unwrap())
}

/// Looks until it is so; the looks are commands to the server, so they take time by themselves.
#[track_caller]
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "{what}");
    }
}

#[test]
fn a_component_calls_the_board_and_gets_its_answers() {
    let server = Server::start();
    let _board = board(&server);
    let mut desk = caller(&server);
    let temperature = read(&mut desk).unwrap()["temperature"].as_f64().unwrap();
    assert!((20.0..=25.0).contains(&temperature), "{temperature}");
    let faster = json!({"method": "set-rate", "milliseconds": 250});
    let answer: Value = desk.call("sensor", &faster, PATIENCE).unwrap();
    assert_eq!(answer, json!({"rate": 250}));
    for (payload, code) in [
        (json!({"method": "set-rate", "milliseconds": 1}), "range"),
        (json!({"method": "set-rate", "milliseconds": "x"}), "range"),
        (json!({"method": "open"}), "unknown-method"),
        (json!({"what": "read"}), "no-method"),
    ] {
        match desk.call::<_, Value>("sensor", &payload, PATIENCE) {
            Err(CallError::Failed(failure)) => assert_eq!(failure.code(), code),
            other => panic!("{payload}: {other:?}"),
        }
    }
}

#[test]
fn ipc_tool_calls_the_board() {
    let server = Server::start();
    let _board = board(&server);
    let tool = tool();
    let output = Command::new(&tool)
        .args(["--server", &server.path()])
        .args(["call", "sensor", r#"{"method":"read"}"#, "--timeout", "20"])
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", tool.display()));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    assert!(answer["temperature"].is_number(), "{answer}");
}

#[test]
fn calls_do_not_wait_for_events_nor_events_for_calls() {
    let server = Server::start();
    let _board = board(&server);
    let mut desk = caller(&server);
    let often = json!({"method": "set-rate", "milliseconds": 10});
    let _: Value = desk.call("sensor", &often, PATIENCE).unwrap();
    let mut listener = server.client();
    listener.command(&["SUBSCRIBE", "channel.events.sensor"]);
    for _ in 0..100 {
        read(&mut desk).unwrap();
    }
    let mut last = 0.0;
    for _ in 0..20 {
        let message = listener.receive().items()[2].text();
        let event: Value = serde_json::from_str(&message).unwrap();
        assert_eq!(event["component"], "sensor");
        assert_eq!(event["channel"], "channel.events.sensor");
        let stamp: f64 = event["timestamp"].as_str().unwrap().parse().unwrap();
        assert!(stamp > last, "{stamp} after {last}");
        last = stamp;
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let behind = now.unwrap().as_secs_f64() - last;
    assert!(behind.abs() < 60.0, "its clock is {behind} seconds behind");
}

#[test]
fn the_board_follows_its_settings() {
    let server = Server::start();
    let _board = board(&server);
    let mut desk = caller(&server);
    read(&mut desk).unwrap();
    server.cli(&["HSET", "settings.sensor", "offset", "-5000", "rate", "500"]);
    until("the offset counts", || {
        let temperature = read(&mut desk).unwrap()["temperature"].as_f64().unwrap();
        (-30.0..=-25.0).contains(&temperature)
    });
    let mut client = server.client();
    until("the rate is told", || {
        field(&mut client, "rate") == Some(500)
    });
    server.cli(&["HSET", "settings.sensor", "rate", "nonsense", "other", "x"]);
    server.cli(&["HSET", "settings.sensor", "offset", "0"]);
    until("the offset is gone", || {
        read(&mut desk).unwrap()["temperature"].as_f64().unwrap() > 19.0
    });
    assert_eq!(field(&mut client, "rate"), Some(500));
}

#[test]
fn the_board_lives_through_the_loss_of_its_server() {
    let mut server = Server::start();
    let _board = board(&server);
    read(&mut caller(&server)).unwrap();
    for _ in 0..2 {
        server.kill();
        server.restart();
        let mut desk = caller(&server);
        read(&mut desk).unwrap();
        let mut client = server.client();
        until("its status is there again", || {
            field(&mut client, "greeted").is_some_and(|greeted| greeted >= 2)
        });
    }
}

#[test]
fn the_board_lives_through_a_connection_that_is_closed_and_a_server_that_stands_still() {
    let server = Server::start();
    let _board = board(&server);
    let mut desk = caller(&server);
    read(&mut desk).unwrap();
    server.cli(&["CLIENT", "KILL", "SKIPME", "yes", "TYPE", "normal"]);
    let mut desk_again = caller(&server);
    read(&mut desk_again).unwrap();
    server.pause();
    // The component's patience has to run out; nothing tells when.
    std::thread::sleep(Duration::from_secs(4));
    server.resume();
    read(&mut desk_again).unwrap();
}

#[test]
fn a_board_that_is_reset_serves_again_on_the_line_it_had() {
    let server = Server::start();
    let board = board(&server);
    let mut desk = caller(&server);
    read(&mut desk).unwrap();
    board.reset();
    read(&mut desk).unwrap();
}

#[test]
fn results_that_nobody_reads_expire() {
    let server = Server::start();
    let _board = board(&server);
    let mut client = server.client();
    let command =
        r#"{"method":"read","results_queue":"queues.results.gone.main","command_id":"1"}"#;
    for _ in 0..3 {
        client.command(&["RPUSH", "queues.commands.sensor", command]);
    }
    until("they expire", || {
        client
            .command(&["PTTL", "queues.results.gone.main"])
            .integer()
            > 0
    });
}
