//! `ipc-tool shard fanout` while it waits.

use std::io::{ErrorKind, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};

use redis_ipc_tools::farm::Farm;
use rustix::fs::{Mode, OFlags};

use crate::support::{Tool, terminal};

/// What the tool shows on a terminal as its standard error, until that is gone or `done`.
fn shown(end: &mut impl Read, mut done: impl FnMut(&str) -> bool) -> String {
    let until = Instant::now() + Duration::from_secs(60);
    let (mut bytes, mut room) = (Vec::new(), [0; 1024]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if done(&text) {
            return text;
        }
        assert!(Instant::now() < until, "{text:?}");
        match end.read(&mut room) {
            Ok(count) => bytes.extend(&room[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(1));
            }
            // Nobody has its other end any more.
            Err(_) => return text,
        }
    }
}

#[test]
fn people_see_how_many_hosts_have_answered_and_programs_see_nothing_of_it() {
    let farm = Farm::start(2, 1).unwrap();
    let mut text = "reply_limit_s = 600\nconnect_limit_s = 600\n".to_owned();
    for host in farm.hosts() {
        let address = host.endpoint;
        text += &format!("[[host]]\nid = {}\naddress = \"{address}\"\n", host.id);
    }
    let file = farm.folder().join("hosts.toml");
    std::fs::write(&file, text).unwrap();
    let tool = Tool::with("IPC_TOOL_HOSTS", file.to_str().unwrap());
    let start = |words: &[&str]| {
        let (end, path) = terminal();
        // No program that another test starts meanwhile may have it.
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = rustix::fs::open(path, flags, Mode::empty());
        let theirs = Stdio::from(theirs.unwrap());
        let child = tool.command(words).stderr(theirs).spawn().unwrap();
        (end, child)
    };

    farm.pause(1);
    let (mut end, child) = start(&["shard", "fanout", "DBSIZE"]);
    let bar = shown(&mut end, |text| text.contains("] 1/2 hosts"));
    assert!(bar.contains(&"█".repeat(20)), "{bar:?}");
    farm.resume(1);
    let bar = shown(&mut end, |_| false);
    assert!(bar.contains("] 2/2 hosts"), "{bar:?}");
    assert!(bar.ends_with("\r\u{1b}[K"), "{bar:?}");
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "   0  0\n   1  0\n"
    );

    let (mut end, child) = start(&["--json", "shard", "fanout", "DBSIZE"]);
    assert_eq!(shown(&mut end, |_| false), "");
    assert!(child.wait_with_output().unwrap().status.success());
    tool.ok(&["shard", "fanout", "DBSIZE"]);
}
