//! The same on a 32-bit board, by user-mode emulation.

use std::process::Command;

use redis_ipc_tests::server::Server;

use crate::programs::{C99, Linked, Program, root};

const BUILT: &str = "target/c/armv7-unknown-linux-gnueabihf";
const EMULATED: &[&str] = &["qemu-arm", "-L", "/usr/arm-linux-gnueabihf"];

fn program(source: &str) -> Program {
    let (source, built) = (root().join(source), root().join(BUILT));
    let compiler = "arm-linux-gnueabihf-gcc";
    Program::built_with(&source, compiler, C99, Linked::Statically, &built)
}

#[test]
fn every_function_works_on_arm() {
    program("tests/c/everything.c").run_on(&Server::start(), EMULATED);
}

#[test]
fn the_printer_works_on_arm() {
    let server = Server::start();
    let printer = program("blocking/examples/c/printer.c");
    let mut printer = printer.command(&server, EMULATED).spawn().unwrap();
    let endpoint = redis_ipc::Endpoint::unix(server.socket()).unwrap();
    let options = redis_ipc::Options::default();
    let mut desk = redis_ipc::Component::connect_to(&endpoint, "desk", "main", options).unwrap();
    let patience = std::time::Duration::from_secs(30);
    let printed: serde_json::Value = desk
        .call("printer.print", &serde_json::json!({"copies": 2}), patience)
        .unwrap();
    assert_eq!(printed, serde_json::json!({"pages": 2}));
    printer.kill().unwrap();
    printer.wait().unwrap();
}

#[test]
fn the_shared_library_is_one_for_arm() {
    let library = root().join(BUILT).join("lib/libripc.so.0");
    let said = Command::new("readelf")
        .arg("-h")
        .arg(library)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&said.stdout);
    assert!(said.contains("ARM"), "{said}");
}
