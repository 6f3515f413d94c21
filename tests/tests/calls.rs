//! How a call can end, and that it ends in no other way.

use redis_ipc::{CallError, Component, Endpoint, Error, Options, Outcome, Service, Taken};
use redis_ipc_core::identity::Identity;
use redis_ipc_core::name;
use redis_ipc_tests::bus::{
    Caller, PATIENCE, Serving, answer_by_hand, endpoint, join, parse, until_blocked,
};
use redis_ipc_tests::puppet::{Puppet, bulks};
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Long enough to see that it is over, whatever the machine.
const SHORT: Duration = Duration::from_millis(20);

#[track_caller]
fn timed_out<T: std::fmt::Debug>(outcome: Result<T, CallError>) -> Taken {
    match outcome {
        Err(CallError::TimedOut { taken, .. }) => taken,
        other => panic!("{other:?}"),
    }
}

#[test]
fn stale_results_are_dropped_and_do_not_restart_the_time_out() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    let mut monitor = server.monitor();
    let mut peer = server.client();
    let peer = std::thread::spawn(move || {
        let pop = |text: &str| text.starts_with("BLPOP queues.results.desk.main ");
        assert_eq!(monitor.until(pop), "BLPOP queues.results.desk.main 20");
        let begin = Instant::now();
        let mut stale = 0;
        for message in [
            r#"{"command_id":"desk-main-1-0"}"#,
            r#"{"command_id":"desk:13975:1795229042.769826","late":true}"#,
            r#"{"no":"id"}"#,
            r#"{"command_id":1}"#,
            "not JSON",
            "",
        ]
        .iter()
        .cycle()
        {
            peer.command(&["RPUSH", "queues.results.desk.main", message]);
            stale += 1;
            let wait = monitor.until(pop);
            let passed = begin.elapsed();
            if passed < Duration::from_millis(50) {
                continue;
            }
            // Of the wait that was asked for when all this time had passed before.
            peer.command(&["RPUSH", "queues.results.desk.main", message]);
            let wait = (monitor.until(pop), wait).0;
            let seconds: f64 = wait.rsplit(' ').next().unwrap().parse().unwrap();
            assert!(seconds <= 20.0 - passed.as_secs_f64() + 0.001, "{wait}");
            stale += 1;
            break;
        }
        answer_by_hand(
            &mut peer,
            "queues.commands.c",
            r#"{"a":1,"command_id":"ID"}"#,
        );
        stale
    });
    let answer: Value = desk.call("c", &json!({}), Duration::from_secs(20)).unwrap();
    assert_eq!(answer, json!({"a": 1}));
    assert_eq!(desk.counters().stale_results, peer.join().unwrap());
}

#[test]
fn a_command_that_nobody_took_is_taken_back_whatever_stands_around_it() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    let mut caller = Caller::new(&server);
    caller.ask("queues.commands.c", "");
    for timeout in [Duration::ZERO, Duration::from_nanos(1), SHORT] {
        let outcome = desk.call::<_, Value>("c", &json!({"a": 1}), timeout);
        assert_eq!(timed_out(outcome), Taken::No, "{timeout:?}");
        assert_eq!(server.cli(&["LLEN", "queues.commands.c"]), 1);
    }
    // The same connection goes on.
    let id = desk.connection().server().client_id();
    let mut peer = server.client();
    answer_by_hand(&mut peer, "queues.commands.c", "{}");
    let peer = std::thread::spawn(move || {
        answer_by_hand(&mut peer, "queues.commands.c", r#"{"command_id":"ID"}"#)
    });
    let _: Value = desk.call("c", &json!({}), PATIENCE).unwrap();
    peer.join().unwrap();
    assert_eq!(desk.connection().server().client_id(), id);
}

