//! A child process that never outlives the one that started it.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A running child and the watchdog that ends it should this process die
/// without a chance to do it itself.
///
/// The child is not reaped before the watchdog has ended, so the watchdog's
/// process id for it is never somebody else's.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    watchdog: Child,
}

impl Process {
    /// Starts `command`; should this process die, the child is killed and
    /// `folder` removed.
    pub(crate) fn start(command: &mut Command, folder: &Path) -> std::io::Result<Self> {
        let mut child = command.spawn()?;
        match watch(&child, folder) {
            Ok(watchdog) => Ok(Self { child, watchdog }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // A child that has ended already is a zombie of ours and takes signals.
        kill_process(self.pid(), signal).expect("a child takes signals");
    }

    /// Stops it in its tracks; when this returns, it does stand still.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
        let stopped_or_ended =
            WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(self.pid()), stopped_or_ended).expect("a child can be waited for");
    }

    /// Whether it has ended by itself; it is not reaped by this.
    pub(crate) fn has_ended(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let ended = waitid(WaitId::Pid(self.pid()), look).expect("a child can be waited for");
        ended.is_some()
    }

    /// Waits until it has ended, at most until `limit` is over.
    pub(crate) fn ends_within(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while !self.has_ended() {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Kills it if it still runs and reaps it.
    pub(crate) fn end(mut self) -> ExitStatus {
        self.finish().expect("a child can be waited for")
    }

    fn finish(&mut self) -> std::io::Result<ExitStatus> {
        self.watchdog.kill()?;
        self.watchdog.wait()?;
        self.child.kill()?;
        self.child.wait()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

/// A shell that waits for the end of its input, which comes when this process
/// is gone, whatever ended it.
///
/// A death signal from the kernel would come with the end of the **thread** that
/// started the child, and tests hand servers from thread to thread.
fn watch(child: &Child, folder: &Path) -> std::io::Result<Child> {
    const SCRIPT: &str = "trap '' INT TERM HUP; read -r _; kill -9 \"$1\"; rm -rf -- \"$2\"";
    Command::new("/bin/sh")
        .args(["-c", SCRIPT, "watchdog"])
        .arg(child.id().to_string())
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;

    fn sleeper(folder: &Folder) -> Process {
        Process::start(Command::new("sleep").arg("600"), folder.path()).unwrap()
    }

    #[test]
    fn a_killed_child_has_ended() {
        let folder = Folder::new();
        let process = sleeper(&folder);
        assert!(!process.has_ended());
        process.signal(Signal::KILL);
        assert!(process.ends_within(Duration::from_secs(10)));
        assert!(!process.end().success());
        assert!(folder.path().exists());
    }

    #[test]
    fn the_watchdog_ends_the_child_and_removes_the_folder() {
        let folder = Folder::new();
        let mut process = sleeper(&folder);
        drop(process.watchdog.stdin.take());
        assert!(process.ends_within(Duration::from_secs(10)));
        process.watchdog.wait().unwrap();
        assert!(!folder.path().exists());
    }
}
