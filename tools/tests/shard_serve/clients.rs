//! Clients that leave, that ask for what they do not read, that speak oddly.

use redis_ipc_tests::client::Client;
use redis_ipc_tests::value::Value;

use super::Router;

#[test]
fn a_client_that_has_no_more_to_ask_gets_all_its_answers() {
    let router = Router::start(2, 1);
    let keys = router.keys();
    let mut client = router.client();
    for n in 0..500 {
        client.send(&["SET", &keys[n % 2], &n.to_string()]);
        client.send(&["GET", &keys[n % 2]]);
    }
    client.end_requests();
    for n in 0..500 {
        assert_eq!(client.receive(), "OK");
        assert_eq!(client.receive(), n.to_string().as_str());
    }
    assert!(client.try_receive().is_err(), "it is closed");
}

#[test]
fn whoever_is_gone_while_waiting_is_given_no_item() {
    let router = Router::start(2, 1);
    let (mut other, keys) = (router.client(), router.keys());
    let (here, there) = (keys[0].as_str(), keys[1].as_str());
    for words in [
        &["BLPOP", here, "0"][..],
        &["BLPOP", here, there, "0"],
        &["BLMOVE", here, here, "LEFT", "RIGHT", "0"],
    ] {
        let mut client = router.client();
        client.send(words);
        client.send(&["PING"]);
        let id = || {
            let clients = router.cluster.command_on(0, &["CLIENT", "LIST"]).unwrap();
            let clients = String::from_utf8_lossy(clients.bytes().unwrap()).into_owned();
            let waits = |line: &&str| line.contains("cmd=bl") || line.contains("cmd=lpop");
            clients.lines().find(waits).map(str::to_owned)
        };
        while id().is_none() {
            std::thread::yield_now();
        }
        drop(client);
        // The host has to be told, too, before the next one comes.
        while id().is_some() {
            std::thread::yield_now();
        }
        assert_eq!(other.command(&["RPUSH", here, "item"]), 1, "{words:?}");
        assert_eq!(other.command(&["DEL", here]), 1, "{words:?}");
    }
}

#[test]
fn a_client_that_reads_nothing_holds_up_nobody_and_gets_it_all_in_the_end() {
    const GETS: usize = 3000;
    let router = Router::start(1, 1);
    let (mut lazy, mut other) = (router.client(), router.client());
    let value = vec![b'x'; 50_000];
    assert_eq!(lazy.command(&[&b"SET"[..], b"large", &value]), "OK");
    lazy.send_raw(&b"GET large\r\n".repeat(GETS));
    assert_eq!(other.command(&["GET", "small"]), Value::Nil);
    let stats = router.cluster.command_on(0, &["INFO", "commandstats"]);
    let stats = String::from_utf8_lossy(stats.unwrap().bytes().unwrap()).into_owned();
    let gets = stats.split("cmdstat_get:calls=").nth(1).unwrap();
    let gets: usize = gets.split(',').next().unwrap().parse().unwrap();
    assert!(gets < GETS / 2, "what is not read is not asked for: {gets}");
    for _ in 0..GETS {
        assert_eq!(lazy.receive(), Value::Bulk(value.clone()));
    }
}

#[test]
fn a_listener_that_reads_nothing_is_disconnected_as_by_a_server() {
    let router = Router::start(1, 1);
    let (mut lazy, mut other) = (router.client(), router.client());
    lazy.command(&["SUBSCRIBE", "news"]);
    let message = "x".repeat(1_000_000);
    let mut heard = 0;
    while other.command(&["PUBLISH", "news", &message]) == 1 {
        heard += 1;
        assert!(heard < 200);
    }
    assert!(heard > 30, "{heard}");
    while lazy.try_receive().is_ok() {}
}

