//! Maps over real servers: order, merging, faults of one host that stay its own.

use std::time::{Duration, Instant};

use redis_ipc::Outcome;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Error, Options, Placement, Promise, Promised, Value};

const LONG: Duration = Duration::from_secs(60);

fn bytes(text: &str) -> Value {
    Value::Bytes(text.into())
}

/// Which server a host's database is on.
fn server_of(cluster: &Cluster, farm_databases: u32, key: &str) -> u32 {
    cluster.host_of(key) / farm_databases
}

#[test]
fn ten_thousand_commands_over_32_hosts_find_their_promises() {
    let farm = Farm::start(4, 8).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    for merged in [true, false] {
        let begin = || {
            if merged {
                cluster.map()
            } else {
                cluster.map().unmerged()
            }
        };
        let mut map = begin();
        let set = |n| map.set(format!("k{n}"), format!("v{n}"));
        let set: Vec<_> = (0..10_000).map(set).collect();
        assert_eq!(map.len(), 10_000);
        map.send(LONG).wait();
        for promise in set {
            assert_eq!(promise.wait().unwrap(), Value::Text("OK".into()));
        }
        let mut map = begin();
        let got: Vec<_> = (0..10_000).map(|n| map.get(format!("k{n}"))).collect();
        map.send(LONG);
        for (n, promise) in got.into_iter().enumerate() {
            assert_eq!(promise.wait().unwrap(), bytes(&format!("v{n}")));
        }
    }
}

#[test]
fn commands_of_a_host_keep_their_order_and_errors_are_their_own() {
    let farm = Farm::start(2, 1).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    let mut map = cluster.map();
    let set = map.set("k", "1");
    let count = map.command(&["INCR", "k"]).unwrap();
    let get = map.get("k");
    let wrong = map.command(&["LPUSH", "k", "x"]).unwrap();
    let again = map.get("k").then(|value| value.bytes().map(<[u8]>::len));
    let many = map.command(&["MGET", "k", "a", "b", "c", "d"]).unwrap();
    assert!(map.command(&["PING"]).is_err());
    map.send(LONG);
    set.wait().unwrap();
    assert_eq!(count.wait().unwrap(), Value::Integer(2));
    assert_eq!(get.wait().unwrap(), bytes("2"));
    let error = wrong.wait().unwrap_err();
    assert_eq!(error.outcome(), Outcome::Rejected);
    assert!(error.to_string().contains("WRONGTYPE"), "{error}");
    assert_eq!(again.wait().unwrap(), Some(1));
    assert_eq!(many.wait().unwrap().elements().unwrap().len(), 5);
}

#[test]
fn all_gives_all_values_or_the_first_error() {
    let farm = Farm::start(1, 1).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    let mut map = cluster.map();
    let good = Promise::all(["a", "b"].map(|key| map.set(key, "1")));
    let bad = [map.get("a"), map.command(&["LLEN", "a"]).unwrap()];
    map.send(LONG);
    assert_eq!(good.wait().unwrap().len(), 2);
    assert!(Promise::all(bad).wait().is_err());
}

#[test]
fn a_map_that_is_not_sent_says_so_at_once() {
    let farm = Farm::start(1, 1).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    let promise = cluster.map().get("a");
    assert!(matches!(promise.wait(), Err(Error::NotSent)));
}

#[test]
fn a_paused_host_delays_only_its_own_and_only_until_the_deadline() {
    let farm = Farm::start(4, 2).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    farm.pause(1);
    let mut map = cluster.map();
    let promises: Vec<_> = (0..400)
        .map(|n| format!("k{n}"))
        .map(|key| (server_of(&cluster, 2, &key), map.get(key)))
        .collect();
    // Far below the limit that the cluster has by itself.
    let limit = Duration::from_secs(2);
    let begun = Instant::now();
    let running = map.send(limit);
    let (slow, fast): (Vec<_>, Vec<_>) = promises.into_iter().partition(|(server, _)| *server == 1);
    for (_, promise) in fast {
        assert!(promise.wait().unwrap().is_null());
    }
    let (done, hosts) = running.progress();
    assert!(done < hosts, "those of the paused one are waited for");
    assert!(!slow.is_empty());
    for (_, promise) in slow {
        let error = promise.wait().unwrap_err();
        // Connecting to a paused server succeeds; its greeting does not come.
        assert!(error.to_string().contains("s1.sock"), "{error}");
    }
    assert!((limit..2 * limit).contains(&begun.elapsed()));
    farm.resume(1);
    assert!(cluster.command_on(2, &["PING"]).is_ok());
}

