//! What the original did in front of a recorder, done again with the drop-in.

use std::collections::BTreeMap;

use redis_ipc_tests::recorder::Recorder;
use redis_ipc_tests::server::Server;
use redis_ipc_tests::vectors::{self, Frame, Sender};

use super::driver::{Driver, NULL};

const COMMAND: &str = r#"{"pagesize":"A4","file":"/tmp/job \"1231\".pdf\n\tünïcode €","copies":3,"ratio":0.5,"opts":{"duplex":true,"tray":null,"list":[1,2.5,"x"]}}"#;
const RESULT: &str = r#"{"job-id":"1231","ok":true,"temp":36.600000000000001}"#;
const FIELDS: &str = r#"{"theme":"dark mode","dpi":600,"nested":{"a":1}}"#;
const EVENT: &str = r#"{"severity":"2","type":"LOW-ON-PAPER"}"#;

/// The requests of each connection, but for those in which ours may differ: how it introduces
/// itself, how redis-ipc's own settings are read, how the notifications are switched on.
fn by_connection(frames: &[Frame]) -> Vec<Vec<String>> {
    let mut connections: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for frame in frames.iter().filter(|f| f.sender == Sender::Client) {
        let words = frame.words();
        let text = String::from_utf8_lossy(&words.join(&b' ')).into_owned();
        let is_own = ["HELLO", "CLIENT", "INFO", "CONFIG"].contains(&first(&text))
            || text.starts_with("HGET settings.redis-ipc")
            || text == "HGETALL settings.redis-ipc";
        if !is_own {
            let requests = connections.entry(frame.connection).or_default();
            requests.push(without_what_passes(&text));
        }
    }
    let mut all: Vec<_> = connections.into_values().collect();
    all.sort();
    all
}

