//! Keys that move while others read and write them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Options, Placement, Promise, Promised, moving};

const LONG: Duration = Duration::from_secs(60);

fn growing(farm: &Farm, old: usize) -> Cluster {
    let mut hosts = farm.hosts();
    let joining = hosts.split_off(old);
    Cluster::growing(hosts, &joining, Placement::Partition, Options::default()).unwrap()
}

#[test]
fn what_is_written_while_keys_move_is_not_lost() {
    const KEYS: usize = 300;
    let farm = Farm::start(4, 1).unwrap();
    let cluster = growing(&farm, 3);
    let journal = farm.folder().join("journal");
    let done = AtomicBool::new(false);
    let counted: usize = std::thread::scope(|scope| {
        let writer = |from: usize| {
            let (cluster, done) = (&cluster, &done);
            scope.spawn(move || {
                let mut count = 0;
                // Some rounds more once all has moved.
                let mut rounds = 3;
                while rounds > 0 {
                    rounds -= usize::from(done.load(Ordering::Relaxed));
                    for n in 0..KEYS {
                        let key = format!("counter {}", (n * 7 + from) % KEYS);
                        cluster.command(&["INCR", &key]).unwrap();
                        count += 1;
                    }
                }
                count
            })
        };
        let writers = [writer(0), writer(100)];
        moving::run(&cluster, &journal, |_| ()).unwrap();
        done.store(true, Ordering::Relaxed);
        writers
            .map(|writer| writer.join().unwrap())
            .into_iter()
            .sum()
    });
    // Keys that were made by a writer just when the last pass had seen all hosts.
    moving::run(&cluster, &journal, |_| ()).unwrap();
    let after = cluster.next().unwrap();
    let mut map = after.map();
    let values = Promise::all((0..KEYS).map(|n| map.get(format!("counter {n}"))));
    map.send(Duration::from_secs(10));
    let values = values.wait().unwrap().into_iter();
    let number = |value: redis_ipc_tools::router::Value| {
        String::from_utf8_lossy(value.bytes().unwrap())
            .parse::<usize>()
            .unwrap()
    };
    assert_eq!(values.map(number).sum::<usize>(), counted);
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
    let progress = moving::run(&cluster, &journal, |_| ()).unwrap();
    assert_eq!((progress.moved, progress.left), (0, 1));
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
fn commands_of_many_keys_find_them_while_they_move() {
    let farm = Farm::start(3, 1).unwrap();
    let cluster = growing(&farm, 2);
    let next = cluster.next().unwrap();
    for n in 0..30 {
        let at = if n % 2 == 0 { &cluster } else { next };
        at.command_on(
            at.host_of(format!("k{n}")),
            &["SET", &format!("k{n}"), &n.to_string()],
        )
        .unwrap();
    }
    let mut words = vec!["MGET".to_owned()];
    words.extend((0..30).map(|n| format!("k{n}")));
    let mut map = cluster.map();
    let mapped = map.command(&words).unwrap();
    map.send(Duration::from_secs(10));
    for values in [cluster.command(&words).unwrap(), mapped.wait().unwrap()] {
        for (n, value) in values.elements().unwrap().iter().enumerate() {
            assert_eq!(value.bytes(), Some(n.to_string().as_bytes()), "{n}");
        }
    }
    let error = cluster
        .command(&["SUNION", "k0", "k1", "k2", "k3", "k4", "k5"])
        .unwrap_err();
    assert!(error.to_string().contains("hosts are joining"), "{error}");
}

#[test]
fn a_value_of_many_megabytes_is_mapped_moved_and_found() {
    let farm = Farm::start(2, 1).unwrap();
    let cluster = growing(&farm, 1);
    let next = cluster.next().unwrap();
    let mut keys = (0..).map(|n| format!("large\r\n{n}"));
    let key = keys.find(|key| next.host_of(key) == 1).unwrap();
    // No dump makes this smaller.
    let mut state = 1_u64;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let value: Vec<u8> = (0..9 << 20).flat_map(|_| noise()).collect();
    let mut hosts = farm.hosts();
    hosts.truncate(1);
    let old = Cluster::new(hosts, Placement::Partition).unwrap();
    let mut map = old.map();
    let (set, small) = (map.set(&key, &value), map.get("small"));
    map.send(LONG);
    set.wait().unwrap();
    small.wait().unwrap();
    let journal = farm.folder().join("journal");
    let progress = moving::run(&cluster, &journal, |_| ()).unwrap();
    assert_eq!((progress.moved, progress.left), (1, 0));
    let mut map = next.map();
    let (got, small) = (map.get(&key), map.get("small"));
    map.send(LONG);
    small.wait().unwrap();
    assert!(got.wait().unwrap().bytes() == Some(&value[..]));
    assert!(cluster.command(&["GET", &key]).unwrap().bytes() == Some(&value[..]));
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
        let progress = moving::run(&cluster, &farm.folder().join("journal"), |_| ()).unwrap();
        assert_eq!((progress.moved, progress.left), (planned, 0), "{placement}");
        assert_eq!(sizes(next), expected, "{placement}");
        if placement != Placement::Partition {
            assert!(plan.keys().all(|(_, to)| *to == 3), "{plan:?}");
        }
        cluster.next().unwrap().fanout().command(&["FLUSHDB"]);
    }
}
