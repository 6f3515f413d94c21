//! A redis-server of a test's own, on a Unix socket in a fresh folder.

use crate::client::Client;
use crate::folder::Folder;
use crate::monitor::Monitor;
use crate::process::Process;
use crate::value::Value;
use rustix::process::Signal;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to start or to stop.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// What is said where there is no server to start.
const MISSING: &str = "redis-server is missing: `tests/setup.sh program redis-server` installs it \
    or says how; on Debian that is `apt-get install redis-server`";

/// What a server is started with.
#[derive(Debug, Default)]
#[must_use]
pub struct Setup {
    tcp: bool,
    tls: bool,
    cluster: bool,
    config: Vec<String>,
}

impl Setup {
    /// A line of the server's configuration file, as it would stand there.
    pub fn config(mut self, line: &str) -> Self {
        self.config.push(line.into());
        self
    }

    /// Listens on a free port of 127.0.0.1 as well.
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// Listens on a free port as [`Setup::tcp`] has it, and is a node of a Redis Cluster: other nodes
    /// speak to it on another free port.
    pub fn cluster(mut self) -> Self {
        self.cluster = true;
        self.config("cluster-enabled yes").tcp()
    }

    /// Listens on a free port of 127.0.0.1 with TLS, and on none without.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, identity: &crate::tls::Identity) -> Self {
        self.tls = true;
        self.config.extend(identity.configuration());
        self.tcp()
    }

    /// Keeps what was written, also over [`Server::kill`].
    pub fn persistent(self) -> Self {
        self.config("appendonly yes").config("appendfsync no")
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    /// If redis-server is missing, refuses its configuration or does not answer
    /// in time.
    #[track_caller]
    #[must_use]
    pub fn start(self) -> Server {
        let mut server = Server {
            process: None,
            port: None,
            bus_port: None,
            setup: self,
            folder: Folder::new(),
        };
        server.launch();
        server
    }
}

/// A private redis-server: no TCP port and no persistence unless asked for.
///
/// It is killed and its folder removed on drop, after a panic as well, and also
/// if this process is killed.
#[derive(Debug)]
pub struct Server {
    // Before the folder, for fields are dropped in order.
    process: Option<Process>,
    port: Option<u16>,
    /// Where it speaks to other nodes of its Redis Cluster.
    bus_port: Option<u16>,
    setup: Setup,
    folder: Folder,
}

