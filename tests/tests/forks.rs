//! Connections of a process that forks.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis_ipc::{
    CallError, Client, Component, Connection, Endpoint, Error, Heard, Kind, Options, Subscriber,
    Transaction, bus, rpc,
};
use redis_ipc_tests::fork::in_child;
use redis_ipc_tests::server::Server;

fn endpoint(server: &Server) -> Endpoint {
    Endpoint::unix(server.socket()).unwrap()
}

fn open(server: &Server) -> Connection {
    Connection::open(&endpoint(server)).unwrap()
}

/// Echoes texts that no other process echoes; a wrong answer panics.
fn echo(connection: &mut Connection, who: &str, times: usize) {
    for number in 0..times {
        let text = format!("{who} {number}");
        let reply = connection.command(&["ECHO", &text]).unwrap();
        assert_eq!(reply.bytes(), Some(text.as_bytes()));
    }
}

#[test]
fn ten_thousand_requests_of_parents_and_children_all_get_their_own_answers() {
    let server = Server::start();
    let mut connection = open(&server);
    for round in 0..50 {
        let children: Vec<_> = (0..3)
            .map(|child| in_child(|| echo(&mut connection, &format!("{round}.{child}"), 50)))
            .collect();
        echo(&mut connection, &format!("parent {round}"), 50);
        children.into_iter().for_each(|child| child.join());
    }
    // The parent's connection has never been disturbed.
    assert_eq!(connection.server().client_id(), client_id(&mut connection));
}

fn client_id(connection: &mut Connection) -> i64 {
    let id = connection.command(&["CLIENT", "ID"]).unwrap();
    id.integer().unwrap()
}

#[test]
fn a_child_of_a_child_has_a_connection_of_its_own_too() {
    let server = Server::start();
    let mut connection = open(&server);
    let first = client_id(&mut connection);
    in_child(|| {
        let second = client_id(&mut connection);
        assert_ne!(second, first);
        in_child(|| {
            let third = client_id(&mut connection);
            assert!(third != first && third != second);
        })
        .join();
        assert_eq!(client_id(&mut connection), second);
    })
    .join();
    assert_eq!(client_id(&mut connection), first);
}

#[test]
fn a_child_in_the_middle_of_a_pipeline_is_refused_and_its_parent_is_not() {
    let server = Server::start();
    let mut connection = open(&server);
    let mut pipeline = connection.pipeline();
    for number in 0..100 {
        pipeline
            .command(&["RPUSH", "list", &number.to_string()])
            .unwrap();
    }
    in_child(|| {
        pipeline.command(&["RPUSH", "list", "child"]).unwrap();
        assert!(matches!(pipeline.send(), Err(Error::Forked { .. })));
    })
    .join();
    let mut replies = connection_replies(&mut connection);
    in_child(|| {
        let refusal = loop {
            match replies.next() {
                Ok(reply) => assert!(reply.is_some()),
                Err(error) => break error,
            }
        };
        assert!(matches!(refusal, Error::Forked { .. }));
    })
    .join();
    for length in 1..=3 {
        let reply = replies.next().unwrap().unwrap();
        assert_eq!(reply.integer(), Some(length));
    }
}

fn connection_replies(connection: &mut Connection) -> redis_ipc::Replies<'_> {
    let mut pipeline = connection.pipeline();
    for _ in 0..3 {
        pipeline.command(&["INCR", "n"]).unwrap();
    }
    pipeline.send().unwrap()
}

#[test]
fn a_watch_of_the_parent_is_none_of_the_child() {
    let server = Server::start();
    let mut connection = open(&server);
    let mut mine = Transaction::new();
    mine.command(&["SET", "key", "mine"]);
    let mut watch = connection.watch(&["key"]).unwrap();
    in_child(|| assert!(watch.exec(&mine).unwrap().is_none())).join();
    assert!(watch.exec(&mine).unwrap().is_some());
}

#[test]
fn a_subscriber_in_a_child_listens_for_itself() {
    let server = Server::start();
    let mut subscriber = Subscriber::open(&endpoint(&server)).unwrap();
    subscriber.subscribe("news").unwrap();
    in_child(|| {
        let soon = Some(Duration::from_millis(10));
        assert!(matches!(subscriber.next(soon), Ok(None)));
        let heard = server.cli(&["PUBLISH", "news", "both"]);
        assert_eq!(heard, 2);
        let heard = subscriber.next(Some(Duration::from_secs(10)));
        assert!(matches!(heard, Ok(Some(Heard::Message(m))) if m.payload == b"both"));
    })
    .join();
    let heard = subscriber.next(Some(Duration::from_secs(10)));
    assert!(matches!(heard, Ok(Some(Heard::Message(m))) if m.payload == b"both"));
}

