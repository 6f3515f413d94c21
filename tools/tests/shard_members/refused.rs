//! What takes one server is refused in words where there are several; scripts are where they run.

use std::time::Duration;

use redis_ipc::Delivery;
use redis_ipc_tests::value::Value;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Placement, Script};

use crate::keys::one_on_each;
use crate::play::{QUEUES, join};
use crate::router::Router;

fn farm() -> (Farm, Cluster) {
    let farm = Farm::start(3, 1).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    (farm, cluster)
}

#[test]
fn a_component_that_acknowledges_is_told_that_its_queues_live_on_several_hosts() {
    let (farm, cluster) = farm();
    let router = Router::start(&cluster, farm.folder());
    let mut printer = join(&router.endpoint(), "printer");
    printer.set_delivery(Delivery::AtLeastOnce { tries: 3 });
    printer.serve(&QUEUES).unwrap();
    let error = printer.next(Some(Duration::from_secs(60))).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("EVALSHA operates on multiple keys"),
        "{error}"
    );
    assert!(error.contains("they live on several hosts"), "{error}");
}

#[test]
fn scripts_are_loaded_on_all_servers_and_run_on_that_of_their_keys() {
    let (mut farm, cluster) = farm();
    let router = Router::start(&cluster, farm.folder());
    let (mut client, keys) = (router.client(), one_on_each(&cluster));
    let lacking = client.command(&["EVALSHA", &"0".repeat(40), "1", &keys[0]]);
    assert!(lacking.text().starts_with("NOSCRIPT"), "{lacking:?}");
    let sum = client.command(&["SCRIPT", "LOAD", "return KEYS[1]"]);
    let sum = sum.text();
    for key in &keys {
        assert_eq!(client.command(&["EVALSHA", &sum, "1", key]), key.as_str());
    }
    let several = client.command(&["EVALSHA", &sum, "2", &keys[0], &keys[1]]);
    assert!(
        several.text().contains("live on several hosts (0, 1)"),
        "{several:?}"
    );
    let broken = client.command(&["SCRIPT", "LOAD", "return +"]);
    assert!(broken.text().contains("compil"), "{broken:?}");

    // One that has lost it, and one that is away, have it again when they are asked.
    cluster.command_on(1, &["SCRIPT", "FLUSH"]).unwrap();
    let there = |client: &mut redis_ipc_tests::client::Client| {
        let reply = client.command(&["SCRIPT", "EXISTS", &sum, &"0".repeat(40)]);
        reply.items().iter().map(Value::integer).collect::<Vec<_>>()
    };
    assert_eq!(there(&mut client), [0, 0]);
    farm.kill(2);
    assert_eq!(
        client.command(&["SCRIPT", "LOAD", "return KEYS[1]"]),
        sum.as_str()
    );
    farm.restart(2).unwrap();
    let lacking = client.command(&["EVALSHA", &sum, "1", &keys[2]]);
    assert!(lacking.text().starts_with("NOSCRIPT"), "{lacking:?}");
    assert_eq!(
        client.command(&["SCRIPT", "LOAD", "return KEYS[1]"]),
        sum.as_str()
    );
    assert_eq!(there(&mut client), [1, 0]);
    assert_eq!(client.command(&["SCRIPT", "FLUSH"]), "OK");
    assert_eq!(there(&mut client), [0, 0]);
}

#[test]
fn a_fanout_loads_a_script_where_it_is_missing_and_runs_it_once_everywhere() {
    let (mut farm, cluster) = farm();
    let script = Script::new("return redis.call('INCR', KEYS[1])");
    for count in 1..=4 {
        match count {
            2 => drop(cluster.command_on(1, &["SCRIPT", "FLUSH"])),
            3 => drop(cluster.fanout().command(&["SCRIPT", "FLUSH"])),
            4 => {
                farm.restart(2).unwrap();
                cluster.command_on(2, &["SET", "count", "3"]).unwrap();
            }
            _ => {}
        }
        let answers = cluster.fanout().script(&script, &["count"], &["x"]);
        for (host, answer) in answers {
            assert_eq!(answer.unwrap().integer(), Some(count), "host {host}");
        }
    }
    let sum = cluster.command_on(0, &["SCRIPT", "LOAD", "return KEYS[1]"]);
    let sum = sum.unwrap().to_string().replace('"', "");
    let keys = one_on_each(&cluster);
    cluster.command(&["EVALSHA", &sum, "1", &keys[0]]).unwrap();
    let error = cluster
        .command(&["EVALSHA", &sum, "1", &keys[1]])
        .unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("host 1 ") && error.contains("NOSCRIPT"),
        "{error}"
    );
    let several = ["EVALSHA", &sum, "2", &keys[0], &keys[1]];
    let error = cluster.command(&several).unwrap_err().to_string();
    assert!(
        error.contains("EVALSHA operates on multiple keys (2)"),
        "{error}"
    );
}
