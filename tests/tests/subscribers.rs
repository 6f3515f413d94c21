//! Publish/subscribe on a real server, under both protocols.

use std::time::{Duration, Instant};

use redis_ipc::{Endpoint, Error, Heard, Message, Options, Subscriber};
use redis_ipc_tests::server::{Server, Setup};

const PATIENCE: Duration = Duration::from_secs(60);

/// A server that speaks RESP3, and one that knows nothing but RESP2.
fn both() -> [Setup; 2] {
    [
        Server::setup(),
        Server::setup().config("rename-command HELLO \"\""),
    ]
}

fn open(server: &Server) -> Subscriber {
    Subscriber::open(&Endpoint::unix(server.socket()).unwrap()).unwrap()
}

fn publish(server: &Server, channel: &str, payload: &str, listeners: i64) {
    assert_eq!(server.cli(&["PUBLISH", channel, payload]), listeners);
}

/// The next message as texts: pattern, channel, payload.
fn message(subscriber: &mut Subscriber) -> (Option<String>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match subscriber.next(Some(PATIENCE)).unwrap() {
        Some(Heard::Message(m)) => (m.pattern.map(text), text(m.channel), text(m.payload)),
        other => panic!("{other:?}"),
    }
}

fn plain(channel: &str, payload: &str) -> (Option<String>, String, String) {
    (None, channel.to_owned(), payload.to_owned())
}

fn is_silent(subscriber: &mut Subscriber) -> bool {
    let heard = subscriber.next(Some(Duration::from_millis(20))).unwrap();
    heard.is_none()
}

#[test]
fn channels_and_patterns_are_heard_until_they_are_let_go() {
    for setup in both() {
        let server = setup.start();
        let mut subscriber = open(&server);
        subscriber.subscribe("news").unwrap();
        subscriber.psubscribe("sport.*").unwrap();
        publish(&server, "news", "one", 1);
        publish(&server, "sport.ski", "two", 1);
        publish(&server, "other", "none", 0);
        assert_eq!(message(&mut subscriber), plain("news", "one"));
        let sport = (Some("sport.*".into()), "sport.ski".into(), "two".into());
        assert_eq!(message(&mut subscriber), sport);
        assert!(is_silent(&mut subscriber));

        subscriber.unsubscribe("news").unwrap();
        subscriber.unsubscribe("never subscribed to").unwrap();
        publish(&server, "news", "gone", 0);
        subscriber.punsubscribe("sport.*").unwrap();
        publish(&server, "sport.ski", "gone", 0);
        subscriber.subscribe("news").unwrap();
        publish(&server, "news", "again", 1);
        assert_eq!(message(&mut subscriber), plain("news", "again"));
    }
}

#[test]
fn a_message_comes_once_for_each_subscription_that_matches() {
    let server = Server::start();
    let mut subscriber = open(&server);
    subscriber.subscribe("news").unwrap();
    subscriber.psubscribe("n*").unwrap();
    subscriber.subscribe("news").unwrap();
    publish(&server, "news", "x", 2);
    assert_eq!(message(&mut subscriber), plain("news", "x"));
    assert_eq!(message(&mut subscriber).0.as_deref(), Some("n*"));
    assert!(is_silent(&mut subscriber));
}

#[test]
fn messages_of_any_bytes_arrive_and_those_too_long_are_told() {
    for setup in both() {
        let server = setup.start();
        let endpoint = Endpoint::unix(server.socket()).unwrap();
        let options = Options::default().message_limit(8 * 1024);
        let mut subscriber = Subscriber::open_with(&endpoint, options).unwrap();
        let channel: Vec<u8> = (0..=255).collect();
        subscriber.subscribe(&channel).unwrap();
        let mut client = server.client();
        let every: Vec<u8> = (0..=255).rev().collect();
        for payload in [&every[..], &[b'x'; 9000], b""] {
            client.command(&[&b"PUBLISH"[..], &channel, payload]);
        }
        let (channel, payload) = (&channel[..], &every[..]);
        let whole = Message {
            channel,
            pattern: None,
            payload,
        };
        assert_eq!(
            subscriber.next(Some(PATIENCE)).unwrap(),
            Some(Heard::Message(whole))
        );
        let dropped = subscriber.next(Some(PATIENCE)).unwrap();
        assert!(
            matches!(dropped, Some(Heard::Dropped(s)) if s.needed > 9000 && s.capacity == 8192)
        );
        let empty = Message {
            payload: b"",
            ..whole
        };
        assert_eq!(
            subscriber.next(Some(PATIENCE)).unwrap(),
            Some(Heard::Message(empty))
        );
    }
}

#[test]
fn a_time_out_is_an_outcome_and_loses_nothing() {
    let server = Server::start();
    let mut subscriber = open(&server);
    subscriber.subscribe("news").unwrap();
    let begin = Instant::now();
    assert_eq!(
        subscriber.next(Some(Duration::from_millis(30))).unwrap(),
        None
    );
    assert!(begin.elapsed() >= Duration::from_millis(30));
    assert_eq!(subscriber.next(Some(Duration::ZERO)).unwrap(), None);
    publish(&server, "news", "one", 1);
    assert_eq!(message(&mut subscriber), plain("news", "one"));
}

