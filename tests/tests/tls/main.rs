//! TLS: everything that works in the clear works through it, whom it lets in, and what becomes of
//! a request when the server or the line does not live to its end.

mod faults;
mod refused;

use std::time::{Duration, Instant};

use redis_ipc::{
    Client, Component, Connection, Endpoint, Heard, Kind, Options, Service, Subscriber, Tls,
};
use redis_ipc_tests::bus::{PATIENCE, Serving};
use redis_ipc_tests::sentinel::Sentinels;
use redis_ipc_tests::server::Server;
use redis_ipc_tests::tls::Authority;
use serde_json::{Value, json};

/// A server, its authority, and the way to it.
fn server() -> (Server, Authority, Endpoint) {
    let authority = Authority::new();
    let server = Server::setup().tls(&authority.issue(&["localhost", "127.0.0.1"]));
    let server = server.start();
    let endpoint = trusting(&server, &authority);
    (server, authority, endpoint)
}

fn trusting(server: &Server, authority: &Authority) -> Endpoint {
    let tls = Tls::new().ca(authority.ca());
    Endpoint::tcp("localhost", server.port()).with_tls(tls)
}

#[test]
fn requests_of_every_size_and_pipelines_are_answered() {
    let (_server, _authority, endpoint) = server();
    let options = Options::default().message_limit(4 << 20);
    let mut connection = Connection::open_with(&endpoint, options).unwrap();
    assert_eq!(connection.server().protocol(), 3);
    // Around the size of a record, and beyond what is encrypted at once.
    for size in [0, 1, 16_000, 16_384, 16_385, 65_536, 3 << 20] {
        let value: Vec<u8> = (0..size).map(|n: u32| n.to_le_bytes()[0]).collect();
        connection.set("key", &value).unwrap();
        assert_eq!(connection.get("key").unwrap(), Some(value), "{size}");
    }
    // More than the system holds for a peer that is busy. The replies are short: what redis-server
    // 7.0 makes of long ones is told below.
    let value = "v".repeat(10_000);
    let mut pipeline = connection.pipeline();
    for _ in 0..1000 {
        pipeline.command(&["APPEND", "log", &value]).unwrap();
    }
    let mut replies = pipeline.send().unwrap();
    let mut count = 0;
    while let Some(reply) = replies.next().unwrap() {
        count += 1;
        assert_eq!(reply.integer(), Some(count * 10_000));
    }
    assert_eq!(count, 1000);
}

/// Has the server's buffer for replies to an idle client shrink, as it does in time. From then on
/// redis-server 7.0 errs once the system takes no more of its replies while requests go on coming
/// in: it tries again with less than it had handed to OpenSSL, which that refuses.
fn grow_idle(server: &Server, connection: &mut Connection) {
    connection.ping().unwrap();
    let id = connection.server().client_id().to_string();
    let deadline = Instant::now() + PATIENCE;
    let mut client = server.client();
    while !client
        .command(&["CLIENT", "LIST", "ID", &id])
        .text()
        .contains(" rbs=1024 ")
    {
        assert!(Instant::now() < deadline, "the buffer does not shrink");
        std::thread::yield_now();
    }
}

#[test]
fn pipelines_of_two_megabytes_are_answered_whatever_the_server_was_at_before() {
    let authority = Authority::new();
    let server = Server::setup()
        .tls(&authority.issue(&["localhost"]))
        .config("enable-debug-command yes")
        .start();
    server.cli(&["DEBUG", "REPLYBUFFER", "PEAK-RESET-TIME", "50"]);
    let mut connection = Connection::open(&trusting(&server, &authority)).unwrap();
    let value = "v".repeat(10_000);
    connection.set("value", &value).unwrap();
    for request in [["ECHO", value.as_str()], ["GET", "value"]] {
        grow_idle(&server, &mut connection);
        let mut pipeline = connection.pipeline();
        for _ in 0..200 {
            pipeline.command(&request).unwrap();
        }
        let mut replies = pipeline.send().unwrap();
        let mut count = 0;
        while let Some(reply) = replies.next().unwrap() {
            assert_eq!(reply.bytes(), Some(value.as_bytes()));
            count += 1;
        }
        assert_eq!(count, 200);
    }
}

#[test]
fn a_url_says_all_that_is_needed() {
    let (server, authority, _) = server();
    let (port, ca) = (server.port(), authority.ca());
    let url = format!("rediss://127.0.0.1:{port}/3?ca={}", ca.display());
    let mut connection = Connection::open(&url.parse().unwrap()).unwrap();
    connection.set("key", "text").unwrap();
    let mut raw = server.client();
    raw.command(&["SELECT", "3"]);
    assert_eq!(raw.command(&["GET", "key"]), "text");
}

