//! Peers in Python, which `tests/python` holds.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

/// A running peer; it is killed on drop.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts a peer and waits until it says that it is ready.
    ///
    /// # Panics
    /// If Python or redis-py is missing, or the peer does not start.
    #[must_use]
    pub fn start(script: &str, arguments: &[&str]) -> Self {
        let mut child = command(script, arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        let mut peer = Self { child, out };
        assert_eq!(peer.line(), "ready");
        peer
    }

    /// The next line that it prints.
    ///
    /// # Panics
    /// If it does not print text.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("text");
        line.truncate(line.trim_end().len());
        line
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// If it fails.
    pub fn ended(mut self) {
        let status = self.child.wait().expect("a child of ours");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a peer to its end and returns the lines that it printed.
///
/// # Panics
/// As [`Peer::start`] does, and if the peer fails.
#[must_use]
pub fn run(script: &str, arguments: &[&str]) -> Vec<String> {
    let output = command(script, arguments)
        .stderr(Stdio::inherit())
        .output()
        .expect("Python starts");
    assert!(output.status.success(), "{script} failed");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(str::to_owned).collect()
}

fn command(script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(interpreter());
    let script = format!("{}/python/{script}.py", env!("CARGO_MANIFEST_DIR"));
    command.arg(script).args(arguments).stdin(Stdio::null());
    command
}

/// The interpreter that has redis-py, set up when it is first asked for.
///
/// # Panics
/// If it cannot be set up.
pub fn interpreter() -> &'static PathBuf {
    static INTERPRETER: OnceLock<PathBuf> = OnceLock::new();
    INTERPRETER.get_or_init(|| {
        let setup = format!("{}/setup.sh", env!("CARGO_MANIFEST_DIR"));
        let output = Command::new("/bin/sh")
            .args([&setup, "python", "redis"])
            .stderr(Stdio::inherit())
            .output()
            .expect("a shell");
        assert!(output.status.success(), "Python with redis-py is missing");
        let path = String::from_utf8(output.stdout).expect("a path");
        PathBuf::from(path.trim_end())
    })
}