fn first(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

/// The time, the thread's number and the command's number differ from one run to the next.
fn without_what_passes(text: &str) -> String {
    let mut text = text.to_owned();
    for (before, behind) in [
        ("\"timestamp\": \"", '"'),
        ("\"tid\": ", ' '),
        ("\"command_id\": \"desk-ui-1-", '"'),
    ] {
        if let Some(start) = text.find(before) {
            let start = start + before.len();
            let end = start + text[start..].find(behind).unwrap();
            assert!(end > start);
            text.replace_range(start..end, "…");
        }
    }
    text
}

#[track_caller]
fn subscribe_to_everything(web: &mut Driver) {
    web.does(&["subscribe_events", "printer", NULL], "0");
    web.does(&["subscribe_events", NULL, "warnings"], "0");
    web.does(&["subscribe_events", "printer", "warnings"], "0");
    web.does(&["subscribe_events", NULL, NULL], "0");
    web.does(&["subscribe_debug", "printer"], "0");
    web.does(&["subscribe_debug", NULL], "0");
    web.does(&["subscribe_notifications"], "0");
}

#[track_caller]
fn calls_and_hashes(desk: &mut Driver, printer: &mut Driver) {
    printer.begin(&["receive", "print", "5"]);
    desk.begin(&["call", "printer", "print", "5", COMMAND]);
    let received = printer.answer();
    printer.does(&["answer", RESULT], "0");
    let answer = desk.answer();
    let (result, sent) = answer.split_once('\t').unwrap();
    // Both sides have the whole of it, the sender in the object that it handed in.
    assert_eq!(received, sent);
    assert!(
        result.starts_with(r#"{ "job-id": "1231", "ok": true"#),
        "{result}"
    );
    desk.does(&["writer", "*"], "0");
    desk.does(&["write_setting", "web", FIELDS], "0");
    desk.does(&["write_setting_field", "web", "theme", "light"], "0");
    let web = r#"{ "theme": "light", "dpi": "600", "nested": "{ \"a\": 1 }" }"#;
    desk.does(&["read_setting", "web"], web);
    desk.does(&["read_setting_field", "web", "dpi"], "600");
    desk.does(&["read_setting_field", "web", "none"], "NULL");
    desk.does(&["write_status", FIELDS], "0");
    desk.does(&["write_status_field", "state", "idle"], "0");
    let own =
        r#"{ "theme": "dark mode", "dpi": "600", "nested": "{ \"a\": 1 }", "state": "idle" }"#;
    desk.does(&["read_status", "desk"], own);
    desk.does(&["read_status", "nobody"], "{ }");
    desk.does(&["writer", "db"], "0");
    desk.does(&["write_setting", "web", FIELDS], "-1");
    desk.does(&["verbosity", "3"], "0");
}

#[track_caller]
fn publications(monitor: &mut Driver) {
    monitor.does(&["event", "warnings", EVENT], "0");
    monitor.does(&["event", NULL, EVENT], "0");
    monitor.does(&["debug", "1", "printer starting to smoke"], "0");
    monitor.does(&["debug", "0", &"x".repeat(1500)], "0");
    // Above the verbosity: a success, and nothing goes out.
    monitor.does(&["debug", "5", "a detail"], "0");
}

#[track_caller]
fn hears_each_once(web: &mut Driver) {
    // Two notifications, which are no JSON.
    for _ in 0..2 {
        web.does(&["hear"], "NULL");
    }
    for wanted in [
        r#""channel": "channel.events.printer.warnings""#,
        r#""channel": "channel.events.printer""#,
        r#"{ "message": "printer starting to smoke", "level": 1, "channel": "channel.debug.printer""#,
        "xxx[TRUNC]\", \"level\": 0",
    ] {
        let heard = web.tell(&["hear"]);
        assert!(heard.contains(wanted), "{heard}");
    }
    web.does(&["hear_within", "50"], "NULL");
    web.does(&["unsubscribe_events"], "0");
    web.does(&["unsubscribe_debug"], "0");
    web.does(&["unsubscribe_notifications"], "0");
}

#[test]
fn the_recorded_traffic_of_the_original_comes_out_of_the_drop_in_byte_by_byte() {
    let server = Server::start();
    let recorder = Recorder::start(&server.socket());
    let join = |component: &str, thread: &str| {
        let mut driver = Driver::at(&recorder.socket());
        driver.does(&["init", component, thread], "0");
        driver
    };
    let mut printer = join("printer", "main");
    let mut web = join("web", "listener");
    subscribe_to_everything(&mut web);
    let mut desk = join("desk", "ui-1");
    calls_and_hashes(&mut desk, &mut printer);
    publications(&mut join("printer", "monitor"));
    hears_each_once(&mut web);
    join("db", "main").does(&["verbosity", "5"], "0");

    let mut wanted = by_connection(&vectors::load("redis_ipc_c"));
    // The original lets go of one pattern of each kind; what else it had subscribed to, stays.
    for connection in wanted.iter_mut().filter(|all| all[0].starts_with("PSUB")) {
        let (subscribed, _) = connection.split_at(7);
        let released = subscribed.iter().map(|one| one.replace("PSUB", "PUNSUB"));
        let all: Vec<_> = subscribed.iter().cloned().chain(released).collect();
        *connection = all;
    }
    assert_eq!(by_connection(&recorder.frames()), wanted);
    let flags = server.cli(&["CONFIG", "GET", "notify-keyspace-events"]);
    let flags = format!("{flags:?}");
    assert!(
        flags.contains("\"hK\"") || flags.contains("\"Kh\""),
        "{flags}"
    );
}

#[test]
fn what_the_drop_in_tells_on_stderr_is_what_the_original_tells() {
    let server = Server::start();
    let mut db = Driver::joined(&server, "db", "main");
    db.does(
        &[
            "write_setting",
            "printer",
            r#"{"copies":"two","paper":"thin"}"#,
        ],
        "0",
    );
    db.does(&["read_setting_field", "printer", "paper"], "thin");
    db.does(&["read_setting_field", "printer", "none"], "NULL");
    db.does(
        &["read_setting", "printer"],
        r#"{ "copies": "two", "paper": "thin" }"#,
    );
    db.does(&["writer", "web"], "0");
    db.does(&["write_setting_field", "printer", "a", "b"], "-1");
    db.does(&["stderr", "0"], "0");
    db.does(&["read_setting_field", "printer", "paper"], "thin");
    db.does(&["load"], "5 0");
    let wanted = [
        "(db) CONFIG SET notify-keyspace-events Kh",
        "(db) HMSET settings.printer copies two paper thin ",
        "(db) HGET settings.printer paper",
        "(db) [HASH_FIELD] paper='thin'",
        "(db) HGET settings.printer none",
        "(db) [HASH_FIELD] <non-string result type 4>",
        "(db) HGETALL settings.printer",
        "(db) [HASH] copies='two' paper='thin'",
        "(db) HSET settings.redis-ipc settings_writer web",
        "(db) [ERROR] component db is not authorized to write settings",
        "(db) HSET settings.redis-ipc stderr_debug 0",
    ];
    assert_eq!(db.end().lines().collect::<Vec<_>>(), wanted);
}