#[test]
fn components_talk_and_hear_each_other() {
    let (server, _authority, endpoint) = server();
    let join = |name| Component::connect_to(&endpoint, name, "main", Options::default()).unwrap();
    let mut echo = join("echo");
    echo.status().unwrap().set("state", "ready").unwrap();
    let _serving = Serving::start(&server, echo, || {
        Service::new().on_command(|value: Value, _| Ok(value))
    });
    let mut desk = join("desk");
    for n in 0..100 {
        let sent = json!({"n": n, "text": "x".repeat(n * 50)});
        let answer: Value = desk.call("echo", &sent, PATIENCE).unwrap();
        assert_eq!(answer, sent);
    }
    let state: Option<String> = desk.status_of("echo").unwrap().get("state").unwrap();
    assert_eq!(state.as_deref(), Some("ready"));
}

#[test]
fn a_subscriber_hears_more_messages_than_come_in_one_record() {
    let (server, _authority, endpoint) = server();
    let mut subscriber = Subscriber::open(&endpoint).unwrap();
    subscriber.subscribe("news").unwrap();
    let mut raw = server.client();
    for n in 0..200 {
        assert_eq!(raw.command(&["PUBLISH", "news", &n.to_string()]), 1);
    }
    for n in 0..200 {
        match subscriber.next(Some(PATIENCE)).unwrap() {
            Some(Heard::Message(message)) => {
                assert_eq!(message.payload, n.to_string().as_bytes());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_pool_lends_connections_with_tls_to_many_threads() {
    let (server, _authority, endpoint) = server();
    let bus = Client::open_with(&endpoint, Options::default(), Kind::pool(3).lazy()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            let bus = bus.clone();
            scope.spawn(move || {
                for _ in 0..50 {
                    bus.lease().unwrap().incr("n").unwrap();
                }
            });
        }
    });
    assert_eq!(server.cli(&["GET", "n"]), "300");
}

#[test]
fn a_child_process_makes_a_session_of_its_own() {
    let (_server, _authority, endpoint) = server();
    let mut connection = Connection::open(&endpoint).unwrap();
    connection.incr("n").unwrap();
    for n in 0..20 {
        redis_ipc_tests::fork::in_child(|| {
            connection.incr("n").unwrap();
        })
        .join();
        // The parent's session is what it was.
        assert_eq!(connection.incr("n").unwrap(), 2 * n + 3);
    }
}

#[test]
fn a_master_is_followed_through_sentinels_with_tls() {
    let authority = Authority::new();
    let identity = authority.issue(&["localhost", "127.0.0.1"]);
    let setup = || {
        Server::setup()
            .tls(&identity)
            .config("tls-replication yes")
            .config("repl-diskless-sync-delay 0")
    };
    let mut master = setup().start();
    let replica = setup()
        .config(&format!("replicaof 127.0.0.1 {}", master.port()))
        .start();
    let mut lines = identity.configuration();
    lines.push("tls-replication yes".to_owned());
    let sentinels = Sentinels::watch_with(&master, 1, 3, &lines);
    let ca = authority.ca();
    let url = sentinels.url().replace("redis-", "rediss-");
    let endpoint: Endpoint = format!("{url}?ca={}", ca.display()).parse().unwrap();
    let options = Options::default().connect_limit(PATIENCE);
    let mut connection = Connection::open_with(&endpoint, options).unwrap();
    connection.set("key", "text").unwrap();
    assert_eq!(server_port(&mut connection), master.port());
    let replicated = connection.blocking_command(&["WAIT", "1", "20000"], PATIENCE);
    assert_eq!(replicated.unwrap().integer(), Some(1));
    master.kill();
    sentinels.wait_for_another(master.port());
    connection.set("key", "again").unwrap();
    assert_eq!(server_port(&mut connection), replica.port());
}

fn server_port(connection: &mut Connection) -> u16 {
    let port = connection.config("tls-port").unwrap().unwrap();
    port.parse().unwrap()
}

#[test]
fn deadlines_hold_while_nothing_comes() {
    let (_server, _authority, endpoint) = server();
    let mut subscriber = Subscriber::open(&endpoint).unwrap();
    subscriber.subscribe("news").unwrap();
    let limit = Duration::from_millis(50);
    let begin = std::time::Instant::now();
    assert!(subscriber.next(Some(limit)).unwrap().is_none());
    assert!(begin.elapsed() >= limit);
}