#[test]
fn a_host_that_is_killed_in_the_middle_fails_only_its_own_and_is_back_when_it_is() {
    let mut farm = Farm::start(4, 2).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    let mut map = cluster.map();
    let keys: Vec<_> = (0..400).map(|n| format!("k{n}")).collect();
    let promises: Vec<_> = keys
        .iter()
        .map(|key| map.command(&["BLPOP", key, "30"]).unwrap())
        .collect();
    // All of them wait now, each host for the first of its own.
    let running = map.send(LONG);
    let waits = |host| {
        let clients = cluster.command_on(host, &["CLIENT", "LIST"]).unwrap();
        String::from_utf8_lossy(clients.bytes().unwrap()).contains("cmd=blpop")
    };
    while !(0..8).all(waits) {
        std::thread::yield_now();
    }
    farm.kill(2);
    let mut killed = 0;
    let mut others = Vec::new();
    for (key, promise) in keys.iter().zip(promises) {
        if server_of(&cluster, 2, key) != 2 {
            others.push(promise);
            continue;
        }
        let error = promise.wait().unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
        assert!(error.to_string().contains("s2.sock"), "{error}");
        killed += 1;
    }
    assert!(killed > 0);
    // The last answer is there a moment before it is counted.
    while running.progress() != (2, 8) {
        std::thread::yield_now();
    }
    running.cancel();
    for promise in others {
        let error = promise.wait().unwrap_err();
        assert!(error.to_string().contains("cancelled"), "{error}");
        assert_eq!(error.outcome(), Outcome::Unknown);
    }
    let error = cluster.command_on(4, &["PING"]).unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    farm.restart(2).unwrap();
    cluster.command_on(4, &["PING"]).unwrap();
    assert_eq!(
        cluster
            .fanout()
            .command(&["DBSIZE"])
            .values()
            .filter(|size| size.is_ok())
            .count(),
        8
    );
}

#[test]
fn connections_that_died_while_idle_are_made_anew_before_anything_is_sent() {
    let mut farm = Farm::start(2, 1).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    let write = |value| {
        let mut map = cluster.map();
        let all = Promise::all((0..100).map(|n| map.set(format!("k{n}"), value)));
        map.send(LONG);
        all.wait().map(|all| all.len())
    };
    assert_eq!(write("1").unwrap(), 100);
    farm.restart(0).unwrap();
    farm.restart(1).unwrap();
    assert_eq!(write("2").unwrap(), 100);
}

#[test]
fn a_reply_that_is_too_long_fails_alone() {
    let farm = Farm::start(1, 1).unwrap();
    let options = Options {
        message_limit: 100_000,
        ..Options::default()
    };
    let cluster = Cluster::with(farm.hosts(), Placement::Partition, options).unwrap();
    let mut map = cluster.map().unmerged();
    let large = "x".repeat(60_000);
    let first = map.set("a", &large);
    let joined = map.command(&["APPEND", "a", &large]).unwrap();
    let (long, short) = (map.get("a"), map.get("b"));
    let sent = map.set("b", "y".repeat(200_000));
    let last = map.command(&["STRLEN", "a"]).unwrap();
    map.send(LONG);
    first.wait().unwrap();
    joined.wait().unwrap();
    assert_eq!(long.wait().unwrap_err().outcome(), Outcome::Unknown);
    assert!(short.wait().unwrap().is_null());
    assert_eq!(sent.wait().unwrap_err().outcome(), Outcome::NotSent);
    assert_eq!(last.wait().unwrap(), Value::Integer(120_000));
}

#[test]
fn more_hosts_than_are_worked_on_at_once_are_all_done() {
    let farm = Farm::start(2, 8).unwrap();
    let options = Options {
        hosts_in_flight: 3,
        ..Options::default()
    };
    let cluster = Cluster::with(farm.hosts(), Placement::Partition, options).unwrap();
    assert!(
        cluster
            .fanout()
            .command(&["PING"])
            .values()
            .all(Result::is_ok)
    );
}

#[test]
fn a_host_whose_turn_does_not_come_in_time_is_not_said_to_be_silent() {
    let farm = Farm::start(2, 1).unwrap();
    let options = Options {
        hosts_in_flight: 1,
        ..Options::default()
    };
    let cluster = Cluster::with(farm.hosts(), Placement::Partition, options).unwrap();
    farm.pause(0);
    let answers = cluster.fanout().within(Duration::from_millis(200));
    let answers = answers.command(&["PING"]);
    farm.resume(0);
    let errors = answers.values().map(|answer| answer.clone().unwrap_err());
    let [silent, waiting] = errors.collect::<Vec<_>>().try_into().unwrap();
    assert!(silent.to_string().starts_with("host 0 ("), "{silent}");
    assert!(
        matches!(waiting, Error::GivenUp { host: 1, .. }),
        "{waiting}"
    );
    assert_eq!(waiting.outcome(), Outcome::NotSent);
}

