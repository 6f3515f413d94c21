//! A server that dies, is not there, comes back, or is another one.

use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use redis_ipc::{BusEvent, Component, Connection, Endpoint, Error, Options, Outcome, State, Turn};
use redis_ipc_tests::bus::{Caller, PATIENCE, endpoint, join, until_blocked};
use redis_ipc_tests::server::{Server, Setup};
use serde_json::{Value, json};

use super::{SHORT, bus_error, bus_event, clients, echo_one, open, until};

fn both() -> [Setup; 2] {
    [Server::setup(), Server::setup().persistent()]
}

#[test]
fn a_server_killed_before_it_read_a_request_leaves_the_outcome_unknown() {
    for tcp in [false, true] {
        let mut server = Server::setup().tcp().start();
        let place = match tcp {
            true => Endpoint::tcp("127.0.0.1", server.port()),
            false => endpoint(&server),
        };
        let mut connection = Connection::open(&place).unwrap();
        let mut desk = Component::connect_to(&place, "desk", "main", Options::default()).unwrap();
        let mut wait = SHORT;
        loop {
            server.pause();
            let (sent, called) = std::thread::scope(|scope| {
                let sent = scope.spawn(|| connection.set("key", "value"));
                let called = scope.spawn(|| desk.call::<_, Value>("c", &json!({}), PATIENCE));
                // By then both are in the kernel and unread: nobody reads them any more.
                std::thread::sleep(wait);
                server.kill();
                (sent.join().unwrap(), called.join().unwrap())
            });
            server.restart();
            connection.set("key", "value").unwrap();
            let errors = [sent.unwrap_err(), bus_error(called)];
            if errors
                .iter()
                .all(|error| error.outcome() == Outcome::Unknown)
            {
                assert!(errors[0].to_string().contains("may have been executed"));
                break;
            }
            // If the machine is slow they had not been sent.
            wait *= 3;
            assert!(wait < PATIENCE, "{errors:?}");
            desk.publish(None, &json!({})).unwrap();
        }
    }
}

