//! `ipc-tool shard`.

use redis_ipc_tools::farm::Farm;

use crate::support::{Tool, wait_until};

/// A file with the hosts of a farm, and the tool that finds it.
pub(crate) fn tool(farm: &Farm) -> Tool {
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
    std::fs::write(&file, format!("reply_limit_s = 2\n{text}")).unwrap();
    assert_eq!(
        tool.ok(&["shard", "run", "BLPOP", "queue", "2.5"]),
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
