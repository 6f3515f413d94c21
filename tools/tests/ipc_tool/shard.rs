//! `ipc-tool shard`.

use redis_ipc_tools::farm::Farm;

use crate::support::Tool;

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
    assert!(ran.stderr.contains("lost key is on host"), "{}", ran.stderr);
    farm.kill(1);
    let ran = tool.run(&["shard", "check"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("host 1 (unix://"), "{}", ran.stderr);
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
