//! What the library does to the program that it is linked into: nothing.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use redis_ipc_tests::server::Server;
use serde_json::json;

use crate::programs::{C99, Linked, Program, SANITIZED, VALGRIND, succeed};

fn host() -> Program {
    Program::of("tests/c/host.c", "gcc", C99, Linked::Dynamically)
}

/// Runs one part of the host program, under valgrind too.
fn part(name: &str, server: &Server) {
    let host = host();
    for before in [&[][..], VALGRIND] {
        succeed(host.command(server, before).arg(name));
    }
}

fn line(child: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    child.read_line(&mut line).unwrap();
    line.trim().to_owned()
}

fn pipes(child: &mut Child) -> (ChildStdin, BufReader<ChildStdout>) {
    let output = child.stdout.take().unwrap();
    (child.stdin.take().unwrap(), BufReader::new(output))
}

/// Kills the server and starts it anew, each when the program asks for it.
fn outage(server: &mut Server, input: &mut ChildStdin, output: &mut BufReader<ChildStdout>) {
    assert_eq!(line(output), "kill");
    server.kill();
    input.write_all(b"\n").unwrap();
    assert_eq!(line(output), "restart");
    server.restart();
    input.write_all(b"\n").unwrap();
}

#[test]
fn a_server_that_dies_ends_no_program_and_comes_back() {
    let host = Program::of(
        "tests/c/host.c",
        "gcc",
        &[C99, SANITIZED].concat(),
        Linked::Statically,
    );
    let mut server = Server::start();
    let mut command = host.command(&server, &[]);
    command
        .arg("dead")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut input, mut output) = pipes(&mut child);
    outage(&mut server, &mut input, &mut output);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_command_whose_answer_found_no_server_is_handed_out_again() {
    let sanitized = [C99, SANITIZED].concat();
    let host = Program::of("tests/c/host.c", "gcc", &sanitized, Linked::Statically);
    let mut server = Server::setup().persistent().start();
    let mut command = host.command(&server, &[]);
    command
        .arg("unanswered")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut input, mut output) = pipes(&mut child);
    for (id, end) in [("1", "answered"), ("2", "")] {
        let words = json!({"results_queue": "queues.results.desk.main", "command_id": id});
        server.cli(&["RPUSH", "queues.commands.printer", &words.to_string()]);
        outage(&mut server, &mut input, &mut output);
        assert_eq!(line(&mut output), end);
        let result = server.cli(&["LPOP", "queues.results.desk.main"]);
        assert!(result.text().contains(&format!("\"n\":{id}")), "{result:?}");
        for key in ["queues.at-work.main.printer", "queues.tries.main.printer"] {
            assert_eq!(server.cli(&["EXISTS", key]), 0, "{key}");
        }
    }
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_child_is_refused_what_is_its_parents_and_opens_its_own() {
    part("forked", &Server::start());
}

#[test]
fn handles_end_with_their_threads() {
    let server = Server::start();
    part("threads", &server);
    // Every connection is gone, but for the one that looks.
    let clients = server.cli(&["CLIENT", "LIST"]);
    assert_eq!(clients.text().lines().count(), 1, "{}", clients.text());
}

#[test]
fn one_handle_too_many_is_refused() {
    let server = Server::setup().config("maxclients 5000").start();
    succeed(host().command(&server, &[]).arg("many"));
}

#[test]
fn a_signal_handler_may_ask_for_a_stop_and_for_nothing_else() {
    part("interrupted", &Server::start());
}

#[test]
fn a_handler_may_close_its_own_handle() {
    part("closed", &Server::start());
}
