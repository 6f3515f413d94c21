//! Commands without a key that concern all keys, or the client alone.

use redis_ipc_tests::value::Value;

use super::Router;

#[test]
fn what_concerns_all_keys_is_done_by_all_hosts_each_in_its_database() {
    let mut router = Router::start(2, 2);
    let (mut client, keys) = (router.client(), router.keys());
    assert_eq!(client.command(&["DBSIZE"]), 0);
    assert_eq!(client.command(&["KEYS", "*"]), Value::Array(vec![]));
    for key in &keys {
        client.send(&["SET", key, "1"]);
        client.send(&["DBSIZE"]);
    }
    for count in 1..=4 {
        assert_eq!(client.receive(), "OK");
        assert_eq!(client.receive(), count);
    }
    for protocol in ["2", "3"] {
        client.command(&["HELLO", protocol]);
        let mut found = client.command(&["KEYS", "key*"]).texts();
        found.sort();
        let mut expected = keys.clone();
        expected.sort();
        assert_eq!(found, expected);
    }
    assert!(client.command(&["DBSIZE", "x"]).is_error());
    assert!(client.command(&["FLUSHDB", "x"]).is_error());
    assert_eq!(client.command(&["DBSIZE"]), 4);
    let mut beside = router.farm.endpoint(0);
    beside = beside.with_database(1);
    let mut beside = redis_ipc::Connection::open(&beside).unwrap();
    beside.set("beside", "1").unwrap();
    assert_eq!(client.command(&["DBSIZE"]), 5, "it is the second host's");
    assert_eq!(client.command(&["FLUSHDB"]), "OK");
    assert_eq!(client.command(&["DBSIZE"]), 0);
    router.farm.kill(1);
    for words in [&["DBSIZE"][..], &["KEYS", "*"], &["FLUSHDB"]] {
        let reply = client.command(words).text();
        assert!(reply.contains("host 2 (unix://"), "{words:?}: {reply}");
    }
}

#[test]
fn a_ping_is_answered_as_a_message_while_subscribed() {
    let router = Router::start(1, 1);
    let mut client = router.client();
    client.command(&["SUBSCRIBE", "news"]);
    for (words, text) in [(&["PING"][..], ""), (&["PING", "there?"], "there?")] {
        let reply = client.command(words);
        assert_eq!(reply.texts(), ["pong", text]);
    }
    assert!(client.command(&["ECHO", "there?"]).is_error());
    client.command(&["UNSUBSCRIBE"]);
    assert_eq!(client.command(&["PING", "there?"]), "there?");
}

#[test]
fn a_client_that_resets_is_as_if_it_had_just_come() {
    let router = Router::start(2, 1);
    let (mut client, mut other, keys) = (router.client(), router.client(), router.keys());
    client.send(&["HELLO", "3"]);
    client.send(&["CLIENT", "TRACKING", "ON", "BCAST"]);
    client.send(&["SUBSCRIBE", &keys[0], &keys[1]]);
    client.send(&["PSUBSCRIBE", "*"]);
    client.send(&["WATCH", &keys[0]]);
    client.send(&["MULTI"]);
    client.send(&["SET", &keys[0], "1"]);
    client.send(&["GET", &keys[1]]);
    client.send(&["RESET"]);
    while client.receive() != "RESET" {}
    assert_eq!(other.command(&["SET", &keys[0], "2"]), "OK");
    other.command(&["PUBLISH", &keys[0], "hello"]);
    assert!(client.command(&["EXEC"]).text().contains("without MULTI"));
    assert_eq!(client.command(&["GET", &keys[1]]), Value::Nil);
    assert_eq!(client.command(&["HELLO"]).items()[5], 2);
    client.command(&["SUBSCRIBE", "news"]);
    client.send(&["RESET"]);
    client.send(&["PING", "heard"]);
    assert_eq!(client.receive(), "RESET");
    assert_eq!(client.receive(), "heard");
}

#[test]
fn a_transaction_takes_what_any_host_does_and_ends_with_its_client() {
    let router = Router::start(2, 1);
    let (mut client, keys) = (router.client(), router.keys());
    client.send(&["MULTI"]);
    client.send(&["PING"]);
    client.send(&["ECHO", "x"]);
    client.send(&["SET", &keys[1], "1"]);
    client.send(&["EXEC"]);
    assert_eq!(client.receive(), "OK");
    for _ in 0..3 {
        assert_eq!(client.receive(), "QUEUED");
    }
    assert_eq!(client.receive().texts(), ["PONG", "x", "OK"]);
    client.send(&["MULTI"]);
    client.send(&["SET", &keys[1], "2"]);
    client.send(&["QUIT"]);
    assert_eq!(client.receive(), "OK");
    assert_eq!(client.receive(), "QUEUED");
    assert_eq!(client.receive(), "OK");
    assert!(client.try_receive().is_err(), "it is closed");
    assert_eq!(router.client().command(&["GET", &keys[1]]), "1");
}