#[test]
fn subscriptions_keep_their_place_among_what_is_asked() {
    let router = Router::start(2, 1);
    let (mut client, keys) = (router.client(), router.keys());
    client.send(&["GET", &keys[1]]);
    client.send(&["SUBSCRIBE", &keys[0], &keys[1]]);
    client.send(&["PING"]);
    client.send(&["PSUBSCRIBE", "p*"]);
    client.send(&["UNSUBSCRIBE"]);
    client.send(&["PUNSUBSCRIBE"]);
    client.send(&["PING"]);
    assert_eq!(client.receive(), Value::Nil);
    let confirmed = |client: &mut Client, kind: &str, count: i64| {
        let reply = client.receive();
        assert_eq!(reply.items()[0], kind);
        assert_eq!(*reply.items().last().unwrap(), count);
    };
    confirmed(&mut client, "subscribe", 1);
    confirmed(&mut client, "subscribe", 2);
    assert_eq!(client.receive().items()[0], "pong");
    confirmed(&mut client, "psubscribe", 3);
    confirmed(&mut client, "unsubscribe", 2);
    confirmed(&mut client, "unsubscribe", 1);
    confirmed(&mut client, "punsubscribe", 0);
    assert_eq!(client.receive(), "PONG");
    assert!(client.command(&["SUBSCRIBE"]).is_error());
}

#[test]
fn confirmations_come_in_the_order_asked_for_and_messages_behind_their_own() {
    let router = Router::start(2, 1);
    let (mut client, keys) = (router.client(), router.keys());
    let mut direct = Client::connect(&router.farm.socket(1)).unwrap();
    router.farm.pause(0);
    client.send(&["SUBSCRIBE", &keys[0], &keys[1], &keys[0]]);
    while direct.command(&["PUBLISH", &keys[1], "early"]) != 1 {}
    // By the next reply the message has left the server, and the router reads
    // it no later than what comes then.
    assert_eq!(direct.command(&["PING"]), "PONG");
    assert_eq!(router.client().command(&["PING"]), "PONG");
    router.farm.resume(0);
    let confirmed = |channel: &str, count: i64| {
        let texts = ["subscribe", channel].map(|text| Value::Bulk(text.into()));
        Value::Array([&texts[..], &[Value::Integer(count)]].concat())
    };
    assert_eq!(client.receive(), confirmed(&keys[0], 1));
    assert_eq!(client.receive(), confirmed(&keys[1], 2));
    let message = ["message", &keys[1], "early"].map(|text| Value::Bulk(text.into()));
    let message = Value::Array(message.to_vec());
    // Of two servers either may be heard first.
    let mut rest = [client.receive(), client.receive()];
    if rest[0] != message {
        rest.swap(0, 1);
    }
    assert_eq!(rest, [message, confirmed(&keys[0], 2)]);
}

#[test]
fn what_would_change_a_shared_connection_reaches_no_host() {
    let router = Router::start(1, 1);
    let (mut client, mut other) = (router.client(), router.client());
    for words in [&["SSUBSCRIBE", "a"][..], &["SUNSUBSCRIBE", "a"]] {
        assert!(client.command(words).is_error(), "{words:?}");
        assert_eq!(other.command(&["GET", "a"]), Value::Nil, "{words:?}");
        let error = router.cluster.command(words).unwrap_err().to_string();
        assert!(error.contains("a connection of one's own"), "{error}");
        assert_eq!(client.command(&["MULTI"]), "OK");
        assert!(client.command(words).is_error(), "{words:?}");
        client.command(&["DISCARD"]);
    }
    // The router has connections for those who watch, a cluster has none.
    let error = router.cluster.command(&["WATCH", "a"]).unwrap_err();
    assert!(
        error.to_string().contains("a connection of one's own"),
        "{error}"
    );
}

#[test]
fn lines_are_taken_as_by_a_server_and_web_browsers_are_not() {
    let router = Router::start(1, 1);
    let ends = |client: &mut Client| while client.try_receive().is_ok() {};
    let mut client = router.client();
    client.send_raw(b"SET k \"a \\x41\\n\"\r\nGET 'k'\nPING\r\nGET \"k\r\n");
    assert_eq!(client.receive(), "OK");
    assert_eq!(client.receive(), "a A\n");
    assert_eq!(client.receive(), "PONG");
    assert!(client.receive().text().contains("unbalanced quotes"));
    assert!(client.try_receive().is_err(), "it is closed");
    let mut browser = router.client();
    browser.send_raw(b"POST / HTTP/1.1\r\nHost: bus\r\n\r\nSET k hacked\r\n");
    ends(&mut browser);
    let mut browser = router.client();
    browser.send_raw(b"GET / HTTP/1.1\r\nHost: bus\r\n\r\nSET k hacked\r\n");
    ends(&mut browser);
    assert_eq!(router.client().command(&["GET", "k"]), "a A\n");
}
