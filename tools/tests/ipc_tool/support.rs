//! The tool as a user runs it, on a server of the test's own.

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use redis_ipc_tests::program::runnable;
use redis_ipc_tests::server::Server;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The path of something to start that is the tool.
pub(crate) fn program() -> String {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    let find = || {
        let path = runnable(env!("CARGO_BIN_EXE_ipc-tool")).into_os_string();
        path.into_string().expect("UTF-8")
    };
    PROGRAM.get_or_init(find).clone()
}

/// The tool, with the environment that it is run in.
#[derive(Debug, Clone)]
pub(crate) struct Tool {
    variables: Vec<(String, String)>,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Tool {
    /// On the bus of `server`.
    pub(crate) fn on(server: &Server) -> Self {
        Self::with("RIPC_SERVER_PATH", &server.path())
    }

    /// With one variable in its environment and no bus but that.
    pub(crate) fn with(name: &str, value: &str) -> Self {
        Self {
            variables: vec![(name.to_owned(), value.to_owned())],
        }
    }

    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(words)
            .env_remove("RIPC_SERVER_PATH")
            .env_remove("RIPC_RUNTIME_DIR")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        let output = self.command(words).output().expect("ipc-tool runs");
        Ran {
            code: output.status.code().expect("an exit code"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Runs it with something on its standard input.
    #[track_caller]
    pub(crate) fn run_with(&self, input: &str, words: &[&str]) -> Ran {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .spawn()
            .expect("ipc-tool runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        Started::of(child).end()
    }

    /// Runs it to a good end without a word of complaint; returns what it printed.
    #[track_caller]
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let ran = self.run(words);
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{words:?}: {ran:?}");
        ran.stdout
    }

    /// Starts it.
    #[track_caller]
    pub(crate) fn start(&self, words: &[&str]) -> Started {
        Started::of(self.command(words).spawn().expect("ipc-tool runs"))
    }

    /// Starts it and waits until it says that it serves or listens.
    #[track_caller]
    pub(crate) fn start_ready(&self, words: &[&str]) -> Started {
        self.start(words).ready()
    }

    /// As [`start_ready`](Self::start_ready), with a signal that it is to ignore.
    #[track_caller]
    pub(crate) fn start_unheeding(&self, signal: &str, words: &[&str]) -> Started {
        let script = format!("trap '' {signal}; exec \"$@\"");
        let tool = self.command(words);
        let mut shell = Command::new("/bin/sh");
        let shell = shell.args(["-c", &script, "sh"]).arg(tool.get_program());
        let shell = shell.args(tool.get_args());
        let variables = tool.get_envs();
        let shell = shell.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        let shell = shell
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Started::of(shell.spawn().expect("a shell")).ready()
    }
}

/// The tool while it runs; it is killed on drop.
#[derive(Debug)]
pub(crate) struct Started {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Started {
    fn of(mut child: Child) -> Self {
        let stdout = lines(child.stdout.take());
        let stderr = lines(child.stderr.take());
        Self {
            child,
            stdout,
            stderr,
        }
    }

    #[track_caller]
    fn ready(self) -> Self {
        let note = self.complaint();
        assert!(
            note.contains("serving") || note.contains("listening"),
            "{note}"
        );
        self
    }

    /// The next line that it prints.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        self.stdout.recv_timeout(PATIENCE).expect("a line")
    }

    /// The next line on its standard error.
    #[track_caller]
    pub(crate) fn complaint(&self) -> String {
        self.stderr.recv_timeout(PATIENCE).expect("a line")
    }

    /// Sends a signal, by its name.
    #[track_caller]
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("/bin/sh")
            .args(["-c", &format!("kill -{name} {pid}")])
            .status();
        assert!(status.expect("a shell").success());
    }

    /// Lets it have no more than so many descriptors from now on.
    pub(crate) fn limit_descriptors(&self, count: u64) {
        let limit = Rlimit {
            current: Some(count),
            maximum: Some(count),
        };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Nofile, limit).unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ran {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(1));
        };
        Ran {
            code: status.code().expect("an exit code"),
            stdout: self.stdout.iter().map(|line| line + "\n").collect(),
            stderr: self.stderr.iter().map(|line| line + "\n").collect(),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let lines = pipe
            .into_iter()
            .flat_map(|pipe| BufReader::new(pipe).lines());
        for line in lines.map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    receive
}

/// Waits for a fact.
#[track_caller]
pub(crate) fn wait_until(fact: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !fact() {
        assert!(Instant::now() < deadline, "it does not become true");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A program in the folder of a server, for `--exec`; returns its path.
pub(crate) fn script(server: &Server, name: &str, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = server.folder().join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a folder to write to");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("a file");
    path.into_os_string().into_string().expect("UTF-8")
}

/// A terminal's two ends: what a serial port is to the kernel. What it has not is told at once.
pub(crate) fn terminal() -> (File, String) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    // A program that is started must not have our end too.
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let theirs = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    rustix::fs::fcntl_setfl(&ours, rustix::fs::OFlags::NONBLOCK).unwrap();
    (File::from(ours), theirs)
}
