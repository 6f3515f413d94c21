//! `ipc-tool shard move` and its file: one that it cannot write anew, and those who follow it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use redis_ipc_tests::client::Client;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Followed, Host, Placement};
use rustix::fs::{FlockOperation, flock};

use crate::support::{Tool, wait_until};

#[test]
fn hosts_that_are_listed_in_one_line_are_refused_before_anything_moves() {
    let farm = Farm::start(2, 1).unwrap();
    let [here, joining] = [0, 1].map(|host| farm.endpoint(host).to_string());
    let file = farm.folder().join("hosts.toml");
    let text = format!("host = [{{ id = 0, address = \"{here}\" }}]\n");
    fs::write(&file, &text).unwrap();
    let tool = Tool::with("IPC_TOOL_HOSTS", file.to_str().unwrap());
    let ran = tool.run(&["shard", "move", "--add", &joining]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("hosts.toml: each host needs a [[host]]"),
        "{}",
        ran.stderr
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

/// One host with keys, another one that is to join, and the file that lists the first.
struct Setup {
    farm: Farm,
    file: PathBuf,
    tool: Tool,
}

impl Setup {
    fn new() -> Self {
        let farm = Farm::start(2, 1).unwrap();
        let file = farm.folder().join("hosts.toml");
        let address = farm.endpoint(0);
        let text = format!("[[host]]\nid = 0\naddress = \"{address}\"\n");
        fs::write(&file, text).unwrap();
        let cluster = Cluster::from_file(&file).unwrap();
        for key in 0..20 {
            cluster.command(&["SET", &key.to_string(), "x"]).unwrap();
        }
        let tool = Tool::with("IPC_TOOL_HOSTS", file.to_str().unwrap());
        Self { farm, file, tool }
    }

    fn joining(&self) -> String {
        self.farm.endpoint(1).to_string()
    }

    /// How many keys were moved.
    fn moved(&self) -> i64 {
        let host = self.farm.hosts().pop().unwrap();
        let host = Host { id: 0, ..host };
        let new = Cluster::new([host], Placement::Partition).unwrap();
        new.command_on(0, &["DBSIZE"]).unwrap().integer().unwrap()
    }

    /// Waits until the move has said who joins.
    fn wait_for_joining(&self) {
        wait_until(|| {
            fs::read_to_string(&self.file).is_ok_and(|text| text.contains("[[joining]]"))
        });
    }
}

/// What the file becomes.
fn changed(followed: &mut Followed) -> String {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(text) = followed.look() {
            return text.unwrap();
        }
        assert!(Instant::now() < until, "it does not change");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn former(file: &Path) -> PathBuf {
    file.with_extension("toml.former")
}

#[test]
fn a_move_begins_when_all_who_follow_the_file_look_at_both_places() {
    let setup = Setup::new();
    let (mut followed, _) = Followed::open(&setup.file).unwrap();
    let words = ["shard", "move", "--add", &setup.joining()];
    let moving = setup.tool.start(&words);
    setup.wait_for_joining();
    let text = changed(&mut followed);
    let growing = Cluster::from_toml("hosts.toml", &text).unwrap();
    assert_eq!(growing.next().map(|next| next.hosts().len()), Some(2));
    assert_eq!(setup.moved(), 0);
    followed.adopted(&text);
    // It does not end before all know that nobody joins any more.
    let text = changed(&mut followed);
    assert!(!text.contains("[[joining]]") && former(&setup.file).exists());
    assert!(setup.moved() > 0);
    followed.adopted(&text);
    let ran = moving.end();
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{}", ran.stdout);
    assert!(!former(&setup.file).exists());
}

#[test]
fn a_move_gives_up_while_somebody_goes_by_what_the_file_was_also_before_one_that_was_killed() {
    let setup = Setup::new();
    let router = File::open(&setup.file).unwrap();
    flock(&router, FlockOperation::LockShared).unwrap();
    let words = ["shard", "move", "--add", &setup.joining()];
    let killed = setup.tool.start(&words);
    setup.wait_for_joining();
    drop(killed);
    // The file that it has a lock on has no name by which it could be found but that.
    assert!(former(&setup.file).exists());
    let ran = setup.tool.run(&words);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let sentence = "hosts.toml still goes by what it was before";
    assert!(ran.stderr.contains(sentence), "{}", ran.stderr);
    assert!(ran.stderr.contains("no key is moved"), "{}", ran.stderr);
    assert_eq!(setup.moved(), 0);
    drop(router);
    setup.tool.ok(&words);
    assert!(setup.moved() > 0 && !former(&setup.file).exists());
    assert_eq!(Cluster::from_file(&setup.file).unwrap().hosts().len(), 2);
}

#[test]
fn clients_of_a_router_that_runs_notice_nothing_of_a_move() {
    let setup = Setup::new();
    let socket = setup.farm.folder().join("router");
    let words = ["shard", "serve", "--listen", socket.to_str().unwrap()];
    let router = setup.tool.start_ready(&words);
    let mut client = Client::connect(&socket).unwrap();
    let moving = setup
        .tool
        .start(&["shard", "move", "--add", &setup.joining()]);
    let mut rounds = 0;
    let is_done = || {
        let text = fs::read_to_string(&setup.file).unwrap();
        text.matches("[[host]]").count() == 2
    };
    loop {
        // Once more when it is over.
        let was_done = is_done();
        for key in 0..20 {
            let length = client.command(&["APPEND", &key.to_string(), "x"]);
            assert_eq!(length.integer(), 2 + rounds, "{key}: {length:?}");
        }
        rounds += 1;
        if was_done {
            break;
        }
    }
    let ran = moving.end();
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{}", ran.stdout);
    assert!(setup.moved() > 0);
    for words in ["1 host (1 joining) from now on", "2 hosts from now on"] {
        assert_eq!(router.complaint(), format!("ipc-tool: serving {words}"));
    }
    for key in 0..20 {
        let length = client.command(&["STRLEN", &key.to_string()]);
        assert_eq!(length.integer(), 1 + rounds, "{key}");
    }
    router.signal("INT");
    assert_eq!(router.end().code, 0);
}

#[test]
fn a_move_that_is_run_again_with_the_same_words_when_it_is_over_has_nothing_to_do() {
    let setup = Setup::new();
    let words = ["shard", "move", "--add", &setup.joining()];
    setup.tool.ok(&words);
    let (moved, text) = (setup.moved(), fs::read_to_string(&setup.file).unwrap());
    for verb in ["move", "plan"] {
        let ran = setup.tool.run(&["shard", verb, "--add", &setup.joining()]);
        assert_eq!((ran.code, &*ran.stdout), (0, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains("has joined already"), "{}", ran.stderr);
    }
    assert_eq!(setup.moved(), moved);
    assert_eq!(fs::read_to_string(&setup.file).unwrap(), text);
}

#[test]
fn a_plan_names_the_keys_and_the_bytes_that_a_move_then_tells_of() {
    let setup = Setup::new();
    let (add, cluster) = (setup.joining(), Cluster::from_file(&setup.file).unwrap());
    for n in 0..20 {
        let (list, long) = (format!("list\n{n}"), "x".repeat(n * 1000));
        cluster.command(&["RPUSH", &list, "a", &long]).unwrap();
    }
    let plan = ["shard", "plan", "--keys", "--add", &add];
    let shown = setup.tool.run(&plan).stdout;
    let planned = setup.tool.run(&[&plan[..], &["--json"]].concat());
    let named: Vec<serde_json::Value> = planned
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let bytes: u64 = named.iter().map(|key| key["bytes"].as_u64().unwrap()).sum();
    assert!(
        planned
            .stderr
            .contains(&format!("{} keys of {bytes} bytes", named.len()))
    );
    let quoted = |line: &str| line.starts_with("   0 -> 1 ") && line.contains(" bytes  \"list\\n");
    assert!(shown.lines().any(quoted), "{shown}");
    assert_eq!(shown.lines().count(), named.len());

    let moved = setup.tool.ok(&["shard", "move", "--add", &add, "--json"]);
    let expected = format!("{{\"moved\":{},\"bytes\":{bytes}}}\n", named.len());
    assert_eq!(moved, expected);
    let after = Cluster::from_file(&setup.file).unwrap();
    for key in &named {
        let there = after.command_on(1, &["EXISTS", key["key"].as_str().unwrap()]);
        assert_eq!(there.unwrap().integer(), Some(1), "{key}");
    }
    assert_eq!(setup.moved(), i64::try_from(named.len()).unwrap());
}
