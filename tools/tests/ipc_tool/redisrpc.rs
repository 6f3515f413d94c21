//! `ipc-tool rpc`: functions of other programs by redisrpc.

use redis_ipc_tests::server::Server;

use crate::support::Tool;

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
