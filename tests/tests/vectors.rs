//! What the originals wrote is read as meant, and what ours writes is what they would write.

use redis_ipc::{Component, Event, Level, Turn};
use redis_ipc_tests::bus::{Members, PATIENCE, answer_by_hand, join, next_command};
use redis_ipc_tests::server::Server;
use redis_ipc_tests::vectors::requests;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The requests of a recording that begin with this command, as texts.
fn recorded(recording: &str, command: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for words in requests(recording) {
        if words[0] == command.as_bytes() {
            let texts = words
                .into_iter()
                .map(|word| String::from_utf8(word).unwrap());
            found.push(texts.collect());
        }
    }
    found
}

/// The one message of a recording that was pushed to this queue.
fn pushed(recording: &str, queue: &str) -> String {
    let mut pushes = recorded(recording, "RPUSH");
    pushes.retain(|words| words[1] == queue);
    assert_eq!(pushes.len(), 1, "{queue}");
    pushes.remove(0).remove(2)
}

/// What differs from one sending to the next.
const PASSING: [&str; 3] = ["command_id", "timestamp", "tid"];

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Print {
    pagesize: String,
    file: String,
    copies: u32,
    ratio: f64,
    opts: Options,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    duplex: bool,
    tray: Option<u8>,
    list: (u8, f64, String),
}

fn print() -> Print {
    Print {
        pagesize: "A4".to_owned(),
        file: FILE.to_owned(),
        copies: 3,
        ratio: 0.5,
        opts: Options {
            duplex: true,
            tray: None,
            list: (1, 2.5, "x".to_owned()),
        },
    }
}

const FILE: &str = "/tmp/job \"1231\".pdf\n\tünïcode €";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Printed {
    #[serde(rename = "job-id")]
    job: String,
    ok: bool,
    temp: f64,
}

fn printed() -> Printed {
    Printed {
        job: "1231".to_owned(),
        ok: true,
        temp: 36.6,
    }
}

#[test]
fn a_command_of_the_c_library_is_served_as_it_was_meant() {
    let server = Server::start();
    let mut printer = join(&server, "printer");
    printer.serve(&["cancel", "print"]).unwrap();
    let command = pushed("redis_ipc_c", "queues.commands.printer.print");
    server.cli(&["RPUSH", "queues.commands.printer.print", &command]);

    let command = next_command(&mut printer);
    assert_eq!(command.payload::<Print>().unwrap(), print());
    assert_eq!(command.subqueue(), Some("print"));
    assert_eq!(command.command_id(), "desk-ui-1-13490-0");
    let sender = command.sender().clone();
    assert_eq!((&*sender.component, &*sender.thread), ("desk", "ui-1"));
    assert_eq!(sender.tid, Some(13490));
    assert_eq!(sender.timestamp, "1795229003.168056");
    command.answer(&printed()).unwrap();

    let item = server.cli(&["BLPOP", "queues.results.desk.ui-1", "9"]);
    let ours = Members::of(&item.items()[1].text());
    let theirs = Members::of(&pushed("redis_ipc_c", "queues.results.desk.ui-1"));
    assert_eq!(ours.value("command_id"), theirs.value("command_id"));
    assert_eq!(
        ours.without_values(&PASSING),
        theirs.without_values(&PASSING)
    );
}

#[test]
fn a_command_of_the_python_module_is_served_as_it_was_meant() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Print {
        file: String,
        copies: u32,
    }
    let server = Server::start();
    let mut printer = join(&server, "printer");
    printer.serve_main().unwrap();
    let command = pushed("redis_ipc_python", "queues.commands.printer");
    server.cli(&["RPUSH", "queues.commands.printer", &command]);

    let command = next_command(&mut printer);
    let print: Print = command.payload().unwrap();
    assert_eq!((&*print.file, print.copies), (FILE, 3));
    assert_eq!(command.subqueue(), None);
    assert_eq!(command.command_id(), "desk:13975:1795229042.769826");
    assert_eq!(command.sender().component, "desk");
    assert_eq!(command.sender().tid, Some(13975));
    command.answer(&printed()).unwrap();
    let item = server.cli(&["BLPOP", "queues.results.desk.ui-1", "9"]);
    let result = Members::of(&item.items()[1].text());
    assert_eq!(result.value("command_id"), "desk:13975:1795229042.769826");
}

/// Our caller asks, and somebody answers with the recorded result of `recording`.
fn call_answered_as_recorded<R: serde::de::DeserializeOwned>(recording: &str) -> R {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    let mut peer = server.client();
    let mut answer = pushed(recording, "queues.results.desk.ui-1");
    let id = Members::of(&answer).value("command_id").clone();
    answer = answer.replace(id.as_str().unwrap(), "ID");
    let peer = std::thread::spawn(move || {
        answer_by_hand(&mut peer, "queues.commands.printer.print", &answer)
    });
    let result = desk.call("printer.print", &print(), PATIENCE).unwrap();
    peer.join().unwrap();
    result
}

#[test]
fn a_result_of_the_c_library_is_read_as_it_was_meant() {
    assert_eq!(
        call_answered_as_recorded::<Printed>("redis_ipc_c"),
        printed()
    );
}

