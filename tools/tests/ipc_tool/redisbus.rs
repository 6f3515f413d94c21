//! `ipc-tool bus`: workers of redisbus and their callers.

use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

use crate::support::{Started, Tool, wait_until};

/// A worker that echoes, at work.
fn echo(tool: &Tool, id: &str, more: &[&str]) -> Started {
    let mut words = vec!["bus", "worker", "--worker", "echo", "--worker-id", id];
    words.extend(["--exec", "cat"]);
    words.extend(more);
    let started = tool.start_ready(&words);
    // From then on it can be found, too.
    wait_until(|| tool.ok(&["bus", "workers"]).contains(id));
    started
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn every_kind_of_address_reaches_the_worker() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let worker = echo(&tool, "e-1", &[]);
    for whom in [
        &["--worker_id", "e-1"][..],
        &["--worker", "echo"],
        &["--to", "worker:e-1"],
        &["--to=group:local/echo"],
    ] {
        let words = [
            &["bus", "call", "say", "--data", "hello", "--wait", "60"],
            whom,
        ]
        .concat();
        assert_eq!(tool.ok(&words), "\"hello\"\n", "{whom:?}");
    }
    for whom in [
        &["--worker", "echo", "--multicast", "e-*"][..],
        &["--multicast", "e-*"],
        &["--multicast", "ec*:e-?"],
        &["--site", "local"],
        &["--to", "broadcast:local"],
        &["--to", "multicast:local/echo/*"],
    ] {
        let words = [
            &[
                "bus",
                "call",
                "say",
                "--jsondata",
                "{\"a\": 1}",
                "--wait=60",
            ],
            whom,
        ]
        .concat();
        assert_eq!(tool.ok(&words), "e-1  {\"a\": 1}\n", "{whom:?}");
    }
    let words = [
        "--json", "bus", "call", "say", "--worker", "echo", "--wait", "60",
    ];
    assert_eq!(
        parsed(&tool.ok(&words)),
        json!({"worker": "e-1", "number": null, "data": null})
    );
    let local = ["bus", "call", "say", "--worker", "echo", "--local"];
    let elsewhere = tool.run(&local);
    assert_eq!(elsewhere.code, 4, "{elsewhere:?}");
    assert_eq!(
        tool.run(&["bus", "call", "stop", "--worker", "echo"]).code,
        0
    );
    assert_eq!(worker.end().code, 0);
    let late = tool.run(&["bus", "call", "say", "--worker", "echo", "--wait", "0.5"]);
    assert_eq!(late.code, 4, "{late:?}");
}

#[test]
fn a_program_may_stream_and_fail_and_learns_who_it_is() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let exec = r#"case $BUS_COMMAND in
        count) printf '1\n2\n3\n' ;;
        who) echo "[\"$BUS_WORKER_ID\", \"$BUS_WORKER\", \"$BUS_SPAWNER\", \"$SITE\"]" ;;
        quiet) : ;;
        *) echo no paper >&2; exit 3 ;;
    esac"#;
    let words = [
        "bus",
        "worker",
        "--worker",
        "p",
        "--worker-id",
        "p-1",
        "--spawner",
        "boss",
    ];
    let words = [&words[..], &["--site", "plant", "--exec", exec]].concat();
    let _worker = tool.start_ready(&words);
    let call =
        |command: &str| tool.run(&["bus", "call", command, "--worker-id", "p-1", "--wait", "60"]);
    assert_eq!(call("count").stdout, "1\n2\n3\n");
    assert_eq!(
        call("who").stdout,
        "[\"p-1\", \"p\", \"boss\", \"plant\"]\n"
    );
    assert_eq!(
        call("quiet").stdout,
        "{\"success\": true, \"msg\": \"OK\"}\n"
    );
    let failed = call("print");
    assert_eq!(failed.code, 5);
    assert!(
        failed.stderr.contains("exit-3: no paper"),
        "{}",
        failed.stderr
    );
    let logs = ["bus", "logs", "--worker", "p", "--worker-id", "p-1"];
    wait_until(|| tool.ok(&logs).contains("no paper"));
    let info = parsed(&call("info").stdout);
    assert_eq!(info["spawner"], "boss");
}

