//! What the README tells a new user to type works as it stands there.

use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::server::Server;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// The blocks of the README that are written in `language`, in order.
fn blocks(language: &str) -> Vec<String> {
    let readme = fs::read_to_string(top().join("README.md")).unwrap();
    let fence = format!("\n```{language}\n");
    let blocks = readme.split(&fence).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A new project beside the repository, with the component and its caller; built.
struct Project {
    folder: Folder,
}

impl Project {
    fn of_the_readme() -> Self {
        let folder = Folder::new();
        std::os::unix::fs::symlink(top().canonicalize().unwrap(), folder.join("redis-ipc"))
            .unwrap();
        let project = Self { folder };
        let [dependencies] = &blocks("toml")[..] else {
            panic!("one list of dependencies");
        };
        let manifest = "[package]\nname = \"printer\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n";
        project.write("Cargo.toml", &format!("{manifest}{dependencies}"));
        // The versions that are here already: nothing is to be fetched.
        let lock = fs::read_to_string(top().join("Cargo.lock")).unwrap();
        project.write("Cargo.lock", &lock);
        let [component, caller] = &blocks("rust")[..] else {
            panic!("a component and a caller");
        };
        project.write("src/main.rs", component);
        project.write("src/bin/desk.rs", caller);
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--offline", "--target-dir"])
            .arg(target())
            .current_dir(project.folder.join("printer"))
            .output()
            .unwrap();
        let complaints = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{complaints}");
        assert_eq!(complaints, "", "no warnings");
        project
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.join("printer").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Kept from run to run, apart from everybody else's.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme")
}

fn program(name: &str, server: &str) -> Command {
    let mut command = Command::new(target().join("debug").join(name));
    command
        .env("RIPC_SERVER_PATH", server)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(name: &str, server: &str) -> Output {
    program(name, server).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

/// As Ctrl-C does.
fn interrupt(program: &Child) {
    kill_process(Pid::from_child(program), Signal::INT).unwrap();
}

#[test]
fn a_component_and_its_caller_work_as_they_stand_in_the_readme() {
    let _project = Project::of_the_readme();
    let server = Server::start();
    let printer = program("printer", &server.path()).spawn().unwrap();
    let desk = run("desk", &server.path());
    assert_eq!(text(&desk.stdout), "2 pages\n");
    assert!(desk.status.success());
    interrupt(&printer);
    let printer = printer.wait_with_output().unwrap();
    assert!(printer.status.success(), "{printer:?}");
    assert_eq!(text(&printer.stderr), "");

    // Whoever forgets the server reads where it was looked for, and what to do.
    for name in ["printer", "desk"] {
        let alone = run(name, "/nowhere/socket");
        assert_eq!(alone.status.code(), Some(1));
        let complaint = text(&alone.stderr);
        assert!(complaint.contains("unix:///nowhere/socket"), "{complaint}");
        assert!(complaint.contains("ipc-tool up"), "{complaint}");
    }
}