#[test]
fn an_error_says_whether_the_command_was_taken_and_what_may_have_happened() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    let error = desk.call::<_, Value>("c", &json!({}), SHORT).unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::NotSent));
    assert!(error.to_string().contains("nobody took the command for c"));

    let mut taker = server.client();
    taker.send(&["BLPOP", "queues.commands.c", "0"]);
    until_blocked(&server, 1);
    let error = desk.call::<_, Value>("c", &json!({}), SHORT).unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::Unknown));
    assert!(error.to_string().contains("c took the command"), "{error}");
    assert_eq!(timed_out::<()>(Err(error)), Taken::Yes);

    // Its late answer is not taken for that of the next call.
    let command: Value = parse(&taker.receive().items()[1].text());
    let late = json!({"late": true, "command_id": command["command_id"]}).to_string();
    taker.command(&["RPUSH", "queues.results.desk.main", &late]);
    let peer = std::thread::spawn(move || {
        let answer = r#"{"late":false,"command_id":"ID"}"#;
        answer_by_hand(&mut taker, "queues.commands.c", answer)
    });
    let answer: Value = desk.call("c", &json!({}), PATIENCE).unwrap();
    assert_eq!(answer, json!({"late": false}));
    assert_eq!(desk.counters().stale_results, 1);
    peer.join().unwrap();
}

#[test]
fn the_longest_of_time_outs_waits_like_any_other() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    let mut peer = server.client();
    let peer = std::thread::spawn(move || {
        for _ in 0..3 {
            answer_by_hand(&mut peer, "queues.commands.c", r#"{"command_id":"ID"}"#);
        }
    });
    for timeout in [
        Duration::MAX,
        Duration::from_secs(u64::MAX / 1000),
        Duration::from_secs(400_000 * 3600),
    ] {
        let _: Value = desk.call("c", &json!({}), timeout).unwrap();
    }
    peer.join().unwrap();
}

/// A server on which every call times out at once, and which then answers LREM and LPOP like this.
/// `ID` in it stands for the command's id.
fn taking_back(removed: &'static [u8], result: Option<&'static str>) -> Puppet {
    let mut id = String::new();
    Puppet::start(move |words| match words[0].as_str() {
        "RPUSH" => {
            let command: Value = parse(&words[2]);
            id = command["command_id"].as_str().unwrap().to_owned();
            None
        }
        "LREM" => Some(removed.to_vec()),
        "LPOP" => {
            let result = result?.replace("ID", &id);
            Some(format!("${}\r\n{result}\r\n", result.len()).into_bytes())
        }
        _ => None,
    })
}

