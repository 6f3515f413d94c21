//! Events and debug messages: who hears what, once, and what no wait or subscription loses.

use redis_ipc::{Component, Error, Event, Level, Options, Turn};
use redis_ipc_tests::bus::{Caller, PATIENCE, endpoint, join, join_with, next_command};
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The next event; anything else is wrong.
#[track_caller]
fn event(component: &mut Component) -> Event {
    match component.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Event(event)) => event.clone(),
        other => panic!("{other:?}"),
    }
}

/// The channels of all events up to the one from `end`.
fn heard_until_end(component: &mut Component) -> Vec<String> {
    let mut channels = Vec::new();
    loop {
        let event = event(component);
        if event.component() == "end" {
            return channels;
        }
        channels.push(event.channel().to_owned());
    }
}

const CHANNELS: [&str; 9] = [
    "channel.events.printer",
    "channel.events.printer.warnings",
    "channel.events.printer.a.warnings",
    "channel.events.printer2",
    "channel.events.printer2.warnings",
    "channel.events.printer-x.jobs",
    "channel.events.scanner",
    "channel.events.scanner.warnings",
    "channel.events.scanner.prewarnings",
];

/// What is heard of [`CHANNELS`] with these subscriptions.
fn heard(topics: &[(Option<&str>, Option<&str>)]) -> Vec<&'static str> {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    desk.subscribe_events(Some("end"), None).unwrap();
    for (component, subchannel) in topics {
        desk.subscribe_events(*component, *subchannel).unwrap();
    }
    let mut publisher = server.client();
    for channel in CHANNELS.iter().chain(&["channel.events.end"]) {
        let _ = publisher.command(&["PUBLISH", channel, "{}"]).integer();
    }
    let heard = heard_until_end(&mut desk);
    let places = heard
        .iter()
        .map(|channel| CHANNELS.iter().position(|c| c == channel));
    places.map(|place| CHANNELS[place.unwrap()]).collect()
}

#[test]
fn a_subscription_hears_what_it_means_and_not_what_its_pattern_matches() {
    let printer = Some("printer");
    let warnings = Some("warnings");
    assert_eq!(heard(&[(printer, None)]), CHANNELS[..3]);
    assert_eq!(heard(&[(Some("printer2"), None)]), CHANNELS[3..5]);
    assert_eq!(heard(&[(printer, warnings)]), CHANNELS[1..2]);
    assert_eq!(
        heard(&[(None, warnings)]),
        [CHANNELS[1], CHANNELS[2], CHANNELS[4], CHANNELS[7]]
    );
    assert_eq!(heard(&[(None, None)]), CHANNELS);
    assert_eq!(heard(&[(Some("nobody"), None)]), [""; 0]);
}

#[test]
fn what_several_subscriptions_mean_is_heard_once_whatever_their_order() {
    let printer = Some("printer");
    let warnings = Some("warnings");
    let mut topics = vec![
        (None, None),
        (printer, None),
        (None, warnings),
        (printer, warnings),
        (Some("printer2"), None),
    ];
    assert_eq!(heard(&topics), CHANNELS);
    topics.reverse();
    assert_eq!(heard(&topics), CHANNELS);
    assert_eq!(heard(&[(printer, None), (printer, None)]), CHANNELS[..3]);
    assert_eq!(
        heard(&[(None, warnings), (printer, None)]),
        [
            CHANNELS[0],
            CHANNELS[1],
            CHANNELS[2],
            CHANNELS[4],
            CHANNELS[7]
        ]
    );
}

