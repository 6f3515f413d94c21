//! Kinds of connection behind one way to a server.

use std::collections::HashSet;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use redis_ipc::{Client, Connection, Endpoint, Error, Kind, Lease, Options};
use redis_ipc_tests::server::Server;

fn endpoint(server: &Server) -> Endpoint {
    Endpoint::unix(server.socket()).unwrap()
}

fn client(server: &Server, kind: Kind) -> Client {
    Client::open_with(&endpoint(server), Options::default(), kind).unwrap()
}

fn id(lease: &mut Lease) -> i64 {
    let reply = lease.command(&["CLIENT", "ID"]).unwrap();
    reply.integer().unwrap()
}

/// Waits until the server has so many clients, the one that asks left out: it may have to notice
/// first that one has gone, such as that by which it was seen to be up.
#[track_caller]
fn comes_to_clients(server: &Server, number: usize) {
    let mut asking = server.client();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let list = asking.command(&["CLIENT", "LIST", "TYPE", "normal"]);
        if list.text().lines().count() - 1 == number {
            return;
        }
        assert!(Instant::now() < deadline, "{}", list.text());
    }
}

#[test]
fn every_kind_does_the_same_work() {
    let server = Server::start();
    let kinds = [
        Kind::single(),
        Kind::single().lazy(),
        Kind::pool(3),
        Kind::pool(3).lazy(),
    ];
    for (number, kind) in (1_u64..).zip(kinds) {
        let client = client(&server, kind);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let client = client.clone();
                scope.spawn(move || {
                    for _ in 0..25 {
                        client.lease().unwrap().incr("sum").unwrap();
                    }
                });
            }
        });
        let sum = client.lease().unwrap().get("sum").unwrap().unwrap();
        assert_eq!(sum, (number * 100).to_string().as_bytes());
    }
}

#[test]
fn a_pool_has_as_many_connections_as_are_used_at_once_and_keeps_them() {
    let server = Server::start();
    let client = client(&server, Kind::pool(3));
    for _ in 0..10 {
        id(&mut client.lease().unwrap());
    }
    comes_to_clients(&server, 1);
    for _ in 0..3 {
        let mut leases: Vec<_> = (0..3).map(|_| client.lease().unwrap()).collect();
        let ids: HashSet<_> = leases.iter_mut().map(id).collect();
        assert_eq!(ids.len(), 3);
        comes_to_clients(&server, 3);
    }
    client.lease().unwrap().close();
    comes_to_clients(&server, 2);
}

#[test]
fn who_waits_too_long_for_a_lease_is_told_and_who_waits_long_enough_gets_one() {
    let server = Server::start();
    let limit = Duration::from_millis(30);
    let pool = client(&server, Kind::pool(2).checkout_limit(limit));
    let held = (pool.lease().unwrap(), pool.lease().unwrap());
    let begin = Instant::now();
    match pool.lease() {
        Err(error @ Error::Exhausted { size: 2, .. }) => assert!(error.is_temporary()),
        other => panic!("{other:?}"),
    }
    assert!(begin.elapsed() >= limit);
    drop(held);
    pool.lease().unwrap().ping().unwrap();

    let single = client(&server, Kind::single());
    let mut held = single.lease().unwrap();
    let first = id(&mut held);
    let (told, waits) = channel();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            told.send(()).unwrap();
            id(&mut single.lease().unwrap())
        });
        waits.recv().unwrap();
        drop(held);
        assert_eq!(waiter.join().unwrap(), first);
    });
}

