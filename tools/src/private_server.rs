//! A redis-server of one's own: where it is, how it is started, how it is known again.
//!
//! It is known by its process file, which stands beside its socket: the server writes it when it
//! starts, names it in its configuration and removes it when it ends.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis_ipc::{Connection, Endpoint, Error, Options, Stop};

use crate::bus::Bus;
use crate::problem::Problem;

/// How long a server may take until it answers; one that keeps much on disk reads it first.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long a server that lives may take to greet.
const GREETING_LIMIT: Duration = Duration::from_secs(2);

const MISSING: &str = "redis-server is not installed; install it by `apt-get install redis-server` \
    (Debian, Ubuntu), `dnf install redis` (Fedora), `apk add redis` (Alpine) or \
    `brew install redis` (macOS), or name another in REDIS_SERVER";

/// Where a private server is.
#[derive(Debug)]
pub(crate) struct Place {
    /// Absolute.
    pub(crate) socket: PathBuf,
    pub(crate) endpoint: Endpoint,
}

/// What a server is started with.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) memory: String,
    /// The folder in which it keeps its data, if it keeps any.
    pub(crate) persist: Option<PathBuf>,
    /// Whether it writes its log to our standard error.
    pub(crate) show_log: bool,
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) socket: PathBuf,
    pub(crate) pid: u32,
    pub(crate) version: String,
    pub(crate) memory: String,
    pub(crate) persist: Option<PathBuf>,
}

/// Who answers at a place.
pub(crate) enum Occupant {
    Nobody,
    /// A server that lets us in.
    Server(Box<Connection>),
    /// A server that does not.
    Stranger(Error),
}

impl Place {
    /// The place that is named, else the bus's own.
    pub(crate) fn of(socket: Option<PathBuf>, bus: &Bus) -> Result<Self, Problem> {
        let path = match socket {
            Some(path) => path,
            None => {
                let endpoint = bus.endpoint()?;
                let path = endpoint.path().ok_or_else(|| {
                    Problem::usage(format!(
                        "{endpoint} is no Unix socket, and a private server has nothing else: \
                         name one by --socket PATH"
                    ))
                })?;
                path.to_owned()
            }
        };
        if path.as_os_str().is_empty() {
            return Err(Problem::usage("the socket's path is empty"));
        }
        let socket = absolute(&path)
            .map_err(|error| Problem::failed(format!("{}: {error}", path.display())))?;
        let endpoint = Endpoint::unix(&socket)?;
        Ok(Self { socket, endpoint })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.socket.parent().unwrap_or(Path::new("/"))
    }

    /// Where the server says which process it is.
    pub(crate) fn process_file(&self) -> PathBuf {
        let mut path = self.socket.clone().into_os_string();
        path.push(".pid");
        path.into()
    }

    /// Makes the folder, for us alone, if it is not there.
    pub(crate) fn make_folder(&self) -> Result<(), Problem> {
        make_folder(self.folder())
    }

    /// Whether somebody else, but for root, can remove the socket and make another.
    pub(crate) fn is_open_to_others(&self) -> bool {
        let owner = |uid| uid == 0 || uid == rustix::process::geteuid().as_raw();
        fs::metadata(self.folder()).is_ok_and(|folder| {
            let mode = folder.mode();
            let is_sticky = mode & 0o1000 != 0;
            !owner(folder.uid()) || (mode & 0o022 != 0 && !is_sticky)
        })
    }

    /// Refuses to have something else than a socket replaced by one: the server would remove it.
    pub(crate) fn check_free(&self) -> Result<(), Problem> {
        match fs::symlink_metadata(&self.socket) {
            Ok(found) if !found.file_type().is_socket() => Err(Problem::failed(format!(
                "{} is there already and is no socket: move it away or name another path",
                self.socket.display()
            ))),
            _ => Ok(()),
        }
    }

    /// Tries to talk to whoever is there.
    pub(crate) fn occupant(&self) -> Result<Occupant, Problem> {
        let options = Options::default()
            .connect_limit(GREETING_LIMIT)
            .name("ipc-tool");
        match Connection::open_with(&self.endpoint, options) {
            Ok(connection) => Ok(Occupant::Server(Box::new(connection))),
            Err(Error::Connect { source, .. })
                if matches!(
                    source.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                Ok(Occupant::Nobody)
            }
            Err(error @ Error::Connect { .. }) => Err(error.into()),
            Err(error) => Ok(Occupant::Stranger(error)),
        }
    }

    /// Whether the server was started by this tool, at this place.
    pub(crate) fn is_ours(&self, server: &mut Connection) -> bool {
        let named = server.config("pidfile").ok().flatten();
        let written = fs::read_to_string(self.process_file()).ok();
        let written = written.and_then(|text| text.trim().parse().ok());
        named.is_some_and(|path| Path::new(&path) == self.process_file())
            && written.is_some()
            && written == process_of(server)
    }