#[test]
fn values_that_are_too_long_to_come_together_come_one_by_one() {
    let farm = Farm::start(1, 1).unwrap();
    let options = Options {
        message_limit: 100_000,
        ..Options::default()
    };
    let cluster = Cluster::with(farm.hosts(), Placement::Partition, options).unwrap();
    let keys = ["a", "b", "c", "d", "e"];
    for key in keys {
        cluster.command(&["SET", key, &key.repeat(60_000)]).unwrap();
    }
    let mut map = cluster.map();
    let first = map.set("f", "x");
    let all = keys.map(|key| map.get(key));
    map.send(LONG);
    first.wait().unwrap();
    for (promise, key) in all.into_iter().zip(keys) {
        assert_eq!(promise.wait().unwrap(), bytes(&key.repeat(60_000)));
    }
    // What was sent behind them must not be done before them.
    let mut map = cluster.map();
    let before = keys.map(|key| map.get(key));
    let set = map.set("a", "x");
    map.send(LONG);
    for promise in before {
        let error = promise.wait().unwrap_err().to_string();
        assert!(error.contains("does not fit"), "{error}");
    }
    set.wait().unwrap();
}

#[test]
fn of_what_a_cancelled_map_has_not_sent_it_says_so() {
    let farm = Farm::start(1, 1).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    let mut map = cluster.map();
    let pop = map.command(&["BLPOP", "queue", "0"]).unwrap();
    // Too many bytes to be sent before the pop is answered.
    let value = "x".repeat(50_000);
    let later: Vec<_> = (0..10).map(|n| map.set(format!("k{n}"), &value)).collect();
    let running = map.send(LONG);
    let waits = || {
        let clients = cluster.command_on(0, &["CLIENT", "LIST"]).unwrap();
        String::from_utf8_lossy(clients.bytes().unwrap()).contains("cmd=blpop")
    };
    while !waits() {
        std::thread::yield_now();
    }
    running.cancel();
    cluster.command(&["RPUSH", "queue", "item"]).unwrap();
    while running.progress() != (1, 1) {
        std::thread::yield_now();
    }
    assert_eq!(pop.wait().unwrap().elements().unwrap().len(), 2);
    let last = later.into_iter().next_back().unwrap();
    let error = last.wait().unwrap_err();
    assert!(error.to_string().contains("cancelled"), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(cluster.command(&["GET", "k9"]).unwrap().is_null());
}

#[test]
fn what_is_answered_is_there_while_its_host_has_more_to_do() {
    let farm = Farm::start(1, 1).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    let mut map = cluster.map();
    // So many bytes go out alone.
    let first = map.set("a", "x".repeat(61_440));
    let pop = map.command(&["BLPOP", "queue", "0"]).unwrap();
    let last = map.command(&["STRLEN", "a"]).unwrap();
    let running = map.send(LONG);
    assert_eq!(first.wait().unwrap(), Value::Text("OK".into()));
    assert_eq!(running.progress(), (0, 1));
    cluster.command(&["RPUSH", "queue", "item"]).unwrap();
    assert_eq!(pop.wait().unwrap().elements().unwrap().len(), 2);
    assert_eq!(last.wait().unwrap(), Value::Integer(61_440));
}

#[test]
fn what_was_answered_is_not_sent_again_when_its_connection_breaks() {
    let farm = Farm::start(1, 1).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    let mut map = cluster.map();
    let count = map.command(&["INCR", "n"]).unwrap();
    let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"];
    let kill = map.command_on(0, &kill).unwrap();
    let last = map.set("a", "x".repeat(61_440));
    map.send(LONG);
    assert_eq!(count.wait().unwrap(), Value::Integer(1));
    kill.wait().unwrap();
    assert!(last.wait().is_err());
    assert_eq!(cluster.command(&["GET", "n"]).unwrap(), bytes("1"));
}

#[test]
fn a_limit_may_be_longer_than_any_clock() {
    let farm = Farm::start(2, 1).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    let answers = cluster.fanout().within(Duration::MAX).command(&["PING"]);
    assert!(answers.values().all(Result::is_ok), "{answers:?}");
}
