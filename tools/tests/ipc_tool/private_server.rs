//! `ipc-tool up` and `ipc-tool down`.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::support::{self, Ran, Tool, wait_until};
use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::server::Server;

/// A place for a server; one that is still there at the end is stopped.
struct Place {
    tool: Tool,
    socket: PathBuf,
    folder: Folder,
}

impl Place {
    fn new() -> Self {
        let folder = Folder::new();
        let socket = folder.join("redis-ipc/socket");
        let tool = Tool::with("RIPC_RUNTIME_DIR", &text(folder.path()));
        Self {
            tool,
            socket,
            folder,
        }
    }

    fn socket(&self) -> String {
        text(&self.socket)
    }

    #[track_caller]
    fn refusal(&self, words: &[&str]) -> Ran {
        let ran = self.tool.run(words);
        assert_eq!(
            (ran.code, ran.stderr.lines().count()),
            (1, 1),
            "{words:?} {ran:?}"
        );
        ran
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.tool.run(&["down"]);
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}

/// Whether there is such a process, and not only its number waiting to be read by its parent.
fn is_alive(pid: u64) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_server_comes_up_private_and_goes_down_without_a_trace() {
    let place = Place::new();
    let said = place.tool.ok(&["up"]);
    let lines: Vec<_> = said.lines().collect();
    assert!(lines[0].starts_with("# redis-server "), "{said}");
    assert_eq!(
        lines[1],
        format!("export RIPC_SERVER_PATH={}", place.socket())
    );
    assert!(fs::metadata(&place.socket).unwrap().file_type().is_socket());
    assert_eq!(mode(&place.socket), 0o600);
    let folder = place.socket.parent().unwrap();
    assert_eq!(mode(folder), 0o700);
    let config = |name| {
        let mut client = redis_ipc_tests::client::Client::connect(&place.socket).unwrap();
        client.command(&["CONFIG", "GET", name]).items()[1].text()
    };
    assert_eq!(config("port"), "0");
    assert_eq!(config("maxmemory"), (64 << 20).to_string());
    assert_eq!((&*config("save"), &*config("appendonly")), ("", "no"));

    let said = place.tool.ok(&["down"]);
    assert!(
        said.starts_with(&format!("stopped the server at {} ", place.socket())),
        "{said}"
    );
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    let ran = place.tool.run(&["down"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains(&place.socket()), "{}", ran.stderr);
}

#[test]
fn machines_are_told_where_it_is() {
    let place = Place::new();
    let said = place.tool.ok(&["up", "--json", "--memory", "3MB"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["socket"], place.socket());
    assert_eq!(said["memory"], "3mb");
    assert!(said["persist"].is_null());
    let pid = said["pid"].as_u64().unwrap();
    assert!(is_alive(pid));
    let said = place.tool.ok(&["down", "--json"]);
    assert_eq!(
        said,
        format!("{{\"socket\":\"{}\",\"pid\":{pid}}}\n", place.socket())
    );
    wait_until(|| !is_alive(pid));
}

#[test]
fn a_shell_takes_what_up_prints_whatever_the_path() {
    let folder = Folder::new();
    let socket = text(&folder.join("it's a $socket"));
    let script = r#"eval "$("$0" up --socket "$1")" && "$0" event send '{}' && "$0" down && echo "$RIPC_SERVER_PATH""#;
    let tool = support::program();
    let output = std::process::Command::new("/bin/sh")
        .args(["-c", script, &tool, &socket])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said.lines().last(),
        Some(&*socket),
        "{output:?}",
        output = output.stderr
    );
}

#[test]
fn a_second_one_is_refused_and_so_is_stopping_somebody_elses() {
    let place = Place::new();
    place.tool.ok(&["up"]);
    let ran = place.refusal(&["up"]);
    assert!(ran.stderr.contains("already") && ran.stderr.contains("ipc-tool down"));

    let server = Server::start();
    let ran = place.refusal(&["down", "--socket", &server.path()]);
    assert!(ran.stderr.contains("was not started by"), "{}", ran.stderr);
    let ran = place.refusal(&["up", "--socket", &server.path()]);
    assert!(ran.stderr.contains("already"), "{}", ran.stderr);
    assert_eq!(server.cli(&["PING"]), "PONG");
}

#[test]
fn of_two_that_start_at_once_one_is_refused() {
    let place = Place::new();
    let starts: Vec<_> = (0..4).map(|_| place.tool.start(&["up"])).collect();
    let mut codes: Vec<_> = starts.into_iter().map(|start| start.end().code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 1, 1, 1]);
    place.tool.ok(&["down"]);
}

#[test]
fn a_folder_that_others_can_write_to_is_told_of() {
    let place = Place::new();
    let shared = place.folder.join("shared");
    fs::create_dir(&shared).unwrap();
    let socket = text(&shared.join("socket"));
    for (mode, notes) in [(0o777, 1), (0o1777, 0), (0o755, 0)] {
        fs::set_permissions(&shared, fs::Permissions::from_mode(mode)).unwrap();
        let ran = place.tool.run(&["up", "--socket", &socket]);
        assert_eq!(
            (ran.code, ran.stderr.lines().count()),
            (0, notes),
            "{ran:?}"
        );
        place.tool.ok(&["down", "--socket", &socket]);
    }
}

#[test]
fn what_is_no_socket_is_not_overwritten() {
    let place = Place::new();
    let file = place.folder.join("notes");
    fs::write(&file, "precious").unwrap();
    let ran = place.refusal(&["up", "--socket", &text(&file)]);
    assert!(ran.stderr.contains("is no socket"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn the_rest_of_a_killed_server_is_no_hindrance() {
    let place = Place::new();
    let kill = || {
        let said = place.tool.ok(&["up", "--json"]);
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        let pid = said["pid"].as_u64().unwrap();
        let mut shell = std::process::Command::new("/bin/sh");
        let script = format!("kill -9 {pid}");
        shell.args(["-c", &script]).output().unwrap();
        // Nobody listens any more; its number may stay, where nobody takes care of orphans.
        wait_until(|| UnixStream::connect(&place.socket).is_err());
        assert!(place.socket.exists());
    };
    kill();
    let said = place.tool.ok(&["down"]);
    assert!(said.contains("removed what was left of it"), "{said}");
    assert!(!place.socket.exists());
    kill();
    place.tool.ok(&["up"]);
    place.tool.ok(&["down"]);
}

#[test]
fn data_is_kept_where_it_is_asked_for() {
    let place = Place::new();
    let kept = text(&place.folder.join("kept"));
    for value in [None, Some("busy")] {
        place.tool.ok(&["up", "--persist", &kept]);
        assert_eq!(mode(Path::new(&kept)), 0o700);
        let ran = place.tool.run(&["status", "get", "printer", "state"]);
        assert_eq!(ran.stdout.lines().next(), value);
        place.tool.ok(&[
            "--as", "printer", "status", "set", "printer", "state", "busy",
        ]);
        place.tool.ok(&["down"]);
    }
}

#[test]
fn in_the_foreground_it_ends_with_a_signal_or_with_down() {
    let place = Place::new();
    for by_signal in [true, false] {
        let up = place.tool.start(&["up", "--foreground"]);
        assert!(up.line().starts_with("# redis-server "));
        assert!(up.line().starts_with("export "));
        match by_signal {
            true => up.signal("TERM"),
            false => drop(place.tool.ok(&["down"])),
        }
        assert_eq!(up.end().code, 0);
        assert!(!place.socket.exists());
    }
}

#[test]
fn a_missing_redis_server_is_told_with_the_way_to_install_it() {
    let place = Place::new();
    let tool = place.tool.clone().and("PATH", &text(place.folder.path()));
    let ran = tool.run(&["up"]);
    assert_eq!((ran.code, ran.stderr.lines().count()), (1, 1));
    for way in ["apt-get install", "dnf install", "apk add", "brew install"] {
        assert!(ran.stderr.contains(way), "{}", ran.stderr);
    }
}

#[test]
fn what_the_server_says_of_a_failed_start_is_passed_on() {
    let place = Place::new();
    let file = place.folder.join("file");
    fs::write(&file, "#!/bin/sh\necho cannot do that; exit 1\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).unwrap();
    let tool = place.tool.clone().and("REDIS_SERVER", &text(&file));
    let ran = tool.run(&["up"]);
    assert_eq!(
        (ran.code, &*ran.stderr),
        (1, "ipc-tool: redis-server does not start: cannot do that\n")
    );
}

#[test]
fn addresses_that_are_no_sockets_are_refused() {
    let tool = Tool::with("RIPC_SERVER_PATH", "redis://localhost:6379");
    for word in ["up", "down"] {
        let ran = tool.run(&[word]);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains("--socket"), "{}", ran.stderr);
    }
}
