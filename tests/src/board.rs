//! A board of a test's own: the firmware in an emulator, its serial line on a Unix socket.

use crate::folder::Folder;
use crate::process::Process;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The emulator, and the board it is.
const EMULATOR: &str = "qemu-system-arm";
const MACHINE: &str = "mps2-an386";

/// RAM of the board, as `board.ld` has it.
const RAM_START: u32 = 0x2000_0000;
const RAM_BYTES: usize = 8 * 1024;

/// How long the emulator may take to do what it is told.
const LIMIT: Duration = Duration::from_secs(60);

/// A running board; it is switched off on drop.
#[derive(Debug)]
pub struct Board {
    // Before the folder, for fields are dropped in order.
    _process: Process,
    folder: Folder,
}

impl Board {
    /// Switches a board on whose line ends at the socket `line`. When nobody listens there the
    /// emulator looks again each second, and so it does when the line is cut.
    ///
    /// # Panics
    /// If there is no emulator, or no firmware at `firmware`.
    #[track_caller]
    #[must_use]
    pub fn start(firmware: &Path, line: &Path) -> Self {
        assert!(
            firmware.exists(),
            "no firmware at {}: `make test-firmware` builds it",
            firmware.display()
        );
        let folder = Folder::new();
        let mut command = Command::new(EMULATOR);
        command.args(["-M", MACHINE, "-display", "none", "-kernel"]);
        command.arg(firmware);
        command.arg("-chardev").arg(format!(
            "socket,path={},id=line,reconnect=1",
            line.display()
        ));
        command
            .args(["-serial", "chardev:line", "-monitor"])
            .arg(format!(
                "unix:{},server=on,wait=off",
                folder.join("monitor").display()
            ));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let process = match Process::start(&mut command, folder.path()) {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!("{EMULATOR} is missing: `tests/setup.sh program {EMULATOR}` installs it")
            }
            Err(error) => panic!("cannot start {EMULATOR}: {error}"),
        };
        Self {
            _process: process,
            folder,
        }
    }

    /// The board's memory as it is now.
    ///
    /// # Panics
    /// If the emulator does not give it.
    #[track_caller]
    #[must_use]
    pub fn memory(&self) -> Vec<u8> {
        let file = self.folder.join("memory");
        self.tell(&format!(
            "pmemsave {RAM_START} {RAM_BYTES} \"{}\"",
            file.display()
        ));
        let deadline = Instant::now() + LIMIT;
        loop {
            let memory = std::fs::read(&file).unwrap_or_default();
            if memory.len() == RAM_BYTES {
                return memory;
            }
            assert!(Instant::now() < deadline, "no memory from the emulator");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Presses the reset button.
    ///
    /// # Panics
    /// If the emulator does not listen.
    #[track_caller]
    pub fn reset(&self) {
        self.tell("system_reset");
    }

    /// One line for the emulator's monitor; returns when it has taken it.
    #[track_caller]
    fn tell(&self, line: &str) {
        let mut monitor = self.monitor();
        let mut say = |text: &str| {
            monitor
                .write_all(text.as_bytes())
                .expect("a monitor that listens");
            until_prompt(&mut monitor);
        };
        say("");
        say(&format!("{line}\n"));
    }

    #[track_caller]
    fn monitor(&self) -> UnixStream {
        let path: PathBuf = self.folder.join("monitor");
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Ok(monitor) = UnixStream::connect(&path) {
                monitor.set_read_timeout(Some(LIMIT)).expect("a socket");
                return monitor;
            }
            assert!(
                Instant::now() < deadline,
                "no monitor at {}",
                path.display()
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[track_caller]
fn until_prompt(monitor: &mut UnixStream) {
    let mut said = Vec::new();
    while !said.ends_with(b"(qemu) ") {
        let mut byte = [0];
        monitor
            .read_exact(&mut byte)
            .expect("a monitor that answers");
        said.push(byte[0]);
    }
}
