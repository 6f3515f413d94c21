//! `ipc-tool shard run` where a host is slow or two hosts at once, or knows more than the tool does.

use std::os::unix::fs::symlink;
use std::path::Path;

use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::puppet::Puppet;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::Cluster;

use crate::support::Tool;

/// The tool with a file in that folder that has a line and lists one host.
fn tool(folder: &Folder, line: &str, socket: &Path) -> Tool {
    let file = folder.join("hosts.toml");
    let address = socket.display();
    let text = format!("{line}\n[[host]]\nid = 0\naddress = \"{address}\"\n");
    std::fs::write(&file, text).unwrap();
    Tool::with("IPC_TOOL_HOSTS", file.to_str().unwrap())
}

#[test]
fn a_host_that_does_not_end_a_pop_in_its_time_is_named() {
    let folder = Folder::new();
    // As one that was stopped after the request.
    let silent = Puppet::start(|words| (words[0] == "BLPOP").then(Vec::new));
    let tool = tool(&folder, "reply_limit_s = 0.3", &silent.socket());
    let ran = tool.run(&["shard", "run", "BLPOP", "queue", "0.1"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("host 0 (unix://"), "{}", ran.stderr);
}

/// A server's words on a command `HFRESH key`.
const COMMANDS: &[u8] = b"*1\r\n*10\r\n$6\r\nhfresh\r\n:2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n*0\r\n*0\r\n\
    *1\r\n*6\r\n$5\r\nflags\r\n*1\r\n+RO\r\n\
    $12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n\
    $9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:0\r\n\
    $7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n";

#[test]
fn a_command_of_a_later_server_is_known_from_the_server() {
    let folder = Folder::new();
    let later = Puppet::start(|words| match words[0].as_str() {
        "COMMAND" => Some(COMMANDS.to_vec()),
        "HFRESH" => Some(b"+fresh\r\n".to_vec()),
        _ => None,
    });
    let tool = tool(&folder, "", &later.socket());
    let ran = tool.run(&["shard", "run", "HFRESH", "key"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "fresh\n"),
        "{}",
        ran.stderr
    );
    let ran = tool.run(&["shard", "run", "HSTALE", "key"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("\"HSTALE\" is not known"),
        "{}",
        ran.stderr
    );
}

#[test]
fn nothing_is_written_where_two_hosts_are_one_server() {
    let farm = Farm::start(2, 1).unwrap();
    let (file, link) = (farm.folder().join("hosts.toml"), farm.folder().join("link"));
    symlink(farm.socket(0), &link).unwrap();
    let list = |second: &Path| {
        let host = |id: u32, path: &Path| format!("[[host]]\nid = {id}\naddress = {path:?}\n");
        let text = host(0, &farm.socket(0)) + &host(1, second);
        std::fs::write(&file, text).unwrap();
    };
    let tool = Tool::with("IPC_TOOL_HOSTS", file.to_str().unwrap());
    list(&link);
    for words in [
        &["run", "SET", "key", "x"][..],
        &[
            "run",
            "EVAL",
            "return redis.call('set', KEYS[1], 1)",
            "1",
            "key",
        ],
        &["fanout", "SET", "key", "x"],
        &["fanout", "--to", "1", "SET", "key", "x"],
    ] {
        let ran = tool.run(&[&["shard"], words].concat());
        assert_eq!(
            (ran.code, &*ran.stdout),
            (1, ""),
            "{words:?}: {}",
            ran.stderr
        );
        let both = "hosts 0 and 1 are one database of one server";
        assert!(ran.stderr.contains(both), "{words:?}: {}", ran.stderr);
    }
    assert_eq!(tool.ok(&["shard", "run", "EXISTS", "key"]), "0\n");
    let ran = tool.run(&["shard", "plan", "--add", farm.socket(1).to_str().unwrap()]);
    assert_eq!((ran.code, &*ran.stdout), (1, ""), "{}", ran.stderr);

    // Another one that is silent keeps nobody from writing.
    list(&farm.socket(1));
    let cluster = Cluster::from_file(&file).unwrap();
    let mut keys = (0..).map(|n| format!("key{n}"));
    let own = keys.find(|key| cluster.host_of(key) == 0).unwrap();
    farm.pause(1);
    let ran = tool.ok(&["shard", "run", "SET", &own, "x"]);
    farm.resume(1);
    assert_eq!(ran, "OK\n");
}
