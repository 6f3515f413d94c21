//! Following a master that Sentinels name.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use redis_ipc::{Client, Connection, Endpoint, Error, Heard, Kind, Options, Outcome, Subscriber};
use redis_ipc_tests::sentinel::Sentinels;
use redis_ipc_tests::server::{Server, Setup};

const PATIENCE: Duration = Duration::from_secs(60);

fn replica_of(master: &Server) -> Server {
    Server::setup()
        .tcp()
        .config(&format!("replicaof 127.0.0.1 {}", master.port()))
        .config("repl-diskless-sync-delay 0")
        .start()
}

fn master() -> Server {
    Server::setup()
        .tcp()
        .config("repl-diskless-sync-delay 0")
        .start()
}

fn patient() -> Options {
    Options::default().connect_limit(PATIENCE)
}

/// The port of the server that a connection goes to.
fn port(connection: &mut Connection) -> u16 {
    let port = connection.config("port").unwrap().unwrap();
    port.parse().unwrap()
}

#[test]
fn the_master_is_found_whichever_sentinel_answers() {
    let master = master();
    let mut sentinels = Sentinels::watch(&master, 0, 3);
    let endpoint: Endpoint = sentinels.url().parse().unwrap();
    let mut connection = Connection::open(&endpoint).unwrap();
    assert_eq!(port(&mut connection), master.port());
    sentinels.kill(0);
    let mut connection = Connection::open(&endpoint).unwrap();
    assert_eq!(port(&mut connection), master.port());
    // One that stands still uses up a share of the time, not all of it.
    sentinels.pause(1);
    let begin = Instant::now();
    let mut connection = Connection::open(&endpoint).unwrap();
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(port(&mut connection), master.port());
}

#[test]
fn login_and_database_are_those_of_the_master() {
    let master = Server::setup().tcp().config("requirepass secret").start();
    let sentinels = lone_sentinel(&master);
    let url = format!("redis-sentinel://:secret@{sentinels}/bus?db=3");
    let mut connection = Connection::open(&url.parse().unwrap()).unwrap();
    connection.set("key", "text").unwrap();
    let info = connection.command(&["CLIENT", "INFO"]).unwrap();
    let info = String::from_utf8_lossy(info.bytes().unwrap()).into_owned();
    assert!(info.contains(" db=3 "), "{info}");
}

#[test]
fn sentinels_that_are_gone_or_know_no_such_master_are_an_error_at_once() {
    let master = master();
    let sentinels = Sentinels::watch(&master, 0, 1);
    let begin = Instant::now();
    for url in [
        "redis-sentinel://127.0.0.1:1,127.0.0.1:2/bus".to_owned(),
        format!("redis-sentinel://{}/other", sentinels.nodes()),
    ] {
        let error = Connection::open_with(&url.parse().unwrap(), patient()).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::Connect { .. }), "{text}");
        assert!(
            text.contains(&url) && text.contains("no sentinel"),
            "{text}"
        );
    }
    assert!(begin.elapsed() < PATIENCE / 2);
}

/// Something that answers as a Sentinel does and always names the same server.
fn lone_sentinel(server: &Server) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let port = server.port().to_string();
    let master = format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut seen = Vec::new();
            let mut chunk = [0; 1024];
            while let Ok(count @ 1..) = stream.read(&mut chunk) {
                seen.extend_from_slice(&chunk[..count]);
                let text = String::from_utf8_lossy(&seen).into_owned();
                let answer = match text.as_str() {
                    t if t.contains("HELLO") => "-ERR unknown command 'HELLO'\r\n".to_owned(),
                    t if t.contains("SETNAME") => ":1\r\n+OK\r\n".to_owned(),
                    t if t.contains("GET-MASTER") => master.clone(),
                    _ => continue,
                };
                seen.clear();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    address.to_string()
}

