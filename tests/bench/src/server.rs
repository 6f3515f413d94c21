//! A server of a measurement's own, which can be killed and started anew.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis_ipc::{Connection, Endpoint};

use crate::Failure;

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Killed, and its folder removed, on drop.
pub(crate) struct Server {
    folder: PathBuf,
    process: Option<Child>,
}

impl Server {
    pub(crate) fn start() -> Result<Self, Failure> {
        let name = format!("redis-ipc-bench-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder)?;
        let mut server = Self {
            folder,
            process: None,
        };
        server.launch()?;
        Ok(server)
    }

    pub(crate) fn socket(&self) -> String {
        self.path().display().to_string()
    }

    fn path(&self) -> PathBuf {
        self.folder.join("socket")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().map_or(0, Child::id)
    }

    pub(crate) fn kill(&mut self) -> Result<(), Failure> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    /// Starts it, again or for the first time; returns as soon as it answers.
    pub(crate) fn launch(&mut self) -> Result<(), Failure> {
        let folder: &Path = &self.folder;
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--maxclients", "4000"]);
        command.arg("--dir").arg(folder);
        command.arg("--unixsocket").arg(self.path());
        self.process = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?);
        let place = Endpoint::unix(self.path())?;
        let deadline = Instant::now() + PATIENCE;
        while Connection::open(&place).is_err() {
            if Instant::now() > deadline {
                return Err(Failure::Broken("the server does not start".to_owned()));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