#[test]
fn workers_are_listed_and_stale_ones_only_if_asked_for() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let _worker = echo(&tool, "e-1", &[]);
    server.cli(&["HSET", "workers", "worker:local:echo:dead", "dead"]);
    let list = tool.ok(&["--json", "bus", "workers", "--site", "local"]);
    let found = parsed(&list);
    assert_eq!(
        (&found["id"], &found["alive"]),
        (&json!("e-1"), &json!(true))
    );
    assert_eq!(found["record"]["type"], "ipc-tool");
    let all = tool.ok(&["bus", "workers", "--stale"]);
    assert!(all.contains("local/echo  dead  gone\n"), "{all}");
    assert_eq!(tool.ok(&["bus", "workers", "--site", "plant"]), "");
}

#[test]
fn files_come_where_downloads_are_allowed() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let folder = server.folder().join("files");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("a.txt"), "a file\n").unwrap();
    let path = folder.to_str().unwrap();
    let _worker = echo(&tool, "e-1", &["--worker-path", path, "--downloads"]);
    let _closed = echo(&tool, "e-2", &["--worker-path", path]);
    let get = |id: &str, path: &str| tool.run(&["bus", "download", "--worker-id", id, path]);
    assert_eq!(get("e-1", "a.txt").stdout, "a file\n");
    for (id, path) in [("e-1", "../log"), ("e-1", "none"), ("e-2", "a.txt")] {
        assert_eq!(get(id, path).code, 5, "{id} {path}");
    }
    // A copy that fails leaves what was there before.
    let copy = server.folder().join("copy");
    let to = copy.to_str().unwrap();
    let get_to = |path: &str| {
        let words = ["bus", "download", "--worker-id", "e-1", path, "--to", to];
        tool.run(&words).code
    };
    assert_eq!(get_to("a.txt"), 0);
    assert_eq!(get_to("none"), 5);
    assert_eq!(std::fs::read(&copy).unwrap(), b"a file\n");
    assert!(!server.folder().join("copy.part").exists());
    let nobody = ["bus", "download", "--worker-id", "no", "x", "--wait", "0.5"];
    assert_eq!(tool.run(&nobody).code, 4);
    let zip = server.folder().join("all.zip");
    let words = [
        "bus",
        "download",
        "--worker-id",
        "e-1",
        ".",
        "--dir",
        "--to",
    ];
    tool.ok(&[&words[..], &[zip.to_str().unwrap()]].concat());
    assert_eq!(&std::fs::read(zip).unwrap()[..4], b"PK\x03\x04");
}

#[test]
fn the_server_is_found_by_file_environment_and_command_line() {
    let server = Server::setup().tcp().start();
    let port = server.port().to_string();
    let config = server.folder().join("config");
    std::fs::write(&config, format!("redis_port = {port}\nsite = plant\n")).unwrap();
    let config = config.to_str().unwrap();
    let nowhere = Tool::with("RIPC_SERVER_PATH", "/nonexistent");
    nowhere.ok(&["bus", "--config", config, "workers"]);
    nowhere.ok(&[
        "bus",
        "workers",
        "--hostname",
        "127.0.0.1",
        "--port",
        &port,
        "--db",
        "2",
    ]);
    let tool = Tool::with("REDIS_HOSTNAME", "127.0.0.1").and("REDIS_PORT", &port);
    tool.ok(&["bus", "workers"]);
    let wrong = tool.run(&["bus", "workers", "--port", "1"]);
    assert_eq!(wrong.code, 3, "{wrong:?}");
    assert!(wrong.stderr.contains("127.0.0.1:1"), "{}", wrong.stderr);
}

