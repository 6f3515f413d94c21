//! Sentinels of a test's own, which watch over one master.

use crate::client::Client;
use crate::folder::Folder;
use crate::process::Process;
use crate::server::{LIMIT, Server, free_port, program};
use crate::value::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What the Sentinels call the master.
pub const MASTER: &str = "bus";

/// Sentinels that agree about a master as soon as two of them do.
///
/// They find a dead master within a few seconds and elect another one within a few more. One that
/// only has to wait for its turn on a machine under load is not taken for dead.
#[derive(Debug)]
pub struct Sentinels {
    all: Vec<Sentinel>,
}

#[derive(Debug)]
struct Sentinel {
    // Before the folder, for fields are dropped in order.
    process: Option<Process>,
    port: u16,
    folder: Folder,
}

impl Sentinels {
    /// Starts `count` of them, and waits until they know each other, the master
    /// and its `replicas`. All servers must be on TCP.
    ///
    /// # Panics
    /// If redis-server is missing, or they do not get together in time.
    #[track_caller]
    #[must_use]
    pub fn watch(master: &Server, replicas: usize, count: usize) -> Self {
        Self::watch_with(master, replicas, count, &[])
    }

    /// As [`Sentinels::watch`], with more lines in their configuration files. Where these name a
    /// `tls-cert-file`, their ports speak TLS, and so must the servers'.
    ///
    /// # Panics
    /// As [`Sentinels::watch`] does.
    #[track_caller]
    #[must_use]
    pub fn watch_with(master: &Server, replicas: usize, count: usize, more: &[String]) -> Self {
        let start = |_| Sentinel::start(master.port(), more);
        let sentinels = Self {
            all: (0..count).map(start).collect(),
        };
        for sentinel in &sentinels.all {
            sentinel.hurry();
        }
        for sentinel in &sentinels.all {
            sentinel.wait_until("they do not get together", |sentinel| {
                let state = sentinel.state();
                state("num-slaves") == replicas.to_string()
                    && state("num-other-sentinels") == (count - 1).to_string()
                    && state("flags") == "master"
            });
        }
        sentinels.all.iter().for_each(Sentinel::settle);
        sentinels
    }

    /// Their hosts and ports, as a URL has them.
    #[must_use]
    pub fn nodes(&self) -> String {
        let nodes = self.all.iter().map(|s| format!("127.0.0.1:{}", s.port));
        nodes.collect::<Vec<_>>().join(",")
    }

    /// The URL of their master.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis-sentinel://{}/{MASTER}", self.nodes())
    }

    /// The port of what they call the master now, by the word of the last one.
    ///
    /// # Panics
    /// If it is gone.
    #[must_use]
    pub fn master_port(&self) -> u16 {
        let last = self.all.last().expect("a sentinel");
        last.master_port()
    }

    /// Has another replica become the master while the old one is well.
    ///
    /// # Panics
    /// If they refuse, or it takes too long.
    #[track_caller]
    pub fn fail_over(&self) {
        let before = self.master_port();
        let last = self.all.last().expect("a sentinel");
        last.wait_until("they refuse to fail over", |sentinel| {
            sentinel.cli(&["SENTINEL", "FAILOVER", MASTER]) == "OK"
        });
        self.wait_for_another(before);
    }

    /// Waits until all of them call another server than that one the master.
    ///
    /// # Panics
    /// If it takes too long.
    #[track_caller]
    pub fn wait_for_another(&self, port: u16) {
        for sentinel in self.all.iter().rev().filter(|s| s.process.is_some()) {
            sentinel.wait_until("no other master is found", |s| s.master_port() != port);
        }
    }

    /// SIGKILL for one of them.
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill(&mut self, number: usize) {
        let process = self.all[number].process.take().expect("a running sentinel");
        process.end();
    }

    /// SIGSTOP for one of them: it accepts connections and answers nothing.
    ///
    /// # Panics
    /// If it does not run.
    pub fn pause(&self, number: usize) {
        let process = self.all[number].process.as_ref();
        process.expect("a running sentinel").pause();
    }
}

impl Sentinel {
    #[track_caller]
    fn start(master: u16, more: &[String]) -> Self {
        let mut sentinel = Self {
            process: None,
            port: free_port(),
            folder: Folder::new(),
        };
        let folder = sentinel.folder.path().display();
        let port = sentinel.port;
        let port = match more.iter().any(|line| line.starts_with("tls-cert-file")) {
            true => format!("port 0\ntls-port {port}"),
            false => format!("port {port}"),
        };
        let more = more.join("\n");
        let file = sentinel.folder.join("sentinel.conf");
        let configuration = format!(
            "bind 127.0.0.1\n{port}\n{more}\nunixsocket \"{folder}/socket\"\ndir \"{folder}\"\n\
             logfile \"{folder}/log\"\n\
             sentinel monitor {MASTER} 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds {MASTER} 2000\n\
             sentinel failover-timeout {MASTER} 2000\n"
        );
        std::fs::write(&file, configuration).expect("a folder to write to");
        let mut command = Command::new(program());
        command.arg(&file).arg("--sentinel").stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::start(&mut command, sentinel.folder.path());
        sentinel.process = Some(process.expect("a redis-server that can be a sentinel"));
        sentinel.wait_until("it does not start", |s| {
            Client::connect(&s.socket()).is_ok()
        });
        sentinel
    }

    /// Has it look around far more often than is usual. A server that cannot be
    /// told is slower and no worse.
    fn hurry(&self) {
        self.set_period("info-period", 100);
        self.set_period("ping-period", 50);
        self.set_period("ask-period", 100);
        self.set_period("election-timeout", 500);
        self.set_period("publish-period", 100);
    }

    /// Ends the hurry of getting to know each other: after four periods without a
    /// word of a new master, which is looked at once a second, the others would
    /// make a replica of it again.
    fn settle(&self) {
        self.set_period("publish-period", 1000);
        // A replica is promoted only if its last INFO is not older than five of these, and while its
        // master is down it is asked once a second: in a hurry, elections end without a successor.
        self.set_period("ping-period", 1000);
    }

    fn set_period(&self, name: &str, milliseconds: u32) {
        let milliseconds = milliseconds.to_string();
        let _ = self.cli(&["SENTINEL", "DEBUG", name, &milliseconds]);
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    #[track_caller]
    fn cli(&self, words: &[&str]) -> Value {
        let mut client = Client::connect(&self.socket()).expect("a sentinel that is there");
        client.command(words)
    }

    fn master_port(&self) -> u16 {
        let address = self.cli(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER]);
        address.items()[1].text().parse().expect("a port")
    }

    /// What it says of the master, by name.
    fn state(&self) -> impl Fn(&str) -> String {
        let pairs = self.cli(&["SENTINEL", "MASTER", MASTER]);
        move |name| {
            let mut words = pairs.items().iter().map(Value::text);
            words.find(|word| word == name);
            words.next().unwrap_or_default().to_owned()
        }
    }

    #[track_caller]
    fn wait_until(&self, otherwise: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !condition(self) {
            assert!(Instant::now() < deadline, "{otherwise}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
