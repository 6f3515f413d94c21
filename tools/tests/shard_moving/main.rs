//! Keys that move to hosts that join.

mod large;
mod meanwhile;

use std::sync::mpsc::channel;
use std::time::Duration;

use redis_ipc::Stop;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::moving::{self, MoveError};
use redis_ipc_tools::router::{Cluster, Options, Placement, Promise, Promised};

const LONG: Duration = Duration::from_secs(60);

fn growing(farm: &Farm, old: usize) -> Cluster {
    let mut hosts = farm.hosts();
    let joining = hosts.split_off(old);
    Cluster::growing(hosts, &joining, Placement::Partition, Options::default()).unwrap()
}

/// Bytes that no dump makes smaller.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..count / 8).flat_map(|_| next()).collect()
}

/// Names of that kind that the second host of two will have.
fn moving_keys(cluster: &Cluster, kind: &str) -> impl Iterator<Item = String> {
    let next = cluster.next().unwrap().clone();
    let names = (0..).map(move |n| format!("{kind} {n}"));
    names.filter(move |name| next.host_of(name) == 1)
}

#[test]
fn a_key_that_stands_where_another_should_go_is_left_alone() {
    let farm = Farm::start(2, 1).unwrap();
    let cluster = growing(&farm, 1);
    let next = cluster.next().unwrap();
    let key = (0..)
        .map(|n| format!("k{n}"))
        .find(|key| next.host_of(key) == 1)
        .unwrap();
    cluster.command_on(0, &["SET", &key, "old"]).unwrap();
    next.command_on(1, &["SET", &key, "other"]).unwrap();
    let journal = farm.folder().join("journal");
    let progress = moving::run(&cluster, &journal, &Stop::new(), |_| ()).unwrap();
    assert_eq!((progress.moved, progress.left), (0, 1));
    let why = format!("{key} is on host 0, and another one on host 1 already");
    assert_eq!(progress.first_left, Some(why));
    assert_eq!(
        cluster.command(&["GET", &key]).unwrap().bytes(),
        Some(&b"old"[..])
    );
    assert_eq!(
        next.command(&["GET", &key]).unwrap().bytes(),
        Some(&b"other"[..])
    );
}

#[test]
fn keys_move_between_databases_of_one_server() {
    let farm = Farm::start(1, 3).unwrap();
    let cluster = growing(&farm, 2);
    for n in 0..100 {
        let key = format!("k{n}");
        let words = ["SET", &key, "x"];
        cluster.command_on(cluster.host_of(&key), &words).unwrap();
    }
    let journal = farm.folder().join("journal");
    let progress = moving::run(&cluster, &journal, &Stop::new(), |_| ()).unwrap();
    assert!(progress.moved > 50 && progress.left == 0, "{progress:?}");
    let next = cluster.next().unwrap();
    for n in 0..100 {
        let key = format!("k{n}");
        let on = next.host_of(&key);
        let there = next.command_on(on, &["EXISTS", &key]).unwrap();
        assert_eq!(there.integer(), Some(1), "{key}");
    }
}

#[test]
fn of_two_moves_one_is_refused_and_does_not_disturb_the_other() {
    const KEYS: usize = 1000;
    let farm = Farm::start(2, 1).unwrap();
    let cluster = growing(&farm, 1);
    for key in moving_keys(&cluster, "k").take(KEYS) {
        cluster.command_on(0, &["SET", &key, "x"]).unwrap();
    }
    let journal = farm.folder().join("journal");
    let ((tell, begun), (go_on, told)) = (channel(), channel());
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            let mut seen = 0;
            moving::run(&cluster, &journal, &Stop::new(), move |_| {
                seen += 1;
                if seen == 1 {
                    tell.send(()).unwrap();
                    told.recv().unwrap();
                }
            })
        });
        begun.recv().unwrap();
        let error = moving::run(&cluster, &journal, &Stop::new(), |_| ()).unwrap_err();
        assert!(matches!(error, MoveError::Another { .. }), "{error}");
        assert!(error.to_string().starts_with("host 0 (unix:"), "{error}");
        go_on.send(()).unwrap();
        let moved = first.join().unwrap().unwrap();
        assert_eq!((moved.moved, moved.left), (KEYS as u64, 0));
    });
    let again = moving::run(&cluster, &journal, &Stop::new(), |_| ()).unwrap();
    assert_eq!(again.moved, 0);
}

#[test]
fn a_plan_says_what_a_move_then_does() {
    let farm = Farm::start(4, 1).unwrap();
    let mut hosts = farm.hosts();
    let joining = hosts.split_off(3);
    for placement in [Placement::Partition, Placement::Ketama, Placement::Ring] {
        let old = Cluster::new(hosts.clone(), placement).unwrap();
        let mut map = old.map();
        let set = Promise::all((0..1000).map(|n| map.set(format!("k{n}"), "value")));
        map.send(LONG);
        set.wait().unwrap();
        let cluster = Cluster::growing(hosts.clone(), &joining, placement, Options::default());
        let cluster = cluster.unwrap();
        let plan = moving::plan(&cluster, |_| ()).unwrap();
        let sizes = |cluster: &Cluster| -> Vec<i64> {
            let sizes = cluster.fanout().command(&["DBSIZE"]).into_values();
            sizes.map(|size| size.unwrap().integer().unwrap()).collect()
        };
        let next = cluster.next().unwrap();
        let mut expected = sizes(next);
        for ((from, to), load) in &plan {
            assert!(load.bytes >= load.keys * 40, "{load:?}");
            let keys = i64::try_from(load.keys).unwrap();
            expected[*from as usize] -= keys;
            expected[*to as usize] += keys;
        }
        let planned: u64 = plan.values().map(|load| load.keys).sum();
        let bytes: u64 = plan.values().map(|load| load.bytes).sum();
        let progress = moving::run(
            &cluster,
            &farm.folder().join("journal"),
            &Stop::new(),
            |_| (),
        );
        let progress = progress.unwrap();
        assert_eq!((progress.moved, progress.left), (planned, 0), "{placement}");
        assert_eq!(progress.bytes, bytes, "{placement}");
        assert_eq!(sizes(next), expected, "{placement}");
        if placement != Placement::Partition {
            assert!(plan.keys().all(|(_, to)| *to == 3), "{plan:?}");
        }
        cluster.next().unwrap().fanout().command(&["FLUSHDB"]);
    }
}
