//! A courier carries whole messages, and shares with components what makes them safe to use.

use std::thread;
use std::time::{Duration, Instant};

use redis_ipc::{CallError, Courier, Error, Letter, Options, Taken};
use redis_ipc_tests::bus::{PATIENCE, endpoint};
use redis_ipc_tests::client::Client;
use redis_ipc_tests::server::Server;
use redis_ipc_tests::value::Value;

const QUEUE: &str = "queues.commands.front desk.print now";
const RESULTS: &str = "queues.results.front desk.main";

/// Bytes that no JSON library would write, and that must stay as they are.
const COMMAND: &[u8] =
    b"{ \"file\": \"\\/tmp\", \"odd\": \"\xff\",  \"command_id\": \"desk-1\" , \"tid\": 7 }";

fn open(server: &Server) -> Courier {
    Courier::open(&endpoint(server), Options::default()).unwrap()
}

fn letter(timeout: Duration) -> Letter<'static> {
    Letter {
        queue: QUEUE,
        results: RESULTS,
        id: "desk-1",
        message: COMMAND,
        timeout: Some(timeout),
    }
}

/// Takes the next command by hand and pushes these results.
fn serve(mut client: Client, results: &'static [&'static str]) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let Value::Array(item) = client.command(&["BLPOP", QUEUE, "9"]) else {
            panic!("no command");
        };
        for result in results {
            let _ = client.command(&["RPUSH", RESULTS, result]).integer();
        }
        match &item[1] {
            Value::Bulk(message) => message.clone(),
            other => panic!("{other:?}"),
        }
    })
}

#[test]
fn a_command_and_its_result_are_carried_byte_by_byte() {
    let server = Server::start();
    let whole =
        "{ \"ok\" : true, \"command_id\":\"desk-1\", \"timestamp\": \"7.000001\", \"b\": 1 }";
    let served = serve(
        server.client(),
        &[
            "{\"command_id\":\"desk-0\"}",
            "{\"ok\":false}",
            "no JSON",
            "{ \"ok\" : true, \"command_id\":\"desk-1\", \"timestamp\": \"7.000001\", \"b\": 1 }",
        ],
    );
    let mut courier = open(&server);
    let answer = courier.call(&letter(PATIENCE)).unwrap();
    assert_eq!(answer, whole.as_bytes());
    assert_eq!(served.join().unwrap(), COMMAND);
    assert_eq!(courier.stale_results(), 3);
    assert_eq!(server.cli(&["EXISTS", QUEUE, RESULTS]), 0);
}

#[test]
fn a_command_that_nobody_takes_is_taken_back_when_time_is_up() {
    let server = Server::start();
    let mut courier = open(&server);
    let begin = Instant::now();
    let outcome = courier.call(&letter(Duration::from_millis(300)));
    assert!(
        matches!(
            outcome,
            Err(CallError::TimedOut {
                taken: Taken::No,
                ..
            })
        ),
        "{outcome:?}"
    );
    assert!(begin.elapsed() >= Duration::from_millis(300));
    assert_eq!(server.cli(&["EXISTS", QUEUE]), 0);
}

#[test]
fn a_command_that_was_taken_is_not_said_to_be_unseen() {
    let server = Server::start();
    let served = serve(server.client(), &["{\"command_id\":\"older\"}"]);
    let mut courier = open(&server);
    let outcome = courier.call(&letter(Duration::from_secs(2)));
    assert!(
        matches!(
            outcome,
            Err(CallError::TimedOut {
                taken: Taken::Yes,
                ..
            })
        ),
        "{outcome:?}"
    );
    served.join().unwrap();
    // And the answer to it does not disturb the next call.
    let served = serve(
        server.client(),
        &["{\"command_id\":\"older\"}", "{\"command_id\":\"desk-1\"}"],
    );
    courier.call(&letter(PATIENCE)).unwrap();
    served.join().unwrap();
}

#[test]
fn a_pop_waits_as_long_as_it_is_told_and_leaves_nothing_in_flight() {
    let server = Server::start();
    let mut courier = open(&server);
    let begin = Instant::now();
    let nothing = courier.take(QUEUE, Some(Duration::from_millis(200)));
    assert_eq!(nothing.unwrap(), None);
    assert!(begin.elapsed() >= Duration::from_millis(200));
    // What is pushed now is nobody's yet.
    assert_eq!(server.client().command(&["RPUSH", QUEUE, "x"]), 1);
    assert_eq!(server.cli(&["LLEN", QUEUE]), 1);
    assert_eq!(courier.take(QUEUE, None).unwrap(), Some(&b"x"[..]));
}