#[test]
fn what_makes_no_sense_is_told_before_anything_is_sent() {
    let server = Server::start();
    let tool = Tool::on(&server);
    for words in [
        &["bus", "call", "x", "--to", "calc"][..],
        &[
            "bus",
            "call",
            "x",
            "--worker",
            "a",
            "--local",
            "--multicast",
            "*",
        ],
        &["bus", "call", "x", "--data", "a", "--jsondata", "1"],
        &["bus", "call", "x", "--jsondata", "{"],
        &["bus", "call", "x", "--to", "rpc:calc"],
        &["bus", "logs", "--worker-id", "a"],
        &["bus", "worker", "--exec", "cat"],
        &["bus", "worker", "--exec", "cat", "--worker", "a b"],
        &["bus", "call", "x", "--workerid", "a"],
    ] {
        let ran = tool.run(words);
        assert_eq!(ran.code, 2, "{words:?}: {ran:?}");
    }
    assert_eq!(server.cli(&["DBSIZE"]), 0);
}

#[test]
fn ctrl_c_takes_the_message_back() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let call = tool.start(&["bus", "call", "x", "--worker-id", "no", "--wait", "60"]);
    wait_until(|| server.cli(&["LLEN", "direct:no"]) == 1);
    call.signal("INT");
    let ran = call.end();
    assert_eq!(
        (ran.code, &*ran.stderr),
        (
            130,
            "ipc-tool: interrupted; the command for worker:no was taken back\n"
        )
    );
    assert_eq!(server.cli(&["DBSIZE"]), 0);
}

/// What a caller is told is what became of the message.
#[test]
fn who_is_not_there_who_is_slow_and_who_talks_nonsense_are_told_apart() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let nobody = tool.run(&["bus", "call", "x", "--site", "nowhere"]);
    assert_eq!(
        (nobody.code, &*nobody.stderr),
        (4, "ipc-tool: there is nobody at broadcast:nowhere\n")
    );
    let slow = tool.start(&["bus", "call", "x", "--worker-id", "s-1", "--wait", "3"]);
    let taken = server.cli(&["BLPOP", "direct:s-1", "50"]);
    assert_eq!(taken.items().len(), 2);
    let ran = slow.end();
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.stderr.contains("may still execute it"), "{ran:?}");
    let odd = tool.start(&["bus", "call", "x", "--worker-id", "s-1", "--wait", "3"]);
    let taken = server.cli(&["BLPOP", "direct:s-1", "50"]).items()[1].text();
    let reply = format!("reply:{}", parsed(&taken)["c"].as_str().unwrap());
    server.cli(&["RPUSH", &reply, r#"{"c": "c", "d": NaN}"#]);
    let ran = odd.end();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("no messages of redisbus"), "{ran:?}");
    // One of two that a multicast goes to.
    let _worker = echo(&tool, "s-2", &[]);
    server.cli(&["SET", "worker:local:echo:s-3", "{}"]);
    let words = ["bus", "call", "x", "--multicast", "s-*", "--wait", "3"];
    let ran = tool.run(&words);
    assert_eq!(
        (ran.code, &*ran.stdout, &*ran.stderr),
        (
            0,
            "s-2  null\n",
            "ipc-tool: 1 of 2 have not replied in full\n"
        )
    );
}

#[test]
fn a_worker_leaves_in_order_when_it_is_told_to_end() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let worker = echo(&tool, "e-1", &[]);
    worker.signal("TERM");
    assert_eq!(worker.end().code, 0);
    let keys = server.cli(&["KEYS", "*"]);
    assert_eq!(keys.items().len(), 1, "{keys:?}");
    assert_eq!(server.cli(&["EXISTS", "logs:echo:e-1"]), 1);
}

#[test]
fn a_worker_outlives_its_server_and_says_what_it_drops() {
    let mut server = Server::start();
    let tool = Tool::on(&server);
    let worker = echo(&tool, "e-1", &[]);
    server.cli(&["RPUSH", "direct:e-1", "nonsense"]);
    let complaint = worker.complaint();
    assert!(complaint.contains("e-1: dropped a message"), "{complaint}");
    server.kill();
    let complaint = worker.complaint();
    assert!(complaint.starts_with("ipc-tool: e-1: "), "{complaint}");
    server.restart();
    let words = ["bus", "call", "x", "--worker-id", "e-1", "--wait", "60"];
    assert_eq!(tool.ok(&words), "null\n");
    wait_until(|| tool.ok(&["bus", "workers"]).contains("e-1"));
}
