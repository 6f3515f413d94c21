//! Keys too long for one message.

use redis_ipc::Stop;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::moving::{self, MoveError, Progress};
use redis_ipc_tools::router::{Cluster, Options, Placement, Promised, Value};

use super::{LONG, growing, moving_keys, noise};

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
fn what_a_killed_move_has_left_of_a_string_in_pieces_is_removed() {
    let farm = Farm::start(2, 1).unwrap();
    let cluster = growing(&farm, 1);
    let next = cluster.next().unwrap();
    let value = noise(40 << 20);
    let journal = farm.folder().join("journal");
    let names = || {
        let names = next.command_on(1, &["KEYS", "*"]).unwrap();
        names.elements().unwrap().to_vec()
    };
    // A copy of the journal as it is in the middle is what a kill would leave.
    let killed = farm.folder().join("killed");
    let is_stopped = |key: &str| {
        let words = [b"SET", key.as_bytes(), &value];
        cluster.command_on(0, &words).unwrap();
        let stop = Stop::new();
        let ended = std::thread::scope(|scope| {
            let moving = scope.spawn(|| moving::run(&cluster, &journal, &stop, |_| ()));
            while names().is_empty() {}
            let _ = std::fs::copy(&journal, &killed);
            stop.request();
            moving.join().unwrap()
        });
        match ended {
            Err(MoveError::Stopped { moved: 0 }) => true,
            // It was faster than this thread.
            Ok(Progress { moved: 1, .. }) => {
                next.command_on(1, &["DEL", key]).unwrap();
                false
            }
            other => panic!("{other:?}"),
        }
    };
    let mut keys = moving_keys(&cluster, "long").take(20);
    let key = keys.find(|key| is_stopped(key)).expect("one in the middle");
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