#[test]
fn a_pop_goes_on_when_the_server_was_started_anew() {
    let mut server = Server::start();
    let mut courier = open(&server);
    let waiting = thread::spawn(move || {
        let taken = courier.take(QUEUE, Some(PATIENCE)).unwrap();
        taken.map(<[u8]>::to_vec)
    });
    while !server.cli(&["CLIENT", "LIST"]).text().contains("cmd=blpop") {}
    server.restart();
    let mut client = server.client();
    assert_eq!(client.command(&["RPUSH", QUEUE, "after"]), 1);
    assert_eq!(waiting.join().unwrap().as_deref(), Some(&b"after"[..]));
}

#[test]
fn an_answer_goes_to_a_results_queue_only_and_does_not_stay_for_ever() {
    let server = Server::start();
    let mut courier = open(&server);
    let refused = courier.answer("queues.commands.printer", b"{}");
    assert!(matches!(refused, Err(Error::Usage(_))), "{refused:?}");
    courier.answer(RESULTS, b"{\"a\":1}").unwrap();
    courier.answer(RESULTS, b"{\"a\":2}").unwrap();
    assert_eq!(server.cli(&["LLEN", RESULTS]), 2);
    let left = server.cli(&["TTL", RESULTS]).integer();
    assert!((1..=300).contains(&left), "{left}");
}

#[test]
fn hashes_are_written_and_read_in_their_order_with_any_bytes() {
    let server = Server::start();
    let mut courier = open(&server);
    let fields = [(&b"theme"[..], &b"dark mode"[..]), (b"odd", b"\xff\0")];
    courier.write("settings.web", &fields).unwrap();
    courier.set("settings.web", b"theme", b"light").unwrap();
    let read = courier.read("settings.web").unwrap();
    let wanted = [(&b"theme"[..], &b"light"[..]), (b"odd", b"\xff\0")];
    assert_eq!(read, wanted.map(|(n, v)| (n.to_vec(), v.to_vec())));
    let odd = courier.field("settings.web", b"odd").unwrap();
    assert_eq!(odd.as_deref(), Some(&b"\xff\0"[..]));
    assert_eq!(courier.field("settings.web", b"none").unwrap(), None);
    assert!(courier.write::<&[u8]>("settings.web", &[]).is_err());
}

#[test]
fn what_was_asked_of_a_server_is_asked_of_the_one_that_follows_it() {
    let mut server = Server::setup().config("notify-keyspace-events gE").start();
    let flags = |server: &Server| match server.cli(&["CONFIG", "GET", "notify-keyspace-events"]) {
        Value::Array(pair) => pair[1].text(),
        other => panic!("{other:?}"),
    };
    let mut courier = open(&server);
    courier.subscribe("__keyspace*__:settings.web").unwrap();
    courier.notify().unwrap();
    // What was there is still there.
    for flag in ["g", "E", "K", "h"] {
        assert!(flags(&server).contains(flag), "{}", flags(&server));
    }
    server.restart();
    let mut deadline = Some(Instant::now() + PATIENCE);
    while deadline.is_some_and(|end| Instant::now() < end) {
        let heard = courier.hear(Some(Duration::from_millis(20)));
        if matches!(heard, Ok(Some(message)) if message.payload == b"hset") {
            deadline = None;
        } else {
            courier.set("settings.web", b"theme", b"light").unwrap();
        }
    }
    assert_eq!(deadline, None, "no notification from the new server");
}

#[test]
fn a_message_is_heard_with_its_channel_and_once_for_each_glob() {
    let server = Server::start();
    let mut courier = open(&server);
    courier.subscribe("channel.events.a*").unwrap();
    courier.subscribe("channel.events.*").unwrap();
    assert_eq!(courier.publish("channel.events.a b", b"\xff").unwrap(), 2);
    let mut globs = Vec::new();
    for _ in 0..2 {
        let message = courier.hear(Some(PATIENCE)).unwrap().unwrap();
        assert_eq!(message.channel, b"channel.events.a b");
        assert_eq!(message.payload, b"\xff");
        globs.extend(message.pattern.map(<[u8]>::to_vec));
    }
    globs.sort();
    assert_eq!(globs, [&b"channel.events.*"[..], b"channel.events.a*"]);
    courier.unsubscribe("channel.events.a*").unwrap();
    courier.unsubscribe("channel.events.*").unwrap();
    assert_eq!(courier.publish("channel.events.a b", b"x").unwrap(), 0);
}