#[test]
fn a_result_of_the_python_module_is_read_as_it_was_meant() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Noted {
        #[serde(rename = "job-id")]
        job: String,
        ok: bool,
        temp: f64,
        note: String,
    }
    let result: Noted = call_answered_as_recorded("redis_ipc_python");
    assert_eq!((&*result.job, result.ok, result.temp), ("1231", true, 36.6));
    assert_eq!(result.note, "ünï");
}

#[test]
fn a_command_of_ours_is_what_the_c_library_writes() {
    let server = Server::start();
    let mut monitor = server.monitor();
    let mut peer = server.client();
    let peer = std::thread::spawn(move || {
        let answer = r#"{"job-id":"1231","ok":true,"temp":36.6,"command_id":"ID"}"#;
        answer_by_hand(&mut peer, "queues.commands.printer.print", answer)
    });
    let options = redis_ipc::Options::default();
    let endpoint = redis_ipc_tests::bus::endpoint(&server);
    let mut desk = Component::connect_to(&endpoint, "desk", "ui-1", options).unwrap();
    let result: Printed = desk
        .call("printer.print", &print(), Duration::from_secs(5))
        .unwrap();
    assert_eq!(result, printed());

    let ours = peer.join().unwrap();
    let theirs = pushed("redis_ipc_c", "queues.commands.printer.print");
    let id = Members::of(&ours).value("command_id").clone();
    assert!(id.as_str().unwrap().starts_with("desk-ui-1-"), "{id}");
    assert_eq!(
        Members::of(&ours).without_values(&PASSING),
        Members::of(&theirs).without_values(&PASSING)
    );
    let timestamp = Members::of(&ours).value("timestamp").clone();
    let (seconds, microseconds) = timestamp.as_str().unwrap().split_once('.').unwrap();
    assert!(
        seconds.parse::<u64>().is_ok() && microseconds.len() == 6,
        "{timestamp}"
    );

    let arrivals = monitor.texts();
    assert!(arrivals.contains(&format!("RPUSH queues.commands.printer.print {ours}")));
    assert!(arrivals.contains(&"BLPOP queues.results.desk.ui-1 5".to_owned()));
}

#[test]
fn our_pop_is_the_recorded_one_over_all_queues_in_order() {
    let server = Server::start();
    let mut monitor = server.monitor();
    let mut printer = join(&server, "printer");
    printer.serve(&["cancel", "print"]).unwrap();
    assert!(
        printer
            .next(Some(Duration::from_millis(1)))
            .unwrap()
            .is_none()
    );
    let pop = "BLPOP queues.commands.printer.cancel queues.commands.printer.print 0";
    monitor.until(|text| text == pop);
}

