//! Input that no well-meaning peer sends: refused or counted, and the loop goes on.

use std::time::{Duration, Instant};

use redis_ipc::bus::{Ended, Worker};
use redis_ipc::{CallError, Error, Options, Outcome, Stop, Taken, rpc};
use redis_ipc_tests::server::Server;
use serde_json::Value;

use super::workers::{PATIENCE, Running, calculator, client, endpoint};

#[test]
fn messages_that_are_none_are_dropped_and_counted() {
    let server = Server::start();
    let worker = Running::new(&server, "calc-1", calculator);
    let long = format!(r#"{{"x":"ping","c":"{}"}}"#, "c".repeat(200));
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let messages: [&[u8]; 9] = [
        b"",
        b"nonsense",
        b"[1, 2]",
        br#"{"x": "ping"}"#,
        br#"{"x": "ping", "c": 7}"#,
        br#"{"x": "ping", "c": ""}"#,
        br#"{"x": "ping", "c": "a\nb"}"#,
        b"{\"x\": \"ping\", \"c\": \"\xff\"}",
        long.as_bytes(),
    ];
    for message in messages {
        server.cli(&[b"RPUSH", b"direct:calc-1".as_slice(), message]);
        server.cli(&[b"PUBLISH", b"rpc:worker:local".as_slice(), message]);
    }
    let deep = format!(r#"{{"x":"ping","c":"deep","d":{deep}}}"#);
    server.cli(&["RPUSH", "direct:calc-1", &deep]);
    let counters = worker.stop();
    assert_eq!(counters.messages_dropped, 2 * messages.len() as u64 + 1);
    let log = client(&server).logs("calc", "calc-1").unwrap();
    assert!(
        log.iter()
            .any(|e| e.message.contains("member c is missing"))
    );
    assert_eq!(server.cli(&["KEYS", "reply:*"]).items().len(), 0);
}

#[test]
fn a_message_without_a_command_is_refused_to_whoever_waits() {
    let server = Server::start();
    let worker = Running::new(&server, "calc-1", calculator);
    for message in [r#"{"c": "waits"}"#, r#"{"c": "waits", "x": 3}"#] {
        server.cli(&["RPUSH", "direct:calc-1", message]);
        let reply = server.cli(&["BLPOP", "reply:waits", "50"]);
        let reply: Value = serde_json::from_str(&reply.items()[1].text()).unwrap();
        assert_eq!(reply["d"]["success"], false);
        let text = reply["d"]["msg"].as_str().unwrap();
        assert!(text.starts_with("member x"), "{text}");
    }
    worker.stop();
}

#[test]
fn unknown_members_and_any_type_of_data_are_taken() {
    let server = Server::start();
    let worker = Running::new(&server, "calc-1", calculator);
    for data in [
        "null",
        "0",
        "-1.5e3",
        "\"\\ud83d\\ude00\"",
        "[[]]",
        "{\"d\": {}}",
    ] {
        let message = format!(r#"{{"q": [1], "c": "any", "d": {data}, "x": "ping", "i": null}}"#);
        server.cli(&["RPUSH", "direct:calc-1", &message]);
        let reply = server.cli(&["BLPOP", "reply:any", "50"]).items()[1].text();
        assert!(reply.contains(&format!("\"d\": {data}, ")), "{reply}");
    }
    worker.stop();
}

#[test]
fn no_correlation_makes_a_worker_write_into_another_key() {
    let server = Server::start();
    let worker = Running::new(&server, "calc-1", calculator);
    server.cli(&["HSET", "settings.db", "a", "1"]);
    let message = r#"{"x": "ping", "d": 1, "c": "../settings.db"}"#;
    server.cli(&["RPUSH", "direct:calc-1", message]);
    let reply = server.cli(&["BLPOP", "reply:../settings.db", "50"]);
    assert_eq!(reply.items().len(), 2);
    // A key that holds something else refuses the reply, and that is all.
    server.cli(&["SET", "reply:taken", "x"]);
    server.cli(&["RPUSH", "direct:calc-1", r#"{"x": "ping", "c": "taken"}"#]);
    let counters = worker.stop();
    assert_eq!(counters.replies_lost, 1);
    assert_eq!(server.cli(&["GET", "reply:taken"]), "x");
}

#[test]
fn a_stream_that_never_ends_is_bounded_by_time_and_by_count() {
    let server = Server::start();
    let worker = Running::new(&server, "endless", |id| {
        Worker::new("local", "calc")
            .with_id(id)
            .on_stream("count", |(): (), request| {
                for number in 0u64.. {
                    if request.desk().stop_requested() {
                        break;
                    }
                    request.send(&number)?;
                    if number > 20_000 {
                        request.desk().stop();
                    }
                }
                Ok(())
            })
    });
    let mut client = client(&server);
    let begun = Instant::now();
    let within = Duration::from_millis(100);
    let mut replies = client.ask("worker:endless", "count", &(), within).unwrap();
    assert!(replies.by_ref().count() > 0);
    assert_eq!(replies.ended(), Some(Ended::TimedOut));
    assert!(begun.elapsed() < PATIENCE);
    drop(replies);
    drop(worker);
}

#[test]
fn replies_that_are_none_are_dropped_and_counted() {
    let server = Server::start();
    let mut client = client(&server);
    let mut replies = client
        .ask("worker:nobody", "ping", &1, Duration::from_secs(2))
        .unwrap();
    let (key, correlation) = (
        format!("reply:{}", replies.correlation()),
        replies.correlation().to_owned(),
    );
    let good = format!(r#"{{"c": "{correlation}", "d": 5, "z": "no number"}}"#);
    for reply in [
        "nonsense",
        r#"{"d": 5}"#,
        r#"{"c": "another", "d": 5}"#,
        &good,
    ] {
        server.cli(&["RPUSH", &key, reply]);
    }
    let reply = replies.next().unwrap().unwrap();
    assert_eq!((reply.data.as_str(), reply.worker.as_str()), ("5", ""));
    assert!(replies.next().is_none());
    assert_eq!(client.malformed_replies(), 3);
}

#[test]
fn a_reply_that_is_marked_as_anothers_is_no_reply_to_a_call() {
    let server = Server::start();
    let mut client = client(&server);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let message = server.cli(&["BLPOP", "direct:fake", "10"]).items()[1].text();
            let message: Value = serde_json::from_str(&message).unwrap();
            let key = format!("reply:{}", message["c"].as_str().unwrap());
            server.cli(&[
                "RPUSH",
                &key,
                r#"{"c": "c:000000000000", "d": 5, "i": "fake"}"#,
            ]);
        });
        let refused = client.call::<_, Value>("worker:fake", "ping", &1, PATIENCE);
        assert!(
            matches!(refused, Err(CallError::Bus(Error::Unexpected(_)))),
            "{refused:?}"
        );
    });
}

#[test]
fn no_message_is_so_long_that_its_log_entry_ends_the_worker() {
    let server = Server::start();
    let worker = Running::new(&server, "calc-1", calculator);
    let mut ours = client(&server);
    for name in ["y".repeat(1_040_000), "\\u0000".repeat(170_000)] {
        let message = format!(r#"{{"x": "{name}", "c": "long"}}"#);
        server.cli(&["RPUSH", "direct:calc-1", &message]);
        let reply = server.cli(&["BLPOP", "reply:long", "10"]);
        assert!(reply.items()[1].text().contains("\"success\": false"));
        let _: Value = ours.call("worker:calc-1", "ping", &(), PATIENCE).unwrap();
    }
    let log = ours.logs("calc", "calc-1").unwrap();
    let longest = log.iter().map(|entry| entry.message.len()).max();
    assert!(longest.is_some_and(|bytes| bytes < 5000), "{longest:?}");
    worker.stop();
}

/// Nothing was executed if the wait alone is refused: so the message must not stay.
#[test]
fn a_message_whose_reply_may_not_be_waited_for_is_taken_back() {
    let server = Server::start();
    let mut client = client(&server);
    server.cli(&["ACL", "SETUSER", "default", "-blpop"]);
    for to in ["worker:nobody", "group:local/none"] {
        let refused = client.call::<_, Value>(to, "ping", &1, PATIENCE);
        assert!(
            matches!(refused, Err(CallError::Bus(Error::Server(_)))),
            "{refused:?}"
        );
        let mut replies = client.ask(to, "ping", &1, PATIENCE).unwrap();
        let refused = replies.next().unwrap();
        assert!(matches!(refused, Err(Error::Server(_))), "{refused:?}");
        assert_eq!(replies.ended(), Some(Ended::Broken));
        assert_eq!(replies.taken(), Taken::No);
    }
    assert_eq!(server.cli(&["DBSIZE"]), 0);
}

#[test]
fn a_wait_that_is_stopped_ends_at_once() {
    let server = Server::start();
    let stop = Stop::new();
    let mut client = client(&server).until(stop.clone());
    stop.request();
    match client.call::<_, Value>("worker:nobody", "ping", &1, PATIENCE * 60) {
        Err(CallError::TimedOut { taken, .. }) => assert_eq!(taken, Taken::No),
        other => panic!("{other:?}"),
    }
    let mut replies = client
        .ask("worker:nobody", "ping", &1, PATIENCE * 60)
        .unwrap();
    assert!(replies.next().is_none());
    assert_eq!(replies.ended(), Some(Ended::Stopped));
    assert_eq!(replies.taken(), Taken::No);
    assert_eq!(server.cli(&["DBSIZE"]), 0);
}

/// The limits of connections, five seconds each, are not added to what a caller asks for.
#[test]
fn a_server_that_stands_still_holds_nobody_much_longer_than_was_asked_for() {
    let server = Server::start();
    let mut ours = client(&server);
    let short = Duration::from_millis(100);
    let calc = rpc::Client::connect_to(&endpoint(&server), "calc", Options::default());
    let mut calc = calc.unwrap().timeout(short);
    server.pause();
    let begun = Instant::now();
    let timed_out = |error: Error| {
        assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
        assert_eq!(error.outcome(), Outcome::Unknown);
    };
    match ours.call::<_, Value>("worker:nobody", "ping", &1, short) {
        Err(CallError::Bus(error)) => timed_out(error),
        other => panic!("{other:?}"),
    }
    // Now there is no connection either.
    assert!(ours.ask("worker:nobody", "ping", &1, short).is_err());
    assert!(
        ours.call::<_, Value>("worker:nobody", "ping", &1, short)
            .is_err()
    );
    match calc.call::<_, _, Value>("x", (), ()) {
        Err(CallError::Bus(error)) => timed_out(error),
        other => panic!("{other:?}"),
    }
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    server.resume();
}

#[test]
fn what_is_no_address_or_no_json_is_refused() {
    let server = Server::start();
    let mut client = client(&server);
    for to in [
        "calc",
        "worker:a\nb",
        "component:printer",
        "rpc:calc",
        "group:local",
    ] {
        let refused = client.call::<_, Value>(to, "ping", &1, PATIENCE);
        assert!(
            matches!(
                refused,
                Err(CallError::Bus(Error::Value(_) | Error::Usage(_)))
            ),
            "{to:?}"
        );
    }
    assert!(client.call_text("worker:a", "ping", "{", PATIENCE).is_err());
    assert_eq!(server.cli(&["DBSIZE"]), 0);
}
