//! The server itself, scripts, and channels from the side of those who speak.

use std::time::{Duration, SystemTime};

use redis_ipc::commands::Role;
use redis_ipc::{Connection, Endpoint, Error, Options, Outcome, Subscriber};
use redis_ipc_tests::bus::{PATIENCE, endpoint};
use redis_ipc_tests::server::Server;

use super::{code, in_both_protocols, text, texts};

#[test]
fn the_server_tells_of_itself() {
    in_both_protocols(|server| {
        server.ping().unwrap();
        assert_eq!(server.echo(b"\xff").unwrap(), b"\xff");
        let minute = Duration::from_secs(60);
        let now = server.time().unwrap();
        assert!(now + minute > SystemTime::now() && now < SystemTime::now() + minute);
        let info = server.info("server").unwrap();
        assert!(info.contains_key("run_id"), "{info:?}");
        assert!(
            server
                .info("everything")
                .unwrap()
                .contains_key("used_memory")
        );
        assert_eq!(server.role().unwrap(), Role::Master { replicas: vec![] });
        let id = server.client_id().unwrap();
        assert_eq!(server.client_name().unwrap(), None);
        let list = server.client_list().unwrap();
        assert!(list.contains(&format!("id={id} ")), "{list}");
    });
}

#[test]
fn settings_of_the_server_are_read_and_changed() {
    in_both_protocols(|server| {
        server.config_set("maxmemory", "10mb").unwrap();
        let limit = server.config("maxmemory").unwrap();
        assert_eq!(limit.as_deref(), Some("10485760"));
        assert_eq!(server.config("no-such-thing").unwrap(), None);
        server.config_rewrite().unwrap();
        server.config_resetstat().unwrap();
    });
}

#[test]
fn data_is_written_to_disk_and_removed() {
    in_both_protocols(|server| {
        server.set("k", "v").unwrap();
        let before = server.lastsave().unwrap();
        server.save().unwrap();
        assert!(server.lastsave().unwrap() >= before);
        server.bgsave().unwrap();
        // One at a time; the second waits for the first to end.
        server.bgrewriteaof().unwrap();
        server.swapdb(0, 1).unwrap();
        assert_eq!(server.dbsize().unwrap(), 0);
        server.swapdb(0, 1).unwrap();
        server.flushdb().unwrap();
        assert_eq!(server.dbsize().unwrap(), 0);
        server.flushall().unwrap();
    });
}

#[test]
fn a_replica_names_its_master_and_a_master_its_replicas() {
    let master = Server::setup()
        .tcp()
        .config("repl-diskless-sync-delay 0")
        .start();
    let replica = Server::setup().tcp().start();
    let mut server = Connection::open(&endpoint(&replica)).unwrap();
    let mut first = Connection::open(&endpoint(&master)).unwrap();
    server
        .replicaof(Some(("127.0.0.1", master.port())))
        .unwrap();
    first.set("k", "v").unwrap();
    assert_eq!(first.wait_for_replicas(1, Some(PATIENCE)).unwrap(), 1);
    let Role::Replica { host, port, .. } = server.role().unwrap() else {
        panic!("a replica says that it is something else");
    };
    assert_eq!((host.as_str(), port), ("127.0.0.1", master.port()));
    let Role::Master { replicas } = first.role().unwrap() else {
        panic!("a master says that it is something else");
    };
    assert_eq!(replicas, [("127.0.0.1".to_owned(), replica.port())]);
    server.replicaof(None).unwrap();
    assert!(matches!(server.role().unwrap(), Role::Master { .. }));
    let soon = Some(Duration::from_millis(10));
    assert_eq!(server.wait_for_replicas(3, soon).unwrap(), 0);
}

#[test]
fn a_connection_is_ended_by_its_number() {
    let server = Server::start();
    let mut one = Connection::open(&endpoint(&server)).unwrap();
    let mut other = Connection::open(&endpoint(&server)).unwrap();
    let id = other.client_id().unwrap();
    assert!(one.client_kill(id).unwrap() && !one.client_kill(id).unwrap());
    // It shows before a byte goes out, or a read is asked again.
    assert_ne!(other.client_id().unwrap(), id);
}

#[test]
fn scripts_and_functions_return_what_they_are_read_as() {
    in_both_protocols(|server| {
        let none: [&str; 0] = [];
        let sum: i64 = server
            .eval("return ARGV[1] + KEYS[1]", &["40"], &["2"])
            .unwrap();
        assert_eq!(sum, 42);
        let words: Vec<String> = server.eval("return {'a', 'b'}", &none, &none).unwrap();
        assert_eq!(words, ["a", "b"]);
        let odd = server.eval::<i64>("return {1}", &none, &none).unwrap_err();
        assert!(matches!(odd, Error::Protocol { .. }), "{odd:?}");
        let partial = "redis.call('SET', 'k', '1') return redis.call('LPUSH', 'k', 'x')";
        let error = server.eval::<()>(partial, &none, &none).unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert_eq!(server.get("k").unwrap(), Some(text("1")));
        let digest = server.script_load("return 7").unwrap();
        let absent = "0".repeat(40);
        let known = server.script_exists(&[digest.as_str(), &absent]).unwrap();
        assert_eq!(known, [true, false]);
        server.script_flush().unwrap();
        assert_eq!(server.script_exists(&[&digest]).unwrap(), [false]);
        assert_eq!(code(&server.script_kill().unwrap_err()), "NOTBUSY");
    });
}

#[test]
fn functions_are_loaded_called_and_removed() {
    in_both_protocols(|server| {
        let library = "#!lua name=math\n\
             redis.register_function('twice', function(keys, args) return 2 * args[1] end)";
        match server.function_load(library, false) {
            Ok(name) => assert_eq!(name, "math"),
            // Redis 6.2 and its likes have none.
            Err(error) => return assert_eq!(code(&error), "ERR"),
        }
        server.function_load(library, false).unwrap_err();
        server.function_load(library, true).unwrap();
        let none: [&str; 0] = [];
        assert_eq!(server.fcall::<i64>("twice", &none, &["21"]).unwrap(), 42);
        server.function_delete("math").unwrap();
        server.function_delete("math").unwrap_err();
    });
}

#[test]
fn channels_know_who_listens() {
    let server = Server::start();
    let place: Endpoint = endpoint(&server);
    let mut subscriber = Subscriber::open_with(&place, Options::default()).unwrap();
    subscriber.subscribe("news").unwrap();
    subscriber.psubscribe("ne*").unwrap();
    let mut connection = Connection::open(&place).unwrap();
    assert_eq!(connection.publish("news", "x").unwrap(), 2);
    assert_eq!(connection.publish("other", "x").unwrap(), 0);
    let channels = connection.pubsub_channels("*").unwrap();
    assert_eq!(channels, texts(&["news"]));
    let listeners = connection.pubsub_numsub(&["news", "other"]).unwrap();
    assert_eq!(listeners, [(text("news"), 1), (text("other"), 0)]);
    assert_eq!(connection.pubsub_numpat().unwrap(), 1);
}
