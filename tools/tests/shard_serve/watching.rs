//! Transactions on keys that their client watches.

use std::thread;

use redis_ipc_tests::value::Value;

use super::Router;

#[test]
fn a_transaction_is_executed_only_if_what_its_client_watches_has_not_changed() {
    let router = Router::start(2, 1);
    let (mut client, mut other) = (router.client(), router.client());
    let keys = router.keys();
    let (key, elsewhere) = (keys[0].as_str(), keys[1].as_str());
    let mut ends = |before_exec: &[&[&str]], changes: bool| {
        assert_eq!(client.command(&["WATCH", key, key]), "OK");
        if changes {
            other.command(&["SET", key, "by another"]);
        }
        for words in before_exec {
            assert!(!client.command(words).is_error(), "{words:?}");
        }
        client.command(&["MULTI"]);
        assert_eq!(client.command(&["SET", key, "1"]), "QUEUED");
        client.command(&["EXEC"])
    };
    assert_eq!(ends(&[], false).items()[0], "OK");
    assert_eq!(ends(&[], true), Value::Nil);
    assert_eq!(ends(&[&["UNWATCH"]], true).items()[0], "OK");
    assert_eq!(ends(&[&["MULTI"], &["DISCARD"]], true).items()[0], "OK");
    assert_eq!(ends(&[&["GET", elsewhere]], true), Value::Nil);
    assert_eq!(ends(&[&["WATCH", key]], true), Value::Nil);

    // In the transaction it is done with the others, too late for them.
    client.command(&["WATCH", key]);
    other.command(&["SET", key, "by another"]);
    client.command(&["MULTI"]);
    assert_eq!(client.command(&["UNWATCH"]), "QUEUED");
    assert_eq!(client.command(&["EXEC"]), Value::Nil);
    client.command(&["MULTI"]);
    assert_eq!(client.command(&["UNWATCH"]), "QUEUED");
    assert_eq!(client.command(&["EXEC"]).texts(), ["OK"]);

    // An empty one tells as well, and after it nothing is watched.
    client.command(&["WATCH", key]);
    other.command(&["DEL", key]);
    client.command(&["MULTI"]);
    assert_eq!(client.command(&["EXEC"]), Value::Nil);
    client.command(&["MULTI"]);
    assert_eq!(client.command(&["EXEC"]), Value::Array(Vec::new()));
}

#[test]
fn what_is_watched_lives_where_the_transaction_does() {
    let router = Router::start(2, 1);
    let (mut client, keys) = (router.client(), router.keys());
    let (here, there) = (keys[0].as_str(), keys[1].as_str());
    let refused = client.command(&["WATCH", here, there]);
    assert!(refused.text().contains("several hosts"), "{refused:?}");
    assert!(client.command(&["WATCH"]).is_error());
    assert_eq!(client.command(&["WATCH", here]), "OK");
    assert!(client.command(&["WATCH", there]).is_error());
    assert!(client.command(&["HELLO", "3"]).is_error());
    client.command(&["MULTI"]);
    assert!(client.command(&["WATCH", here]).is_error());
    assert!(client.command(&["SET", there, "1"]).is_error());
    assert!(client.command(&["EXEC"]).text().starts_with("EXECABORT"));
    // The one that was aborted has ended the watch.
    client.command(&["SET", here, "1"]);
    client.command(&["MULTI"]);
    client.command(&["INCR", here]);
    assert_eq!(client.command(&["EXEC"]).items()[0], 2);
}

#[test]
fn requests_of_a_pipeline_keep_their_order_around_what_is_watched() {
    let router = Router::start(1, 1);
    let mut client = router.client();
    for round in 0..50 {
        for words in [
            &["WATCH", "k"][..],
            &["GET", "k"],
            &["MULTI"],
            &["INCR", "k"],
            &["EXEC"],
            &["GET", "k"],
        ] {
            client.send(words);
        }
        assert_eq!(client.receive(), "OK");
        match round {
            0 => assert_eq!(client.receive(), Value::Nil),
            _ => assert_eq!(client.receive(), round.to_string().as_str()),
        }
        assert_eq!(client.receive(), "OK");
        assert_eq!(client.receive(), "QUEUED");
        assert_eq!(client.receive().items()[0], round + 1);
        assert_eq!(client.receive(), (round + 1).to_string().as_str());
    }
}

#[test]
fn no_step_is_lost_between_clients_that_read_add_and_write() {
    const STEPS: usize = 100;
    let router = Router::start(2, 1);
    let step = |client: &mut redis_ipc_tests::client::Client| {
        client.command(&["WATCH", "sum"]);
        let sum: usize = match client.command(&["GET", "sum"]) {
            Value::Nil => 0,
            sum => sum.text().parse().unwrap(),
        };
        client.command(&["MULTI"]);
        client.command(&["SET", "sum", &(sum + 1).to_string()]);
        client.command(&["EXEC"]) != Value::Nil
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            let mut client = router.client();
            scope.spawn(move || {
                for _ in 0..STEPS {
                    while !step(&mut client) {}
                }
            });
        }
    });
    let sum = router.client().command(&["GET", "sum"]);
    assert_eq!(sum, (4 * STEPS).to_string().as_str());
}

#[test]
fn whoever_watches_at_a_host_that_goes_has_to_begin_anew() {
    let router = Router::start(1, 1);
    let mut client = router.client();
    assert_eq!(client.command(&["WATCH", "k"]), "OK");
    let mut other = router.client();
    let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
    router.cluster.command_on(0, &kill).unwrap();
    assert!(client.try_receive().is_err(), "it is disconnected");
    while other.command(&["GET", "k"]).is_error() {}
    let mut client = router.client();
    assert_eq!(client.command(&["WATCH", "k"]), "OK");
}

#[test]
fn a_client_that_has_no_more_to_ask_hears_what_came_of_its_transaction() {
    let router = Router::start(1, 1);
    let mut client = router.client();
    for words in [
        &["WATCH", "k"][..],
        &["MULTI"],
        &["INCR", "k"],
        &["EXEC"],
        &["GET", "k"],
    ] {
        client.send(words);
    }
    client.end_requests();
    assert_eq!(client.receive(), "OK");
    assert_eq!(client.receive(), "OK");
    assert_eq!(client.receive(), "QUEUED");
    assert_eq!(client.receive().items()[0], 1);
    assert_eq!(client.receive(), "1");
    assert!(client.try_receive().is_err(), "it is closed");
}
