//! A move that is taken up after another one has failed, with other hosts than that one.

use redis_ipc::Stop;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Host, Options, Placement, Value, moving};

/// The farm's first host, which another of its hosts joins.
fn joined_by(farm: &Farm, other: usize) -> Cluster {
    let hosts = farm.hosts();
    let joining = Host::new(1, hosts[other].endpoint.clone());
    let first = hosts[..1].to_vec();
    Cluster::growing(first, &[joining], Placement::Partition, Options::default()).unwrap()
}

#[test]
fn what_another_move_has_begun_to_copy_is_not_written_over_elsewhere() {
    let farm = Farm::start(3, 1).unwrap();
    let [before, now] = [1, 2].map(|other| joined_by(&farm, other));
    let mut keys = (0..).map(|number| format!("key {number}"));
    let key = keys.find(|key| before.next().unwrap().host_of(key) == 1);
    let key = key.unwrap();
    before.command_on(0, &["SET", &key, "ours"]).unwrap();
    let joining = before.next().unwrap();
    let full = ["CONFIG", "SET", "maxmemory", "1"];
    joining.command_on(1, &full).unwrap();
    let journal = farm.folder().join("journal");
    let run = |cluster| moving::run(cluster, &journal, &Stop::new(), |_| ());
    let error = run(&before).unwrap_err().to_string();
    assert!(error.contains("OOM"), "{error}");
    assert!(journal.exists());

    let joining = now.next().unwrap();
    joining.command_on(1, &["SET", &key, "theirs"]).unwrap();
    let progress = run(&now).unwrap();
    assert_eq!((progress.moved, progress.left), (0, 1));
    for (host, value) in [(0, "ours"), (1, "theirs")] {
        let there = joining.command_on(host, &["GET", &key]).unwrap();
        assert_eq!(there, Value::Bytes(value.into()), "host {host}");
    }
}

#[test]
fn pieces_on_a_host_that_is_not_there_any_more_hold_up_nothing() {
    let farm = Farm::start(2, 1).unwrap();
    let cluster = joined_by(&farm, 1);
    let journal = farm.folder().join("journal");
    std::fs::write(&journal, "p7:6162\n").unwrap();
    let progress = moving::run(&cluster, &journal, &Stop::new(), |_| ()).unwrap();
    assert_eq!((progress.moved, progress.left), (0, 0));
    assert!(!journal.exists());
}
