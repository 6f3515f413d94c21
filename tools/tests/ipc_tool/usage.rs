//! What is wrong with a command line, and help.

use redis_ipc_tests::server::Server;

use crate::support::Tool;

fn tool() -> Tool {
    Tool::with("RIPC_SERVER_PATH", "/nowhere/socket")
}

#[test]
fn a_wrong_command_line_is_exit_2_and_one_line() {
    for (words, said) in [
        (&[][..], "no subcommand given"),
        (&["cal"], "did you mean call?"),
        (&["setings", "get"], "did you mean settings?"),
        (&["event", "wacth"], "did you mean watch?"),
        (
            &["call", "a", "{}", "--timeuot", "1"],
            "did you mean --timeout?",
        ),
        (&["call"], "component"),
        (&["call", "a", "{}", "extra"], "extra"),
        (&["call", "a", "[]"], "must be a JSON object"),
        (&["call", "a", "{}", "--timeout"], "--timeout wants a value"),
        (&["debug", "sned", "x"], "(see ipc-tool debug --help)"),
        (&["debug", "send"], "nothing to say"),
        (&["up", "--socket", ""], "path is empty"),
        (
            &["debug", "send", "--level", "6", "x"],
            "from 0 (error) to 5 (detail)",
        ),
        (&["up", "--memory", "lots"], "64mb"),
        (
            &["--server", "http://x", "call", "a"],
            "is not a server's address",
        ),
    ] {
        let ran = tool().run(words);
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{words:?} {ran:?}");
        assert!(ran.stderr.contains(said), "{words:?} {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{words:?} {}", ran.stderr);
    }
}

#[test]
fn a_name_that_is_none_is_exit_2_and_tells_the_rule() {
    let server = Server::start();
    let tool = Tool::on(&server);
    for words in [
        &["call", "a b"][..],
        &["call", "a.b.c"],
        &["--as", "", "call", "a"],
        &["settings", "get", "print*"],
        &["status", "watch", "a", ""],
        &["event", "send", "{}", "--sub", "x*"],
        &["event", "watch", "."],
        &["debug", "watch", "ü"],
        &["serve", "a.", "--exec", "cat"],
    ] {
        let ran = tool.run(words);
        assert_eq!(ran.code, 2, "{words:?} {ran:?}");
        assert!(
            ran.stderr.contains("a name is 1 to 64"),
            "{words:?} {ran:?}"
        );
    }
}

#[test]
fn machines_are_told_in_json() {
    let ran = tool().run(&["cal", "--json"]);
    assert_eq!(ran.code, 2);
    let value: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(value["error"]["code"], "usage");
    assert_eq!(value["exit"], 2);
}

#[test]
fn every_subcommand_has_help_with_its_options() {
    let commands = [
        "up", "down", "call", "serve", "settings", "status", "event", "debug",
    ];
    let all = tool().ok(&["--help"]);
    for command in commands {
        assert!(all.contains(command));
        let help = tool().ok(&[command, "--help"]);
        assert!(
            help.starts_with(&format!("Usage: ipc-tool {command}")),
            "{help}"
        );
        assert_eq!(tool().ok(&["help", command]), help);
    }
    for word in ["get", "set", "del", "watch"] {
        assert!(
            tool()
                .ok(&["settings", word, "--help"])
                .contains("component")
        );
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = concat!("ipc-tool ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(tool().ok(&["--version"]), version);
}

#[test]
fn a_full_disk_is_told() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = tool().command(&["--help"]);
    let output = command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"));
}