/// What a component hears until the marker event arrives.
fn heard(component: &mut Component) -> (Vec<Event>, Vec<redis_ipc::DebugMessage>) {
    let (mut events, mut debug) = (Vec::new(), Vec::new());
    loop {
        match component.next(Some(PATIENCE)).unwrap() {
            Some(Turn::Event(event)) if event.component() == "end" => return (events, debug),
            Some(Turn::Event(event)) => events.push(event.clone()),
            Some(Turn::Debug(message)) => debug.push(message.clone()),
            other => panic!("{other:?}"),
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Warning {
    severity: String,
    r#type: String,
}

#[test]
fn recorded_events_and_debug_messages_are_each_heard_once_and_as_they_were_meant() {
    let server = Server::start();
    let mut monitor = server.monitor();
    let mut desk = join(&server, "desk");
    desk.subscribe_events(Some("printer"), None).unwrap();
    desk.subscribe_events(None, Some("warnings")).unwrap();
    desk.subscribe_events(Some("printer"), Some("warnings"))
        .unwrap();
    desk.subscribe_events(None, None).unwrap();
    desk.subscribe_debug(Some("printer")).unwrap();
    desk.subscribe_debug(None).unwrap();
    let patterns = |texts: Vec<String>| -> Vec<String> {
        let patterns = texts
            .into_iter()
            .filter(|text| text.starts_with("PSUBSCRIBE"));
        patterns.collect()
    };
    let theirs = recorded("redis_ipc_c", "PSUBSCRIBE");
    let mut theirs: Vec<_> = theirs.iter().map(|words| words.join(" ")).collect();
    assert_eq!(
        theirs.pop().unwrap(),
        "PSUBSCRIBE __keyspace*__:settings.web"
    );
    assert_eq!(patterns(monitor.texts()), theirs);

    for words in recorded("redis_ipc_c", "PUBLISH") {
        server.cli(&words);
    }
    server.cli(&["PUBLISH", "channel.events.end", "{}"]);
    let (events, debug) = heard(&mut desk);

    assert_eq!(events.len(), 2);
    let warning = Warning {
        severity: "2".to_owned(),
        r#type: "LOW-ON-PAPER".to_owned(),
    };
    for (event, subchannel) in events.iter().zip([Some("warnings"), None]) {
        assert_eq!(event.component(), "printer");
        assert_eq!(event.subchannel(), subchannel);
        assert_eq!(event.payload::<Warning>().unwrap(), warning);
        assert_eq!(event.sender().thread, "monitor");
        assert_eq!(event.sender().tid, Some(13490));
    }
    assert_eq!(events[0].sender().timestamp, "1795229003.172366");

    assert_eq!(debug.len(), 2);
    assert_eq!(debug[0].message(), "printer starting to smoke");
    assert_eq!((debug[0].level(), debug[1].level()), (Some(1), Some(0)));
    assert_eq!(debug[1].message().len(), 1023);
    assert!(debug[1].message().ends_with("xxx[TRUNC]"));
    assert_eq!(debug[1].component(), "printer");
}

#[test]
fn events_and_debug_messages_of_ours_are_what_the_c_library_writes() {
    let server = Server::start();
    let endpoint = redis_ipc_tests::bus::endpoint(&server);
    let mut listener = server.client();
    listener.command(&["PSUBSCRIBE", "channel.*"]);
    let options = redis_ipc::Options::default();
    let mut printer = Component::connect_to(&endpoint, "printer", "monitor", options).unwrap();
    let warning = Warning {
        severity: "2".to_owned(),
        r#type: "LOW-ON-PAPER".to_owned(),
    };
    assert_eq!(printer.publish(Some("warnings"), &warning).unwrap(), 1);
    assert_eq!(printer.publish(None, &warning).unwrap(), 1);
    let level = Level::new(1).unwrap();
    assert!(printer.debug(level, "printer starting to smoke").unwrap());
    assert!(printer.debug(Level::ERROR, &"x".repeat(3000)).unwrap());

    for theirs in recorded("redis_ipc_c", "PUBLISH") {
        let ours = listener.receive().texts();
        assert_eq!(ours[2], theirs[1]);
        assert_eq!(
            Members::of(&ours[3]).without_values(&PASSING),
            Members::of(&theirs[2]).without_values(&PASSING)
        );
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Look {
    theme: String,
    dpi: u32,
    nested: BTreeMap<String, i64>,
}

#[test]
fn recorded_settings_and_status_are_read_whole_by_field_and_as_a_type() {
    let server = Server::start();
    let mut web = join(&server, "web");
    for command in ["HMSET", "HSET"] {
        for words in recorded("redis_ipc_c", command) {
            server.cli(&words);
        }
    }
    let pairs = web.settings("web").unwrap().pairs().unwrap();
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        pairs,
        [
            ("theme", "light"),
            ("dpi", "600"),
            ("nested", "{ \"a\": 1 }")
        ]
    );
    let mut settings = web.settings("web").unwrap();
    assert_eq!(settings.get::<u32>("dpi").unwrap(), Some(600));
    assert_eq!(
        settings.get::<String>("dpi").unwrap().as_deref(),
        Some("600")
    );
    assert_eq!(settings.get::<String>("none").unwrap(), None);
    let look: Look = settings.read().unwrap();
    assert_eq!(
        (&*look.theme, look.dpi, look.nested["a"]),
        ("light", 600, 1)
    );

    let status = web.status_of("desk").unwrap().pairs().unwrap();
    assert!(status.contains(&("state".to_owned(), "idle".to_owned())));
    assert!(web.status_of("nobody").unwrap().pairs().unwrap().is_empty());
}

#[test]
fn settings_of_ours_are_stored_as_the_c_library_stores_them() {
    let server = Server::start();
    let mut db = join(&server, "db");
    let look = Look {
        theme: "dark mode".to_owned(),
        dpi: 600,
        nested: BTreeMap::from([("a".to_owned(), 1)]),
    };
    let mut monitor = server.monitor();
    db.settings("web").unwrap().write(&look).unwrap();
    let set = monitor.arrivals().pop().unwrap();
    let theirs = recorded("redis_ipc_c", "HMSET").remove(0);
    let ours: Vec<_> = set
        .words
        .into_iter()
        .map(|w| String::from_utf8(w).unwrap())
        .collect();
    // HSET with several fields took HMSET's place in Redis 4; blanks in JSON mean nothing.
    assert_eq!(ours[0], "HSET");
    assert_eq!(ours[1..7], theirs[1..7]);
    assert_eq!(ours[7].replace(' ', ""), theirs[7].replace(' ', ""));
    assert_eq!(ours.len(), theirs.len());
}

#[test]
fn the_end_of_a_subscription_is_the_recorded_request_and_leaves_the_others() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    desk.subscribe_events(Some("printer"), None).unwrap();
    desk.subscribe_events(None, None).unwrap();
    desk.subscribe_debug(None).unwrap();
    let mut monitor = server.monitor();
    desk.unsubscribe_events(None, None).unwrap();
    desk.unsubscribe_debug(None).unwrap();
    let theirs = recorded("redis_ipc_c", "PUNSUBSCRIBE");
    let theirs: Vec<_> = theirs.iter().map(|words| words.join(" ")).collect();
    assert_eq!(monitor.texts(), theirs[..2]);
    assert_eq!(server.cli(&["PUBSUB", "NUMPAT"]), 1);
}
