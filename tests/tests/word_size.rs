//! Numbers that do not fit 32 bits mean the same on a board with 32 bits as they do here.

use redis_ipc::{Connection, Endpoint, Options, Turn};
use redis_ipc_core::dialect::redis_ipc::{Timestamp, finish_command, read_command};
use redis_ipc_core::identity::Identity;
use redis_ipc_core::name::{Component, Thread};
use redis_ipc_core::write::Writer;
use redis_ipc_tests::bus::{Caller, PATIENCE, endpoint, join, until_blocked};
use redis_ipc_tests::puppet::Puppet;
use redis_ipc_tests::server::Server;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// One more than 32 bits hold, and what a wrapped count would be taken for.
const WRAPS_TO_ONE: u64 = (1 << 32) + 1;

#[test]
fn a_thread_number_and_a_time_beyond_32_bits_are_sent_and_read_as_they_are() {
    // 2038, when seconds need 32 bits and no sign, and 2106, when they need 33.
    for seconds in [(1 << 31) - 1, 1 << 31, (1 << 32) - 1, WRAPS_TO_ONE] {
        let tid = WRAPS_TO_ONE;
        let component = Component::parse("desk").unwrap();
        let desk = Identity::new(component, Thread::parse("main").unwrap(), tid, 0).unwrap();
        let microseconds = 7;
        let stamp = desk.stamp(Timestamp {
            seconds,
            microseconds,
        });
        let mut buffer = [0; 512];
        let mut w = Writer::new(&mut buffer);
        w.put(b"{}");
        finish_command(&mut w, 0, "queues.results.desk.main", "1", &stamp).unwrap();
        let length = w.since(0).len();
        let command = read_command(&mut buffer[..length]).unwrap();
        assert_eq!(command.origin.tid, Some(tid));
        let timestamp = format!("{seconds}.000007");
        assert_eq!(command.origin.timestamp, Some(&*timestamp));
    }
}

#[test]
fn the_clock_of_a_command_is_the_systems() {
    let server = Server::start();
    let before = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let mut desk = join(&server, "desk");
    let mut listener = server.client();
    listener.command(&["SUBSCRIBE", "channel.events.desk"]);
    desk.publish(None, &serde_json::json!({})).unwrap();
    let event = listener.receive().items()[2].text();
    let event: serde_json::Value = serde_json::from_str(&event).unwrap();
    let (seconds, microseconds) = event["timestamp"]
        .as_str()
        .unwrap()
        .split_once('.')
        .unwrap();
    let sent = Duration::from_secs(seconds.parse().unwrap())
        + Duration::from_micros(microseconds.parse().unwrap());
    let after = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let before = Duration::from_micros(u64::try_from(before.as_micros()).unwrap());
    assert!((before..=after).contains(&sent), "{sent:?}");
    let tid = event["tid"].as_u64().unwrap();
    assert_eq!(tid, thread_number());
}

/// As the kernel tells it in a text.
fn thread_number() -> u64 {
    let link = std::fs::read_link("/proc/thread-self").unwrap();
    link.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

#[test]
fn numbers_of_the_server_have_64_bits() {
    let server = Server::start();
    let mut connection = Connection::open(&endpoint(&server)).unwrap();
    for number in [i64::MIN, -(1 << 32), 1 << 31, 1 << 32, i64::MAX] {
        let text = number.to_string();
        connection.set("n", &text).unwrap();
        let reply = connection.command(&["INCRBY", "n", "0"]).unwrap();
        assert_eq!(reply.integer(), Some(number));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Numbers {
    signed: i64,
    unsigned: u64,
}

#[test]
fn numbers_in_payloads_have_64_bits() {
    let server = Server::start();
    let extremes = [
        Numbers {
            signed: i64::MIN,
            unsigned: u64::MAX,
        },
        Numbers {
            signed: 1 << 32,
            unsigned: WRAPS_TO_ONE,
        },
    ];
    let mut echo = join(&server, "echo");
    echo.serve_main().unwrap();
    let mut desk = join(&server, "desk");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in extremes {
                let Some(Turn::Command(command)) = echo.next(Some(PATIENCE)).unwrap() else {
                    panic!("no command");
                };
                let numbers: Numbers = command.payload().unwrap();
                command.answer(&numbers).unwrap();
            }
        });
        for numbers in extremes {
            let answer: Numbers = desk.call("echo", &numbers, PATIENCE).unwrap();
            assert_eq!(answer, numbers);
        }
    });
}

#[test]
fn a_length_that_wraps_to_a_short_one_is_not_taken_for_it() {
    for answer in [
        format!("${WRAPS_TO_ONE}\r\nx\r\n"),
        format!("${}\r\nx\r\n", i64::MAX),
        format!("*{WRAPS_TO_ONE}\r\n$1\r\nx\r\n"),
    ] {
        let said = answer.clone();
        let puppet =
            Puppet::start(move |words| (words[0] == "GET").then(|| said.clone().into_bytes()));
        let endpoint = Endpoint::unix(puppet.socket()).unwrap();
        let options = Options::default().reply_limit(Duration::from_millis(200));
        let mut connection = Connection::open_with(&endpoint, options).unwrap();
        // It is refused for what it says, or its rest is waited for: `x` is no answer.
        assert!(connection.get("key").is_err(), "{answer:?}");
    }
}

#[test]
fn waits_that_32_bits_do_not_hold_are_long_ones() {
    let server = Server::start();
    for wait in [
        Duration::from_millis(1 << 32),
        Duration::from_secs(1 << 31),
        Duration::from_secs(WRAPS_TO_ONE),
        Duration::MAX,
    ] {
        let mut printer = join(&server, "printer");
        printer.serve_main().unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| match printer.next(Some(wait)).unwrap() {
                Some(Turn::Command(command)) => command.answer(&serde_json::json!({})),
                other => panic!("{wait:?}: {other:?}"),
            });
            until_blocked(&server, 1);
            Caller::new(&server).ask("queues.commands.printer", "");
            waiting.join().unwrap().unwrap();
        });
        let mut connection = Connection::open(&endpoint(&server)).unwrap();
        connection.command(&["RPUSH", "list", "item"]).unwrap();
        let popped = connection.blocking_command(&["BLPOP", "list", "0"], wait);
        assert_eq!(popped.unwrap().elements().unwrap().count(), 2);
    }
}
