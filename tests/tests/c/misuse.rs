//! Every function with what makes no sense: with nothing, with garbage, from another thread, after
//! the end. The program is written from the header, so that no function is left out.

use std::fmt::Write as _;
use std::fs;

use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::server::Server;

use crate::abi::exported;
use crate::programs::{C99, Linked, Program, SANITIZED, VALGRIND, built};
use crate::prototypes::{Prototype, prototypes};

/// What every call begins with: a stop that was asked for keeps the functions that wait from
/// waiting, and a place for every result.
const HEAD: &str = r#"
#include <pthread.h>
#include "check.h"

static union { char bytes[256]; void *pointer; uint64_t number; } places[8];
static const char *const garbage[] = {"\xff\xfe{", NULL};

static int handler(ripc *handle, const ripc_message *message, void *user)
{
  (void)handle; (void)message; (void)user;
  return RIPC_OK;
}

static void clear(void) { memset(places, 0, sizeof places); }

#define FAILS(name, call) do { \
    clear(); \
    if ((call) >= 0) { fprintf(stderr, "%s:%d: %s succeeds\n", __FILE__, __LINE__, name); exit(1); } \
  } while (0)
#define GIVES(wanted, name, call) do { \
    clear(); \
    int given = (call); \
    if (given != (wanted)) { \
      fprintf(stderr, "%s:%d: %s gives %d, not %d\n", __FILE__, __LINE__, name, given, wanted); \
      exit(1); \
    } \
  } while (0)
"#;

/// What stands for each type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Filling {
    /// NULL and 0.
    Nothing,
    /// Texts that are no UTF-8 and no JSON, numbers that are negative, places that are there.
    Garbage,
}

fn argument(of: &str, place: usize, filling: Filling) -> String {
    let there = filling == Filling::Garbage;
    match of {
        "ripc_handler" if there => "handler".to_owned(),
        "const char *const *" if there => "garbage".to_owned(),
        "const char *" if there => "garbage[0]".to_owned(),
        "ripc_handler" => "NULL".to_owned(),
        "void *" => "NULL".to_owned(),
        // A place that is not there has no size that says so.
        "const ripc_options *" => "NULL".to_owned(),
        pointer if pointer.ends_with('*') && there => {
            format!("({pointer})(void *)&places[{place}]")
        }
        pointer if pointer.ends_with('*') => "NULL".to_owned(),
        "size_t" if there => "1".to_owned(),
        "int" if there => "-1".to_owned(),
        _ => "0".to_owned(),
    }
}

/// A call with everything behind the handle filled.
fn call(function: &Prototype, handle: &str, filling: Filling) -> String {
    let takes = function.takes.iter().enumerate();
    let arguments = takes.map(|(place, of)| match place {
        0 if !handle.is_empty() => handle.to_owned(),
        _ => argument(of, place % 8, filling),
    });
    format!(
        "{}({})",
        function.name,
        arguments.collect::<Vec<_>>().join(", ")
    )
}

/// The functions whose handle may be of another thread.
const ANY_THREAD: [&str; 1] = ["ripc_stop"];

/// What a call that gives a code is to give, and what gives texts.
fn expect(function: &Prototype, wanted: &str, call: &str) -> String {
    match (function.returns.as_str(), wanted) {
        ("int", "") => format!("clear(); (void){call};\n"),
        ("int", "a failure") => format!("FAILS(\"{}\", {call});\n", function.name),
        ("int", wanted) => format!("GIVES({wanted}, \"{}\", {call});\n", function.name),
        ("void", _) => format!("{call};\n"),
        _ => format!("CHECK({call} != NULL);\n"),
    }
}

fn source() -> String {
    let functions = prototypes();
    let of_handles = || functions.iter().filter(|function| function.has_handle());
    let mut main = String::new();
    let mut add = |line: String| main.push_str(&line);
    for function in &functions {
        let takes_any = function.takes.iter().any(|of| of.ends_with('*'));
        let wanted = match (function.has_handle(), takes_any) {
            (true, _) => "RIPC_ERR_HANDLE",
            (false, true) => "a failure",
            (false, false) => "",
        };
        for filling in [Filling::Nothing, Filling::Garbage] {
            add(expect(
                function,
                wanted,
                &call(function, "", Filling::Nothing),
            ));
            if !function.has_handle() {
                let wanted = if takes_any { "a failure" } else { "" };
                add(expect(function, wanted, &call(function, "", filling)));
            }
        }
    }
    for handle in [
        "(ripc *)1",
        "(ripc *)(uintptr_t)0xdeadbeef",
        "(ripc *)(void *)places",
    ] {
        for function in of_handles() {
            add(expect(
                function,
                "RIPC_ERR_HANDLE",
                &call(function, handle, Filling::Garbage),
            ));
        }
    }
    add("handle = opened(\"desk\", \"main\");\n".to_owned());
    add("CHECK(pthread_create(&thread, NULL, elsewhere, handle) == 0);\n".to_owned());
    add("CHECK(pthread_join(thread, NULL) == 0);\n".to_owned());
    for function in of_handles().filter(|function| function.name != "ripc_close") {
        for filling in [Filling::Nothing, Filling::Garbage] {
            add("ripc_stop(handle);\n".to_owned());
            add(expect(function, "", &call(function, "handle", filling)));
        }
    }
    add("WORKS(handle, ripc_close(handle));\n".to_owned());
    for function in of_handles() {
        add(expect(
            function,
            "RIPC_ERR_CLOSED",
            &call(function, "handle", Filling::Garbage),
        ));
    }
    let mut elsewhere = String::new();
    for function in of_handles() {
        let wanted = match ANY_THREAD.contains(&function.name.as_str()) {
            true => "RIPC_OK",
            false => "RIPC_ERR_THREAD",
        };
        elsewhere.push_str(&expect(
            function,
            wanted,
            &call(function, "handle", Filling::Garbage),
        ));
    }
    let mut source = HEAD.to_owned();
    write!(
        source,
        "static void *elsewhere(void *user)\n{{\nripc *handle = (ripc *)user;\n{elsewhere}return NULL;\n}}\n\
         int main(void)\n{{\nripc *handle;\npthread_t thread;\n{main}puts(\"no harm done\");\nreturn 0;\n}}\n"
    )
    .unwrap();
    source
}

fn program(compiler: &str, flags: &[&str]) -> Program {
    let folder = Folder::new();
    let file = folder.join("misuse.c");
    fs::write(&file, source()).unwrap();
    Program::built_with(&file, compiler, flags, Linked::Statically, &built())
}

#[test]
fn every_exported_function_is_misused() {
    let source = source();
    for name in exported() {
        let times = source.matches(&format!("{name}(")).count();
        assert!(times >= 2, "{name} is misused {times} times");
    }
}

#[test]
fn nothing_and_garbage_and_other_threads_are_errors() {
    program("gcc", C99).run_on(&Server::start(), &[]);
}

#[test]
fn valgrind_finds_nothing_in_misuse() {
    program("gcc", C99).run_on(&Server::start(), VALGRIND);
}

#[test]
fn sanitizers_find_nothing_in_misuse() {
    for compiler in ["gcc", "clang"] {
        let flags = [C99, SANITIZED].concat();
        program(compiler, &flags).run_on(&Server::start(), &[]);
    }
}