impl Server {
    /// Starts one with nothing special.
    ///
    /// # Panics
    /// As [`Setup::start`] does.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        Self::setup().start()
    }

    /// For one with something special.
    pub fn setup() -> Setup {
        Setup::default()
    }

    /// The path of its socket; the file is there only while the server is.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// The socket's path as text.
    ///
    /// # Panics
    /// If the folder for temporary files has a name that is not UTF-8.
    #[must_use]
    pub fn path(&self) -> String {
        self.socket().into_os_string().into_string().expect("UTF-8")
    }

    /// Its port on 127.0.0.1.
    ///
    /// # Panics
    /// If [`Setup::tcp`] was not asked for.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.expect("a server with a TCP port")
    }

    /// A folder of the server's own that is removed with it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process id.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process().id()
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Runs one command on a fresh connection; an error reply is a value.
    ///
    /// # Panics
    /// If the server is not there or does not answer.
    #[track_caller]
    pub fn cli<W: AsRef<[u8]>>(&self, words: &[W]) -> Value {
        self.client().command(words)
    }

    /// A connection for more than one command.
    ///
    /// # Panics
    /// If the server is not there.
    #[track_caller]
    #[must_use]
    pub fn client(&self) -> Client {
        match Client::connect(&self.socket()) {
            Ok(client) => client,
            Err(error) => panic!("cannot connect to {}: {error}", self.path()),
        }
    }

    /// Listens to every command that arrives from now on.
    ///
    /// # Panics
    /// If the server is not there.
    #[track_caller]
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor::start(self.client(), self.client())
    }

    /// SIGKILL: its clients see the connection end, the socket's file stays.
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill(&mut self) {
        let process = self.process.take().expect("a running server");
        process.signal(Signal::KILL);
        process.end();
    }

    /// SIGTERM and waits for its end: the socket's file is removed.
    ///
    /// # Panics
    /// If it does not run or does not end in time.
    #[track_caller]
    pub fn stop(&mut self) {
        let process = self.process.take().expect("a running server");
        process.signal(Signal::TERM);
        assert!(process.ends_within(LIMIT), "the server does not stop");
        process.end();
    }

    /// SIGSTOP: it accepts connections and requests and answers nothing.
    ///
    /// # Panics
    /// If it does not run.
    pub fn pause(&self) {
        self.process().pause();
    }

    /// SIGCONT: it goes on with what has arrived meanwhile.
    ///
    /// # Panics
    /// If it does not run.
    pub fn resume(&self) {
        self.process().signal(Signal::CONT);
    }

    /// Starts it again on the same socket and port, after [`Server::stop`] if it
    /// still runs.
    ///
    /// # Panics
    /// As [`Setup::start`] does.
    #[track_caller]
    pub fn restart(&mut self) {
        if self.process.is_some() {
            self.stop();
        }
        self.launch();
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("a running server")
    }

    /// Starts the process; takes another port where a stranger was quicker.
    #[track_caller]
    fn launch(&mut self) {
        let keep_port = self.port.is_some();
        loop {
            if self.setup.tcp && !keep_port {
                self.port = Some(free_port());
                self.bus_port = self.setup.cluster.then(free_port);
            }
            match self.attempt() {
                Ok(process) => break self.process = Some(process),
                Err(log) if log.contains("Address already in use") && !keep_port => {}
                Err(log) => panic!("redis-server did not start:\n{log}"),
            }
        }
    }

    /// The running process, or what the server said of its end.
    #[track_caller]
    fn attempt(&self) -> Result<Process, String> {
        let file = self.folder.join("redis.conf");
        std::fs::write(&file, self.configuration()).expect("a folder to write to");
        let mut command = Command::new(program());
        command.arg(&file).stdin(Stdio::null());
        command.stdout(self.log_file()).stderr(self.log_file());
        let process = match Process::start(&mut command, self.folder.path()) {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => panic!("{MISSING}"),
            Err(error) => panic!("cannot start redis-server: {error}"),
        };
        self.wait_for(&process)?;
        Ok(process)
    }

    fn log_file(&self) -> std::fs::File {
        let mut options = std::fs::File::options();
        let file = options
            .append(true)
            .create(true)
            .open(self.folder.join("log"));
        file.expect("a folder to write to")
    }

    fn configuration(&self) -> String {
        let folder = self.folder.path().display();
        let port = self.port.unwrap_or(0);
        let port = match self.setup.tls {
            true => format!("port 0\ntls-port {port}"),
            false => format!("port {port}"),
        };
        let own = format!(
            "bind 127.0.0.1\n{port}\nunixsocket \"{folder}/socket\"\nunixsocketperm 700\n\
             dir \"{folder}\"\nsave \"\"\nappendonly no\n"
        );
        let bus = self.bus_port.map(|port| format!("cluster-port {port}\n"));
        own + &bus.unwrap_or_default() + &self.setup.config.join("\n") + "\n"
    }

    /// Waits until it answers; an early end is an error with its log.
    fn wait_for(&self, process: &Process) -> Result<(), String> {
        let deadline = Instant::now() + LIMIT;
        while !self.answers() {
            if process.has_ended() {
                return Err(self.log());
            }
            if Instant::now() > deadline {
                return Err(format!("no answer within {LIMIT:?}\n{}", self.log()));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Whether a PING gets its answer; that a password is wanted is one too.
    fn answers(&self) -> bool {
        let Ok(mut client) = Client::connect(&self.socket()) else {
            return false;
        };
        let reply = client
            .try_send(&["PING"])
            .and_then(|()| client.try_receive());
        match reply {
            Ok(Value::Error(text)) => text.starts_with("NOAUTH"),
            Ok(value) => value == "PONG",
            Err(_) => false,
        }
    }
}

/// The server's program; one of another name is given by `REDIS_SERVER`.
pub(crate) fn program() -> OsString {
    std::env::var_os("REDIS_SERVER").unwrap_or("redis-server".into())
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound socket").port()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn a_server_answers_on_its_socket_and_listens_nowhere_else() {
        let server = Server::start();
        assert_eq!(server.cli(&["PING"]), "PONG");
        assert_eq!(server.cli(&["CONFIG", "GET", "port"]).items()[1], "0");
        assert_eq!(server.cli(&["CONFIG", "GET", "save"]).items()[1], "");
    }

    #[test]
    fn configuration_lines_reach_the_server() {
        let server = Server::setup()
            .config("maxmemory 3mb")
            .config("rename-command CONFIG \"\"")
            .start();
        assert!(server.cli(&["CONFIG", "GET", "*"]).is_error());
        assert!(
            server
                .cli(&["INFO", "memory"])
                .text()
                .contains("maxmemory:3145728")
        );
    }

    #[test]
    fn a_tcp_port_is_there_when_asked_for() {
        let server = Server::setup().tcp().start();
        TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
    }

    #[test]
    fn a_password_does_not_keep_it_from_starting() {
        let server = Server::setup().config("requirepass secret").start();
        let mut client = server.client();
        assert!(client.command(&["PING"]).text().starts_with("NOAUTH"));
        assert_eq!(client.command(&["AUTH", "secret"]), "OK");
    }

    #[test]
    fn a_killed_server_leaves_its_socket_and_a_stopped_one_does_not() {
        let mut server = Server::start();
        let refusal = |server: &Server| Client::connect(&server.socket()).unwrap_err().kind();
        server.kill();
        assert_eq!(refusal(&server), ErrorKind::ConnectionRefused);
        server.restart();
        server.stop();
        assert_eq!(refusal(&server), ErrorKind::NotFound);
    }

    #[test]
    fn a_restarted_server_has_forgotten_and_a_persistent_one_has_not() {
        for (setup, left) in [(Server::setup(), 0), (Server::setup().persistent(), 1)] {
            let mut server = setup.tcp().start();
            let port = server.port();
            assert_eq!(server.cli(&["RPUSH", "list", "item"]), 1);
            server.kill();
            server.restart();
            assert_eq!(server.cli(&["LLEN", "list"]), left);
            assert_eq!(server.port(), port);
        }
    }

    #[test]
    fn a_paused_server_answers_when_it_is_resumed() {
        let server = Server::start();
        let mut client = server.client();
        server.pause();
        client.send(&["PING"]);
        let state = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
        assert!(state.contains(") T "), "{state}");
        server.resume();
        assert_eq!(client.receive(), "PONG");
    }

    #[test]
    fn a_panic_leaves_no_server_and_no_folder() {
        let (send, receive) = std::sync::mpsc::channel();
        let outcome = std::thread::spawn(move || {
            let server = Server::start();
            send.send((server.pid(), server.folder().to_owned()))
                .unwrap();
            panic!("as meant");
        })
        .join();
        assert!(outcome.is_err());
        let (pid, folder) = receive.recv().unwrap();
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
        assert!(!folder.exists());
    }

    #[test]
    #[should_panic(expected = "Bad directive")]
    fn a_refused_configuration_is_shown() {
        let _ = Server::setup().config("no-such-directive 1").start();
    }
}