#[test]
fn a_lazy_client_needs_no_server_until_it_is_used_and_recovers_by_itself() {
    let mut server = Server::start();
    let endpoint = endpoint(&server);
    server.stop();
    for kind in [Kind::single(), Kind::pool(2)] {
        let refused = Client::open_with(&endpoint, Options::default(), kind);
        assert!(matches!(refused, Err(Error::Connect { .. })));
    }
    let lazy = Client::open_with(&endpoint, Options::default(), Kind::pool(2).lazy()).unwrap();
    let mut connection = Connection::lazy(&endpoint, Options::default());
    let begin = Instant::now();
    for _ in 0..10 {
        let error = lazy.lease().unwrap_err();
        assert!(error.to_string().contains(&server.path()), "{error}");
        assert!(connection.ping().is_err());
    }
    // Shorter than the limit of connecting.
    assert!(begin.elapsed() < Duration::from_secs(4));
    server.restart();
    lazy.lease().unwrap().ping().unwrap();
    connection.ping().unwrap();
}

#[test]
fn a_server_that_answers_nothing_is_waited_for_once_and_not_by_everybody() {
    let server = Server::start();
    let limit = Duration::from_millis(300);
    let options = Options::default().connect_limit(limit);
    let lazy = Client::open_with(&endpoint(&server), options, Kind::pool(2).lazy()).unwrap();
    server.pause();
    let begin = Instant::now();
    for _ in 0..20 {
        assert!(lazy.lease().unwrap_err().is_disconnection());
    }
    // Each would wait for as long.
    assert!(begin.elapsed() < limit * 15, "{:?}", begin.elapsed());
    server.resume();
    let patience = Instant::now() + Duration::from_secs(10);
    while let Err(error) = lazy.lease() {
        assert!(Instant::now() < patience, "{error}");
        std::thread::yield_now();
    }
}

#[test]
fn a_broken_connection_is_not_lent_again_as_if_it_were_well() {
    let mut server = Server::start();
    let pool = client(&server, Kind::pool(2));
    let mut leases = [pool.lease().unwrap(), pool.lease().unwrap()];
    let before: HashSet<_> = leases.iter_mut().map(id).collect();
    let limit = Duration::from_millis(20);
    let late = leases[0].blocking_command(&["BLPOP", "nothing", "0"], limit);
    assert!(matches!(late, Err(Error::TimedOut { .. })));
    drop(leases);
    let mut leases = [pool.lease().unwrap(), pool.lease().unwrap()];
    let after: HashSet<_> = leases.iter_mut().map(id).collect();
    assert_eq!(before.intersection(&after).count(), 1);
    drop(leases);

    // An idle connection whose server has gone is noticed before it is lent.
    server.restart();
    let mut leases = [pool.lease().unwrap(), pool.lease().unwrap()];
    for lease in &mut leases {
        // A push is not sent again by itself: this one finds a live connection.
        lease.rpush("list", "item").unwrap();
    }
}

#[test]
fn what_a_lease_has_left_unsent_and_unread_is_no_business_of_the_next() {
    let server = Server::start();
    let client = client(&server, Kind::single());
    let mut lease = client.lease().unwrap();
    lease.pipeline().command(&["SET", "never", "sent"]).unwrap();
    drop(lease);
    let mut lease = client.lease().unwrap();
    let mut pipeline = lease.pipeline();
    pipeline.command(&["INCR", "n"]).unwrap();
    pipeline.command(&["INCR", "n"]).unwrap();
    assert_eq!(pipeline.send().unwrap().left(), 2);
    drop(lease);
    let mut lease = client.lease().unwrap();
    assert_eq!(lease.incr("n").unwrap(), 3);
    assert!(!lease.exists("never").unwrap());
}

#[test]
fn a_pipeline_that_is_dropped_sends_nothing() {
    let server = Server::start();
    let mut connection = Connection::open(&endpoint(&server)).unwrap();
    for _ in 0..2 {
        connection.pipeline().command(&["INCR", "n"]).unwrap();
    }
    let mut pipeline = connection.pipeline();
    pipeline.command(&["INCR", "m"]).unwrap();
    let mut replies = pipeline.send().unwrap();
    assert_eq!(replies.next().unwrap().unwrap().integer(), Some(1));
    assert!(replies.next().unwrap().is_none());
    assert!(!connection.exists("n").unwrap());
}
