//! The library for C: compiled against, linked, and used as C and C++ programs use it.
//!
//! `make test-c` builds what this needs and runs it.

mod abi;
mod arm;
mod dropin;
mod examples;
mod host;
mod installed;
mod misuse;
mod programs;
mod prototypes;

use programs::{C99, CPP17, Linked, Program, SANITIZED, VALGRIND};
use redis_ipc_tests::server::Server;

#[test]
fn every_function_works_from_c_and_from_cpp_with_either_compiler() {
    for (compiler, flags, linked) in [
        ("gcc", C99, Linked::Statically),
        ("clang", C99, Linked::Dynamically),
        ("g++", CPP17, Linked::Dynamically),
        ("clang++", CPP17, Linked::Statically),
    ] {
        let program = Program::of("tests/c/everything.c", compiler, flags, linked);
        program.run_on(&Server::start(), &[]);
    }
}

#[test]
fn valgrind_finds_nothing_in_any_function() {
    let program = Program::of("tests/c/everything.c", "gcc", C99, Linked::Statically);
    program.run_on(&Server::start(), VALGRIND);
}

#[test]
fn sanitizers_find_nothing_in_any_function() {
    for (compiler, flags) in [("gcc", C99), ("clang", C99), ("clang++", CPP17)] {
        let flags = [flags, SANITIZED].concat();
        let program = Program::of("tests/c/everything.c", compiler, &flags, Linked::Statically);
        program.run_on(&Server::start(), &[]);
    }
}
