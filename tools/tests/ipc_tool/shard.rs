//! `ipc-tool shard`.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use redis_ipc_tests::client::Client;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Promise, Promised, Value};

use crate::support::{Tool, wait_until};

/// A file with the hosts of a farm, and the tool that finds it.
fn tool(farm: &Farm) -> Tool {
    let mut text = String::new();
    for host in farm.hosts() {
        let address = host.endpoint;
        text += &format!("[[host]]\nid = {}\naddress = \"{address}\"\n", host.id);
    }
    let file = farm.folder().join("hosts.toml");
    std::fs::write(&file, text).unwrap();
    Tool::with("IPC_TOOL_HOSTS", file.to_str().unwrap())
}

#[test]
fn commands_are_run_where_their_keys_live() {
    let farm = Farm::start(2, 2).unwrap();
    let tool = tool(&farm);
    let ran = tool.run(&["shard", "where", "foo", "bar", "baz"]);
    let hosts: Vec<_> = ran
        .stdout
        .lines()
        .map(|line| line.split_whitespace().nth(2).unwrap())
        .collect();
    // As the originals' vectors have it for four hosts.
    assert_eq!(hosts, ["1", "2", "0"]);
    assert_eq!(
        tool.run(&["shard", "run", "MSET", "foo", "1", "bar", "-2"])
            .stdout,
        "OK\n"
    );
    assert_eq!(
        tool.run(&["shard", "run", "MGET", "foo", "bar", "no"])
            .stdout,
        "[\"1\", \"-2\", (nil)]\n"
    );
    assert_eq!(
        tool.run(&["--json", "shard", "run", "MGET", "foo", "no"])
            .stdout,
        "[\"1\",null]\n"
    );
    let ran = tool.run(&["shard", "fanout", "--to", "1,2", "DBSIZE"]);
    assert_eq!(ran.stdout, "   1  1\n   2  1\n");
    let ran = tool.run(&["shard", "run", "PING"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("consider a fanout"), "{}", ran.stderr);
    let ring = tool.run(&["shard", "ring"]);
    assert_eq!(ring.stdout.matches("25.0 %").count(), 4, "{}", ring.stdout);
    let stats = tool.run(&["--json", "shard", "stats"]);
    assert_eq!(
        stats.stdout.matches("\"keys\":1").count(),
        2,
        "{}",
        stats.stdout
    );
}

#[test]
fn a_pop_waits_longer_than_other_answers_may_take() {
    let farm = Farm::start(1, 1).unwrap();
    let tool = tool(&farm);
    let file = farm.folder().join("hosts.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("reply_limit_s = 0.2\n{text}")).unwrap();
    assert_eq!(
        tool.ok(&["shard", "run", "BLPOP", "queue", "0.5"]),
        "(nil)\n"
    );
    let popping = tool.start(&["shard", "run", "BLPOP", "queue", "0"]);
    let cluster = farm.cluster("partition".parse().unwrap()).unwrap();
    let waits = || {
        let clients = cluster.command_on(0, &["CLIENT", "LIST"]).unwrap();
        clients.to_string().contains("cmd=blpop")
    };
    wait_until(waits);
    cluster.command(&["RPUSH", "queue", "item"]).unwrap();
    assert_eq!(popping.end().stdout, "[\"queue\", \"item\"]\n");
}

#[test]
fn keys_of_any_bytes_are_found_and_cannot_be_mistaken() {
    let farm = Farm::start(2, 2).unwrap();
    let tool = tool(&farm);
    let cluster = farm.cluster("partition".parse().unwrap()).unwrap();
    let keys: [(&str, &[u8]); 11] = [
        ("plain", b"plain"),
        ("{}", b"{}"),
        ("{a}{b}", b"{a}{b}"),
        ("-k", b"-k"),
        (r#""""#, b""),
        (r#""a  host 1""#, b"a  host 1"),
        (r#""a\nb""#, b"a\nb"),
        (r#""a\\nb""#, br"a\nb"),
        (r#""\"quoted\"""#, br#""quoted""#),
        (r#""\x00\xff""#, b"\0\xff"),
        (r#""\u{202e}""#, "\u{202e}".as_bytes()),
    ];
    let mut words = vec!["shard", "where", "--quoted", "--"];
    words.extend(keys.iter().map(|(word, _)| *word));
    let hosts = cluster.hosts();
    let lines =
        keys.map(|(word, key)| format!("{word}  {}\n", hosts[cluster.host_of(key) as usize]));
    assert_eq!(tool.ok(&words), lines.concat());
    for (word, key) in keys {
        tool.ok(&["shard", "run", "--quoted", "--", "SET", word, word]);
        let found = cluster.command(&[b"GET", key]).unwrap();
        assert_eq!(found.bytes(), Some(key), "{word}");
        let value = tool.ok(&["shard", "run", "--quoted", "--", "GET", word]);
        assert_eq!(value, format!("{found}\n"));
        let to = cluster.host_of(key).to_string();
        let words = [
            "shard", "fanout", "--quoted", "--to", &to, "--", "EXISTS", word,
        ];
        assert_eq!(tool.ok(&words), format!("{to:>4}  1\n"));
    }
    // As it is without the option.
    assert!(
        tool.ok(&["shard", "where", r#""""#])
            .starts_with(r#""\"\""  host"#)
    );
    let ran = tool.run(&["shard", "where", "--quoted", r#""a\q""#]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains(r#""a\q": escapes are \n"#),
        "{}",
        ran.stderr
    );
    let bytes: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"\xff");
    let ran = tool
        .command(&["shard", "where"])
        .arg(bytes)
        .output()
        .unwrap();
    let complaint = String::from_utf8(ran.stderr).unwrap();
    assert!(complaint.contains(r#"--quoted '"\xff"'"#), "{complaint}");
}

#[test]
fn check_finds_keys_that_nobody_looks_for_and_hosts_that_are_gone() {
    let mut farm = Farm::start(2, 1).unwrap();
    let tool = tool(&farm);
    let ran = tool.run(&["shard", "check"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let cluster = farm.cluster("partition".parse().unwrap()).unwrap();
    let wrong = 1 - cluster.host_of("lost key");
    cluster
        .command_on(wrong, &["SET", "lost key", "1"])
        .unwrap();
    let ran = tool.run(&["shard", "check", "--all"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("\"lost key\" is on host"),
        "{}",
        ran.stderr
    );
    farm.kill(1);
    let ran = tool.run(&["shard", "check"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("host 1 (unix://"), "{}", ran.stderr);
    assert!(ran.stdout.contains("keys looked at"), "{}", ran.stdout);
    farm.kill(0);
    let ran = tool.run(&["shard", "check"]);
    let named = |host: &str| ran.stderr.contains(host);
    assert!(
        named("host 0 (unix://") && named("host 1 (unix://"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_host_that_is_silent_or_gone_at_the_start_keeps_no_router_from_serving_the_others() {
    let mut farm = Farm::start(3, 1).unwrap();
    let tool = tool(&farm);
    let file = farm.folder().join("hosts.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("reply_limit_s = 600\n{text}")).unwrap();
    let cluster = farm.cluster("partition".parse().unwrap()).unwrap();
    let key = |host| {
        let mut keys = (0..).map(|n| format!("k{n}"));
        keys.find(|key| cluster.host_of(key) == host).unwrap()
    };
    let socket = farm.folder().join("router").display().to_string();
    farm.pause(1);
    farm.kill(2);
    // The second time it is stopped while it waits.
    for stays in [true, false] {
        let router = tool.start_ready(&["shard", "serve", "--listen", &socket]);
        let mut client = Client::connect(socket.as_ref()).unwrap();
        assert_eq!(client.command(&["SET", &key(0), "1"]), "OK");
        let gone = client.command(&["SET", &key(2), "1"]);
        assert!(gone.text().starts_with("CLUSTERDOWN host 2 ("), "{gone:?}");
        if stays {
            farm.restart(2).unwrap();
            assert_eq!(client.command(&["SET", &key(2), "1"]), "OK");
            client.send(&["SET", &key(1), "1"]);
            farm.resume(1);
            assert_eq!(client.receive(), "OK");
            assert!(router.complaint().contains("host 2 ("));
            farm.pause(1);
            farm.kill(2);
        }
        router.signal("INT");
        assert_eq!(router.end().code, 0);
    }
}

#[test]
fn clients_that_find_a_router_without_descriptors_are_served_when_others_have_left() {
    let farm = Farm::start(1, 1).unwrap();
    let tool = tool(&farm);
    let socket = farm.folder().join("router").display().to_string();
    let router = tool.start_ready(&["shard", "serve", "--listen", &socket]);
    router.limit_descriptors(30);
    let mut clients: Vec<_> = (0..40)
        .map(|_| Client::connect(socket.as_ref()).unwrap())
        .collect();
    for client in &mut clients {
        client.send(&["PING"]);
    }
    // The first to come is in, the last is not.
    assert_eq!(clients[0].receive(), "PONG");
    let late = clients.split_off(30);
    // Those who are in have left the hosts' own to them.
    assert_eq!(clients[0].command(&["SET", "k", "v"]), "OK");
    drop(clients);
    for mut client in late {
        assert_eq!(client.receive(), "PONG");
        assert_eq!(client.command(&["GET", "k"]), "v");
    }
    router.signal("INT");
    assert_eq!(router.end().code, 0);
}

#[test]
fn a_router_takes_its_socket_away_however_it_is_told_to_end_and_outlives_its_terminal_if_it_is_to()
{
    let farm = Farm::start(1, 1).unwrap();
    let tool = tool(&farm);
    let socket = farm.folder().join("router");
    let path = socket.to_str().unwrap();
    let words = ["shard", "serve", "--listen", path];
    for signal in ["HUP", "TERM", "INT"] {
        let router = tool.start_ready(&words);
        router.signal(signal);
        let ran = router.end();
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{signal}");
        assert!(!socket.exists(), "{signal}");
    }
    let router = tool.start_unheeding("HUP", &words);
    router.signal("HUP");
    let mut client = Client::connect(&socket).unwrap();
    let until = Instant::now() + Duration::from_millis(300);
    while Instant::now() < until {
        assert_eq!(client.command(&["PING"]), "PONG");
    }
    router.signal("TERM");
    assert_eq!(router.end().code, 0);
}

#[test]
fn two_names_for_one_server_end_a_router_also_if_it_is_late_that_they_are_found() {
    let farm = Farm::start(2, 1).unwrap();
    let tool = tool(&farm);
    let other = farm.folder().join("other");
    std::os::unix::fs::symlink(farm.socket(0), &other).unwrap();
    let file = farm.folder().join("hosts.toml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    text += &format!("[[host]]\nid = 2\naddress = \"{}\"\n", other.display());
    std::fs::write(&file, text).unwrap();
    let socket = farm.folder().join("router").display().to_string();
    let words = ["shard", "serve", "--listen", &socket];
    let ran = tool.run(&words);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("hosts 0 and 2 are one database"),
        "{}",
        ran.stderr
    );
    farm.pause(1);
    let router = tool.start_ready(&words);
    farm.resume(1);
    let ran = router.end();
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("hosts 0 and 2 are one database"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_file_with_a_typo_is_named_with_its_line() {
    let farm = Farm::start(1, 1).unwrap();
    let tool = tool(&farm);
    let file = farm.folder().join("hosts.toml");
    std::fs::write(&file, "[[host]]\nid = 0\nadress = \"/a\"\n").unwrap();
    let ran = tool.run(&["shard", "stats"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("hosts.toml:3: unknown field `adress`"),
        "{}",
        ran.stderr
    );
}

const LONG: Duration = Duration::from_secs(10);

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
    put(&before, (0..30_000).map(|n| format!("k{n}")));
    let joining = farm.endpoint(1).to_string();
    let joined = farm.cluster("partition".parse().unwrap()).unwrap();
    let on = |host| joined.command_on(host, &["DBSIZE"]).unwrap().integer();
    let mut counted = 0;
    for (signal, words) in [
        ("INT", &["shard", "move", "--add", &joining][..]),
        ("TERM", &["shard", "move"]),
    ] {
        let begun = on(1);
        let moving = tool.start(words);
        wait_until(|| on(1) > begun);
        let growing = Cluster::from_file(&file).unwrap();
        moving.signal(signal);
        for n in 0..100 {
            growing.command(&["INCR", &format!("counter {n}")]).unwrap();
            counted += 1;
        }
        let ran = moving.end();
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
    assert_eq!(on(0).unwrap() + on(1).unwrap(), 30_100);
    assert_eq!(tool.run(&["shard", "check", "--all"]).code, 0);
}
