//! Keys that move while others read and write them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis_ipc::Stop;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::moving::{self, MoveError};
use redis_ipc_tools::router::{Cluster, Options, Placement, Promise, Promised, Value};

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
    map.send(Duration::from_secs(10));
    let values = values.wait().unwrap().into_iter();
    let number = |value: Value| {
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
    let value = noise(72 << 20);
    let mut hosts = farm.hosts();
    hosts.truncate(1);
    let old = Cluster::new(hosts, Placement::Partition).unwrap();
    let mut map = old.map();
    let (set, small) = (map.set(&key, &value), map.get("small"));
    map.send(LONG);
    set.wait().unwrap();
    small.wait().unwrap();
    let journal = farm.folder().join("journal");
    let progress = moving::run(&cluster, &journal, &Stop::new(), |_| ()).unwrap();
    assert_eq!((progress.moved, progress.left), (1, 0));
    let mut map = next.map();
    let (got, small) = (map.get(&key), map.get("small"));
    map.send(LONG);
    small.wait().unwrap();
    assert!(got.wait().unwrap().bytes() == Some(&value[..]));
    assert!(cluster.command(&["GET", &key]).unwrap().bytes() == Some(&value[..]));
}

#[test]
fn a_string_of_512_megabytes_moves_although_no_server_takes_its_dump() {
    const PIECE: usize = 16 << 20;
    const PIECES: usize = 32;
    let farm = Farm::start(2, 1).unwrap();
    let cluster = growing(&farm, 1);
    let next = cluster.next().unwrap();
    let key = moving_keys(&cluster, "string").next().unwrap();
    let mut piece = noise(PIECE);
    let mut hosts = [0, 1].map(|host| next.connection(host).unwrap());
    let mut on = |host: usize, words: &[&[u8]]| -> Value {
        Value::from(&hosts[host].command(words).unwrap())
    };
    // The last first, so that its server makes room once.
    for number in (0..PIECES).rev() {
        piece[0] = u8::try_from(number).unwrap();
        let start = (number * PIECE).to_string();
        on(0, &[b"SETRANGE", key.as_bytes(), start.as_bytes(), &piece]);
    }
    let longer = next.command_on(0, &["APPEND", &key, "x"]).unwrap_err();
    assert!(longer.to_string().contains("exceeds maximum"), "{longer}");
    on(0, &[b"PEXPIRE", key.as_bytes(), b"900000"]);

    let journal = farm.folder().join("journal");
    let progress = moving::run(&cluster, &journal, &Stop::new(), |_| ()).unwrap();
    assert_eq!((progress.moved, progress.left), (1, 0));
    for (host, count) in [(0, 0), (1, 1)] {
        assert_eq!(on(host, &[b"DBSIZE"]), Value::Integer(count));
    }
    let left = on(1, &[b"PTTL", key.as_bytes()]).integer().unwrap();
    assert!((1..=900_000).contains(&left), "{left}");
    assert_eq!(
        on(1, &[b"STRLEN", key.as_bytes()]),
        Value::Integer(512 << 20)
    );
    for number in 0..PIECES {
        piece[0] = u8::try_from(number).unwrap();
        let range = [number * PIECE, (number + 1) * PIECE - 1].map(|at| at.to_string());
        let [first, last] = range.each_ref().map(String::as_bytes);
        let there = on(1, &[b"GETRANGE", key.as_bytes(), first, last]);
        assert!(there.bytes() == Some(&piece[..]), "{number}");
    }
}

#[test]
fn a_list_that_is_too_large_for_a_dump_stays_and_all_others_move() {
    let farm = Farm::start(2, 1).unwrap();
    let mut hosts = farm.hosts();
    let joining = hosts.split_off(1);
    let options = Options {
        message_limit: 1 << 20,
        ..Options::default()
    };
    let cluster = Cluster::growing(hosts, &joining, Placement::Partition, options).unwrap();
    let list = moving_keys(&cluster, "a list").next().unwrap();
    let others: Vec<_> = moving_keys(&cluster, "other").take(500).collect();
    let on = |host, words: &[&str]| cluster.next().unwrap().command_on(host, words).unwrap();
    let element = noise(600_000);
    for _ in 0..2 {
        let words = [b"RPUSH", list.as_bytes(), &element];
        cluster.command_on(0, &words).unwrap();
    }
    for key in &others {
        on(0, &["SET", key, "x"]);
    }
    let journal = farm.folder().join("journal");
    let error = moving::run(&cluster, &journal, &Stop::new(), |_| ()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, MoveError::TooLarge { .. }), "{text}");
    let words = format!("\"{list}\" stays where it is, for its dump is too long: host 0 (unix:");
    assert!(text.starts_with(&words), "{text}");
    assert_eq!(on(0, &["LLEN", &list]), Value::Integer(2));
    assert_eq!(
        [on(0, &["DBSIZE"]), on(1, &["DBSIZE"])],
        [1, 500].map(Value::Integer)
    );
    on(0, &["LTRIM", &list, "0", "0"]);
    let progress = moving::run(&cluster, &journal, &Stop::new(), |_| ()).unwrap();
    assert_eq!((progress.moved, progress.left), (1, 0));
}

