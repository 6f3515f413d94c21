//! The drop-in for the original C library: what its users' programs see, and what they put on the
//! bus.

mod driver;
mod faults;
mod linked;
mod peers;
mod recording;

use redis_ipc_tests::server::Server;

use crate::programs::{C99, CPP17, Linked, Program, SANITIZED, VALGRIND};

const MISUSE: &str = "tests/c/compat/misuse.c";

#[test]
fn no_function_of_the_drop_in_does_harm_whatever_it_is_given() {
    for (compiler, linked) in [
        ("gcc", Linked::DropInStatically),
        ("clang", Linked::DropInDynamically),
    ] {
        Program::of(MISUSE, compiler, C99, linked).run_on(&Server::start(), &[]);
    }
}

#[test]
fn valgrind_finds_nothing_in_the_misuse_of_the_drop_in() {
    let program = Program::of(MISUSE, "gcc", C99, Linked::DropInDynamically);
    program.run_on(&Server::start(), VALGRIND);
}

#[test]
fn sanitizers_find_nothing_in_the_misuse_of_the_drop_in() {
    // The library too is compiled with them, from its sources.
    for compiler in ["gcc", "clang"] {
        let flags = [C99, SANITIZED, &["-include", "stdio.h"]].concat();
        let program = linked::with_sources(MISUSE, compiler, &flags);
        program.run_on(&Server::start(), &[]);
    }
}

#[test]
fn the_header_compiles_in_every_language_and_beside_ripc_h_in_either_order() {
    for (compiler, flags) in [
        ("gcc", C99),
        ("clang", C99),
        ("g++", CPP17),
        ("clang++", CPP17),
    ] {
        for order in [
            ["redis_ipc.h", "ripc.h"],
            ["ripc.h", "redis_ipc.h"],
            ["redis_ipc.h", "redis_ipc.h"],
        ] {
            linked::compiles(compiler, flags, order);
        }
    }
    // A program in strict C99, which has no struct timeval from elsewhere.
    linked::compiles("gcc", &["-x", "c", "-std=c99"], ["redis_ipc.h", "ripc.h"]);
}
