//! What clients send on their own when they come.

use redis_ipc_tests::client::Client;
use redis_ipc_tests::value::Value;

use super::Router;

/// The fields of a line of CLIENT LIST.
fn field(line: &str, name: &str) -> String {
    let fields = line.split(' ').filter_map(|field| field.split_once('='));
    let mut own = fields.filter(|field| field.0 == name);
    let (_, value) = own.next().unwrap_or_else(|| panic!("no {name}: {line}"));
    value.to_owned()
}

#[test]
fn clients_have_the_names_that_they_give_themselves() {
    let router = Router::start(2, 1);
    let (mut client, mut other) = (router.client(), router.client());
    assert_eq!(client.command(&["CLIENT", "GETNAME"]), Value::Nil);
    assert_eq!(client.command(&["CLIENT", "SETNAME", "panel"]), "OK");
    assert_eq!(client.command(&["client", "getname"]), "panel");
    for name in ["two words", "line\nfeed", "ü"] {
        assert!(
            client.command(&["CLIENT", "SETNAME", name]).is_error(),
            "{name}"
        );
        assert!(
            client.command(&["HELLO", "3", "SETNAME", name]).is_error(),
            "{name}"
        );
    }
    assert_eq!(client.command(&["CLIENT", "GETNAME"]), "panel");
    assert_eq!(other.command(&["CLIENT", "GETNAME"]), Value::Nil);
    assert!(!other.command(&["HELLO", "3", "SETNAME", "door"]).is_error());
    assert_eq!(other.command(&["CLIENT", "GETNAME"]), "door");
    assert_eq!(other.command(&["CLIENT", "SETNAME", ""]), "OK");
    assert_eq!(other.command(&["CLIENT", "GETNAME"]), Value::Nil);
    assert_eq!(client.command(&["RESET"]), "RESET");
    assert_eq!(client.command(&["CLIENT", "GETNAME"]), Value::Nil);
}

#[test]
fn the_routers_own_clients_are_listed() {
    let router = Router::start(2, 1);
    let (mut client, mut other) = (router.client(), router.client());
    client.command(&["CLIENT", "SETNAME", "panel"]);
    client.command(&["CLIENT", "SETINFO", "LIB-NAME", "lib"]);
    client.command(&["CLIENT", "SETINFO", "lib-ver", "1.2"]);
    assert!(
        client
            .command(&["CLIENT", "SETINFO", "lib-color", "red"])
            .is_error()
    );
    let id = client.command(&["CLIENT", "ID"]).integer().to_string();
    client.command(&["HELLO", "3"]);
    client.command(&["SUBSCRIBE", "news"]);
    let socket = router.endpoint().path().unwrap().display().to_string();
    for list in [
        client.command(&["CLIENT", "INFO"]).text(),
        other.command(&["CLIENT", "LIST"]).text(),
    ] {
        let line = list.lines().find(|line| field(line, "id") == id).unwrap();
        for (name, value) in [
            ("addr", format!("{socket}:0").as_str()),
            ("name", "panel"),
            ("flags", "P"),
            ("db", "0"),
            ("sub", "1"),
            ("psub", "0"),
            ("multi", "-1"),
            ("resp", "3"),
            ("lib-name", "lib"),
            ("lib-ver", "1.2"),
        ] {
            assert_eq!(field(line, name), value, "{line}");
        }
        assert!(field(line, "age").parse::<u64>().is_ok(), "{line}");
    }
    let list = other.command(&["CLIENT", "LIST"]).text();
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(other.command(&["CLIENT", "KILL", "ID", &id]).is_error());
}

#[test]
fn commands_are_described_as_by_a_host_in_order_with_other_answers() {
    let router = Router::start(2, 1);
    let mut client = router.client();
    let mut direct = Client::connect(&router.farm.socket(1)).unwrap();
    let keys = router.keys();
    for protocol in ["2", "3"] {
        client.command(&["HELLO", protocol]);
        direct.command(&["HELLO", protocol]);
        for words in [
            &["COMMAND", "COUNT"][..],
            &["COMMAND", "INFO", "get", "none"],
            &["COMMAND", "DOCS", "get"],
            &["COMMAND", "GETKEYS", "MSET", "a", "1", "b", "2"],
            &["COMMAND", "NONE"],
        ] {
            client.send(&["SET", &keys[1], "1"]);
            client.send(words);
            client.send(&["GET", &keys[1]]);
            assert_eq!(client.receive(), "OK");
            assert_eq!(client.receive(), direct.command(words), "{words:?}");
            assert_eq!(client.receive(), "1");
        }
        assert!(client.command(&["COMMAND"]).items().len() > 200);
    }
}

/// Names and values in order.
fn settings(reply: &Value) -> Vec<[String; 2]> {
    let mut pairs: Vec<_> = match reply {
        Value::Map(pairs) => pairs.iter().map(|(a, b)| [a.text(), b.text()]).collect(),
        list => list
            .items()
            .chunks(2)
            .map(|pair| [pair[0].text(), pair[1].text()])
            .collect(),
    };
    pairs.sort();
    pairs
}

#[test]
fn settings_are_told_where_the_hosts_agree_and_passwords_are_not() {
    let mut router = Router::start(2, 2);
    let mut client = router.client();
    for protocol in ["2", "3"] {
        client.command(&["HELLO", protocol]);
        let mut told = |names: &[&str]| {
            let words = [&["CONFIG", "get"], names].concat();
            settings(&client.command(&words))
        };
        assert_eq!(told(&["appendonly"]), [["appendonly", "no"]]);
        let both = [["maxmemory-policy", "noeviction"], ["save", ""]];
        assert_eq!(told(&["save", "maxmemory-policy"]), both);
        // That of the router, not of its hosts.
        assert_eq!(told(&["databases"]), [["databases", "1"]]);
    }
    for words in [
        &["CONFIG", "GET", "requirepass"][..],
        &["CONFIG", "GET", "*"],
        &["CONFIG", "GET", "save", "masterauth"],
        &["CONFIG", "GET"],
        &["CONFIG", "SET", "save", ""],
    ] {
        assert!(client.command(words).is_error(), "{words:?}");
    }
    let mut direct = Client::connect(&router.farm.socket(1)).unwrap();
    let evict = ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"];
    assert_eq!(direct.command(&evict), "OK");
    let reply = client.command(&["CONFIG", "GET", "maxmemory-policy"]);
    assert!(reply.text().contains("not set alike"), "{reply:?}");
    router.farm.kill(1);
    let reply = client.command(&["CONFIG", "GET", "save"]);
    assert!(reply.text().contains("host 2 (unix://"), "{reply:?}");
}