#[test]
fn an_answer_that_comes_while_the_command_is_taken_back_is_an_answer() {
    let answer = Some(r#"{"a":1,"command_id":"ID"}"#);
    let puppet = taking_back(b":0\r\n", answer);
    let endpoint = Endpoint::unix(puppet.socket()).unwrap();
    let join = || Component::connect_to(&endpoint, "desk", "main", Options::default()).unwrap();
    let answer: Value = join().call("c", &json!({}), Duration::ZERO).unwrap();
    assert_eq!(answer, json!({"a": 1}));
}

#[test]
fn what_is_found_while_the_command_is_taken_back_decides_whether_it_was_taken() {
    let stale = Some(r#"{"command_id":"ID0"}"#);
    for (removed, result, taken) in [
        (&b":1\r\n"[..], None, Taken::No),
        (b":1\r\n", stale, Taken::No),
        (b":0\r\n", None, Taken::Yes),
        (b":0\r\n", stale, Taken::Yes),
    ] {
        let puppet = taking_back(removed, result);
        let endpoint = Endpoint::unix(puppet.socket()).unwrap();
        let mut desk =
            Component::connect_to(&endpoint, "desk", "main", Options::default()).unwrap();
        let outcome = desk.call::<_, Value>("c", &json!({}), Duration::ZERO);
        assert_eq!(timed_out(outcome), taken);
        // This server never runs out of stale results; who looks behind them gives up.
        let stale_results = desk.counters().stale_results;
        assert_eq!(stale_results > 0, result.is_some(), "{stale_results}");
    }
}

#[test]
fn a_full_queue_is_an_error_of_its_own_and_the_command_is_taken_back() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    desk.set_queue_limit(2);
    let mut caller = Caller::new(&server);
    caller.ask("queues.commands.c", "\"n\":1");
    let outcome = desk.call::<_, Value>("c", &json!({}), SHORT);
    assert_eq!(timed_out(outcome), Taken::No, "two may wait");
    caller.ask("queues.commands.c", "\"n\":2");
    let begin = Instant::now();
    match desk.call::<_, Value>("c", &json!({}), PATIENCE) {
        Err(error @ CallError::Overloaded { waiting: 3, .. }) => {
            assert_eq!(error.outcome(), Some(Outcome::NotSent));
            assert!(error.to_string().contains("3 commands wait for c"));
        }
        other => panic!("{other:?}"),
    }
    assert!(begin.elapsed() < PATIENCE, "it is told at once");
    let left = server
        .cli(&["LRANGE", "queues.commands.c", "0", "-1"])
        .texts();
    assert!(left[0].contains("\"n\":1") && left[1].contains("\"n\":2"));
    assert_eq!(left.len(), 2);

    server.cli(&["DEL", "queues.commands.c"]);
    let outcome = desk.call::<_, Value>("c", &json!({}), SHORT);
    assert_eq!(timed_out(outcome), Taken::No, "it goes on");
}

#[test]
fn a_command_taken_from_a_full_queue_in_the_last_moment_is_a_call_like_any_other() {
    let mut id = String::new();
    let puppet = Puppet::start(move |words| match words[0].as_str() {
        "RPUSH" => {
            let command: Value = parse(&words[2]);
            id = command["command_id"].as_str().unwrap().to_owned();
            Some(b":9\r\n".to_vec())
        }
        // The pop for the result is answered on a connection that is given up by then.
        "BLPOP" => Some(Vec::new()),
        "LREM" => Some(b":0\r\n".to_vec()),
        "LPOP" => {
            let result = format!(r#"{{"a":1,"command_id":"{id}"}}"#);
            Some(format!("${}\r\n{result}\r\n", result.len()).into_bytes())
        }
        _ => None,
    });
    let endpoint = Endpoint::unix(puppet.socket()).unwrap();
    let mut desk = Component::connect_to(&endpoint, "desk", "main", Options::default()).unwrap();
    desk.set_queue_limit(8);
    let answer: Value = desk.call("c", &json!({}), PATIENCE).unwrap();
    assert_eq!(answer, json!({"a": 1}));
}

#[test]
fn an_error_member_is_an_error_in_its_one_form_and_data_in_all_others() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    let mut peer = server.client();
    let answers = [
        r#"{"error":{"code":"c\u00f6de","message":"no \"paper\""},"more":1,"command_id":"ID"}"#,
        r#"{"error":"text","command_id":"ID"}"#,
        r#"{"error":{"code":1,"message":"m"},"command_id":"ID"}"#,
        r#"{"error":{"code":"c"},"command_id":"ID"}"#,
        r#"{"error":null,"command_id":"ID"}"#,
    ];
    let peer = std::thread::spawn(move || {
        for answer in answers {
            answer_by_hand(&mut peer, "queues.commands.c", answer);
        }
    });
    match desk.call::<_, Value>("c", &json!({}), PATIENCE) {
        Err(CallError::Failed(failure)) => {
            assert_eq!(failure.code(), "cöde");
            assert_eq!(failure.message(), "no \"paper\"");
        }
        other => panic!("{other:?}"),
    }
    for answer in &answers[1..] {
        let data: Value = desk.call("c", &json!({}), PATIENCE).unwrap();
        assert_eq!(data["error"], parse::<Value>(answer)["error"]);
    }
    peer.join().unwrap();
}

#[test]
fn a_queue_that_is_no_list_is_a_refusal_in_the_servers_words_and_the_caller_goes_on() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    server.cli(&["SET", "queues.commands.c", "text"]);
    match desk.call::<_, Value>("c", &json!({}), PATIENCE) {
        Err(CallError::Bus(Error::Server(error))) => {
            assert_eq!(error.code(), "WRONGTYPE");
            assert_eq!(error.outcome(), Outcome::Rejected);
        }
        other => panic!("{other:?}"),
    }
    server.cli(&["DEL", "queues.commands.c"]);

    server.cli(&["SET", "queues.results.desk.main", "text"]);
    match desk.call::<_, Value>("c", &json!({}), PATIENCE) {
        Err(CallError::Bus(Error::Server(error))) => assert_eq!(error.code(), "WRONGTYPE"),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.cli(&["LLEN", "queues.commands.c"]), 0, "taken back");
    server.cli(&["DEL", "queues.results.desk.main"]);
    let outcome = desk.call::<_, Value>("c", &json!({}), SHORT);
    assert_eq!(timed_out(outcome), Taken::No);
}

