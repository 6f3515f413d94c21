//! Programs in C and C++: compiled with all warnings as errors, linked with libripc, run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::server::Server;

pub(crate) const C99: &[&str] = &["-x", "c", "-std=c99", "-D_GNU_SOURCE"];
pub(crate) const CPP17: &[&str] = &["-x", "c++", "-std=c++17"];
pub(crate) const SANITIZED: &[&str] = &[
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
];

/// The flags that stay are made once and kept: a stop for each handle, and signal handlers.
pub(crate) const VALGRIND: &[&str] = &[
    "valgrind",
    "--quiet",
    "--error-exitcode=99",
    "--leak-check=full",
    "--show-leak-kinds=definite,indirect,possible",
    "--errors-for-leak-kinds=definite,indirect,possible",
];

const STRICT: &[&str] = &[
    "-g",
    "-O1",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wpedantic",
    "-pthread",
];

/// How a program gets at the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linked {
    Statically,
    Dynamically,
    /// With the drop-in for the original C library, either way.
    DropInStatically,
    DropInDynamically,
}

/// A program that was built, in a folder that goes with it.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) file: PathBuf,
    sanitized: bool,
    _folder: Folder,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// Where `make c` leaves what it has built, for this machine.
pub(crate) fn built() -> PathBuf {
    root().join("target/c")
}

/// What a program links with besides libripc.a.
pub(crate) fn native_libraries(built: &Path) -> Vec<String> {
    let libraries = std::fs::read_to_string(built.join("libs.txt")).expect("`make c` first");
    libraries.split_whitespace().map(str::to_owned).collect()
}

impl Program {
    /// Compiles one source file of the repository.
    pub(crate) fn of(source: &str, compiler: &str, flags: &[&str], linked: Linked) -> Self {
        Self::built_with(&root().join(source), compiler, flags, linked, &built())
    }

    /// Compiles a source file against the library that is in `built`.
    pub(crate) fn built_with(
        source: &Path,
        compiler: &str,
        flags: &[&str],
        linked: Linked,
        built: &Path,
    ) -> Self {
        let folder = Folder::new();
        let file = folder.join("program");
        let library = built.join("lib");
        let mut command = Command::new(compiler);
        command.args(STRICT).args(flags);
        command.arg("-I").arg(root().join("blocking/include"));
        command
            .arg("-I")
            .arg(root().join("blocking/compat/include"));
        command.arg("-I").arg(root().join("tests/c"));
        command.arg(source).args(["-x", "none", "-o"]).arg(&file);
        match linked {
            Linked::Statically => {
                command
                    .arg(library.join("libripc.a"))
                    .args(native_libraries(built));
            }
            Linked::Dynamically => {
                let search = format!("-Wl,-rpath,{}", library.display());
                command
                    .arg("-L")
                    .arg(&library)
                    .args([search.as_str(), "-lripc"]);
            }
            Linked::DropInStatically => {
                for archive in ["libredis_ipc.a", "libripc.a"] {
                    command.arg(library.join(archive));
                }
                command.arg("-ljson-c").args(native_libraries(built));
            }
            Linked::DropInDynamically => {
                let search = format!("-Wl,-rpath,{0},-rpath-link,{0}", library.display());
                command.arg("-L").arg(&library);
                command.args([search.as_str(), "-lredis_ipc", "-ljson-c"]);
            }
        }
        succeed(&mut command);
        Self {
            file,
            sanitized: flags.iter().any(|flag| flag.starts_with("-fsanitize")),
            _folder: folder,
        }
    }

    /// A command that runs it with a server, behind what may stand before it.
    pub(crate) fn command(&self, server: &Server, before: &[&str]) -> Command {
        let before = match before {
            [] if self.sanitized => without_lots(),
            before => before,
        };
        let mut command = match before {
            [] => Command::new(&self.file),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(&self.file);
                command
            }
        };
        command.env("RIPC_SERVER_PATH", server.socket());
        command.env("ASAN_OPTIONS", "detect_leaks=1");
        command
    }

    /// Runs it to its successful end; what it has printed.
    pub(crate) fn run_on(&self, server: &Server, before: &[&str]) -> String {
        let output = succeed(&mut self.command(server, before));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// What stands before a program whose places in memory are not to be drawn by lot, where that is
/// allowed: the sanitizers of older compilers now and then find theirs taken, on kernels that draw
/// from very many (`vm.mmap_rnd_bits`).
fn without_lots() -> &'static [&'static str] {
    static ALLOWED: OnceLock<bool> = OnceLock::new();
    let before = &["setarch", "-R"];
    let allowed = ALLOWED.get_or_init(|| {
        let tried = Command::new(before[0]).args([before[1], "true"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    });
    if *allowed { before } else { &[] }
}

/// Runs a command that is to succeed.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