#[test]
fn an_event_carries_its_channel_its_sender_and_the_users_members_only() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    let mut printer = join(&server, "printer");
    desk.subscribe_events(None, None).unwrap();
    let jam = json!({"tray": 2, "channel": "mine", "command_id": "mine", "level": 1});
    assert_eq!(printer.publish(Some("warnings"), &jam).unwrap(), 1);
    let heard = event(&mut desk);
    assert_eq!(heard.channel(), "channel.events.printer.warnings");
    assert_eq!(
        (heard.component(), heard.subchannel()),
        ("printer", Some("warnings"))
    );
    assert_eq!(
        heard.payload::<Value>().unwrap(),
        json!({"tray": 2, "command_id": "mine", "level": 1})
    );
    assert_eq!(
        (&*heard.sender().component, &*heard.sender().thread),
        ("printer", "main")
    );
    assert!(heard.sender().tid.is_some());

    printer.publish_text(None, " { \"a\" : [ ] } ").unwrap();
    let heard = event(&mut desk);
    assert_eq!((heard.subchannel(), heard.text()), (None, "{\"a\" : [ ]}"));
    let error = heard.payload::<Vec<u8>>().unwrap_err();
    assert!(matches!(error, Error::Unexpected(_)), "{error:?}");

    // Nobody is told by the sender's own word whose event it is.
    server.cli(&[
        "PUBLISH",
        "channel.events.scanner",
        r#"{"component":"printer"}"#,
    ]);
    let heard = event(&mut desk);
    assert_eq!(
        (heard.component(), &*heard.sender().component),
        ("scanner", "printer")
    );
    assert_eq!(printer.publish(None, &json!({})).unwrap(), 1);
    desk.unsubscribe_events(None, None).unwrap();
    assert_eq!(printer.publish(None, &json!({})).unwrap(), 0);
}

#[test]
fn a_wait_in_vain_loses_neither_subscription_nor_event() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    desk.subscribe_events(Some("printer"), None).unwrap();
    desk.subscribe_debug(None).unwrap();
    let id = server.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]).text();
    for round in 0..10 {
        for wait in [
            Duration::ZERO,
            Duration::from_micros(50),
            Duration::from_millis(3),
        ] {
            assert!(desk.next(Some(wait)).unwrap().is_none());
        }
        let number = json!({ "round": round }).to_string();
        server.cli(&["PUBLISH", "channel.events.printer", &number]);
        assert_eq!(event(&mut desk).text(), number);
    }
    // What comes while nobody waits is kept.
    for number in 0..100 {
        let number = json!({ "number": number }).to_string();
        server.cli(&["PUBLISH", "channel.events.printer", &number]);
    }
    for number in 0..100 {
        assert_eq!(
            event(&mut desk).payload::<Value>().unwrap()["number"],
            number
        );
    }
    assert_eq!(server.cli(&["PUBSUB", "NUMPAT"]), 2);
    let same = |text: &str| text.split(' ').next().map(str::to_owned);
    let now = server.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]).text();
    assert_eq!(same(&now), same(&id), "the same connection");
}

#[test]
fn the_end_of_one_subscription_leaves_all_others() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    for component in ["a", "b", "c", "end"] {
        desk.subscribe_events(Some(component), None).unwrap();
    }
    desk.subscribe_events(None, Some("x")).unwrap();
    desk.unsubscribe_events(Some("b"), None).unwrap();
    desk.unsubscribe_events(Some("b"), None).unwrap();
    desk.unsubscribe_events(Some("never"), None).unwrap();
    for channel in ["a", "b", "b.x", "c.x", "end"] {
        server.cli(&["PUBLISH", &format!("channel.events.{channel}"), "{}"]);
    }
    let heard = heard_until_end(&mut desk);
    assert_eq!(
        heard,
        [
            "channel.events.a",
            "channel.events.b.x",
            "channel.events.c.x"
        ]
    );
    desk.unsubscribe_events(None, Some("x")).unwrap();
    desk.subscribe_events(Some("b"), None).unwrap();
    for channel in ["d.x", "b", "end"] {
        server.cli(&["PUBLISH", &format!("channel.events.{channel}"), "{}"]);
    }
    assert_eq!(heard_until_end(&mut desk), ["channel.events.b"]);
}

