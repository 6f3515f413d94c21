//! Clusters of real servers: commands that find their host, and that are split, joined or refused.

use redis_ipc::{Connection, Outcome};
use redis_ipc_tests::puppet::Puppet;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::commands::Table;
use redis_ipc_tools::router::{Cluster, Host, Placement, Script, Value};

fn small() -> (Farm, Cluster) {
    let farm = Farm::start(2, 2).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    (farm, cluster)
}

/// As many keys for each of the hosts.
fn keys_of_each(cluster: &Cluster, count: usize) -> Vec<Vec<String>> {
    let mut keys = vec![Vec::new(); cluster.hosts().len()];
    for number in 0.. {
        let key = format!("key {number}");
        let own = &mut keys[cluster.host_of(&key) as usize];
        if own.len() < count {
            own.push(key);
        }
        if keys.iter().all(|own| own.len() == count) {
            break;
        }
    }
    keys
}

#[test]
fn every_placement_finds_again_what_it_has_put_on_32_hosts() {
    let farm = Farm::start(4, 8).unwrap();
    for name in ["partition", "ketama", "consistent", "ring", "slots"] {
        let mut hosts = farm.hosts();
        for host in &mut hosts {
            // Databases of one server have one short name.
            host.name = Some(format!("host {}", host.id));
        }
        let cluster = Cluster::new(hosts, name.parse().unwrap()).unwrap();
        for number in 0..200 {
            let (key, value) = (format!("{name}{number}"), number.to_string());
            cluster.command(&["SET", &key, &value]).unwrap();
            let found = cluster
                .command_on(cluster.host_of(&key), &["GET", &key])
                .unwrap();
            assert_eq!(found, Value::Bytes(value.into_bytes()));
        }
        let sizes = cluster.fanout().command(&["DBSIZE"]);
        let used = sizes
            .values()
            .filter(|size| size.as_ref().unwrap().integer() > Some(0));
        assert!(used.count() > 20, "{name}");
        cluster.fanout().command(&["FLUSHDB"]);
    }
}

#[test]
fn commands_of_many_keys_are_split_and_their_answers_joined() {
    let (_farm, cluster) = small();
    let keys: Vec<_> = keys_of_each(&cluster, 3).concat();
    let mut words = vec!["MSET"];
    words.extend(keys.iter().flat_map(|key| [key.as_str(), key.as_str()]));
    assert_eq!(cluster.command(&words).unwrap(), Value::Text("OK".into()));
    let with = |name, others: &[&str]| {
        let keys = keys.iter().map(String::as_str);
        let words: Vec<_> = [name]
            .into_iter()
            .chain(keys)
            .chain(others.iter().copied())
            .collect();
        cluster.command(&words).unwrap()
    };
    let values = with("mget", &["missing"]);
    let values = values.elements().unwrap();
    for (value, key) in values.iter().zip(&keys) {
        assert_eq!(value.bytes(), Some(key.as_bytes()));
    }
    assert!(values[12].is_null());
    for (name, count) in [("EXISTS", 12), ("TOUCH", 12), ("DEL", 12), ("EXISTS", 0)] {
        assert_eq!(with(name, &["missing"]).integer(), Some(count), "{name}");
    }
}

