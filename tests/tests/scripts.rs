//! Scripts on a real server.

use std::time::Duration;

use redis_ipc::{Connection, Endpoint, Error, Outcome, Reply, Script};
use redis_ipc_tests::server::Server;

fn open(server: &Server) -> Connection {
    Connection::open(&Endpoint::unix(server.socket()).unwrap()).unwrap()
}

#[test]
fn a_script_goes_over_the_line_once() {
    let server = Server::start();
    let mut connection = open(&server);
    let add = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    for sum in [5, 10, 15] {
        let reply = add.run(&mut connection, &["n"], &["5"]).unwrap();
        assert_eq!(reply, Reply::Integer(sum));
    }
    let stats = server.cli(&["INFO", "commandstats"]).text().to_owned();
    assert!(stats.contains("cmdstat_evalsha:calls=3"), "{stats}");
    assert!(stats.contains("cmdstat_script|load:calls=1"), "{stats}");
    assert!(!stats.contains("cmdstat_eval:"), "{stats}");
}

#[test]
fn a_server_that_has_forgotten_a_script_is_told_it_once_more() {
    let server = Server::start();
    let mut connection = open(&server);
    let script = Script::from("return ARGV[1]".to_owned());
    let none: [&str; 0] = [];
    for text in ["before", "after", "later"] {
        let reply = script.run(&mut connection, &none, &[text]).unwrap();
        assert_eq!(reply.bytes(), Some(text.as_bytes()));
        if text == "before" {
            server.cli(&["SCRIPT", "FLUSH"]);
        }
    }
    let stats = server.cli(&["INFO", "commandstats"]).text().to_owned();
    assert!(stats.contains("cmdstat_eval:calls=1,"), "{stats}");
}

#[test]
fn a_script_is_shared_by_threads_and_servers() {
    static ADD: Script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    let servers = [Server::start(), Server::start()];
    std::thread::scope(|scope| {
        for server in &servers {
            scope.spawn(|| {
                let mut connection = open(server);
                for _ in 0..20 {
                    ADD.run(&mut connection, &["shared"], &["1"]).unwrap();
                }
            });
        }
    });
    for server in &servers {
        assert_eq!(server.cli(&["GET", "shared"]), "20");
    }
}

#[test]
fn an_error_of_a_script_leaves_its_effects_and_says_so() {
    let server = Server::start();
    let mut connection = open(&server);
    let source = "redis.call('RPUSH', KEYS[1], 'a') return redis.call('GET', KEYS[1])";
    let script = Script::new(source);
    let none: [&str; 0] = [];
    let by_name = ["EVAL", source, "1", "list"];
    let errors = [
        script.run(&mut connection, &["list"], &none).unwrap_err(),
        connection.command(&by_name).unwrap_err(),
        connection
            .blocking_command(&by_name, Duration::from_secs(1))
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert!(matches!(error, Error::Server(e) if e.code() == "WRONGTYPE"));
    }
    assert_eq!(connection.llen("list").unwrap(), 3);
}

#[test]
fn an_error_in_a_scripts_own_words_leaves_its_effects_too() {
    let server = Server::start();
    let mut connection = open(&server);
    let none: [&str; 0] = [];
    for words in ["ERR no", "MINE no", "BUSY somebody has the lock", "OOM no"] {
        let script = Script::from(format!(
            "redis.call('RPUSH', KEYS[1], 'a') return redis.error_reply('{words}')"
        ));
        let error = script.run(&mut connection, &["list"], &none).unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(connection.llen("list").unwrap(), 4);
    // What the server itself says before it runs one.
    server.cli(&["ACL", "SETUSER", "default", "-eval", "-evalsha"]);
    let script = Script::new("return redis.call('RPUSH', KEYS[1], 'a')");
    let error = script.run(&mut connection, &["list"], &none).unwrap_err();
    assert_eq!(error.outcome(), Outcome::Rejected, "{error}");
    assert_eq!(connection.llen("list").unwrap(), 4);
}

#[test]
fn a_script_that_does_not_compile_is_rejected() {
    let server = Server::start();
    let none: [&str; 0] = [];
    let error = Script::new("this is no Lua")
        .run(&mut open(&server), &none, &none)
        .unwrap_err();
    assert_eq!(error.outcome(), Outcome::Rejected);
    assert!(error.to_string().contains("compiling"), "{error}");
}

#[test]
fn where_loading_is_forbidden_scripts_still_run() {
    let server = Server::setup()
        .config("user default on nopass ~* &* +@all -script")
        .start();
    let script = Script::new("return 7");
    let none: [&str; 0] = [];
    let mut connection = open(&server);
    for _ in 0..2 {
        let reply = script.run(&mut connection, &none, &none).unwrap();
        assert_eq!(reply, Reply::Integer(7));
    }
}

#[test]
fn a_script_that_runs_too_long_ends_at_its_limit() {
    let server = Server::setup().config("lua-time-limit 10").start();
    let mut connection = open(&server);
    let endless = Script::new("while true do end");
    let none: [&str; 0] = [];
    let limit = Duration::from_millis(100);
    let error = endless
        .run_within(limit, &mut connection, &none, &none)
        .unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }));
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(server.cli(&["SCRIPT", "KILL"]), "OK");
    connection.ping().unwrap();
}
