//! What `make install` leaves, as packagers and integrators use it.

use std::fs;
use std::path::Path;
use std::process::Command;

use redis_ipc_tests::folder::Folder;

use crate::programs::{root, succeed};

const LIBDIR: &str = "/opt/ripc/lib/x86_64-linux-gnu";

fn make(target: &str, destination: &Path) {
    let variables = [
        format!("DESTDIR={}", destination.display()),
        "PREFIX=/opt/ripc".to_owned(),
        format!("LIBDIR={LIBDIR}"),
    ];
    let mut make = Command::new("make");
    make.current_dir(root())
        .arg("--no-print-directory")
        .arg(target);
    succeed(make.args(variables));
}

/// What pkg-config says of the installed library, with the destination before every folder.
fn pkg_config(destination: &Path, arguments: &[&str]) -> Vec<String> {
    let folder = destination.join(&LIBDIR[1..]).join("pkgconfig");
    let said = succeed(
        Command::new("pkg-config")
            .env("PKG_CONFIG_LIBDIR", folder)
            .env("PKG_CONFIG_SYSROOT_DIR", destination)
            .args(arguments)
            .arg("ripc"),
    );
    let said = String::from_utf8(said.stdout).unwrap();
    said.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn an_installed_library_is_found_by_pkg_config_and_links_either_way() {
    let folder = Folder::new();
    let destination = folder.path();
    make("install", destination);
    let library = destination.join(&LIBDIR[1..]);
    for file in ["libripc.a", "libripc.so.0", "pkgconfig/ripc.pc"] {
        assert!(library.join(file).is_file(), "{file}");
    }
    assert_eq!(
        fs::read_link(library.join("libripc.so")).unwrap(),
        Path::new("libripc.so.0")
    );
    let version = pkg_config(destination, &["--modversion"]);
    assert_eq!(version, [env!("CARGO_PKG_VERSION")]);

    let source = folder.join("program.c");
    let program = "#include <ripc.h>\nint main(void) { return puts(ripc_version()) < 0; }\n";
    fs::write(&source, program).unwrap();
    let binary = folder.join("program");
    for (kind, before) in [("--libs", None), ("--static", Some("-static"))] {
        let mut compile = Command::new("gcc");
        compile.args(["-Wall", "-Wextra", "-Werror"]).args(before);
        compile.arg(&source).arg("-o").arg(&binary);
        compile.args(pkg_config(destination, &["--cflags", "--libs", kind]));
        succeed(&mut compile);
        let mut run = Command::new(&binary);
        let said = succeed(run.env("LD_LIBRARY_PATH", &library));
        assert_eq!(
            said.stdout,
            concat!(env!("CARGO_PKG_VERSION"), "\n").as_bytes()
        );
    }
    make("uninstall", destination);
    assert!(!library.join("libripc.a").exists());
}

#[test]
fn an_installed_drop_in_is_found_by_pkg_config_and_leaves_its_folder_to_the_original() {
    let folder = Folder::new();
    let destination = folder.path();
    make("install", destination);
    let library = destination.join(&LIBDIR[1..]);
    for file in [
        "libredis_ipc.a",
        "libredis_ipc.so",
        "libredis_ipc.so.0",
        "pkgconfig/redis-ipc.pc",
    ] {
        assert!(library.join(file).is_file(), "{file}");
    }
    let headers = destination.join("opt/ripc/include");
    assert!(!headers.join("redis_ipc.h").exists());
    let header = headers.join("redis-ipc-compat/redis_ipc.h");
    assert!(header.is_file());
    // Where it will be once it is no longer below its destination.
    let installed = library.join("pkgconfig/redis-ipc.pc");
    let said = fs::read_to_string(&installed).unwrap();
    for line in [
        "includedir=/opt/ripc/include/redis-ipc-compat".to_owned(),
        format!("libdir={LIBDIR}"),
    ] {
        assert!(said.contains(&line), "{said}");
    }
    for kind in [&[][..], &["--static"]] {
        let mut ask = Command::new("pkg-config");
        ask.env("PKG_CONFIG_PATH", library.join("pkgconfig"));
        ask.arg(format!("--define-variable=libdir={}", library.display()));
        let include = header.parent().unwrap().display();
        ask.arg(format!("--define-variable=includedir={include}"));
        ask.args(["--cflags", "--libs"]).args(kind).arg("redis-ipc");
        let flags = String::from_utf8(succeed(&mut ask).stdout).unwrap();
        let mut compile = Command::new("gcc");
        compile.arg("-D_GNU_SOURCE").arg("-o");
        compile.arg(folder.join("program"));
        compile.arg(root().join("tests/c/compat/driver.c"));
        compile.args(flags.split_whitespace());
        compile.arg(format!("-Wl,-rpath-link,{}", library.display()));
        succeed(&mut compile);
    }
    make("uninstall", destination);
    for gone in [header, installed, library.join("libredis_ipc.a")] {
        assert!(!gone.exists(), "{gone:?}");
    }
}