#[test]
fn messages_that_come_while_subscribing_are_kept() {
    let server = Server::start();
    let mut subscriber = open(&server);
    subscriber.subscribe("news").unwrap();
    for number in 0..10 {
        publish(&server, "news", &number.to_string(), 1);
    }
    subscriber.subscribe("more").unwrap();
    publish(&server, "more", "10", 1);
    for number in 0..10 {
        assert_eq!(message(&mut subscriber), plain("news", &number.to_string()));
    }
    assert_eq!(message(&mut subscriber), plain("more", "10"));
}

#[test]
fn a_restarted_server_is_listened_to_again_and_the_gap_is_told() {
    for setup in both() {
        let mut server = setup.start();
        let mut subscriber = open(&server);
        subscriber.subscribe("news").unwrap();
        subscriber.psubscribe("s*").unwrap();
        publish(&server, "news", "unread", 1);
        // When this is answered, what was published before is on its way.
        server.cli(&["PING"]);
        server.kill();
        assert_eq!(message(&mut subscriber), plain("news", "unread"));
        let error = subscriber
            .next(Some(Duration::from_millis(50)))
            .unwrap_err();
        assert!(error.is_disconnection(), "{error}");
        server.restart();
        match subscriber.next(Some(PATIENCE)).unwrap() {
            Some(Heard::Gap { lasted }) => assert!(lasted >= Duration::from_millis(50)),
            other => panic!("{other:?}"),
        }
        publish(&server, "news", "one", 1);
        publish(&server, "sport", "two", 1);
        assert_eq!(message(&mut subscriber), plain("news", "one"));
        assert_eq!(message(&mut subscriber).1, "sport");
        assert!(is_silent(&mut subscriber));
    }
}

#[test]
fn a_server_that_comes_back_within_the_time_out_is_only_a_gap() {
    let mut server = Server::start();
    let mut subscriber = open(&server);
    subscriber.subscribe("news").unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let gap = subscriber.next(Some(PATIENCE)).unwrap();
            matches!(gap, Some(Heard::Gap { .. }))
        });
        server.kill();
        server.restart();
        assert!(waiting.join().unwrap());
    });
}

#[test]
fn attempts_to_find_a_server_are_paced() {
    let mut server = Server::start();
    let mut subscriber = open(&server);
    server.stop();
    let begin = Instant::now();
    let mut failures = 0;
    while begin.elapsed() < Duration::from_millis(300) {
        failures += i32::from(subscriber.next(Some(Duration::from_millis(50))).is_err());
    }
    assert!(failures <= 12, "{failures}");
}

#[test]
fn a_subscriber_may_be_made_before_its_server_is_there() {
    let mut server = Server::start();
    let endpoint = Endpoint::unix(server.socket()).unwrap();
    server.stop();
    let mut subscriber = Subscriber::lazy(&endpoint, Options::default());
    let error = subscriber.subscribe("news").unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
    assert!(!subscriber.is_connected());
    server.restart();
    assert!(matches!(
        subscriber.next(Some(PATIENCE)),
        Ok(Some(Heard::Gap { .. }))
    ));
    publish(&server, "news", "one", 1);
    assert_eq!(message(&mut subscriber), plain("news", "one"));
}

#[test]
fn a_dead_connection_is_noticed_by_subscribing_and_told_afterwards() {
    for setup in both() {
        let server = setup.start();
        let mut subscriber = open(&server);
        subscriber.subscribe("news").unwrap();
        server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        subscriber.subscribe("more").unwrap();
        publish(&server, "news", "one", 1);
        assert!(matches!(
            subscriber.next(Some(PATIENCE)),
            Ok(Some(Heard::Gap { .. }))
        ));
        assert_eq!(message(&mut subscriber), plain("news", "one"));
    }
}

#[test]
fn a_slow_subscriber_hears_what_was_sent_and_is_told_of_the_gap() {
    let server = Server::setup()
        .config("client-output-buffer-limit pubsub 256kb 0 0")
        .start();
    let mut subscriber = open(&server);
    subscriber.subscribe("news").unwrap();
    let mut client = server.client();
    let payload = "x".repeat(10_000);
    while client.command(&["PUBLISH", "news", &payload]) == 1 {}
    let mut heard = 0;
    loop {
        match subscriber.next(Some(PATIENCE)).unwrap() {
            Some(Heard::Message(message)) => heard += message.payload.len(),
            Some(Heard::Gap { .. }) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(heard >= 100_000, "{heard}");
    publish(&server, "news", "one", 1);
    assert_eq!(message(&mut subscriber), plain("news", "one"));
}

#[test]
fn a_forbidden_channel_is_refused_and_the_others_go_on() {
    for hello in ["+hello", "-hello"] {
        let server = Server::setup()
            .config(&format!("user default on nopass ~* &news +@all {hello}"))
            .start();
        let mut subscriber = open(&server);
        subscriber.subscribe("news").unwrap();
        match subscriber.subscribe("secret").unwrap_err() {
            Error::Server(error) => assert_eq!(error.code(), "NOPERM"),
            other => panic!("{other}"),
        }
        publish(&server, "news", "one", 1);
        assert_eq!(message(&mut subscriber), plain("news", "one"));
    }
}