#[test]
fn commands_on_keys_of_one_host_work_and_on_keys_of_several_are_refused() {
    let (_farm, cluster) = small();
    let keys = keys_of_each(&cluster, 2);
    cluster.command(&["RPUSH", &keys[2][0], "x"]).unwrap();
    let moved = cluster
        .command(&["LMOVE", &keys[2][0], &keys[2][1], "LEFT", "RIGHT"])
        .unwrap();
    assert_eq!(moved.bytes(), Some(&b"x"[..]));
    let sorted = cluster.command(&["SORT", &keys[2][1], "ALPHA", "STORE", &keys[2][0]]);
    assert_eq!(sorted.unwrap().integer(), Some(1));
    let script = "return redis.call('LLEN', KEYS[1])";
    let length = cluster
        .command(&["EVAL", script, "1", &keys[2][1]])
        .unwrap();
    assert_eq!(length.integer(), Some(1));

    let error = cluster
        .command(&["LMOVE", &keys[2][1], &keys[0][0], "LEFT", "LEFT"])
        .unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    let text = error.to_string();
    assert!(
        text.contains("operates on multiple keys (2)") && text.contains("(0, 2)"),
        "{text}"
    );
    for (words, part) in [
        (
            &["PING"][..],
            "does not operate on a key, consider a fanout",
        ),
        (&["SORT", "a", "BY", "w_*"], "keys are movable"),
        (&["NO-SUCH", "a"], "is not known"),
    ] {
        let text = cluster.command(words).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn no_words_are_no_command() {
    let (_farm, cluster) = small();
    let words: [&str; 0] = [];
    let answers = cluster.fanout().command(&words).into_values();
    for answer in answers.chain([cluster.command(&words), cluster.command_on(0, &words)]) {
        let error = answer.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    }
    assert!(cluster.map().command(&words).is_err());
}

#[test]
fn what_would_change_a_connection_for_all_who_share_it_is_refused() {
    let (farm, cluster) = small();
    for words in [
        &["SELECT", "1"][..],
        &["select", "1"],
        &["MULTI"],
        &["SUBSCRIBE", "a"],
        &["MONITOR"],
        &["CLIENT", "REPLY", "OFF"],
        &["RESET"],
        &["SYNC"],
        &["PSYNC", "?", "-1"],
        &["SCRIPT", "DEBUG", "YES"],
    ] {
        let answers = cluster.fanout().command(words).into_values();
        for error in answers.chain([cluster.command_on(0, words)]) {
            let error = error.unwrap_err();
            assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
            assert!(
                error.to_string().contains("connection of one's own"),
                "{error}"
            );
        }
        let key = &keys_of_each(&cluster, 1)[0][0];
        cluster.command(&["SET", key, "x"]).unwrap();
        let mut direct = Connection::open(&farm.endpoint(0)).unwrap();
        assert_eq!(direct.del(&[key]).unwrap(), 1, "{words:?}");
    }
}

#[test]
fn keys_and_values_are_any_bytes() {
    let (_farm, cluster) = small();
    let value = vec![0xFF; 3_000_000];
    for key in [&b"line\nfeed"[..], b"", b"\xff\0\r\n", b"{a}{b}"] {
        cluster.command(&[b"SET", key, &value]).unwrap();
        assert_eq!(
            cluster.command(&[b"GET", key]).unwrap().bytes(),
            Some(&value[..])
        );
    }
}

#[test]
fn two_names_for_one_server_are_detected() {
    let farm = Farm::start(1, 2).unwrap();
    let other = farm.folder().join("other");
    std::os::unix::fs::symlink(farm.socket(0), &other).unwrap();
    let other = Host::new(1, redis_ipc::Endpoint::unix(&other).unwrap());
    let hosts = [Host::new(0, farm.endpoint(0)), other.clone()];
    let error = Cluster::new(hosts, Placement::Partition)
        .unwrap()
        .check()
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("hosts 0 and 1 are one database of one server"),
        "{text}"
    );
    let second = Host::new(1, other.endpoint.with_database(1));
    let hosts = [Host::new(0, farm.endpoint(0)), second];
    Cluster::new(hosts, Placement::Partition)
        .unwrap()
        .check()
        .unwrap();
}

#[test]
fn a_fanout_reaches_all_hosts_or_some_and_loads_scripts() {
    let (_farm, cluster) = small();
    let told = std::rc::Rc::new(std::cell::Cell::new((0, 0)));
    let seen = told.clone();
    let tell = move |done, of| seen.set((done, of));
    let answers = cluster
        .fanout()
        .on_progress(tell)
        .command(&["SET", "own", "1"]);
    assert_eq!(answers.len(), 4);
    assert_eq!(told.get(), (4, 4));
    let answers = cluster.fanout().to(&[3, 1, 9]).command(&["DBSIZE"]);
    assert_eq!(answers[&1].as_ref().unwrap().integer(), Some(1));
    assert!(
        answers[&9]
            .as_ref()
            .unwrap_err()
            .to_string()
            .contains("no host 9")
    );
    let host = cluster.host_of("some key");
    let answers = cluster.fanout().to_key("some key").command(&["DBSIZE"]);
    assert_eq!(answers.into_keys().collect::<Vec<_>>(), [host]);

    let script = Script::new("return {KEYS[1], ARGV[1]}");
    for _ in 0..2 {
        let answers = cluster.fanout().script(&script, &["k"], &["a"]);
        assert!(
            answers
                .values()
                .all(|answer| answer.as_ref().unwrap().to_string() == r#"["k", "a"]"#)
        );
    }
}

#[test]
fn a_fanout_is_done_once_on_each_host_however_often_it_is_named() {
    let (_farm, cluster) = small();
    let answers = cluster.fanout().to(&[2, 0, 2]).command(&["INCR", "count"]);
    let answers: Vec<_> = answers.into_iter().collect();
    let [(0, Ok(first)), (2, Ok(second))] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert_eq!((first.integer(), second.integer()), (Some(1), Some(1)));
}

#[test]
fn of_a_script_each_host_fails_for_itself_and_in_time() {
    let mut farm = Farm::start(3, 1).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    let none: [&str; 0] = [];
    let wrong = Script::new("return redis.call('");
    for (id, answer) in cluster.fanout().script(&wrong, &none, &none) {
        let error = answer.unwrap_err().to_string();
        assert!(error.starts_with(&format!("host {id} (")), "{error}");
        assert!(error.contains("compiling"), "{error}");
    }
    // The others wait for neither a dead nor a paused one to say what the sum is.
    farm.kill(0);
    farm.pause(1);
    let limit = cluster.options().reply_limit / 2;
    let right = Script::new("return 1");
    let answers = cluster.fanout().within(limit).script(&right, &none, &none);
    farm.resume(1);
    for (id, answer) in answers {
        match (id, answer) {
            (2, answer) => assert_eq!(answer.unwrap(), Value::Integer(1)),
            (id, answer) => {
                let error = answer.unwrap_err().to_string();
                assert!(error.starts_with(&format!("host {id} (")), "{error}");
            }
        }
    }
}

#[test]
fn the_bundled_table_is_what_a_server_tells() {
    let farm = Farm::start(1, 1).unwrap();
    let mut server = Connection::open(&farm.endpoint(0)).unwrap();
    let table = Table::from_server(&mut server).unwrap();
    assert!(table.len() > 200);
    let cluster = farm.cluster(Placement::Partition).unwrap();
    cluster.refresh_commands(0).unwrap();
    cluster.command(&["OBJECT", "ENCODING", "a"]).unwrap();
    if server.server().version().starts_with("7.0.") {
        assert_eq!(
            table,
            *Table::bundled(),
            "the example `commands` writes it anew"
        );
    }
}

#[test]
fn of_subcommands_a_server_before_7_0_says_nothing_and_they_are_known() {
    let old = Puppet::start(|words| {
        let memory =
            "*6\r\n$6\r\nmemory\r\n:-2\r\n*2\r\n+readonly\r\n+movablekeys\r\n:0\r\n:0\r\n:0\r\n";
        let object = "*6\r\n$6\r\nobject\r\n:-2\r\n*1\r\n+readonly\r\n:2\r\n:2\r\n:1\r\n";
        let get = "*6\r\n$3\r\nget\r\n:2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n";
        (words[0] == "COMMAND").then(|| format!("*3\r\n{memory}{object}{get}").into_bytes())
    });
    let endpoint = old.socket().display().to_string().parse().unwrap();
    let mut server = Connection::open(&endpoint).unwrap();
    let table = Table::from_server(&mut server).unwrap();
    for (words, at) in [
        (&["MEMORY", "USAGE", "a"][..], 2),
        (&["OBJECT", "ENCODING", "a"], 2),
        (&["GET", "a"], 1),
    ] {
        assert!(table.keys(words).unwrap().eq([at]), "{words:?}");
    }
    assert!(table.keys(&["SET", "a", "1"]).is_err());
}