#[test]
fn subscribing_while_a_pop_waits_loses_no_command_and_changes_no_order() {
    const COUNT: usize = 300;
    let server = Server::start();
    let mut component = join(&server, "c");
    component.serve_main().unwrap();
    let mut caller = Caller::new(&server);
    let pusher = std::thread::spawn(move || {
        let ids = (0..COUNT).map(|_| caller.ask("queues.commands.c", ""));
        ids.collect::<Vec<_>>()
    });
    let mut served = Vec::new();
    while served.len() < COUNT {
        let topic = Some(if served.len() % 2 == 0 { "a" } else { "b" });
        component.subscribe_events(topic, None).unwrap();
        component.unsubscribe_events(topic, None).unwrap();
        let command = next_command(&mut component);
        served.push(command.command_id().to_owned());
        command.answer(&json!({})).unwrap();
        // Now a pop is in flight.
    }
    assert_eq!(served, pusher.join().unwrap());
    assert_eq!(component.counters(), redis_ipc::Counters::default());
}

#[test]
fn events_that_come_while_subscriptions_change_are_heard_once_and_in_order() {
    const CHANGES: u32 = 50;
    let server = Server::start();
    let mut desk = join(&server, "desk");
    desk.subscribe_events(Some("a"), None).unwrap();
    let changes = AtomicU32::new(0);
    let mut publisher = server.client();
    std::thread::scope(|scope| {
        let publishing = scope.spawn(|| {
            let mut number = 0;
            while changes.load(Ordering::Relaxed) < CHANGES {
                // So many are set aside until they are asked for, whoever is the faster.
                if number >= (changes.load(Ordering::Relaxed) + 1) * 100 {
                    std::thread::yield_now();
                    continue;
                }
                let event = json!({ "number": number }).to_string();
                let told = publisher.command(&["PUBLISH", "channel.events.a", &event]);
                assert!(told.integer() >= 1);
                number += 1;
            }
            publisher.command(&["PUBLISH", "channel.events.a.end", "{}"]);
            number
        });
        for _ in 0..CHANGES {
            // These mean the same events, and one after the other is the one that counts.
            desk.subscribe_events(None, None).unwrap();
            desk.unsubscribe_events(Some("a"), None).unwrap();
            desk.subscribe_events(Some("a"), None).unwrap();
            desk.unsubscribe_events(None, None).unwrap();
            changes.fetch_add(1, Ordering::Relaxed);
        }
        let mut next = 0;
        loop {
            let event = event(&mut desk);
            if event.subchannel() == Some("end") {
                break;
            }
            assert_eq!(event.payload::<Value>().unwrap()["number"], next);
            next += 1;
        }
        assert_eq!(next, publishing.join().unwrap());
    });
}

#[test]
fn debug_messages_are_heard_from_one_component_or_all_with_their_level() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    desk.subscribe_debug(Some("printer")).unwrap();
    let mut printer = join(&server, "printer");
    let mut printer2 = join(&server, "printer2");
    assert!(printer2.debug(Level::ERROR, "not heard").unwrap());
    assert!(printer.debug(Level::INFO, "tray \"2\"\n€").unwrap());
    match desk.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Debug(debug)) => {
            assert_eq!(
                (debug.component(), debug.message()),
                ("printer", "tray \"2\"\n€")
            );
            assert_eq!(debug.level(), Some(3));
            assert_eq!(debug.sender().component, "printer");
        }
        other => panic!("{other:?}"),
    }
    desk.subscribe_debug(None).unwrap();
    desk.unsubscribe_debug(Some("printer")).unwrap();
    assert!(printer2.debug(Level::ERROR, "heard").unwrap());
    match desk.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Debug(debug)) => assert_eq!(debug.message(), "heard"),
        other => panic!("{other:?}"),
    }
    assert!(Level::new(6).is_err());
    assert_eq!(Level::new(5).unwrap(), Level::DETAIL);
}

/// Turns the loop until the verbosity is this one.
#[track_caller]
fn until_verbosity(component: &mut Component, verbosity: i64) {
    let deadline = Instant::now() + PATIENCE;
    while component.debug_verbosity() != verbosity {
        let turn = component.next(Some(Duration::from_millis(1))).unwrap();
        assert!(matches!(turn, None | Some(Turn::Changed(_))), "{turn:?}");
        assert!(Instant::now() < deadline, "{verbosity}");
    }
}

