//! `ipc-tool shard move` that does not come to its end at once.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Promise, Promised, Value};

use crate::support::{Tool, wait_until};

const LONG: Duration = Duration::from_secs(60);

/// The first hosts of a farm in the file; the others are to join.
fn tool_with(farm: &Farm, hosts: usize, placement: &str) -> Tool {
    let mut text = format!("placement = \"{placement}\"\n");
    for host in farm.hosts().iter().take(hosts) {
        text += &format!(
            "[[host]]\nid = {}\naddress = \"{}\"\n",
            host.id, host.endpoint
        );
    }
    let file = farm.folder().join("hosts.toml");
    std::fs::write(&file, text).unwrap();
    Tool::with("IPC_TOOL_HOSTS", file.to_str().unwrap())
}

/// Puts keys where they live without the host that joins.
fn put(before: &Cluster, keys: impl Iterator<Item = String>) -> BTreeMap<String, String> {
    let values: BTreeMap<_, _> = keys.map(|key| (key.clone(), format!("v{key}"))).collect();
    let mut map = before.map();
    let set = Promise::all(values.iter().map(|(key, value)| map.set(key, value)));
    map.send(LONG);
    set.wait().unwrap();
    values
}

/// Changes some keys, wherever they are: of some there is a copy already that a killed move has left.
fn change(growing: &Cluster, values: &mut BTreeMap<String, String>) {
    let mut map = growing.map();
    let some = values.iter_mut().step_by(7).map(|(key, value)| {
        value.push('x');
        map.command(&["APPEND", key, "x"]).unwrap()
    });
    let some = Promise::all(some);
    map.send(LONG);
    some.wait().unwrap();
}

/// Kills a move as soon as it has moved something; `false` if it was done before.
fn kill_in_the_middle(tool: &Tool, joining: &str, before: &Cluster) -> bool {
    let words = ["shard", "move", "--add", joining];
    let seen = || {
        let sizes = before.fanout().command(&["DBSIZE"]).into_values();
        let sizes = sizes.map(|size| size.unwrap().integer().unwrap());
        sizes.sum::<i64>()
    };
    let begun = seen();
    let mut moving = tool.command(&words).spawn().unwrap();
    while seen() == begun && moving.try_wait().unwrap().is_none() {}
    let _ = moving.kill();
    moving.wait().unwrap().code().is_none()
}