#[test]
fn of_two_moves_one_is_refused_and_does_not_disturb_the_other() {
    let farm = Farm::start(2, 1).unwrap();
    let cluster = growing(&farm, 1);
    let next = cluster.next().unwrap();
    let key = moving_keys(&cluster, "long").next().unwrap();
    let value = noise(60 << 20);
    let words = [b"SET", key.as_bytes(), &value];
    cluster.command_on(0, &words).unwrap();
    let journal = farm.folder().join("journal");
    let run = || moving::run(&cluster, &journal, &Stop::new(), |_| ());
    std::thread::scope(|scope| {
        let first = scope.spawn(run);
        while next.command_on(1, &["DBSIZE"]).unwrap().integer() == Some(0) {}
        farm.pause(1);
        let error = run().unwrap_err();
        farm.resume(1);
        assert!(matches!(error, MoveError::Another { .. }), "{error}");
        assert!(error.to_string().starts_with("host 0 (unix:"), "{error}");
        assert_eq!(first.join().unwrap().unwrap().moved, 1);
    });
    assert!(next.command_on(1, &["GET", &key]).unwrap().bytes() == Some(&value[..]));
    assert_eq!(run().unwrap().moved, 0);
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

#[test]
fn what_a_killed_move_has_left_of_a_string_in_pieces_is_removed() {
    let farm = Farm::start(2, 1).unwrap();
    let cluster = growing(&farm, 1);
    let next = cluster.next().unwrap();
    let key = moving_keys(&cluster, "long").next().unwrap();
    let value = noise(40 << 20);
    cluster
        .command_on(0, &[b"SET", key.as_bytes(), &value])
        .unwrap();
    let journal = farm.folder().join("journal");
    let stop = Stop::new();
    let names = || {
        let names = next.command_on(1, &["KEYS", "*"]).unwrap();
        names.elements().unwrap().to_vec()
    };
    // A copy of the journal as it is in the middle is what a kill would leave.
    let killed = farm.folder().join("killed");
    std::thread::scope(|scope| {
        let moving = scope.spawn(|| moving::run(&cluster, &journal, &stop, |_| ()));
        while names().is_empty() {}
        std::fs::copy(&journal, &killed).unwrap();
        stop.request();
        let stopped = moving.join().unwrap();
        assert!(
            matches!(stopped, Err(MoveError::Stopped { moved: 0 })),
            "{stopped:?}"
        );
    });
    assert_eq!(names(), []);
    assert_eq!(
        cluster.command(&["STRLEN", &key]).unwrap().integer(),
        Some(40 << 20)
    );
    // What it would leave on the host.
    let text = std::fs::read_to_string(&killed).unwrap();
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("p1:"))
        .unwrap();
    let digits = (0..name.len()).step_by(2).map(|at| &name[at..at + 2]);
    let name: Vec<u8> = digits.map(|d| u8::from_str_radix(d, 16).unwrap()).collect();
    next.command_on(1, &[b"SET", &name[..], b"half"]).unwrap();
    let progress = moving::run(&cluster, &killed, &Stop::new(), |_| ()).unwrap();
    assert_eq!((progress.moved, progress.left), (1, 0));
    assert_eq!(names(), [Value::Bytes(key.clone().into())]);
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
        let progress = moving::run(
            &cluster,
            &farm.folder().join("journal"),
            &Stop::new(),
            |_| (),
        );
        let progress = progress.unwrap();
        assert_eq!((progress.moved, progress.left), (planned, 0), "{placement}");
        assert_eq!(sizes(next), expected, "{placement}");
        if placement != Placement::Partition {
            assert!(plan.keys().all(|(_, to)| *to == 3), "{plan:?}");
        }
        cluster.next().unwrap().fanout().command(&["FLUSHDB"]);
    }
}
