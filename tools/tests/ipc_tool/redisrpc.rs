//! `ipc-tool rpc`: functions of other programs by redisrpc.

use redis_ipc_tests::server::Server;

use crate::support::{Tool, wait_until};

#[test]
fn a_function_is_called_with_arguments_of_any_type_and_its_value_printed() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let _service = tool.start_ready(&["rpc", "serve", "rpc:show", "--exec", "cat"]);
    let words = [
        "rpc",
        "call",
        "show",
        "f",
        "5",
        "-5",
        "text",
        "[1]",
        "--kwargs",
        "{\"b\":2}",
    ];
    let said = tool.ok(&words);
    let value: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(value["args"], serde_json::json!([5, -5, "text", [1]]));
    assert_eq!(value["kwargs"], serde_json::json!({"b": 2}));
}

#[test]
fn an_exception_and_a_missing_server_have_codes_of_their_own() {
    let server = Server::start();
    let tool = Tool::on(&server);
    let exec = r#"[ "$RPC_FUNCTION" != none ] || exit 0; echo no paper >&2; exit 3"#;
    let _service = tool.start_ready(&["rpc", "serve", "fail", "--exec", exec]);
    let failed = tool.run(&["rpc", "call", "rpc:fail", "print"]);
    assert_eq!(failed.code, 5);
    assert!(
        failed.stderr.contains("exit-3: no paper"),
        "{}",
        failed.stderr
    );
    assert_eq!(tool.ok(&["rpc", "call", "fail", "none"]), "null\n");
    let nobody = tool.run(&["rpc", "call", "nobody", "f", "--timeout", "0.05"]);
    assert_eq!(nobody.code, 4, "{nobody:?}");
    let wrong = tool.run(&["rpc", "call", "fail", "f", "--kwargs", "[]"]);
    assert_eq!(wrong.code, 2);
}

#[test]
fn addresses_of_other_kinds_are_refused_with_the_command_for_them() {
    let server = Server::start();
    let tool = Tool::on(&server);
    for (words, hint) in [
        (&["rpc", "call", "component:a", "f"][..], "ipc-tool call"),
        (&["rpc", "call", "group:a/b", "f"], "ipc-tool bus call"),
        (&["rpc", "serve", "worker:a", "--exec", "cat"], "bus call"),
        (&["call", "rpc:a"], "ipc-tool rpc call rpc:a"),
        (&["call", "broadcast:a"], "ipc-tool bus call"),
    ] {
        let ran = tool.run(words);
        assert_eq!(ran.code, 2, "{words:?}: {ran:?}");
        assert!(ran.stderr.contains(hint), "{words:?}: {ran:?}");
    }
    assert_eq!(server.cli(&["DBSIZE"]), 0);
}

#[test]
fn ctrl_c_takes_the_request_back() {
    let server = Server::start();
    let call = Tool::on(&server).start(&["rpc", "call", "no", "f", "--timeout", "60"]);
    wait_until(|| server.cli(&["LLEN", "no"]) == 1);
    call.signal("INT");
    let ran = call.end();
    assert_eq!(ran.code, 130, "{ran:?}");
    assert!(ran.stderr.contains("was taken back"), "{ran:?}");
    assert_eq!(server.cli(&["DBSIZE"]), 0);
}

#[test]
fn a_server_says_what_it_drops_outlives_its_redis_and_ends_when_it_is_told_to() {
    let mut server = Server::start();
    let tool = Tool::on(&server);
    let service = tool.start_ready(&["rpc", "serve", "echo", "--exec", "cat"]);
    server.cli(&["RPUSH", "echo", "nonsense"]);
    let complaint = service.complaint();
    assert!(complaint.contains("echo: dropped a request"), "{complaint}");
    server.kill();
    assert!(service.complaint().starts_with("ipc-tool: echo: "));
    server.restart();
    tool.ok(&["rpc", "call", "echo", "f"]);
    service.signal("TERM");
    assert_eq!(service.end().code, 0);
    assert_eq!(server.cli(&["DBSIZE"]), 0);
}
