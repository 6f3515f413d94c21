//! Private redis-servers for tests: as many as wanted, with as many databases each, as one cluster.
//!
//! ```no_run
//! use redis_ipc_tools::farm::Farm;
//! use redis_ipc_tools::router::Placement;
//!
//! let farm = Farm::start(4, 8)?;
//! let cluster = farm.cluster(Placement::Partition)?;
//! cluster.command(&["SET", "key", "value"])?;
//! assert_eq!(cluster.hosts().len(), 32);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redis_ipc::{Connection, Endpoint, Options};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::router::{Cluster, Host, HostsError, Placement};

/// How long the servers may take until they answer.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Ends the servers and removes their folder when the process that started them is gone, whatever
/// ended it: then the end of its input comes. The servers' numbers are in files, for they may be
/// started anew.
const WATCHDOG: &str = "trap '' INT TERM HUP; read -r _; \
    for file in \"$1\"/*.pid; do read -r pid <\"$file\" && kill -9 \"$pid\"; done 2>/dev/null; \
    rm -rf -- \"$1\"";

/// Servers on Unix sockets in a folder that nobody else can look into: no TCP port, nothing kept.
///
/// They are killed and the folder is removed on drop, also if this process is killed.
#[derive(Debug)]
pub struct Farm {
    servers: Vec<Server>,
    databases: u32,
    watchdog: Child,
    folder: PathBuf,
}

#[derive(Debug)]
struct Server {
    process: Option<Child>,
    /// Path of what belongs to it, without its ending.
    stem: PathBuf,
}

impl Farm {
    /// Starts `servers` servers with `databases` databases each and waits until all answer. The
    /// program is that of `REDIS_SERVER`, else redis-server.
    ///
    /// # Errors
    /// What kept one from starting, with the end of its log; `NotFound` if there is no
    /// redis-server.
    pub fn start(servers: u32, databases: u32) -> io::Result<Self> {
        let folder = fresh_folder()?;
        let watchdog = watch(&folder).inspect_err(|_| {
            let _ = fs::remove_dir_all(&folder);
        })?;
        let mut farm = Self {
            servers: Vec::new(),
            databases,
            watchdog,
            folder,
        };
        for number in 0..servers {
            let stem = farm.folder.join(format!("s{number}"));
            let process = Some(launch(&stem, databases)?);
            farm.servers.push(Server { process, stem });
        }
        let mut all = farm.servers.iter_mut();
        all.try_for_each(Server::wait_until_it_answers)?;
        Ok(farm)
    }

    /// All databases of all servers as hosts: those of the first server are 0, 1, 2…
    #[must_use]
    pub fn hosts(&self) -> Vec<Host> {
        let addresses = (0..self.servers.len()).flat_map(|server| {
            let endpoint = self.endpoint(server);
            (0..self.databases).map(move |database| endpoint.clone().with_database(database))
        });
        (0..)
            .zip(addresses)
            .map(|(id, endpoint)| Host::new(id, endpoint))
            .collect()
    }

    /// All of it as a cluster.
    ///
    /// # Errors
    /// [`HostsError::None`] if no server or no database was asked for.
    pub fn cluster(&self, placement: Placement) -> Result<Cluster, HostsError> {
        Cluster::new(self.hosts(), placement)
    }

    /// The path of a server's socket.
    ///
    /// # Panics
    /// If there is no such server; so do all that take a server's number.
    #[must_use]
    pub fn socket(&self, server: usize) -> PathBuf {
        self.servers[server].stem.with_extension("sock")
    }

    /// The folder, which is removed with the servers.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A server's address, with database 0.
    ///
    /// # Panics
    /// If there is no such server.
    #[must_use]
    pub fn endpoint(&self, server: usize) -> Endpoint {
        let endpoint = Endpoint::unix(self.socket(server));
        endpoint.expect("the folder was chosen for its short name")
    }

    /// SIGKILL: connections end, the socket's file stays. Nothing happens if it does not run.
    ///
    /// # Panics
    /// If there is no such server.
    pub fn kill(&mut self, server: usize) {
        self.servers[server].end();
    }

    /// SIGSTOP: it accepts connections and requests and answers nothing. When this returns, it does
    /// stand still.
    ///
    /// # Panics
    /// If there is no such server, or if it does not run.
    pub fn pause(&self, server: usize) {
        self.servers[server].signal(Signal::STOP);
        self.servers[server].wait_until_it_stands();
    }

