//! Commands for keys on their way to hosts that join.

use std::time::Duration;

use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Options, Placement};

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
    let answer = cluster.blocking_command(&["BLPOP", &key, "3"], limit);
    assert!(answer.is_err(), "{answer:?}");
}