#[test]
fn a_component_belongs_to_its_process() {
    let server = Server::start();
    let options = Options::default();
    let mut desk = Component::connect_to(&endpoint(&server), "desk", "main", options).unwrap();
    in_child(|| {
        let none = serde_json::json!({});
        let call = desk.call::<_, serde_json::Value>("nobody", &none, Duration::from_secs(1));
        match call {
            Err(CallError::Bus(Error::Forked { .. })) => {}
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            desk.next(Some(Duration::ZERO)),
            Err(Error::Forked { .. })
        ));
    })
    .join();
    assert_eq!(server.cli(&["LLEN", "queues.commands.nobody"]), 0);
}

#[test]
fn a_child_that_drops_its_parents_component_leaves_the_parents_pop_alone() {
    let server = Server::start();
    let mut worker = redis_ipc_tests::bus::join(&server, "worker");
    worker.serve_main().unwrap();
    assert!(worker.next(Some(Duration::ZERO)).unwrap().is_none());
    redis_ipc_tests::bus::until_blocked(&server, 1);
    let mut caller = redis_ipc_tests::bus::Caller::new(&server);
    let mut monitor = server.monitor();
    let mut slot = Some(worker);
    in_child(|| drop(slot.take())).join();
    assert_eq!(monitor.texts(), [""; 0], "the child is silent");
    let id = caller.ask("queues.commands.worker", "");
    in_child(|| drop(slot.take())).join();
    let worker = slot.as_mut().unwrap();
    let command = redis_ipc_tests::bus::next_command(worker);
    assert_eq!(command.command_id(), id);
    command.answer(&serde_json::json!({})).unwrap();
    caller.result();
}

#[test]
fn a_pool_serves_parent_and_children() {
    let server = Server::start();
    let client = Client::open_with(&endpoint(&server), Options::default(), Kind::pool(2)).unwrap();
    for round in 0..20 {
        let held = client.lease().unwrap();
        let child = in_child(|| {
            // Both places are the child's own, the one held by its parent as well.
            let mut leases = [client.lease().unwrap(), client.lease().unwrap()];
            for (number, lease) in leases.iter_mut().enumerate() {
                echo(lease, &format!("child {round}.{number}"), 20);
            }
        });
        echo(&mut client.lease().unwrap(), &format!("parent {round}"), 20);
        drop(held);
        child.join();
    }
}

#[test]
fn a_lease_that_goes_back_in_a_child_takes_nobodys_place() {
    let server = Server::start();
    let kind = Kind::single().checkout_limit(Duration::from_millis(20));
    let client = Client::open_with(&endpoint(&server), Options::default(), kind).unwrap();
    let mut lease = client.lease().unwrap();
    in_child(|| {
        echo(&mut lease, "child", 3);
        drop(lease);
        let first = client.lease().unwrap();
        assert!(matches!(client.lease(), Err(Error::Exhausted { .. })));
        drop(first);
        echo(&mut client.lease().unwrap(), "child", 3);
    })
    .join();
}

#[test]
fn a_fork_while_threads_use_the_pool_leaves_no_lock_behind() {
    let server = Server::start();
    let client = Client::open_with(&endpoint(&server), Options::default(), Kind::pool(2)).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (client, done) = (&client, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    echo(&mut client.lease().unwrap(), &thread.to_string(), 1);
                }
            });
        }
        for _ in 0..100 {
            in_child(|| echo(&mut client.lease().unwrap(), "child", 2)).join();
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// A child has its parent's random numbers: what tells calls apart must be told apart all the same.
#[test]
fn calls_of_parents_and_children_have_replies_of_their_own() {
    let server = Server::start();
    let mut calc = rpc::Client::connect_to(&endpoint(&server), "calc", Options::default()).unwrap();
    let mut bus = bus::Client::connect_to(&endpoint(&server), Options::default()).unwrap();
    // Whatever is made at the first use is made before the fork.
    bus.ask("worker:nobody", "x", &0, Duration::from_secs(1))
        .unwrap();
    let mut call = |number: i64| {
        bus.ask("worker:nobody", "x", &number, Duration::from_secs(1))
            .unwrap();
        let answer: i64 = calc.call("same", (number,), ()).unwrap();
        assert_eq!(answer, number);
    };
    let children: Vec<_> = (1..=5).map(|number| in_child(|| call(number))).collect();
    let mut queues = HashSet::new();
    for _ in &children {
        let request = server.cli(&["BLPOP", "calc", "10"]).items()[1].text();
        let request: serde_json::Value = serde_json::from_str(&request).unwrap();
        let queue = request["response_queue"].as_str().unwrap();
        let response = format!(
            r#"{{"return_value": {}}}"#,
            request["function_call"]["args"][0]
        );
        server.cli(&["RPUSH", queue, &response]);
        assert!(queues.insert(queue.to_owned()), "{queue} twice");
    }
    children.into_iter().for_each(|child| child.join());
    let messages = server.cli(&["LRANGE", "direct:nobody", "0", "-1"]);
    let correlations: HashSet<_> = messages
        .items()
        .iter()
        .map(|message| {
            let message: serde_json::Value = serde_json::from_str(&message.text()).unwrap();
            message["c"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(correlations.len(), 6);
}