#[test]
fn the_verbosity_of_the_bus_counts_at_once_while_a_component_serves_or_watches() {
    let server = Server::start();
    let mut serving = join(&server, "serving");
    serving.serve_main().unwrap();
    let mut watching = join(&server, "watching");
    watching.watch_status("nobody").unwrap();
    let mut listener = server.client();
    listener.command(&[
        "SUBSCRIBE",
        "channel.debug.serving",
        "channel.debug.watching",
    ]);
    let _ = listener.receive();
    for (setting, verbosity) in [
        ("2", 2),
        ("0", 0),
        (" 3 ", 3),
        ("-1", -1),
        ("300", 300),
        ("four", 5),
    ] {
        server.cli(&["HSET", "settings.redis-ipc", "debug_verbosity", setting]);
        for component in [&mut serving, &mut watching] {
            until_verbosity(component, verbosity);
            for level in 0..=5 {
                let sent = component.debug(Level::new(level).unwrap(), "text").unwrap();
                assert_eq!(sent, i64::from(level) <= verbosity, "{setting:?}");
                if sent {
                    let message = listener.receive().texts().remove(2);
                    assert!(
                        message.contains(&format!("\"level\":{level},")),
                        "{message}"
                    );
                }
            }
        }
    }
    server.cli(&["HSET", "settings.redis-ipc", "debug_verbosity", "1"]);
    until_verbosity(&mut serving, 1);
    server.cli(&["DEL", "settings.redis-ipc"]);
    until_verbosity(&mut serving, 5);
    // One that joins now goes by it from its start.
    server.cli(&["HSET", "settings.redis-ipc", "debug_verbosity", "1"]);
    assert_eq!(join(&server, "late").debug_verbosity(), 1);
}

#[test]
fn a_subscription_that_the_server_refuses_is_an_error_and_the_others_go_on() {
    let server = Server::setup()
        .config("user guest on nopass ~* resetchannels &channel.events.a* &channel.debug.* +@all")
        .start();
    let endpoint = endpoint(&server).with_password(Some("guest"), "any");
    let mut guest = Component::connect_to(&endpoint, "guest", "main", Options::default()).unwrap();
    guest.subscribe_events(Some("a"), None).unwrap();
    match guest.subscribe_events(Some("b"), None) {
        Err(Error::Server(error)) => assert_eq!(error.code(), "NOPERM"),
        other => panic!("{other:?}"),
    }
    server.cli(&["PUBLISH", "channel.events.b", "{}"]);
    server.cli(&["PUBLISH", "channel.events.a", "{}"]);
    assert_eq!(event(&mut guest).component(), "a");
    match guest.publish(None, &json!({})) {
        Err(Error::Server(error)) => assert_eq!(error.code(), "NOPERM"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_subscription_too_many_is_refused_and_the_others_stay() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    for number in 0..64 {
        desk.subscribe_events(Some(&format!("c{number}")), None)
            .unwrap();
    }
    let refused = desk.subscribe_events(Some("c64"), None);
    assert!(matches!(refused, Err(Error::Usage(_))), "{refused:?}");
    desk.subscribe_events(Some("c63"), None).unwrap();
    assert_eq!(server.cli(&["PUBSUB", "NUMPAT"]), 64);
    desk.unsubscribe_events(Some("c0"), None).unwrap();
    desk.subscribe_events(Some("c64"), None).unwrap();
    server.cli(&["PUBLISH", "channel.events.c64", "{}"]);
    assert_eq!(event(&mut desk).component(), "c64");
}

#[test]
fn events_at_the_limit_of_a_message_are_heard() {
    let server = Server::start();
    let limit = 100_000;
    let options = || Options::default().message_limit(limit);
    let mut desk = join_with(&server, "desk", options());
    let mut printer = join_with(&server, "printer", options());
    desk.subscribe_events(Some("printer"), None).unwrap();
    for length in [100, limit - 400] {
        let text = json!({"text": "x".repeat(length)});
        assert_eq!(printer.publish(None, &text).unwrap(), 1);
        assert_eq!(event(&mut desk).payload::<Value>().unwrap(), text);
    }
}
