//! Programs of this project that tests start, also where this machine cannot
//! run them by itself: those of a board need an emulator in front.
//!
//! Everything else that a test starts, a server or a shell, is this machine's own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What cargo runs the tests of this target with, and what a test runs its
/// own programs with for that reason. Cargo hands the variable down.
const RUNNER: &str = if cfg!(target_arch = "arm") {
    "CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_RUNNER"
} else if cfg!(target_arch = "aarch64") {
    "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER"
} else {
    "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER"
};

/// The path of something to start that runs `program`: the program itself,
/// or, where the tests are run by an emulator, a script beside it that calls
/// the same emulator. Its process is the program's, so a signal reaches it.
///
/// # Panics
/// If there is no writing beside `program`.
#[must_use]
pub fn runnable(program: impl AsRef<Path>) -> PathBuf {
    let program = program.as_ref();
    match std::env::var(RUNNER) {
        Ok(runner) if !runner.trim().is_empty() => script(program, &runner),
        _ => program.to_owned(),
    }
}

/// This very test program, to be started once more.
///
/// # Panics
/// As [`runnable`] does.
#[must_use]
pub fn this() -> PathBuf {
    runnable(std::env::current_exe().expect("a program that knows its path"))
}

/// Writes the script by a process of its own: were its file open in this one, a child forked by
/// another thread could still hold it open, and the kernel starts no file that is being written.
fn script(program: &Path, runner: &str) -> PathBuf {
    const WRITE: &str = "umask 077 && printf '#!/bin/sh\\nexec %s \"%s\" \"$@\"\\n' \"$1\" \"$2\" \
        >\"$3.$$\" && chmod 700 \"$3.$$\" && mv \"$3.$$\" \"$3\"";
    let script = program.with_extension("emulated");
    let status = Command::new("/bin/sh")
        .args(["-c", WRITE, "script", runner])
        .args([program, &script])
        .stdin(Stdio::null())
        .status();
    assert!(status.expect("a shell").success(), "{}", script.display());
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;

    #[test]
    fn a_script_runs_its_program_by_the_runner_with_all_words_as_they_are() {
        let folder = Folder::new();
        let program = folder.join("a program");
        std::fs::write(&program, "echo \"$0\"; printf '<%s>' \"$@\"; echo $$").unwrap();
        let mut command = Command::new(script(&program, "/bin/sh -e"));
        let child = command
            .args(["one", "two words", "", "$three"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = child.id();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let name = program.display();
        assert_eq!(said, format!("{name}\n<one><two words><><$three>{pid}\n"));
    }

    #[test]
    fn a_test_can_be_started_once_more() {
        let output = Command::new(this()).arg("--list").output().unwrap();
        let list = String::from_utf8(output.stdout).unwrap();
        assert!(list.contains("program::tests::a_test_can_be_started_once_more: test"));
    }
}