#[test]
fn a_server_killed_while_a_reply_is_awaited_leaves_the_outcome_unknown() {
    let mut server = Server::start();
    let mut connection = open(&server);
    let error = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            connection
                .blocking_command(&["BLPOP", "list", "0"], PATIENCE)
                .map(drop)
        });
        until_blocked(&server, 1);
        server.kill();
        waiting.join().unwrap().unwrap_err()
    });
    assert!(matches!(error, Error::Disconnected { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(error.is_temporary());
}

#[test]
fn a_server_that_died_before_a_write_and_is_back_costs_no_request() {
    let mut server = Server::start();
    let mut connection = open(&server);
    let mut desk = join(&server, "desk");
    let mut echo = join(&server, "echo");
    echo.serve_main().unwrap();
    server.kill();
    let error = connection.set("key", "value").unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    server.restart();
    connection.set("key", "value").unwrap();
    std::thread::scope(|scope| {
        let echo = scope.spawn(|| echo_one(&mut echo));
        let answer: Value = desk.call("echo", &json!({"n": 1}), PATIENCE).unwrap();
        assert_eq!(answer, json!({"n": 1}));
        assert!(echo.join().unwrap().contains(&BusEvent::ServerRestarted));
    });
}

/// How often somebody may have tried to connect since then: seven times while the waits double from
/// 1 ms to 50 ms, less a quarter at most, then once in 37.5 ms.
pub(super) fn most_attempts(begin: Instant) -> u32 {
    8 + u32::try_from(begin.elapsed().as_millis()).unwrap() * 2 / 75
}

#[test]
fn a_missing_socket_and_one_that_nobody_listens_on_are_told_apart_and_shown() {
    for stopped_cleanly in [false, true] {
        let mut server = Server::start();
        let mut component = join(&server, "lonely");
        component.serve_main().unwrap();
        match stopped_cleanly {
            true => server.stop(),
            false => server.kill(),
        }
        assert!(matches!(
            bus_event(&mut component),
            BusEvent::Disconnected { .. }
        ));
        let begin = Instant::now();
        until("it tries again", || {
            assert!(component.next(Some(SHORT)).unwrap().is_none());
            matches!(component.state(), State::Disconnected { attempts: 2.., .. })
        });
        let State::Disconnected {
            attempts,
            why,
            since,
        } = component.state()
        else {
            panic!("{:?}", component.state());
        };
        assert!(since.elapsed() >= SHORT);
        assert!(*attempts <= most_attempts(begin), "{attempts}");
        let (told, advice) = match stopped_cleanly {
            true => ("No such file", "start a redis-server there"),
            false => ("refused", "start the redis-server again"),
        };
        assert!(why.contains(told) && why.contains(advice), "{why}");
        assert!(why.contains(&server.path()), "{why}");
        let error = Connection::open(&endpoint(&server)).unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent);
        assert!(error.is_temporary());
    }
}

#[test]
fn attempts_to_connect_are_spaced_also_where_somebody_answers_and_hangs_up() {
    let mut server = Server::start();
    let mut component = join(&server, "lonely");
    component.serve_main().unwrap();
    server.stop();
    let listener = UnixListener::bind(server.socket()).unwrap();
    let count = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            drop(stream);
            seen.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert!(matches!(
        bus_event(&mut component),
        BusEvent::Disconnected { .. }
    ));
    let begin = Instant::now();
    while begin.elapsed() < 2 * SHORT || count.load(Ordering::Relaxed) < 3 {
        assert!(component.next(Some(SHORT)).unwrap().is_none());
    }
    let most = most_attempts(begin);
    let attempts = count.load(Ordering::Relaxed);
    assert!(attempts <= most, "{attempts} of {most}");
}

#[test]
fn what_a_persistent_server_kept_is_served_and_a_forgetful_one_is_told_of() {
    for (kept, setup) in [false, true].into_iter().zip(both()) {
        let mut server = setup.start();
        let mut echo = join(&server, "echo");
        echo.serve_main().unwrap();
        echo.status().unwrap().set("state", "ready").unwrap();
        assert!(echo.next(Some(Duration::ZERO)).unwrap().is_none());
        server.cli(&["HSET", "status.other", "state", "ready"]);
        server.kill();
        server.restart();
        let mut caller = Caller::new(&server);
        if kept {
            assert_eq!(server.cli(&["HGET", "status.other", "state"]), "ready");
            // It waits in the queue over another restart.
            caller.ask("queues.commands.echo", "\"n\":1");
            server.kill();
            server.restart();
            caller = Caller::new(&server);
        } else {
            caller.ask("queues.commands.echo", "\"n\":1");
        }
        let events = echo_one(&mut echo);
        assert!(events.contains(&BusEvent::ServerRestarted), "{events:?}");
        assert_eq!(caller.result_value()["n"], 1);
        assert_eq!(server.cli(&["HGET", "status.echo", "state"]), "ready");
    }
}

#[test]
fn a_restarted_server_that_takes_no_writes_gets_the_status_as_soon_as_it_does() {
    let mut server = Server::setup().config("maxmemory 1").start();
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    let mut echo = join(&server, "echo");
    echo.serve_main().unwrap();
    echo.status().unwrap().set("state", "ready").unwrap();
    server.kill();
    server.restart();
    // Its memory is full from the start: the queue must drain all the same.
    until("it serves again", || {
        let _ = echo.next(Some(SHORT)).unwrap();
        echo.state() == &State::Connected && echo.next(Some(SHORT)).unwrap().is_none()
    });
    assert_eq!(server.cli(&["EXISTS", "status.echo"]), 0);
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    let mut caller = Caller::new(&server);
    caller.ask("queues.commands.echo", "\"n\":1");
    echo_one(&mut echo);
    assert_eq!(caller.result_value()["n"], 1);
    until("the status is there", || {
        let _ = echo.next(Some(Duration::from_millis(20))).unwrap();
        server.cli(&["HGET", "status.echo", "state"]) == "ready"
    });
}

/// Puts another server in the place of `old`'s socket.
fn replace(old: &Server) -> Server {
    let new = Server::start();
    std::fs::remove_file(old.socket()).unwrap();
    std::os::unix::fs::symlink(new.socket(), old.socket()).unwrap();
    new
}

#[test]
fn when_the_socket_is_replaced_both_connections_move_together() {
    for lost in ["work", "line"] {
        let old = Server::start();
        let mut old_client = old.client();
        let mut echo = join(&old, "echo");
        echo.serve_main().unwrap();
        echo.status().unwrap().set("state", "ready").unwrap();
        assert!(echo.next(Some(Duration::ZERO)).unwrap().is_none());
        until_blocked(&old, 1);
        echo.set_tick(Duration::from_millis(5));
        let new = replace(&old);
        let list = old_client.command(&["CLIENT", "LIST"]).text();
        let popping = clients(&list, "echo.main", "cmd");
        let ids = clients(&list, "echo.main", "id");
        let blocked = popping.iter().position(|cmd| *cmd == "blpop").unwrap();
        let victim = match lost {
            "line" => ids[blocked],
            _ => ids[1 - blocked],
        };
        assert_eq!(old_client.command(&["CLIENT", "KILL", "ID", victim]), 1);

        let mut caller = Caller::new(&new);
        let id = caller.ask("queues.commands.echo", "\"n\":1");
        until("it serves the new server", || {
            let ticked = match echo.next(Some(PATIENCE)).unwrap() {
                Some(Turn::Command(command)) => {
                    assert_eq!(command.command_id(), id);
                    command.answer(&json!({})).unwrap();
                    return true;
                }
                Some(Turn::Tick) => true,
                _ => false,
            };
            if ticked {
                // What a component does now and then: it notices a lost connection for work.
                echo.status().unwrap().set("jobs", &1).unwrap();
            }
            false
        });
        until("no connection to the old server is left", || {
            let list = old_client.command(&["CLIENT", "LIST"]).text();
            clients(&list, "echo.main", "id").is_empty()
        });
        assert_eq!(
            new.cli(&["HGET", "status.echo", "state"]),
            "ready",
            "{lost}"
        );
        let list = new.cli(&["CLIENT", "LIST"]).text();
        assert_eq!(clients(&list, "echo.main", "id").len(), 2);
    }
}
