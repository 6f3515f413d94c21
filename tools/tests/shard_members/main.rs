//! Components and workers over several servers, through a router.

mod keys;
mod play;
mod refused;
mod router;
mod sentinel;

use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::Placement;

use keys::one_on_each;
use play::{QUEUES, components_work, workers_work};
use router::Router;

#[test]
fn components_work_over_four_servers() {
    let farm = Farm::start(4, 1).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    let hosts = QUEUES.map(|queue| cluster.host_of(format!("queues.commands.printer.{queue}")));
    assert!(hosts.iter().any(|host| *host != hosts[0]), "{hosts:?}");
    let router = Router::start(&cluster, farm.folder());
    components_work(&router.endpoint());
}

#[test]
fn workers_work_over_four_servers() {
    let farm = Farm::start(4, 1).unwrap();
    let cluster = farm.cluster(Placement::Ring).unwrap();
    let router = Router::start(&cluster, farm.folder());
    workers_work(&router.endpoint());
}

#[test]
fn a_pop_from_several_hosts_takes_one_item_in_the_order_of_its_keys() {
    let farm = Farm::start(4, 1).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    let router = Router::start(&cluster, farm.folder());
    let (mut popping, mut other) = (router.client(), router.client());
    let keys = one_on_each(&cluster);
    let pop = |patience: &str| {
        let mut words = vec!["BLPOP"];
        words.extend(keys.iter().map(String::as_str));
        words.push(patience);
        words.join(" ")
    };
    let send = |client: &mut redis_ipc_tests::client::Client, line: &str| {
        client.send(&line.split(' ').collect::<Vec<_>>());
    };
    // What waits is taken in the order of the keys, one for each pop.
    for key in keys.iter().rev() {
        other.command(&["RPUSH", key, "first"]);
    }
    for key in &keys {
        send(&mut popping, &pop("5"));
        assert_eq!(popping.receive().texts(), [key.as_str(), "first"]);
    }
    // Nothing there: it waits, and is woken by each host.
    for key in keys.iter().rev().chain(&keys) {
        send(&mut popping, &pop("20"));
        send(&mut popping, "PING");
        other.command(&["RPUSH", key, "later", "last"]);
        assert_eq!(popping.receive().texts(), [key.as_str(), "later"]);
        assert_eq!(popping.receive(), "PONG");
        assert_eq!(other.command(&["LPOP", key]), "last", "one was taken");
    }
    send(&mut popping, &pop("0.05"));
    assert!(popping.receive().is_nil());
    let id = popping.command(&["CLIENT", "ID"]).integer().to_string();
    assert_eq!(other.command(&["CLIENT", "UNBLOCK", &id]), 0);
    for how in ["TIMEOUT", "ERROR"] {
        send(&mut popping, &pop("0"));
        while other.command(&["CLIENT", "UNBLOCK", &id, how]) != 1 {}
        let reply = popping.receive();
        assert_eq!(reply.is_error(), how == "ERROR", "{reply:?}");
    }
    send(&mut popping, &format!("BLPOP {} 0", keys[0]));
    while other.command(&["CLIENT", "UNBLOCK", &id]) != 1 {}
    assert!(popping.receive().is_nil());
    send(&mut popping, &pop("soon"));
    assert!(popping.receive().text().contains("timeout"));
    other.command(&["SET", &keys[2], "text"]);
    send(&mut popping, &pop("1"));
    assert!(popping.receive().text().contains("WRONGTYPE"));
}

#[test]
fn a_transaction_goes_to_its_one_host_and_keys_of_all_are_looked_through() {
    let farm = Farm::start(3, 1).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    let router = Router::start(&cluster, farm.folder());
    let mut client = router.client();
    assert_eq!(client.command(&["MULTI"]), "OK");
    for words in [
        &["SET", "k", "1"][..],
        &["INCR", "k"],
        &["PUBLISH", "k", "news"],
    ] {
        assert_eq!(client.command(words), "QUEUED");
    }
    let results = client.command(&["EXEC"]);
    assert_eq!(results.items()[0], "OK");
    assert_eq!(results.items()[1], 2);
    assert_eq!(client.command(&["MULTI"]), "OK");
    let other = (0..)
        .map(|n| format!("k{n}"))
        .find(|k| cluster.host_of(k) != cluster.host_of("k"));
    assert_eq!(client.command(&["INCR", "k"]), "QUEUED");
    let refused = client.command(&["INCR", &other.unwrap()]);
    assert!(refused.text().contains("several hosts"), "{refused:?}");
    assert!(client.command(&["EXEC"]).text().starts_with("EXECABORT"));
    assert_eq!(client.command(&["GET", "k"]), "2");
    client.command(&["MULTI"]);
    client.command(&["INCR", "k"]);
    assert_eq!(client.command(&["DISCARD"]), "OK");
    assert!(client.command(&["EXEC"]).is_error());

    for n in 0..500 {
        client.command(&["SET", &format!("key {n}"), ""]);
    }
    let (mut cursor, mut keys) = ("0".to_owned(), Vec::new());
    loop {
        let reply = client.command(&["SCAN", &cursor, "MATCH", "key *", "COUNT", "50"]);
        keys.extend(reply.items()[1].texts());
        cursor = reply.items()[0].text();
        if cursor == "0" {
            break;
        }
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 500);
}
