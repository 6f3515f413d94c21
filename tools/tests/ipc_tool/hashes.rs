//! `ipc-tool settings` and `ipc-tool status`.

use crate::support::Tool;
use redis_ipc_tests::server::Server;

#[test]
fn fields_are_set_read_and_deleted() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let set = [
        "settings",
        "set",
        "printer",
        "dpi",
        "600",
        "title",
        "two words",
        "offset",
        "-5",
    ];
    assert_eq!(tool.ok(&[&set[..], &["--as", "db"]].concat()), "");
    assert_eq!(
        tool.ok(&["settings", "get", "printer"]),
        "dpi=600\noffset=-5\ntitle=two words\n"
    );
    assert_eq!(
        tool.ok(&["settings", "get", "printer", "title"]),
        "two words\n"
    );
    tool.ok(&["--as", "db", "settings", "del", "printer", "dpi", "title"]);
    assert_eq!(tool.ok(&["settings", "get", "printer"]), "offset=-5\n");
    tool.ok(&["--as", "db", "settings", "del", "printer"]);
    assert_eq!(server.cli(&["EXISTS", "settings.printer"]), 0);
}

#[test]
fn machines_get_one_object_a_line() {
    let server = Server::start();
    let tool = Tool::on(&server).and("LC_ALL", "C");
    let json = |words: &[&str]| tool.ok(&[&["--json", "--as", "printer"], words].concat());
    assert_eq!(
        json(&[
            "status", "set", "printer", "state", "idle", "note", "a\"b\nc"
        ]),
        "{\"component\":\"printer\",\"set\":2}\n"
    );
    assert_eq!(
        json(&["status", "get", "printer"]),
        "{\"component\":\"printer\",\"fields\":{\"note\":\"a\\\"b\\nc\",\"state\":\"idle\"}}\n"
    );
    assert_eq!(
        json(&["status", "get", "printer", "state"]),
        "{\"component\":\"printer\",\"field\":\"state\",\"value\":\"idle\"}\n"
    );
    assert_eq!(
        json(&["status", "del", "printer"]),
        "{\"component\":\"printer\",\"deleted\":2}\n"
    );
    let ran = tool.run(&["--json", "status", "get", "printer"]);
    assert_eq!(
        (ran.code, &*ran.stderr),
        (
            1,
            "{\"error\":{\"code\":\"failed\",\"message\":\"printer has no status\"},\"exit\":1}\n"
        )
    );
}

#[test]
fn what_is_not_there_is_exit_1() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let ran = tool.run(&["settings", "get", "printer"]);
    assert_eq!(
        (ran.code, &*ran.stderr),
        (1, "ipc-tool: printer has no settings\n")
    );
    tool.ok(&["--as", "db", "settings", "set", "printer", "dpi", "600"]);
    let ran = tool.run(&["settings", "get", "printer", "title"]);
    assert_eq!(
        (ran.code, &*ran.stderr),
        (1, "ipc-tool: the settings of printer have no field title\n")
    );
}

#[test]
fn the_settings_writer_is_honoured_and_the_way_around_it_told() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let set = ["settings", "set", "printer", "dpi", "600"];
    for words in [&set[..], &["settings", "del", "printer"]] {
        let ran = tool.run(words);
        assert_eq!(ran.code, 1);
        assert!(ran.stderr.contains("--as db"), "{}", ran.stderr);
        assert!(
            ran.stderr
                .contains("ipc-tool settings set redis-ipc settings_writer '*'"),
            "{}",
            ran.stderr
        );
    }
    tool.ok(&["settings", "set", "redis-ipc", "settings_writer", "*"]);
    tool.ok(&set);
}

#[test]
fn a_status_is_written_by_its_component_only() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let set = ["status", "set", "printer", "state", "idle"];
    let ran = tool.run(&set);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("--as printer"), "{}", ran.stderr);
    tool.ok(&[&set[..], &["--as", "printer"]].concat());
}

#[test]
fn watching_shows_the_present_state_then_changes_then_the_end() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let status = |words: &[&str]| tool.ok(&[&["--as", "printer", "status"], words].concat());
    status(&["set", "printer", "state", "idle"]);
    let watch = tool.start(&["status", "watch", "printer", "scanner"]);
    assert_eq!(watch.line(), "printer  state=idle");
    assert_eq!(watch.line(), "scanner  has no status");
    status(&["set", "printer", "state", "printing", "page", "1"]);
    assert_eq!(watch.line(), "printer  state=printing  page=1");
    status(&["del", "printer", "page"]);
    assert_eq!(watch.line(), "printer  state=printing");
    status(&["del", "printer"]);
    assert_eq!(watch.line(), "printer  has no status");
    watch.signal("INT");
    let ran = watch.end();
    assert_eq!((ran.code, &*ran.stderr), (0, ""));
}

#[test]
fn watching_for_machines_names_what_it_is() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let watch = tool.start(&["settings", "watch", "printer", "--json"]);
    assert_eq!(
        watch.line(),
        "{\"kind\":\"settings\",\"component\":\"printer\",\"fields\":{}}"
    );
    tool.ok(&["--as", "db", "settings", "set", "printer", "dpi", "600"]);
    assert_eq!(
        watch.line(),
        "{\"kind\":\"settings\",\"component\":\"printer\",\"fields\":{\"dpi\":\"600\"}}"
    );
    watch.signal("TERM");
    assert_eq!(watch.end().code, 0);
}

#[test]
fn a_server_that_forbids_config_is_no_hindrance_and_is_told_of() {
    let server = Server::setup().config("rename-command CONFIG \"\"").start();
    let tool = Tool::on(&server);
    let ran = tool.run(&["--as", "db", "settings", "set", "printer", "dpi", "600"]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.stderr.contains("notify-keyspace-events"),
        "{}",
        ran.stderr
    );
    assert_eq!(tool.ok(&["settings", "get", "printer", "dpi"]), "600\n");
}

#[test]
fn half_a_pair_and_no_pair_are_usage_errors() {
    let tool = Tool::with("RIPC_SERVER_PATH", "/nowhere/socket");
    for words in [
        &["settings", "set", "printer"][..],
        &["settings", "set", "printer", "dpi"],
        &["status", "watch"],
        &["settings", "get"],
        &["settings"],
    ] {
        let ran = tool.run(words);
        assert_eq!(
            (ran.code, ran.stderr.lines().count()),
            (2, 1),
            "{words:?} {ran:?}"
        );
    }
}
