//! A server that is there and does not do what it is asked.

use std::time::{Duration, Instant};

use redis_ipc::{
    BusEvent, Component, Connection, Delivery, Endpoint, Error, Limitation, Options, Outcome,
    State, Turn,
};
use redis_ipc_tests::bus::{Caller, PATIENCE, endpoint, join, until_blocked};
use redis_ipc_tests::puppet::Puppet;
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

use super::{SHORT, bus_error, bus_event, echo_one, open, refusal, until};

/// What a call that goes wrong at once ends in.
#[track_caller]
fn call_at_once(desk: &mut Component) -> Error {
    let begin = Instant::now();
    let error = bus_error(desk.call::<_, Value>("echo", &json!({"n": 1}), PATIENCE));
    assert!(
        begin.elapsed() < PATIENCE / 2,
        "the caller waits for nothing"
    );
    error
}

#[test]
fn full_memory_is_told_at_once_and_a_full_queue_is_served_all_the_same() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    let mut echo = join(&server, "echo");
    echo.serve_main().unwrap();
    let mut caller = Caller::new(&server);
    for _ in 0..3 {
        caller.ask("queues.commands.echo", "\"n\":1");
    }
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = call_at_once(&mut desk);
    assert_eq!(refusal(&error), ("OOM", Outcome::Rejected, true));
    assert!(error.to_string().contains("its memory limit is reached"));
    assert_eq!(server.cli(&["LLEN", "queues.commands.echo"]), 3);

    for _ in 0..3 {
        echo_one(&mut echo);
    }
    // The last result is refused behind the back of the one who sent it.
    until("it is noticed", || {
        let soon = Some(Duration::from_millis(20));
        assert!(echo.next(soon).unwrap().is_none(), "nothing else comes");
        echo.counters().results_dropped == 3
    });
    assert_eq!(server.cli(&["LLEN", "queues.commands.echo"]), 0);

    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    caller.ask("queues.commands.echo", "\"n\":2");
    echo_one(&mut echo);
    assert_eq!(caller.result_value()["n"], 2);
}

#[test]
fn leftovers_of_a_component_that_died_are_served_by_a_full_server_too() {
    let server = Server::start();
    let command = json!({
        "results_queue": "queues.results.desk.main", "command_id": "1",
    });
    server.cli(&["RPUSH", "queues.at-work.main.printer", &command.to_string()]);
    let mut printer = join(&server, "printer");
    printer.set_delivery(Delivery::AtLeastOnce { tries: 3 });
    printer.serve_main().unwrap();
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    match printer.next(Some(PATIENCE)).unwrap() {
        Some(Turn::Command(command)) => assert_eq!(command.command_id(), "1"),
        other => panic!("{other:?}"),
    };
}

/// A server that cannot save to its disk and therefore takes no writes.
fn without_disk() -> Server {
    let folder = redis_ipc_tests::folder::Folder::new();
    let data = folder.path().display().to_string();
    let server = Server::setup()
        .config(&format!("dir \"{data}\""))
        .config("save 3600 1000000")
        .start();
    drop(folder);
    let _ = server.cli(&["BGSAVE"]);
    until("the server notices that its disk is gone", || {
        server.cli(&["PING"]).is_error()
    });
    server
}