    /// Removes what a server has left that was killed.
    pub(crate) fn clean(&self) {
        let _ = fs::remove_file(&self.socket);
        let _ = fs::remove_file(self.process_file());
    }
}

/// The process id that a server gives.
pub(crate) fn process_of(server: &mut Connection) -> Option<u32> {
    let reply = server.command(&["INFO", "server"]).ok()?;
    let text = String::from_utf8_lossy(reply.bytes()?).into_owned();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("process_id:"))?;
    line.trim().parse().ok()
}

/// Starts a server and waits until it answers. It is no child of the terminal's: Ctrl-C does not
/// reach it.
pub(crate) fn start(place: &Place, setup: Setup, stop: &Stop) -> Result<(Child, Running), Problem> {
    let mut child = launch(place, &setup)?;
    match await_answer(place, &mut child, stop) {
        Ok(connection) => {
            let running = Running {
                socket: place.socket.clone(),
                pid: child.id(),
                version: connection.server().version().to_owned(),
                memory: setup.memory,
                persist: setup.persist,
            };
            // Nobody reads its log from here on, unless it goes to our standard error. It goes
            // on without a reader: redis-server ignores SIGPIPE.
            drop(child.stdout.take());
            Ok((child, running))
        }
        Err(problem) => {
            let _ = child.kill();
            let _ = child.wait();
            place.clean();
            Err(problem)
        }
    }
}

fn launch(place: &Place, setup: &Setup) -> Result<Child, Problem> {
    let program = program()?;
    let folder = setup.persist.as_deref().unwrap_or(place.folder());
    let persist = if setup.persist.is_some() { "yes" } else { "no" };
    let log = match setup.show_log {
        true => Stdio::from(io::stderr()),
        false => Stdio::piped(),
    };
    Command::new("/bin/sh")
        // The socket is made first and its mode set then: with this mask there is no moment in
        // which others could come in.
        .args(["-c", "umask 077; exec \"$@\" 2>&1", "sh"])
        .arg(program)
        .args(["--port", "0", "--unixsocketperm", "600", "--save", ""])
        .args(["--daemonize", "no", "--maxmemory", &setup.memory])
        .args(["--appendonly", persist])
        .arg("--unixsocket")
        .arg(&place.socket)
        .arg("--pidfile")
        .arg(place.process_file())
        .arg("--dir")
        .arg(folder)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log)
        .spawn()
        .map_err(|error| Problem::failed(format!("cannot start redis-server: {error}")))
}

fn await_answer(place: &Place, child: &mut Child, stop: &Stop) -> Result<Connection, Problem> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        if let Ok(Occupant::Server(mut connection)) = place.occupant() {
            // While it reads its data from the disk it answers with LOADING.
            if connection.ping().is_ok() && process_of(&mut connection) == Some(child.id()) {
                return Ok(*connection);
            }
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(Problem::failed(match last_words(child) {
                words if words.is_empty() => format!("redis-server ended with {status}"),
                words => format!("redis-server does not start: {words}"),
            }));
        }
        if stop.is_requested() {
            return Err(Problem::interrupted(
                "interrupted; the server was stopped again",
            ));
        }
        if Instant::now() > deadline {
            let limit = START_LIMIT.as_secs();
            return Err(Problem::failed(format!(
                "redis-server does not answer within {limit} s; it was stopped again"
            )));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The end of the log of a server that has ended; empty if it went elsewhere.
fn last_words(child: &mut Child) -> String {
    let mut log = String::new();
    if let Some(pipe) = &mut child.stdout {
        let _ = pipe.read_to_string(&mut log);
    }
    let lines: Vec<_> = log
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(3)..].join(" ")
}

/// The server's program: that of `REDIS_SERVER`, else the first found.
fn program() -> Result<PathBuf, Problem> {
    let named = std::env::var_os("REDIS_SERVER").filter(|name| !name.is_empty());
    let names = match named {
        Some(name) => vec![name],
        None => vec!["redis-server".into(), "valkey-server".into()],
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = names.iter().find_map(|name| {
        if Path::new(name).components().count() > 1 {
            return Some(PathBuf::from(name)).filter(|path| is_program(path));
        }
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|path| is_program(path))
    });
    found.ok_or_else(|| Problem::failed(MISSING))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Makes a folder for us alone, and those above it, where they are not there.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Problem> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| {
            Problem::failed(format!(
                "cannot make the folder {}: {error}",
                folder.display()
            ))
        })
}

/// The path from the root, through no link but the last: so it is the same by whatever way it is
/// named.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    match (path.parent().map(fs::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => Ok(folder.join(name)),
        _ => Ok(path),
    }
}