#[test]
fn a_move_that_is_killed_ten_times_loses_nothing_and_readers_find_every_key_meanwhile() {
    let farm = Farm::start(4, 1).unwrap();
    let tool = tool_with(&farm, 3, "partition");
    let file = farm.folder().join("hosts.toml");
    let before = Cluster::from_file(&file).unwrap();
    for n in 0..600 {
        let field = n.to_string();
        before
            .command(&["HSET", "large hash", &field, "x"])
            .unwrap();
        before
            .command(&["SADD", "large set", &format!("member {n}")])
            .unwrap();
    }
    before
        .command(&["SET", "short", "x", "EX", "1000"])
        .unwrap();
    let strange = ["line\nfeed", "\r\n", "nul\0", "", " ", "ü{x}{y}"].map(str::to_owned);
    let mut values = put(&before, strange.into_iter());

    let joining = farm.endpoint(3).to_string();
    let planned = tool.run(&["shard", "plan", "--add", &joining]);
    assert_eq!(planned.code, 0, "{}", planned.stderr);
    assert!(planned.stdout.contains("->") && planned.stderr.contains("would move"));

    let mut killed = 0;
    let mut begun = std::fs::read_to_string(&file).unwrap();
    for round in 0.. {
        // Clients that have not read the file yet go on writing where keys lived.
        let more = (0..2000).map(|n| format!("k{round}-{n}"));
        values.extend(put(&before, more));
        if kill_in_the_middle(&tool, &joining, &before) {
            killed += 1;
            begun = std::fs::read_to_string(&file).unwrap();
        } else {
            // It was too fast; the same host is about to join once more.
            std::fs::write(&file, &begun).unwrap();
        }
        let growing = Cluster::from_file(&file).unwrap();
        let mut map = growing.map();
        let some = values
            .iter()
            .step_by(97)
            .map(|(key, value)| (value, map.get(key)));
        let some: Vec<_> = some.collect();
        map.send(LONG);
        for (expected, promise) in some {
            assert_eq!(promise.wait().unwrap().bytes(), Some(expected.as_bytes()));
        }
        change(&growing, &mut values);
        if killed == 10 {
            break;
        }
        assert!(round < 200, "{killed}");
    }
    let ran = tool.run(&["shard", "move"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);

    let after = Cluster::from_file(&file).unwrap();
    assert_eq!((after.hosts().len(), after.next().is_none()), (4, true));
    let mut map = after.map();
    let all = Promise::all(values.keys().map(|key| map.get(key)));
    map.send(LONG);
    for (expected, value) in values.values().zip(all.wait().unwrap()) {
        assert_eq!(value.bytes(), Some(expected.as_bytes()));
    }
    assert_eq!(
        after.command(&["HLEN", "large hash"]).unwrap().integer(),
        Some(600)
    );
    assert_eq!(
        after.command(&["SCARD", "large set"]).unwrap().integer(),
        Some(600)
    );
    assert!(after.command(&["TTL", "short"]).unwrap().integer() > Some(900));
    let checked = tool.run(&["shard", "check", "--all"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert!(!farm.folder().join("hosts.moving").exists());
}

#[test]
fn a_move_leaves_the_file_to_those_who_could_read_it_and_a_link_a_link() {
    let farm = Farm::start(2, 1).unwrap();
    let tool = tool_with(&farm, 1, "partition");
    let (file, real) = (farm.folder().join("hosts.toml"), farm.folder().join("real"));
    std::fs::rename(&file, &real).unwrap();
    std::os::unix::fs::symlink(&real, &file).unwrap();
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(&real, mode(0o640)).unwrap();
    tool.ok(&["shard", "move", "--add", &farm.endpoint(1).to_string()]);
    assert_eq!(Cluster::from_file(&real).unwrap().hosts().len(), 2);
    assert!(file.is_symlink());
    let after = std::fs::metadata(&real).unwrap().permissions();
    assert_eq!(after.mode() & 0o777, 0o640);
}

#[test]
fn a_move_that_is_interrupted_says_so_and_loses_nothing_of_what_is_written_meanwhile() {
    let farm = Farm::start(2, 1).unwrap();
    let tool = tool_with(&farm, 1, "partition");
    let file = farm.folder().join("hosts.toml");
    let before = Cluster::from_file(&file).unwrap();
    let joining = farm.endpoint(1).to_string();
    let joined = farm.cluster("partition".parse().unwrap()).unwrap();
    let on = |host| joined.command_on(host, &["DBSIZE"]).unwrap().integer();
    let (mut counted, mut keys) = (0, 0);
    // Interrupts a move as soon as it has moved something.
    let mut interrupt = |signal: &str, words: &[&str]| {
        put(&before, (keys..keys + 15_000).map(|n| format!("k{n}")));
        keys += 15_000;
        let begun = on(1);
        let moving = tool.start(words);
        wait_until(|| on(1) > begun);
        let growing = Cluster::from_file(&file).unwrap();
        moving.signal(signal);
        for n in 0..100 {
            growing.command(&["INCR", &format!("counter {n}")]).unwrap();
            counted += 1;
        }
        moving.end()
    };
    for (signal, words) in [
        ("INT", &["shard", "move", "--add", &joining][..]),
        ("TERM", &["shard", "move"]),
    ] {
        let text = std::fs::read_to_string(&file).unwrap();
        let interrupted = (0..20).find_map(|_| {
            let ran = interrupt(signal, words);
            if ran.code == 0 {
                // It was too fast; the same host is about to join once more.
                std::fs::write(&file, &text).unwrap();
            }
            (ran.code != 0).then_some(ran)
        });
        let ran = interrupted.expect("one in the middle");
        assert_eq!((ran.code, &*ran.stdout), (130, ""), "{}", ran.stderr);
        let words = ["ipc-tool: interrupted; ", "`ipc-tool shard move` goes on"];
        assert!(
            words.iter().all(|words| ran.stderr.contains(words)),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(farm.folder().join("hosts.moving").exists());
        let places = tool.ok(&["shard", "where", "k0", "k1", "k2", "k3", "k4"]);
        assert!(
            places.contains("host 0 (unix://") && places.contains("on its way to host 1 ("),
            "{places}"
        );
        assert!(
            tool.run(&["shard", "check"])
                .stderr
                .contains("hosts are joining")
        );
    }
    let ran = tool.run(&["shard", "move"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let after = Cluster::from_file(&file).unwrap();
    let mut map = after.map();
    let counters = Promise::all((0..100).map(|n| map.get(format!("counter {n}"))));
    map.send(LONG);
    let counters = counters.wait().unwrap().into_iter();
    let number = |value: Value| value.to_string().trim_matches('"').parse::<u64>().unwrap();
    assert_eq!(counters.map(number).sum::<u64>(), counted);
    assert_eq!(on(0).unwrap() + on(1).unwrap(), keys + 100);
    assert_eq!(tool.run(&["shard", "check", "--all"]).code, 0);
}
