//! Whatever serde can make an object of goes there and comes back.

use redis_ipc::{CallError, Component, Error, Failure, Options, Outcome, Service, Turn};
use redis_ipc_tests::bus::{
    Caller, Members, PATIENCE, Serving, answer_by_hand, join, join_with, next_command,
};
use redis_ipc_tests::server::Server;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

/// Sends each of these to a component that reads it as a `T` and sends it back.
#[track_caller]
fn there_and_back<T>(all: &[T])
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + 'static,
{
    let server = Server::start();
    let echo = join(&server, "echo");
    let mut desk = join(&server, "desk");
    let _serving = Serving::start(&server, echo, || {
        Service::new().on_command(|value: T, _| Ok(value))
    });
    for value in all {
        let back: T = desk.call("echo", value, PATIENCE).unwrap();
        assert_eq!(&back, value);
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Everything {
    text: String,
    character: char,
    bytes: Vec<u8>,
    texts: Vec<String>,
    map: BTreeMap<String, Vec<Option<i32>>>,
    numbered: HashMap<u32, bool>,
    some: Option<Box<Inner>>,
    none: Option<Box<Inner>>,
    tuple: (u8, f32, String),
    newtype: Newtype,
    unit: (),
    array: [[u8; 2]; 2],
    shared: Cow<'static, str>,
    long: u128,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    // A standard name inside an object is the user's own.
    command_id: u8,
    deeper: Option<Box<Inner>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(i16);

fn everything(text: &str) -> Everything {
    Everything {
        text: text.to_owned(),
        character: '🖨',
        bytes: vec![0, 127, 255],
        texts: vec![String::new(), text.to_owned()],
        map: BTreeMap::from([
            (text.to_owned(), vec![None, Some(i32::MIN)]),
            (String::new(), Vec::new()),
        ]),
        numbered: HashMap::from([(u32::MAX, true), (0, false)]),
        some: Some(Box::new(Inner {
            command_id: 1,
            deeper: Some(Box::new(Inner {
                command_id: 2,
                deeper: None,
            })),
        })),
        none: None,
        tuple: (9, 0.1, "x".to_owned()),
        newtype: Newtype(-1),
        unit: (),
        array: [[1, 2], [3, 4]],
        shared: Cow::Borrowed("shared"),
        long: u128::MAX,
    }
}

#[test]
fn structs_of_everything_go_there_and_back() {
    there_and_back(&[
        everything(""),
        everything("plain"),
        everything("} \"command_id\":\"x\", \\ / \u{8}\u{c}\n\r\t\0\u{1f}\u{7f}"),
        everything("ünïcode € 🖨 \u{10ffff} \u{2028}"),
        everything(&"long ".repeat(20_000)),
    ]);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    signed: i64,
    unsigned: u64,
    float: f64,
}

#[test]
fn numbers_go_there_and_back_to_the_last_bit() {
    let numbers = |signed, unsigned, float| Numbers {
        signed,
        unsigned,
        float,
    };
    #[expect(clippy::excessive_precision, reason = "as the C library writes it")]
    there_and_back(&[
        numbers(i64::MIN, 0, 36.600_000_000_000_001),
        numbers(i64::MAX, u64::MAX, f64::MAX),
        numbers(-1, i64::MAX as u64 + 1, f64::MIN_POSITIVE),
        numbers(0, 1 << 53, -0.0),
        numbers(0, (1 << 53) + 1, 5e-324),
        // A reader that rounds twice gets the last bit of these wrong.
        numbers(0, 0, 0.110_999_999_999_999_99),
        numbers(0, 0, 0.925_000_000_000_000_3),
        numbers(0, 0, 1.602_176_634e-19),
        numbers(0, 0, 1.0),
    ]);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum External {
    Unit,
    New(u8),
    Pair(u8, String),
    Struct { a: Option<u8> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Internal {
    Unit,
    Struct { command: u8 },
    New(Newest),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newest {
    of: Box<Inner>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Unit,
    New(Vec<u8>),
    Pair(u8, u8),
    Struct { a: u8 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number { number: u64 },
    Text { text: String },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Tagged {
    external: Vec<External>,
    internal: Internal,
    adjacent: Adjacent,
    #[serde(flatten)]
    untagged: Untagged,
}

#[test]
fn enums_of_every_tagging_go_there_and_back() {
    there_and_back(&[Tagged {
        external: vec![
            External::Unit,
            External::New(1),
            External::Pair(2, "two".to_owned()),
            External::Struct { a: None },
        ],
        internal: Internal::Struct { command: 3 },
        adjacent: Adjacent::Pair(4, 5),
        untagged: Untagged::Text {
            text: "}".to_owned(),
        },
    }]);
    there_and_back(&[
        Internal::Unit,
        Internal::Struct { command: 1 },
        Internal::New(Newest {
            of: Box::new(Inner {
                command_id: 1,
                deeper: None,
            }),
        }),
    ]);
    there_and_back(&[
        Adjacent::Unit,
        Adjacent::New(vec![1]),
        Adjacent::Struct { a: 1 },
    ]);
    there_and_back(&[
        Untagged::Number { number: u64::MAX },
        Untagged::Text {
            text: "x".to_owned(),
        },
    ]);
    there_and_back(&[External::New(1), External::Struct { a: Some(1) }]);
}

#[test]
fn maps_and_values_go_there_and_back() {
    there_and_back(&[HashMap::from([("a b".to_owned(), 1)]), HashMap::new()]);
    there_and_back(&[
        json!({}),
        json!({"a": [1, -1, 0.5, 1e300, null, true, {"tid": {}}, "x"], "": ""}),
        json!({"big": u64::MAX, "small": i64::MIN}),
    ]);
}

/// Calls with something that must not be sent.
#[track_caller]
fn refused<T: Serialize + ?Sized>(server: &Server, desk: &mut Component, value: &T) -> String {
    let mut monitor = server.monitor();
    let error = desk.call::<_, Value>("echo", value, PATIENCE).unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::NotSent));
    assert_eq!(monitor.texts(), [""; 0], "nothing was sent");
    match error {
        CallError::Bus(error @ Error::Value(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_object_is_refused_by_name_and_nothing_is_sent() {
    #[derive(Serialize)]
    struct Unit;
    let server = Server::start();
    let mut desk = join(&server, "desk");
    for message in [
        refused(&server, &mut desk, &Unit),
        refused(&server, &mut desk, &()),
        refused(&server, &mut desk, &[1, 2]),
        refused(&server, &mut desk, "{}"),
        refused(&server, &mut desk, &7),
        refused(&server, &mut desk, &None::<Numbers>),
        refused(&server, &mut desk, &External::Unit),
        refused(&server, &mut desk, &json!("text")),
    ] {
        assert!(message.contains("object"), "{message}");
    }
    let no_key = BTreeMap::from([(vec![1], 1)]);
    let message = refused(&server, &mut desk, &no_key);
    assert!(message.contains("key must be a string"), "{message}");

    let mut deep = json!(1);
    for _ in 0..32 {
        deep = json!({ "a": deep });
    }
    assert!(refused(&server, &mut desk, &json!({ "a": deep })).contains("deep"));

    assert!(matches!(desk.publish(None, &7), Err(Error::Value(_))));
    assert!(matches!(
        desk.publish_text(None, "{} {}"),
        Err(Error::Value(_))
    ));
    for text in ["", "{", "[]", "{\"a\":1}}", "{'a':1}", "{\"a\":\u{1}}"] {
        let error = desk.call_text("echo", text, PATIENCE).unwrap_err();
        assert!(
            matches!(error, CallError::Bus(Error::Value(_))),
            "{text}: {error:?}"
        );
    }
}

#[test]
fn as_deep_as_a_receiver_takes_is_sent_and_served() {
    let mut deep = json!(1);
    for _ in 0..31 {
        deep = json!({ "a": deep });
    }
    there_and_back(&[json!({ "a": deep })]);
}

#[test]
fn a_result_that_is_no_object_reaches_the_caller_as_an_error() {
    let server = Server::start();
    let mut component = join(&server, "c");
    component.serve_main().unwrap();
    let mut caller = Caller::new(&server);
    caller.ask("queues.commands.c", "");
    let error = next_command(&mut component).answer(&7).unwrap_err();
    assert!(matches!(error, Error::Value(_)), "{error:?}");
    assert_eq!(caller.result_value()["error"]["code"], "bad-result");

    // Likewise for a job that was kept.
    caller.ask("queues.commands.c", "");
    let job = next_command(&mut component).keep();
    let error = component.answer(job, &[1]).unwrap_err();
    assert!(matches!(error, Error::Value(_)), "{error:?}");
    assert_eq!(caller.result_value()["error"]["code"], "bad-result");
}

#[test]
fn members_with_standard_names_are_replaced_at_the_top_only() {
    let server = Server::start();
    let mut component = join(&server, "c");
    component.serve_main().unwrap();
    let mut desk = join(&server, "desk");
    let asking = std::thread::spawn(move || {
        let payload =
            r#"{"command_id":"mine","a":{"command_id":1},"t\u0069d":5,"thread":[],"b":2}"#;
        let first = desk.call_text("c", payload, PATIENCE).unwrap().to_owned();
        let payload = json!({"results_queue": 1, "timestamp": {}});
        let second: Value = desk.call("c", &payload, PATIENCE).unwrap();
        (first, second)
    });
    let command = next_command(&mut component);
    assert_eq!(command.text(), r#"{"a":{"command_id":1},"b":2}"#);
    assert_eq!(command.sender().component, "desk");
    let answer = json!({"component": "mine", "results_queue": "mine", "channel": 1});
    command.answer(&answer).unwrap();
    let command = next_command(&mut component);
    assert_eq!(command.text(), "{}");
    command.answer_text("{}").unwrap();
    let (first, second) = asking.join().unwrap();
    // What is standard in one kind of message is the user's in another.
    let first = Members::of(&first);
    assert_eq!(first.value("results_queue"), "mine");
    assert_eq!(first.value("channel"), 1);
    assert_eq!(first.0.len(), 2);
    assert_eq!(second, json!({}));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    a: String,
    b: String,
}

#[test]
fn every_spelling_of_a_text_is_decoded_and_the_raw_text_stays_at_hand() {
    let server = Server::start();
    let mut component = join(&server, "c");
    component.serve_main().unwrap();
    let mut caller = Caller::new(&server);
    for (raw, text) in [
        (r"\/tmp\/x", "/tmp/x"),
        (r"\u00fcn\u00ef \u20AC", "ünï €"),
        (r"\ud83d\udda8", "🖨"),
        (r#"\"command_id\":\"x\"}"#, "\"command_id\":\"x\"}"),
        (r"\b\f\n\r\t\\\u0000", "\u{8}\u{c}\n\r\t\\\0"),
        ("ünïcode € 🖨", "ünïcode € 🖨"),
        // Compat: json-c reads half a character that way; Python writes such file names.
        (r"\ud83d", "\u{fffd}"),
        (r"a\udc80b", "a\u{fffd}b"),
    ] {
        let members = format!(r#""a": "{raw}" , "b":"}}""#);
        caller.ask("queues.commands.c", &members);
        let command = next_command(&mut component);
        let payload: Texts = command.payload().unwrap();
        assert_eq!((&*payload.a, &*payload.b), (text, "}"));
        assert_eq!(command.text(), format!("{{{members}}}"));
        command.answer(&payload).unwrap();
        let result: Value = caller.result_value();
        assert_eq!(result["a"], text);
    }
}

#[test]
fn of_duplicate_members_the_last_counts_for_the_header_and_for_the_payload() {
    let server = Server::start();
    let mut component = join(&server, "c");
    component.serve_main().unwrap();
    let mut caller = Caller::new(&server);
    caller.push(
        "queues.commands.c",
        r#"{"command_id":7,"a":"first","results_queue":"settings.db","a":"last","b":"","command_id":"x",
            "results_queue":"queues.results.desk.raw"}"#,
    );
    let command = next_command(&mut component);
    assert_eq!(command.command_id(), "x");
    assert_eq!(command.payload::<Texts>().unwrap().a, "last");
    assert_eq!(command.payload::<Value>().unwrap()["a"], "last");
    command.answer(&json!({})).unwrap();
    assert_eq!(caller.result_value()["command_id"], "x");
}

#[test]
fn a_payload_of_another_type_reaches_the_caller_as_an_error_with_a_code() {
    let server = Server::start();
    let echo = join(&server, "echo");
    let mut desk = join(&server, "desk");
    let _serving = Serving::start(&server, echo, || {
        Service::new().on_command(|value: Numbers, _| Ok(value))
    });
    for payload in [json!({"signed": "one"}), json!({})] {
        match desk.call::<_, Value>("echo", &payload, PATIENCE) {
            Err(CallError::Failed(failure)) => assert_eq!(failure.code(), "bad-payload"),
            other => panic!("{other:?}"),
        }
    }
    let numbers = json!({"signed": 1, "unsigned": 2, "float": 3});
    match desk.call::<_, Texts>("echo", &numbers, PATIENCE) {
        Err(CallError::WrongType { answer, .. }) => {
            assert_eq!(answer, r#"{"signed":1,"unsigned":2,"float":3.0}"#);
        }
        other => panic!("{other:?}"),
    }
}

const SMALL: usize = 4096;

fn small() -> Options {
    Options::default().message_limit(SMALL)
}

/// Both sizes stand in the error and in its text.
#[track_caller]
fn names_both_sizes(error: &Error, at_least: usize) {
    let Error::TooLong { sizes, .. } = error else {
        panic!("{error:?}");
    };
    assert!(sizes.needed >= at_least, "{error}");
    assert_eq!(sizes.capacity, SMALL);
    let text = error.to_string();
    assert!(text.contains(&sizes.needed.to_string()), "{text}");
    assert!(text.contains(&SMALL.to_string()), "{text}");
}

#[test]
fn a_payload_over_the_limit_is_refused_and_the_connection_goes_on() {
    let server = Server::start();
    let mut desk = join_with(&server, "desk", small());
    let mut monitor = server.monitor();
    let long = json!({"text": "x".repeat(5000)});
    match desk.call::<_, Value>("c", &long, PATIENCE) {
        Err(CallError::Bus(error)) => {
            names_both_sizes(&error, 5000);
            assert_eq!(error.outcome(), Outcome::NotSent);
        }
        other => panic!("{other:?}"),
    }
    names_both_sizes(&desk.publish(None, &long).unwrap_err(), 5000);
    assert_eq!(monitor.texts(), [""; 0], "nothing was sent");
    let mut peer = server.client();
    let peer = std::thread::spawn(move || {
        answer_by_hand(&mut peer, "queues.commands.c", r#"{"command_id":"ID"}"#)
    });
    let short = json!({"text": "x".repeat(3000)});
    desk.call::<_, Value>("c", &short, PATIENCE).unwrap();
    assert!(peer.join().unwrap().len() > 3000);
}

#[test]
fn a_result_over_the_limit_is_named_and_the_connection_goes_on() {
    let server = Server::start();
    let mut desk = join_with(&server, "desk", small());
    let mut peer = server.client();
    let long = format!(r#"{{"text":"{}","command_id":"ID"}}"#, "x".repeat(100_000));
    let peer = std::thread::spawn(move || {
        answer_by_hand(&mut peer, "queues.commands.c", &long);
        answer_by_hand(&mut peer, "queues.commands.c", r#"{"command_id":"ID"}"#)
    });
    match desk.call::<_, Value>("c", &json!({}), PATIENCE) {
        Err(CallError::Bus(error)) => {
            names_both_sizes(&error, 100_000);
            assert_eq!(error.outcome(), Outcome::Unknown);
        }
        other => panic!("{other:?}"),
    }
    let id = desk.connection().server().client_id();
    desk.call::<_, Value>("c", &json!({}), PATIENCE).unwrap();
    assert_eq!(desk.connection().server().client_id(), id);
    peer.join().unwrap();
}

#[test]
fn a_result_that_cannot_be_sent_reaches_the_caller_as_an_error_with_both_sizes() {
    let server = Server::start();
    let mut component = join_with(&server, "c", small());
    component.serve_main().unwrap();
    let mut caller = Caller::new(&server);
    let long = json!({"text": "x".repeat(5000)});
    caller.ask("queues.commands.c", "");
    let error = next_command(&mut component).answer(&long).unwrap_err();
    names_both_sizes(&error, 5000);
    let result = caller.result_value();
    assert_eq!(result["error"]["code"], "bad-result");
    let message = result["error"]["message"].as_str().unwrap();
    assert!(message.contains(&SMALL.to_string()), "{message}");

    caller.ask("queues.commands.c", "");
    let failure = Failure::new("long", "x".repeat(5000));
    let error = next_command(&mut component).fail(&failure).unwrap_err();
    names_both_sizes(&error, 5000);
    assert_eq!(caller.result_value()["error"]["code"], "bad-result");

    caller.ask("queues.commands.c", "");
    next_command(&mut component).answer(&json!({})).unwrap();
    caller.result();
}

#[test]
fn a_command_or_event_over_the_limit_is_dropped_counted_and_told() {
    let server = Server::start();
    let mut component = join_with(&server, "c", small());
    component.serve(&["cancel", "print"]).unwrap();
    component.subscribe_events(None, None).unwrap();
    component.subscribe_debug(Some("c")).unwrap();
    let mut caller = Caller::new(&server);
    let long = format!(r#""text":"{}""#, "x".repeat(100_000));
    caller.ask("queues.commands.c.print", &long);
    let told = |component: &mut Component| match component.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Debug(debug)) => debug.message().to_owned(),
        other => panic!("{other:?}"),
    };
    let message = told(&mut component);
    assert!(message.contains("4096"), "{message}");
    assert_eq!(component.counters().commands_dropped, 1);

    server.cli(&["PUBLISH", "channel.events.x", &format!("{{{long}}}")]);
    let message = told(&mut component);
    assert!(message.contains("4096"), "{message}");
    assert_eq!(component.counters().messages_dropped, 1);

    caller.ask("queues.commands.c.cancel", &long);
    assert!(component.take(Some("cancel")).unwrap().is_none());
    let message = told(&mut component);
    assert!(message.contains("4096"), "{message}");
    assert_eq!(component.counters().commands_dropped, 2);

    caller.ask("queues.commands.c.print", "");
    next_command(&mut component).answer(&json!({})).unwrap();
    caller.result();
}