    /// SIGCONT: it goes on with what has arrived meanwhile.
    ///
    /// # Panics
    /// If there is no such server, or if it does not run.
    pub fn resume(&self, server: usize) {
        self.servers[server].signal(Signal::CONT);
    }

    /// Starts it anew, empty, on the same socket; kills it first if it runs.
    ///
    /// # Errors
    /// As with [`start`](Self::start).
    ///
    /// # Panics
    /// If there is no such server.
    pub fn restart(&mut self, server: usize) -> io::Result<()> {
        let databases = self.databases;
        let server = &mut self.servers[server];
        server.end();
        server.process = Some(launch(&server.stem, databases)?);
        server.wait_until_it_answers()
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        // First the watchdog, then the servers: it must not kill a process that has got the number
        // of one of ours.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        self.servers.iter_mut().for_each(Server::end);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Server {
    fn wait_until_it_answers(&mut self) -> io::Result<()> {
        let endpoint =
            Endpoint::unix(self.stem.with_extension("sock")).map_err(io::Error::other)?;
        let until = Instant::now() + START_LIMIT;
        loop {
            let options = Options::default().connect_limit(START_LIMIT);
            if Connection::open_with(&endpoint, options).is_ok() {
                return Ok(());
            }
            let process = self.process.as_mut();
            let ended = process.map(Child::try_wait).transpose()?.flatten();
            if ended.is_some() || Instant::now() > until {
                let log = fs::read_to_string(self.stem.with_extension("log")).unwrap_or_default();
                let last = log.lines().last().unwrap_or_default();
                return Err(io::Error::other(format!(
                    "redis-server does not start: {last}"
                )));
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("a running server");
        // A child that was not waited for keeps its number.
        let _ = kill_process(Pid::from_child(process), signal);
    }

    fn wait_until_it_stands(&self) {
        let process = self.process.as_ref().expect("a running server");
        let stands = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let _ = waitid(WaitId::Pid(Pid::from_child(process)), stands);
    }

    fn end(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let _ = fs::remove_file(self.stem.with_extension("pid"));
        let _ = process.kill();
        let _ = process.wait();
    }
}

fn launch(stem: &Path, databases: u32) -> io::Result<Child> {
    let path = |ending| stem.with_extension(ending);
    let program = std::env::var_os("REDIS_SERVER").unwrap_or("redis-server".into());
    let log = File::create(path("log"))?;
    let mut command = Command::new(program);
    command.args(["--port", "0", "--save", "", "--appendonly", "no"]);
    command.args(["--databases", &databases.max(1).to_string()]);
    command.arg("--unixsocket").arg(path("sock"));
    command.args(["--unixsocketperm", "600"]);
    command
        .arg("--dir")
        .arg(stem.parent().unwrap_or_else(|| "/".as_ref()));
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => io::Error::new(
            ErrorKind::NotFound,
            "redis-server is not installed; on Debian: apt-get install redis-server",
        ),
        _ => error,
    })?;
    fs::write(path("pid"), format!("{}\n", child.id()))?;
    Ok(child)
}

fn watch(folder: &Path) -> io::Result<Child> {
    Command::new("/bin/sh")
        .args(["-c", WATCHDOG, "watchdog"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// A new folder, mode 0700, with a name so short that sockets in it can be connected to.
fn fresh_folder() -> io::Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut parent = std::env::temp_dir();
    if parent.as_os_str().len() > 60 {
        parent = PathBuf::from("/tmp");
    }
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("farm-{}-{number}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_one_cluster_and_all_are_gone_at_the_end() {
        let farm = Farm::start(2, 3).unwrap();
        let cluster = farm.cluster(Placement::Partition).unwrap();
        assert_eq!(cluster.fanout().command(&["DBSIZE"]).len(), 6);
        cluster.check().unwrap();
        let (folder, watchdog) = (farm.folder().to_owned(), farm.watchdog.id());
        let pids: Vec<_> = farm
            .servers
            .iter()
            .map(|s| s.process.as_ref().unwrap().id())
            .collect();
        drop(farm);
        assert!(!folder.exists());
        for pid in pids.into_iter().chain([watchdog]) {
            assert!(!Path::new(&format!("/proc/{pid}")).exists());
        }
    }

    #[test]
    fn the_watchdog_clears_up_behind_a_killed_process() {
        let mut farm = Farm::start(1, 1).unwrap();
        drop(farm.watchdog.stdin.take());
        farm.watchdog.wait().unwrap();
        let process = farm.servers[0].process.as_mut().unwrap();
        assert!(!process.wait().unwrap().success());
        assert!(!farm.folder.exists());
    }
}
