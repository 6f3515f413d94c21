//! Every message of the recorded traffic is read as it was meant, and what we write for the same
//! meaning is the same bytes.

use std::collections::BTreeMap;

use redis_ipc_core::address::Address;
use redis_ipc_core::dialect::redisbus::{
    Addressing, Correlation, Place, failure_of, read_message, read_reply, write_message,
    write_reply,
};
use redis_ipc_core::key::redisbus::{self as key, parts_of_record};
use redis_ipc_core::name::{Site, WorkerId, WorkerType};
use redis_ipc_core::write::Writer;
use redis_ipc_tests::vectors::requests;
use serde_json::Value;

const ID: &str = "10.0.0.7:4242:abcdef012345";

/// The texts of all requests by this name.
fn recorded(name: &str) -> Vec<Vec<String>> {
    let text = |word: Vec<u8>| String::from_utf8(word).unwrap();
    requests("redisbus_python")
        .into_iter()
        .filter(|words| words[0] == name.as_bytes())
        .map(|words| words.into_iter().map(text).collect())
        .collect()
}

/// What `write` writes.
fn written(write: impl FnOnce(&mut Writer<'_>)) -> String {
    let mut buffer = [0; 4096];
    let mut w = Writer::new(&mut buffer);
    write(&mut w);
    String::from_utf8(w.finish().unwrap().to_vec()).unwrap()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_message_is_read_as_meant_and_written_alike() {
    let pushed = recorded("RPUSH");
    let published = recorded("PUBLISH");
    let messages = pushed.iter().chain(&published).filter(|words| {
        ["direct:", "group:", "rpc:"]
            .iter()
            .any(|prefix| words[1].starts_with(prefix))
    });
    let mut seen = BTreeMap::new();
    for words in messages {
        let text = &words[2];
        let mut bytes = text.clone().into_bytes();
        let message = read_message(&mut bytes).unwrap();
        let original = parsed(text);
        assert_eq!(message.command, original["x"]);
        assert_eq!(parsed(message.data), original["d"]);
        assert_eq!(message.correlation, original["c"]);
        assert_eq!(message.sender, original["i"]);
        let again = written(|w| {
            write_message(
                w,
                message.command,
                message.correlation,
                message.sender,
                |w| w.put(message.data.as_bytes()),
            );
        });
        assert_eq!(&again, text);
        *seen.entry(message.command.to_owned()).or_insert(0) += 1;
    }
    let seen: Vec<_> = seen.iter().map(|(x, n)| (x.as_str(), *n)).collect();
    let expected = [
        ("add", 2),
        ("boom", 1),
        ("info", 1),
        ("nosuch", 1),
        ("ping", 3),
        ("stop", 1),
        ("stream", 1),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn every_reply_is_read_as_meant_and_written_alike() {
    let mut places = Vec::new();
    let mut failures = 0;
    for words in recorded("RPUSH") {
        let Some(correlation) = words[1].strip_prefix("reply:") else {
            continue;
        };
        let text = &words[2];
        let mut bytes = text.clone().into_bytes();
        let reply = read_reply(&mut bytes).unwrap();
        let original = parsed(text);
        assert_eq!(reply.correlation, correlation);
        assert_eq!(parsed(reply.data), original["d"]);
        assert_eq!(reply.worker, ID);
        let failed = original["d"]["success"] == false;
        assert_eq!(failure_of(reply.data).is_some(), failed);
        failures += i32::from(failed);
        let again = written(|w| {
            write_reply(w, correlation, ID, reply.place, |w| {
                w.put(reply.data.as_bytes());
            });
        });
        assert_eq!(&again, text);
        places.push(reply.place);
    }
    let streamed: Vec<_> = places.iter().filter(|p| **p != Place::Only).collect();
    let expected = [Place::Nth(0), Place::Nth(1), Place::Nth(2), Place::End];
    assert_eq!(streamed, expected.iter().collect::<Vec<_>>());
    assert_eq!(failures, 1);
}

#[test]
fn every_key_is_one_that_we_make() {
    let site = Site::parse("local").unwrap();
    let calc = WorkerType::parse("calc").unwrap();
    let id = WorkerId::parse(ID).unwrap();
    let known = [
        key::direct(id),
        key::group(site, calc),
        key::broadcast(site),
        key::record(site, calc, id),
        key::records(site, "calc", "10.0.*"),
        key::logs(calc, id),
    ]
    .map(|key| key.unwrap().as_str().to_owned());
    for words in requests("redisbus_python") {
        let command = String::from_utf8(words[0].clone()).unwrap();
        let place = if command == "SCAN" { 3 } else { 1 };
        let used = String::from_utf8(words[place].clone()).unwrap();
        let reply = used.strip_prefix("reply:").and_then(key::reply);
        assert!(
            used == key::WORKERS || known.contains(&used) || reply.is_some(),
            "{command} {used}"
        );
    }
    assert_eq!(parts_of_record(&known[3]), Some(("local", "calc", ID)));
}

#[test]
fn addresses_lead_to_the_recorded_keys() {
    for (address, key) in [
        (format!("worker:{ID}"), format!("direct:{ID}")),
        ("group:local/calc".into(), "group:local:calc".into()),
        (
            "multicast:local/calc/10.0.*".into(),
            "worker:local:calc:10.0.*".into(),
        ),
        ("broadcast:local".into(), "rpc:worker:local".into()),
    ] {
        let address = Address::parse(&address).unwrap();
        assert_eq!(address.key().unwrap().as_str(), key);
    }
}

#[test]
fn correlations_have_the_recorded_form() {
    for words in recorded("RPUSH").iter().chain(&recorded("PUBLISH")) {
        let mut bytes = words[2].clone().into_bytes();
        let Ok(message) = read_message(&mut bytes) else {
            continue;
        };
        let (letter, digits) = message.correlation.split_once(':').unwrap();
        let number = u64::from_str_radix(digits, 16).unwrap();
        let addressing = match letter {
            "b" => Addressing::Broadcast,
            "m" => Addressing::Multicast,
            _ => Addressing::Call,
        };
        let ours = Correlation::new(addressing, number);
        assert_eq!(ours.as_str(), message.correlation);
    }
}