#[test]
fn a_command_that_may_not_be_taken_back_is_not_said_to_be_taken() {
    let server = Server::setup()
        .config("user desk on nopass ~* &* +@all -lrem")
        .start();
    let endpoint = endpoint(&server).with_password(Some("desk"), "any");
    let mut desk = Component::connect_to(&endpoint, "desk", "main", Options::default()).unwrap();
    match desk.call::<_, Value>("c", &json!({}), SHORT) {
        Err(error @ CallError::Bus(_)) => {
            assert_eq!(error.outcome(), Some(Outcome::Unknown));
            assert!(error.to_string().contains("NOPERM"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn threads_and_components_that_call_at_once_get_their_own_answers() {
    let server = Server::start();
    let echo = join(&server, "echo");
    let _serving = Serving::start(&server, echo, || {
        Service::new().on_command(|value: Value, _| Ok(value))
    });
    std::thread::scope(|scope| {
        for (component, thread) in [("a", "1"), ("a", "2"), ("a-1", "2"), ("b", "1")] {
            let server = &server;
            scope.spawn(move || {
                let options = Options::default();
                let endpoint = endpoint(server);
                let mut component =
                    Component::connect_to(&endpoint, component, thread, options).unwrap();
                for number in 0..100 {
                    let sent = json!({"by": [component.name(), thread], "number": number});
                    let back: Value = component.call("echo", &sent, PATIENCE).unwrap();
                    assert_eq!(back, sent);
                }
                assert_eq!(component.counters().stale_results, 0);
            });
        }
    });
}

#[test]
fn no_two_of_many_ids_are_alike() {
    let identity = |thread, tid| {
        let component = name::Component::parse("desk").unwrap();
        Identity::new(component, name::Thread::parse(thread).unwrap(), tid, 7).unwrap()
    };
    let mut ids = HashSet::new();
    for (thread, tid, count) in [("main", 1, 100_000), ("main", 2, 1000), ("main-1", 1, 1000)] {
        let mut identity = identity(thread, tid);
        for _ in 0..count {
            assert!(ids.insert(identity.next_id().as_str().to_owned()));
        }
    }
}

#[test]
fn ids_of_calls_within_a_microsecond_and_of_a_component_made_anew_differ() {
    let server = Server::start();
    let mut ids = HashSet::new();
    for _ in 0..3 {
        let mut desk = join(&server, "desk");
        let mut monitor = server.monitor();
        for _ in 0..4 {
            let outcome = desk.call::<_, Value>("c", &json!({}), Duration::ZERO);
            assert_eq!(timed_out(outcome), Taken::No);
        }
        for arrival in monitor.arrivals() {
            if arrival.words[0] == b"RPUSH" {
                let command: Value = parse(std::str::from_utf8(&arrival.words[2]).unwrap());
                assert!(ids.insert(command["command_id"].as_str().unwrap().to_owned()));
            }
        }
    }
    assert_eq!(ids.len(), 12);
}

#[test]
fn a_component_clears_its_own_results_queue_at_its_start_and_no_other() {
    let server = Server::start();
    server.cli(&["RPUSH", "queues.results.desk.main", "{}"]);
    server.cli(&["RPUSH", "queues.results.desk.ui", "{}"]);
    let _desk = join(&server, "desk");
    assert_eq!(server.cli(&["EXISTS", "queues.results.desk.main"]), 0);
    assert_eq!(server.cli(&["LLEN", "queues.results.desk.ui"]), 1);
}

#[test]
fn a_reply_of_another_type_is_named_and_the_connection_is_given_up() {
    let puppet = Puppet::start(|words| match words[0].as_str() {
        "RPUSH" => Some(b"+QUEUED\r\n".to_vec()),
        "PUBLISH" => Some(bulks(&["a", "b"])),
        _ => None,
    });
    let endpoint = Endpoint::unix(puppet.socket()).unwrap();
    let mut desk = Component::connect_to(&endpoint, "desk", "main", Options::default()).unwrap();
    match desk.call::<_, Value>("c", &json!({}), PATIENCE) {
        Err(CallError::Bus(error @ Error::Protocol { .. })) => {
            assert!(error.to_string().contains("QUEUED"), "{error}");
            assert_eq!(error.outcome(), Outcome::Unknown);
        }
        other => panic!("{other:?}"),
    }
    assert!(!desk.connection().is_connected());
    let error = desk.publish(None, &json!({})).unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
}
