//! What the libraries export, and programs that were linked to the original's.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::server::Server;

use crate::programs::{C99, Linked, Program, built, root, succeed};

/// The functions of the original's header, newest version: what programs are linked against.
fn kept() -> BTreeSet<String> {
    let kept = fs::read_to_string(root().join("tests/c/compat/redis_ipc.abi")).unwrap();
    kept.lines().map(str::to_owned).collect()
}

fn names(nm: &[&str], library: &str) -> BTreeSet<String> {
    let library = built().join("lib").join(library);
    let listed = succeed(Command::new("nm").args(nm).arg(library));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let function = |line: &str| {
        let (_, name) = line.split_once(" T ")?;
        Some(name.to_owned())
    };
    listed.lines().filter_map(function).collect()
}

#[test]
fn either_library_exports_the_functions_of_the_original_and_nothing_else() {
    assert_eq!(
        names(&["-D", "--defined-only"], "libredis_ipc.so.0"),
        kept()
    );
    assert_eq!(names(&["-g", "--defined-only"], "libredis_ipc.a"), kept());
    let header = fs::read_to_string(root().join("blocking/compat/include/redis_ipc.h")).unwrap();
    for name in kept() {
        assert!(
            header.contains(&format!("{name}(")),
            "{name} is not declared"
        );
    }
}

#[test]
fn a_program_that_was_linked_to_another_library_of_that_name_runs_with_ours() {
    // One that has the original's name and functions, which do nothing.
    let folder = Folder::new();
    let functions: String = kept()
        .iter()
        .map(|name| format!("int {name}(void) {{ return -7; }}\n"))
        .collect();
    let source = folder.join("other.c");
    fs::write(&source, functions).unwrap();
    let other = folder.join("libredis_ipc.so.0");
    let mut compile = Command::new("gcc");
    compile.args(["-shared", "-fPIC", "-Wl,-soname,libredis_ipc.so.0", "-o"]);
    succeed(compile.arg(&other).arg(&source));
    let program = folder.join("program");
    let mut compile = Command::new("gcc");
    compile
        .args(C99)
        .arg(root().join("tests/c/compat/misuse.c"));
    compile
        .arg("-I")
        .arg(root().join("blocking/compat/include"));
    compile
        .args(["-x", "none", "-pthread", "-o"])
        .arg(&program)
        .arg(&other);
    succeed(compile.arg("-ljson-c"));
    let run = |folder: &Path| {
        let mut command = Command::new(&program);
        command.env("LD_LIBRARY_PATH", folder);
        command
    };
    assert!(!run(folder.path()).output().unwrap().status.success());
    let server = Server::start();
    let mut ours = run(&built().join("lib"));
    succeed(ours.env("RIPC_SERVER_PATH", server.socket()));
}

/// A program and the library, both compiled with these flags.
pub(super) fn with_sources(source: &str, compiler: &str, flags: &[&str]) -> Program {
    let folder = Folder::new();
    let mut all = String::new();
    let mut sources: Vec<_> = fs::read_dir(root().join("blocking/compat/src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    sources.push(root().join(source));
    let mut objects = Vec::new();
    for source in &sources {
        let name = source.file_stem().unwrap().to_str().unwrap();
        let object = folder.join(&format!("{name}.o"));
        let mut compile = Command::new(compiler);
        compile
            .args(flags)
            .args(["-g", "-O1", "-pthread", "-c", "-o"])
            .arg(&object);
        for include in ["blocking/include", "blocking/compat/include"] {
            compile.arg("-I").arg(root().join(include));
        }
        succeed(compile.arg(source));
        objects.push(object);
    }
    // Programs are made of one source file: this one has nothing but the objects behind it.
    let empty = folder.join("empty.c");
    all.push_str("extern int nothing;\n");
    fs::write(&empty, all).unwrap();
    let objects: Vec<_> = objects.iter().map(|o| o.to_str().unwrap()).collect();
    let before: Vec<_> = ["-x", "none"].iter().chain(&objects).copied().collect();
    let flags = [&before, flags].concat();
    Program::built_with(&empty, compiler, &flags, Linked::DropInStatically, &built())
}

/// Compiles a program with two headers.
#[track_caller]
pub(super) fn compiles(compiler: &str, flags: &[&str], headers: [&str; 2]) {
    let folder = Folder::new();
    let source = folder.join("program.c");
    let includes = headers
        .map(|header| format!("#include \"{header}\"\n"))
        .concat();
    let uses = "struct timeval t; int main(void) { return RIPC_OK + RIPC_DBG_ERROR \
        + (RIPC_DEFAULT_DEBUG_VERBOSITY - RIPC_DEFAULT_VERBOSITY) + (int)sizeof RIPC_SERVER_PATH * 0; }\n";
    fs::write(&source, includes + uses).unwrap();
    let mut compile = Command::new(compiler);
    compile
        .args(flags)
        .args(["-Wall", "-Wextra", "-Werror", "-Wpedantic", "-fsyntax-only"]);
    for include in ["blocking/include", "blocking/compat/include"] {
        compile.arg("-I").arg(root().join(include));
    }
    succeed(compile.arg(&source));
}

#[test]
fn the_sources_and_the_header_compile_for_a_32_bit_board() {
    // The headers of json-c are the same on every machine; there is none of its libraries here.
    let folder = Folder::new();
    std::os::unix::fs::symlink("/usr/include/json-c", folder.join("json-c")).unwrap();
    let sources = root().join("blocking/compat/src");
    for entry in fs::read_dir(sources).unwrap() {
        let source = entry.unwrap().path();
        if source.extension().is_none_or(|extension| extension != "c") {
            continue;
        }
        let mut compile = Command::new("arm-linux-gnueabihf-gcc");
        compile
            .args(C99)
            .args(["-Wall", "-Wextra", "-Werror", "-O2", "-c", "-o"]);
        compile
            .arg(folder.join("object.o"))
            .arg("-I")
            .arg(folder.path());
        for include in ["blocking/include", "blocking/compat/include"] {
            compile.arg("-I").arg(root().join(include));
        }
        succeed(compile.arg(&source));
    }
}
