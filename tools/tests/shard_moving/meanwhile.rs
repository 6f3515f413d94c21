//! Keys that others read and write while they move.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis_ipc::Stop;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Promise, Promised, Value, moving};

use super::{growing, moving_keys, noise};

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
        moving::run(&cluster, &journal, &Stop::new(), |_| ()).unwrap();
        done.store(true, Ordering::Relaxed);
        writers
            .map(|writer| writer.join().unwrap())
            .into_iter()
            .sum()
    });
    // Keys that were made by a writer just when the last pass had seen all hosts.
    moving::run(&cluster, &journal, &Stop::new(), |_| ()).unwrap();
    let after = cluster.next().unwrap();
    let mut map = after.map();
    let values = Promise::all((0..KEYS).map(|n| map.get(format!("counter {n}"))));
    map.send(Duration::from_secs(60));
    let values = values.wait().unwrap().into_iter();
    let number = |value: Value| {
        String::from_utf8_lossy(value.bytes().unwrap())
            .parse::<usize>()
            .unwrap()
    };
    assert_eq!(values.map(number).sum::<usize>(), counted);
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
    map.send(Duration::from_secs(60));
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
fn what_is_deleted_while_it_moves_does_not_come_back() {
    let farm = Farm::start(2, 1).unwrap();
    let cluster = growing(&farm, 1);
    let next = cluster.next().unwrap();
    let journal = farm.folder().join("journal");
    // By dumps and in pieces.
    for bytes in [4 << 20, 20 << 20] {
        let value = noise(bytes);
        let keys: Vec<_> = moving_keys(&cluster, "deleted").take(4).collect();
        for key in &keys {
            let words = [b"SET", key.as_bytes(), &value];
            cluster.command_on(0, &words).unwrap();
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for key in &keys {
                    // As soon as there is a copy.
                    let there = || next.command_on(1, &["EXISTS", key]).unwrap().integer();
                    while there() == Some(0)
                        && next.command_on(0, &["EXISTS", key]).unwrap().integer() == Some(1)
                    {
                    }
                    let deleted = cluster.command(&["DEL", key]).unwrap();
                    assert_eq!(deleted.integer(), Some(1), "{key}");
                }
            });
            moving::run(&cluster, &journal, &Stop::new(), |_| ()).unwrap();
        });
        for host in [0, 1] {
            let left = next.command_on(host, &["KEYS", "*"]).unwrap();
            assert_eq!(left.elements().map(<[_]>::len), Some(0), "{host}: {left}");
        }
    }
}

#[test]
fn a_copy_that_a_killed_move_has_left_goes_with_its_key_and_a_new_value_stays() {
    let farm = Farm::start(2, 1).unwrap();
    let cluster = growing(&farm, 1);
    let next = cluster.next().unwrap();
    let key = moving_keys(&cluster, "queue").next().unwrap();
    for host in [0, 1] {
        next.command_on(host, &["RPUSH", &key, "item"]).unwrap();
    }
    let popped = cluster.command(&["LPOP", &key]).unwrap();
    assert_eq!(popped.bytes(), Some(&b"item"[..]));
    assert!(cluster.command(&["LPOP", &key]).unwrap().is_null());
    cluster.command(&["SET", &key, "new"]).unwrap();
    assert_eq!(
        cluster.command(&["GET", &key]).unwrap().bytes(),
        Some(&b"new"[..])
    );
    assert_eq!(cluster.command(&["DEL", &key]).unwrap(), Value::Integer(1));
    for host in [0, 1] {
        let there = next.command_on(host, &["EXISTS", &key]).unwrap();
        assert_eq!(there, Value::Integer(0), "{host}");
    }
}

#[test]
fn what_is_counted_and_deleted_while_keys_move_is_as_it_was_left() {
    const KEYS: usize = 2000;
    let farm = Farm::start(3, 1).unwrap();
    let cluster = growing(&farm, 2);
    let next = cluster.next().unwrap();
    let key = |owner: usize, at: usize| format!("{owner} {at}");
    for (owner, at) in (0..KEYS).flat_map(|at| [(0, at), (1, at)]) {
        let key = key(owner, at);
        let words = ["SET", &key, "1"];
        cluster.command_on(cluster.host_of(&key), &words).unwrap();
    }
    let done = AtomicBool::new(false);
    let owners: Vec<_> = std::thread::scope(|scope| {
        let owner = |owner: usize| {
            let (cluster, done) = (&cluster, &done);
            scope.spawn(move || {
                // Those that are deleted are not touched again.
                let mut counts = vec![Some(1); KEYS];
                let mut random = owner;
                while !done.load(Ordering::Relaxed) {
                    random = random.wrapping_mul(1_103_515_245).wrapping_add(12345) % (1 << 31);
                    let at = random / 11 % KEYS;
                    let Some(count) = &mut counts[at] else {
                        continue;
                    };
                    let key = key(owner, at);
                    if random.is_multiple_of(11) {
                        let deleted = cluster.command(&["DEL", &key]).unwrap();
                        assert_eq!(deleted.integer(), Some(1), "{key}");
                        counts[at] = None;
                    } else {
                        *count += 1;
                        let counted = cluster.command(&["INCR", &key]).unwrap();
                        assert_eq!(counted.integer(), Some(*count), "{key}");
                    }
                }
                counts
            })
        };
        let owners = [owner(0), owner(1)];
        let journal = farm.folder().join("journal");
        let progress = moving::run(&cluster, &journal, &Stop::new(), |_| ());
        done.store(true, Ordering::Relaxed);
        assert!(progress.unwrap().moved > 100);
        owners.map(|owner| owner.join().unwrap()).into()
    });
    for (owner, counts) in owners.into_iter().enumerate() {
        for (at, count) in counts.into_iter().enumerate() {
            let key = key(owner, at);
            let there = |host| {
                let value = next.command_on(host, &["GET", &key]).unwrap();
                String::from_utf8_lossy(value.bytes()?).parse::<i64>().ok()
            };
            let found: Vec<_> = (0..3).filter_map(there).collect();
            assert_eq!(found, Vec::from_iter(count), "{key}");
        }
    }
}