#[test]
fn a_server_that_does_not_call_itself_the_master_is_not_taken() {
    let master = master();
    let replica = replica_of(&master);
    let url = format!("redis-sentinel://{}/bus", lone_sentinel(&replica));
    let options = Options::default().connect_limit(Duration::from_secs(2));
    let error = Connection::open_with(&url.parse().unwrap(), options).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("not the master"), "{text}");
    assert!(text.contains(&replica.port().to_string()), "{text}");
}

#[test]
fn a_killed_master_is_followed_to_its_successor() {
    let mut master = master();
    let replica = replica_of(&master);
    let sentinels = Sentinels::watch(&master, 1, 3);
    let endpoint: Endpoint = sentinels.url().parse().unwrap();
    let mut connection = Connection::open_with(&endpoint, patient()).unwrap();
    let mut subscriber = Subscriber::open_with(&endpoint, patient()).unwrap();
    let client = Client::open_with(&endpoint, patient(), Kind::pool(2)).unwrap();
    subscriber.subscribe("news").unwrap();
    connection.set("before", "x").unwrap();
    let wait = connection.blocking_command(&["WAIT", "1", "20000"], PATIENCE);
    assert_eq!(wait.unwrap().integer(), Some(1));

    master.kill();
    // A read is asked again on a new connection, which waits for the successor; the Sentinels
    // may need more than one vote until they agree on it.
    let deadline = Instant::now() + 6 * PATIENCE;
    let before = loop {
        match connection.get("before") {
            Ok(value) => break value,
            Err(error) => {
                assert!(error.is_temporary(), "{error}");
                assert!(Instant::now() < deadline, "{error}");
            }
        }
    };
    assert_eq!(before.unwrap(), b"x");
    assert_eq!(port(&mut connection), replica.port());
    connection.set("after", "x").unwrap();
    assert_eq!(port(&mut client.lease().unwrap()), replica.port());
    let gap = subscriber.next(Some(PATIENCE)).unwrap();
    assert!(matches!(gap, Some(Heard::Gap { .. })), "{gap:?}");
    assert_eq!(connection.publish("news", "again").unwrap(), 1);
    let heard = subscriber.next(Some(PATIENCE)).unwrap();
    assert!(matches!(heard, Some(Heard::Message(m)) if m.payload == b"again"));
}

#[test]
fn a_master_that_was_made_a_replica_is_left_for_the_new_one() {
    let master = master();
    let replica = replica_of(&master);
    let sentinels = Sentinels::watch(&master, 1, 3);
    let endpoint: Endpoint = sentinels.url().parse().unwrap();
    let mut connection = Connection::open_with(&endpoint, patient()).unwrap();
    connection.set("key", "1").unwrap();
    sentinels.fail_over();
    let deadline = Instant::now() + 6 * PATIENCE;
    // For a while the old master does not know; then its clients are refused or sent away.
    while port(&mut connection) != replica.port() {
        assert!(Instant::now() < deadline);
        if let Err(error) = connection.set("key", "2") {
            assert!(error.is_temporary(), "{error}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    connection.set("key", "3").unwrap();
    assert_eq!(replica.cli(&["GET", "key"]), "3");
}

#[test]
fn a_refusal_of_a_replica_is_a_rejection_and_leads_to_asking_again() {
    let first: Setup = Server::setup().tcp();
    let first = first.start();
    let second = master();
    let sentinel = lone_sentinel(&first);
    let endpoint = format!("redis-sentinel://{sentinel}/bus").parse().unwrap();
    let mut connection = Connection::open(&endpoint).unwrap();
    let id = connection.server().client_id();
    let replicaof = ["REPLICAOF", "127.0.0.1", &second.port().to_string()];
    assert_eq!(first.cli(&replicaof), "OK");
    let error = connection.set("key", "text").unwrap_err();
    assert_eq!(error.outcome(), Outcome::Rejected);
    assert!(error.is_temporary());
    assert_eq!(first.cli(&["REPLICAOF", "NO", "ONE"]), "OK");
    connection.set("key", "text").unwrap();
    assert_ne!(connection.server().client_id(), id);
}
