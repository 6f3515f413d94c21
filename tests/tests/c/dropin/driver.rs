//! A program that was written for the original, told line by line what to do.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use redis_ipc_tests::bus::PATIENCE;
use redis_ipc_tests::server::Server;

use crate::programs::{C99, Linked, Program};

#[derive(Debug)]
pub(super) struct Driver {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<String>,
    id: u32,
    _program: Program,
}

/// What the program is told instead of NULL.
pub(super) const NULL: &str = "-";

impl Driver {
    pub(super) fn start(server: &Server) -> Self {
        Self::at(&server.socket())
    }

    /// With the server's socket, or what leads to it.
    pub(super) fn at(socket: &Path) -> Self {
        let program = Program::of(
            "tests/c/compat/driver.c",
            "gcc",
            C99,
            Linked::DropInDynamically,
        );
        let mut command = Command::new(&program.file);
        command.env("RIPC_SERVER_PATH", socket);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self {
            id: child.id(),
            input: child.stdin.take(),
            child,
            output,
            _program: program,
        }
    }

    pub(super) fn joined(server: &Server, component: &str, thread: &str) -> Self {
        let mut driver = Self::start(server);
        driver.does(&["init", component, thread], "0");
        driver
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Has it begin something; [`answer`](Self::answer) says what that came to.
    pub(super) fn begin(&mut self, words: &[&str]) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{}", words.join("\t")).unwrap();
    }

    #[track_caller]
    pub(super) fn answer(&mut self) -> String {
        let answer = self.output.recv_timeout(PATIENCE + Duration::from_secs(5));
        answer.expect("a line, from a program that lives")
    }

    #[track_caller]
    pub(super) fn tell(&mut self, words: &[&str]) -> String {
        self.begin(words);
        self.answer()
    }

    #[track_caller]
    pub(super) fn does(&mut self, words: &[&str], wanted: &str) {
        let answer = self.tell(words);
        assert_eq!(answer, wanted, "{words:?}");
    }

    /// Ends it; what it has told on stderr.
    #[track_caller]
    pub(super) fn end(mut self) -> String {
        self.input = None;
        let mut told = String::new();
        let mut errors = self.child.stderr.take().unwrap();
        errors.read_to_string(&mut told).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}\n{told}");
        told
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
