//! What programs were linked against: functions, and the layout of structures.
//!
//! `tests/c/ripc.abi` holds both. What is taken from it breaks programs; what is added is to be
//! added there: `make abi` writes the file anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use redis_ipc_tests::folder::Folder;

use crate::programs::{C99, Linked, Program, built, root, succeed};
use crate::prototypes::prototypes;

const LAYOUT: &[(&str, &[&str])] = &[
    ("ripc_text", &["data", "length"]),
    ("ripc_pair", &["name", "value"]),
    ("ripc_news", &["pattern", "channel", "message"]),
    (
        "ripc_options",
        &["size", "address", "connect_ms", "reply_ms", "message_limit"],
    ),
    (
        "ripc_message",
        &[
            "kind",
            "detail",
            "job",
            "tries",
            "number",
            "text",
            "component",
            "name",
            "channel",
            "command_id",
            "sender_component",
            "sender_thread",
            "sender_timestamp",
            "sender_tid",
        ],
    ),
    (
        "ripc_bus_state",
        &["connection", "attempts", "lasted_ms", "why"],
    ),
    (
        "ripc_counters",
        &[
            "commands_dropped",
            "commands_expired",
            "results_dropped",
            "messages_dropped",
            "stale_results",
            "pops_unknown",
        ],
    ),
];

/// What the shared library exports.
pub(crate) fn exported() -> BTreeSet<String> {
    let library = built().join("lib/libripc.so.0");
    let listed = succeed(
        Command::new("nm")
            .args(["-D", "--defined-only"])
            .arg(library),
    );
    let listed = String::from_utf8(listed.stdout).unwrap();
    let name = |line: &str| line.split_whitespace().next_back().map(str::to_owned);
    listed.lines().filter_map(name).collect()
}

/// Sizes and offsets on this machine, as a C compiler sees them, and the codes.
fn layout() -> String {
    let mut source = String::from("#include \"ripc.h\"\nint main(void) {\n");
    let mut print = |format: &str, value: &str| {
        writeln!(source, "printf(\"{format}\\n\", (long){value});").unwrap();
    };
    for (name, members) in LAYOUT {
        print(&format!("size {name} %ld"), &format!("sizeof({name})"));
        for member in *members {
            let offset = format!("offsetof({name}, {member})");
            print(&format!("offset {name}.{member} %ld"), &offset);
        }
    }
    source.push_str("return 0; }\n");
    let folder = Folder::new();
    let file = folder.join("layout.c");
    fs::write(&file, source).unwrap();
    let program = Program::built_with(&file, "gcc", C99, Linked::Statically, &built());
    String::from_utf8(succeed(&mut Command::new(&program.file)).stdout).unwrap()
}

/// The numbers of all codes and kinds, from the header.
fn numbers() -> String {
    let header = fs::read_to_string(root().join("blocking/include/ripc.h")).unwrap();
    let mut numbers = String::new();
    for line in header.lines() {
        let define = line
            .strip_prefix("#define RIPC_")
            .and_then(|rest| rest.split_once(' '));
        let member = line
            .trim()
            .strip_prefix("RIPC_")
            .and_then(|rest| rest.split_once(" = "));
        let Some((name, value)) = define.or(member) else {
            continue;
        };
        let value = value.trim_end_matches(',');
        // The version is not what programs are linked against.
        if value.parse::<i64>().is_ok() && !name.starts_with("VERSION") {
            writeln!(numbers, "number RIPC_{name} {value}").unwrap();
        }
    }
    numbers
}

fn abi() -> String {
    let mut abi = String::new();
    for name in exported() {
        writeln!(abi, "function {name}").unwrap();
    }
    abi + &layout() + &numbers()
}

#[test]
fn what_programs_were_linked_against_stays_as_it_is() {
    let file = root().join("tests/c/ripc.abi");
    let present = abi();
    if std::env::var_os("WRITE_ABI").is_some() {
        fs::write(&file, &present).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap();
    let (kept, present): (Vec<_>, Vec<_>) = (kept.lines().collect(), present.lines().collect());
    let gone: Vec<_> = kept.iter().filter(|line| !present.contains(line)).collect();
    assert!(gone.is_empty(), "gone, or changed: {gone:#?}");
    let new: Vec<_> = present.iter().filter(|line| !kept.contains(line)).collect();
    assert!(new.is_empty(), "`make abi` adds: {new:#?}");
}

#[test]
fn nothing_but_the_functions_of_the_header_is_exported() {
    let declared: BTreeSet<_> = prototypes().into_iter().map(|one| one.name).collect();
    assert_eq!(exported(), declared);
    assert!(declared.len() > 60, "{}", declared.len());
}

#[test]
fn the_shared_library_names_itself_and_its_abi() {
    let library = built().join("lib/libripc.so.0");
    let dynamic = succeed(Command::new("readelf").arg("-d").arg(library));
    let dynamic = String::from_utf8(dynamic.stdout).unwrap();
    assert!(
        dynamic.contains("Library soname: [libripc.so.0]"),
        "{dynamic}"
    );
    // Threads that end after a dlclose() still have handles to close.
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
}
