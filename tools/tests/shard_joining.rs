//! Commands for keys on their way to hosts that join.

use std::time::Duration;

use redis_ipc::Outcome;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Error, Options, Placement, Promised};

/// A farm's hosts but for the last, which joins them.
fn growing(farm: &Farm) -> Cluster {
    let (hosts, options) = (farm.hosts(), Options::default());
    let (joining, hosts) = hosts.split_last().unwrap();
    let joining = std::slice::from_ref(joining);
    Cluster::growing(hosts.to_vec(), joining, Placement::Partition, options).unwrap()
}

/// A key that leaves that host.
fn leaving(cluster: &Cluster, host: u32) -> String {
    let next = cluster.next().unwrap();
    let mut keys = (0..).map(|number| format!("key {number}"));
    let leaves = |key: &String| cluster.host_of(key) == host && next.host_of(key) != host;
    keys.find(leaves).unwrap()
}

#[test]
fn a_pop_of_a_key_on_its_way_is_given_up_when_its_own_limit_is_over() {
    let farm = Farm::start(2, 1).unwrap();
    let options = Options {
        reply_limit: Duration::from_secs(60),
        ..Options::default()
    };
    let (hosts, joining) = (farm.hosts()[..1].to_vec(), &farm.hosts()[1..]);
    let cluster = Cluster::growing(hosts, joining, Placement::Partition, options).unwrap();
    let next = cluster.next().unwrap();
    let mut keys = (0..).map(|number| format!("queue {number}"));
    let key = keys.find(|key| next.host_of(key) == 1).unwrap();
    let limit = Duration::from_millis(200);
    let answer = cluster.blocking_command(&["BLPOP", &key, "30"], limit);
    assert!(answer.is_err(), "{answer:?}");
}

#[test]
fn what_waits_for_one_host_does_not_delay_what_is_on_its_way_from_others() {
    let farm = Farm::start(3, 1).unwrap();
    let cluster = growing(&farm);
    let mut map = cluster.map();
    let waits = ["BLPOP", &leaving(&cluster, 1), "0"];
    let pop = map.command(&waits).unwrap();
    let others = ["a", "b"].map(|value| map.set(leaving(&cluster, 0), value));
    let running = map.send(Duration::from_secs(60));
    for other in others {
        other.wait().unwrap();
    }
    running.cancel();
    let error = pop.wait().unwrap_err().to_string();
    assert!(error.starts_with("host 1 ("), "{error}");
}

#[test]
fn of_keys_on_their_way_the_host_that_is_gone_is_named() {
    let mut farm = Farm::start(3, 1).unwrap();
    let cluster = growing(&farm);
    farm.kill(1);
    let [there, gone] = [0, 1].map(|host| leaving(&cluster, host));
    let mut map = cluster.map();
    let (there_too, lost) = (map.get(&there), map.get(&gone));
    map.send(Duration::from_secs(60));
    assert!(there_too.wait().unwrap().is_null());
    let error = lost.wait().unwrap_err();
    assert!(error.to_string().starts_with("host 1 ("), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    // What was done is not said to be undone.
    let error = cluster.command(&["MSET", &there, "1", &gone, "2"]);
    let error = error.unwrap_err();
    assert!(
        matches!(&error, Error::Partly { done, .. } if done.len() == 1),
        "{error}"
    );
    assert!(error.to_string().starts_with("host 1 ("), "{error}");
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[test]
fn of_commands_of_many_keys_on_their_way_the_order_is_kept_on_each_host() {
    let farm = Farm::start(3, 1).unwrap();
    let cluster = growing(&farm);
    let keys = [0, 1].map(|host| leaving(&cluster, host));
    let [one, other] = &keys;
    for round in 0..50 {
        let mut map = cluster.map();
        let value = round.to_string();
        let set = map.command(&["MSET", one, &value, other, &value]).unwrap();
        let got = [one, other].map(|key| map.get(key));
        map.send(Duration::from_secs(60));
        set.wait().unwrap();
        for got in got {
            assert_eq!(got.wait().unwrap().bytes(), Some(value.as_bytes()));
        }
    }
}