#[test]
fn a_server_whose_disk_is_gone_is_alive_and_not_writable_and_nobody_asks_it_all_the_time() {
    let server = without_disk();
    let mut connection = open(&server);
    let error = connection.rpush("list", "item").unwrap_err();
    assert_eq!(refusal(&error), ("MISCONF", Outcome::Rejected, true));
    assert!(
        error.to_string().contains("cannot write to its disk"),
        "{error}"
    );

    server.cli(&["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]);
    let mut desk = join(&server, "desk");
    let mut echo = join(&server, "echo");
    echo.serve_main().unwrap();
    assert!(echo.next(Some(Duration::ZERO)).unwrap().is_none());
    let mut caller = Caller::new(&server);
    caller.ask("queues.commands.echo", "\"n\":1");
    server.cli(&["CONFIG", "SET", "stop-writes-on-bgsave-error", "yes"]);
    let error = call_at_once(&mut desk);
    assert_eq!(refusal(&error), ("MISCONF", Outcome::Rejected, true));

    // The first command is in hand already; its answer and the next pop are refused.
    echo_one(&mut echo);
    let event = bus_event(&mut echo);
    assert!(
        matches!(&event, BusEvent::Refused { why } if why.contains("MISCONF")),
        "{event:?}"
    );
    let before = refused_requests(&server);
    let begin = Instant::now();
    until("it is tried again", || {
        let soon = Some(2 * SHORT);
        assert!(echo.next(soon).unwrap().is_none(), "it is told once");
        match echo.state() {
            State::Refused { why, attempts, .. } => {
                assert!(why.contains("cannot write to its disk"), "{why}");
                *attempts >= 3
            }
            other => panic!("{other:?}"),
        }
    });
    // Seven while the waits double, then one in 37.5 ms at most.
    let most = 8 + begin.elapsed().as_millis() * 2 / 75;
    let spent = refused_requests(&server) - before;
    assert!((2..=most).contains(&spent), "{spent} of {most}");

    server.cli(&["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]);
    assert!(matches!(bus_event(&mut echo), BusEvent::Reconnected { .. }));
    assert_eq!(echo.state(), &State::Connected);
    caller.ask("queues.commands.echo", "\"n\":2");
    echo_one(&mut echo);
    assert_eq!(caller.result_value()["n"], 2);
}

/// How many requests the server has answered with MISCONF.
fn refused_requests(server: &Server) -> u128 {
    let info = server.cli(&["INFO", "errorstats"]).text();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("errorstat_MISCONF:count="));
    line.map_or(0, |count| count.trim().parse().unwrap())
}

#[test]
fn a_server_that_loads_is_waited_for_within_the_limit_of_connecting() {
    const LOADING: &[u8] = b"-LOADING Redis is loading the dataset in memory\r\n";
    let mut left = 3;
    let puppet = Puppet::start(move |words| {
        let loads = words[0] == "HELLO" && left > 0;
        left -= u32::from(loads);
        loads.then(|| LOADING.to_vec())
    });
    let place = Endpoint::unix(puppet.socket()).unwrap();
    Connection::open(&place).unwrap();

    let puppet = Puppet::start(|_| Some(LOADING.to_vec()));
    let place = Endpoint::unix(puppet.socket()).unwrap();
    let options = Options::default().connect_limit(SHORT);
    let begin = Instant::now();
    let error = Connection::open_with(&place, options).unwrap_err();
    assert!(begin.elapsed() >= SHORT && begin.elapsed() < PATIENCE / 2);
    assert_eq!(refusal(&error), ("LOADING", Outcome::Rejected, true));
    assert!(puppet.requests().len() < 15, "{:?}", puppet.requests());
}

#[test]
fn a_component_waits_for_a_server_that_takes_long_to_load() {
    let mut server = Server::setup()
        .persistent()
        .config("enable-debug-command yes")
        .config("key-load-delay 500")
        .config("loading-process-events-interval-bytes 1024")
        .start();
    let mut echo = join(&server, "echo");
    echo.serve_main().unwrap();
    assert!(echo.next(Some(Duration::ZERO)).unwrap().is_none());
    server.cli(&["DEBUG", "POPULATE", "1000"]);
    let mut caller = Caller::new(&server);
    caller.ask("queues.commands.other", "\"n\":1");
    assert!(!server.cli(&["BGREWRITEAOF"]).is_error());
    until("the file is written", || {
        let info = server.cli(&["INFO", "persistence"]).text();
        info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0")
    });
    server.kill();
    let served = std::thread::scope(|scope| {
        let echo = scope.spawn(|| echo_one(&mut echo));
        server.restart();
        let mut caller = Caller::new(&server);
        caller.ask("queues.commands.echo", "\"n\":1");
        assert_eq!(caller.result_value()["n"], 1);
        echo.join().unwrap()
    });
    assert!(served.contains(&BusEvent::ServerRestarted), "{served:?}");
    assert_eq!(server.cli(&["LLEN", "queues.commands.other"]), 1);
}

#[test]
fn a_server_that_became_a_replica_refuses_and_is_served_when_it_is_a_master_again() {
    let server = Server::start();
    let mut connection = open(&server);
    let mut desk = join(&server, "desk");
    let mut echo = join(&server, "echo");
    echo.serve_main().unwrap();
    assert!(echo.next(Some(Duration::ZERO)).unwrap().is_none());
    // Its master is nowhere.
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    let error = connection.rpush("list", "item").unwrap_err();
    assert_eq!(refusal(&error), ("READONLY", Outcome::Rejected, true));
    let error = call_at_once(&mut desk);
    assert_eq!(refusal(&error), ("READONLY", Outcome::Rejected, true));
    // The pop was ended by the server and its connection closed; the next one is refused.
    until(
        "it is told",
        || matches!(bus_event(&mut echo), BusEvent::Refused { why } if why.contains("replica")),
    );
    assert!(
        matches!(echo.state(), State::Refused { .. }),
        "{:?}",
        echo.state()
    );

    server.cli(&["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    let error = connection.get("key").unwrap_err();
    assert_eq!(refusal(&error), ("MASTERDOWN", Outcome::Rejected, true));

    server.cli(&["REPLICAOF", "NO", "ONE"]);
    let mut caller = Caller::new(&server);
    caller.ask("queues.commands.echo", "\"n\":1");
    echo_one(&mut echo);
    assert_eq!(caller.result_value()["n"], 1);
    connection.rpush("list", "item").unwrap();
}

#[test]
fn a_caller_whose_server_becomes_a_replica_cannot_know_what_became_of_its_command() {
    let server = Server::start();
    let mut desk = join(&server, "desk");
    std::thread::scope(|scope| {
        let called = scope.spawn(|| desk.call::<_, Value>("echo", &json!({}), PATIENCE));
        until_blocked(&server, 1);
        server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
        let error = bus_error(called.join().unwrap());
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    });
    assert_eq!(server.cli(&["LLEN", "queues.commands.echo"]), 1);
}

#[test]
fn what_the_access_list_forbids_is_permanent_and_plainly_worded() {
    let server = Server::setup()
        .config("requirepass secret")
        .config("user desk on >pass ~* &* +@all -rpush")
        .config("user deaf on >pass ~* &* +@all -blpop")
        .start();
    let place = endpoint(&server);
    let cases = [
        (place.clone(), "NOAUTH", "it wants a password"),
        (
            place.clone().with_password(None, "wrong"),
            "WRONGPASS",
            "the password in the address is wrong",
        ),
        (
            place.clone().with_password(Some("nobody"), "pass"),
            "WRONGPASS",
            "the user or the password",
        ),
    ];
    for (place, code, words) in cases {
        let begin = Instant::now();
        // It would be tried again for as long.
        let options = Options::default().connect_limit(PATIENCE);
        let error = Connection::open_with(&place, options.clone()).unwrap_err();
        assert_eq!(refusal(&error), (code, Outcome::Rejected, false), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        let error = Component::connect_to(&place, "desk", "main", options).unwrap_err();
        assert_eq!(refusal(&error).0, code);
        assert!(begin.elapsed() < PATIENCE / 2, "it is not tried again");
    }
    let place = place.with_password(Some("desk"), "pass");
    let mut desk = Component::connect_to(&place, "desk", "main", Options::default()).unwrap();
    let error = call_at_once(&mut desk);
    assert_eq!(refusal(&error), ("NOPERM", Outcome::Rejected, false));
    assert!(
        error
            .to_string()
            .contains("its access list forbids this to our user")
    );
}

#[test]
fn rights_that_are_taken_away_while_a_component_serves_end_its_loop() {
    let server = Server::setup()
        .config("user echo on >pass ~* &* +@all")
        .start();
    let place = endpoint(&server).with_password(Some("echo"), "pass");
    let serving = || {
        let mut echo = Component::connect_to(&place, "echo", "main", Options::default()).unwrap();
        echo.serve_main().unwrap();
        assert!(echo.next(Some(Duration::ZERO)).unwrap().is_none());
        echo
    };
    let mut echo = serving();
    server.cli(&["ACL", "SETUSER", "echo", "-blpop"]);
    let mut caller = Caller::new(&server);
    caller.ask("queues.commands.echo", "\"n\":1");
    let mut handled = 0;
    let error = loop {
        match echo.next(Some(PATIENCE)) {
            Ok(Some(Turn::Command(command))) => {
                handled += 1;
                command.answer(&json!({"n": 1})).unwrap();
            }
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(refusal(&error), ("NOPERM", Outcome::Rejected, false));
    assert!(handled <= 1);

    server.cli(&["ACL", "SETUSER", "echo", "+blpop"]);
    let mut echo = serving();
    // The server closes the connections of a user that it deletes.
    server.cli(&["ACL", "DELUSER", "echo"]);
    let error = loop {
        match echo.next(Some(PATIENCE)) {
            Ok(Some(Turn::Bus(BusEvent::Disconnected { .. }))) => {}
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(refusal(&error).0, "WRONGPASS");
}

#[test]
fn without_config_a_component_works_and_says_what_it_lost() {
    let renamed = Server::setup().config("rename-command CONFIG \"\"").start();
    let forbidden = Server::setup()
        .config("user default on nopass ~* &* +@all -config")
        .start();
    for server in [renamed, forbidden] {
        let mut echo = join(&server, "echo");
        let lost = echo.limitations();
        assert!(
            matches!(lost, [Limitation::Notifications { .. }]),
            "{lost:?}"
        );
        assert!(lost[0].to_string().contains("notify-keyspace-events"));
        echo.serve_main().unwrap();
        let mut caller = Caller::new(&server);
        caller.ask("queues.commands.echo", "\"n\":1");
        echo_one(&mut echo);
        assert_eq!(caller.result_value()["n"], 1);
    }
}

#[test]
fn a_server_with_too_many_clients_is_quoted_and_one_place_is_enough_to_go_on() {
    let server = Server::start();
    let mut control = server.client();
    let mut echo = join(&server, "echo");
    echo.serve_main().unwrap();
    assert!(echo.next(Some(Duration::ZERO)).unwrap().is_none());
    // One for control, two of the component.
    assert_eq!(control.command(&["CONFIG", "SET", "maxclients", "3"]), "OK");
    for tcp_like in [false, true] {
        let options = Options::default().name(if tcp_like { "a" } else { "b" });
        let error = Connection::open_with(&endpoint(&server), options).unwrap_err();
        assert_eq!(refusal(&error), ("ERR", Outcome::Rejected, true));
        assert!(
            error.to_string().contains("max number of clients"),
            "{error}"
        );
    }
    // Somebody takes its place.
    control.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let strangers: Vec<_> = (0..2).map(|_| stranger(&server)).collect();
    until("it is refused", || {
        let _ = echo.next(Some(SHORT)).unwrap();
        match echo.state() {
            State::Refused { why, .. } => {
                assert!(why.contains("max number of clients"), "{why}");
                true
            }
            _ => false,
        }
    });
    drop(strangers);
    until("it is back", || {
        let _ = echo.next(Some(Duration::from_millis(20))).unwrap();
        echo.state() == &State::Connected
    });
}

/// A client that the server lets in.
fn stranger(server: &Server) -> redis_ipc_tests::client::Client {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut client = server.client();
        if client.try_send(&["PING"]).is_ok() && client.try_receive().is_ok_and(|r| r == "PONG") {
            return client;
        }
        assert!(Instant::now() < deadline, "there is no place");
    }
}
