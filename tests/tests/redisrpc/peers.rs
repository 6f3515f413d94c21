//! A server and callers in Python, which know the wire and not us.

use redis_ipc::CallError;
use redis_ipc_tests::python::{Peer, run};
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

use super::calls::{Calculator, Running, client, exception};

const SCRIPT: &str = "redisrpc_peer";

#[test]
fn our_client_calls_a_server_in_python() -> Result<(), CallError> {
    let server = Server::start();
    let peer = Peer::start(SCRIPT, &[&server.path(), "serve", "calc"]);
    let mut calc = Calculator::new(client(&server, "calc"));
    assert_eq!(calc.clr()?, 0.0);
    assert_eq!(calc.add(5.0)?, 5.0);
    assert_eq!(calc.pair(4, 5)?, [4, 5]);
    let client = calc.client();
    let pair: [i64; 2] = client.call("pair", (), json!({"a": 4, "b": 5}))?;
    assert_eq!(pair, [4, 5]);
    let text = exception(client.call("div", (0,), ()));
    assert_eq!(text, "ZeroDivisionError('float division by zero')");
    let text = exception(client.call("nope", (), ()));
    assert!(text.starts_with("AttributeError("), "{text}");
    let _: Value = client.call("quit", (), ())?;
    peer.ended();
    Ok(())
}

#[test]
fn a_client_in_python_calls_our_server() {
    let server = Server::start();
    let running = Running::start(&server);
    let path = server.path();
    let call = |name: &str, args: &str, kwargs: &str| -> Value {
        let said = run(SCRIPT, &[&path, "call", "calc", name, args, kwargs, "60"]);
        serde_json::from_str(&said[0]).unwrap()
    };
    assert_eq!(call("add", "[5]", "{}"), json!({"return_value": 5.0}));
    assert_eq!(
        call("add", "[]", r#"{"number": 1.5}"#),
        json!({"return_value": 6.5})
    );
    assert_eq!(
        call("pair", "[4]", r#"{"b": 5}"#),
        json!({"return_value": [4, 5]})
    );
    let failed = call("div", "[0]", "{}");
    assert_eq!(
        failed,
        json!({"exception": "ZeroDivisionError: float division by zero"})
    );
    running.stop();
}

/// The forms that the clients in Ruby and PHP write: no blanks, arguments that are always there,
/// small letters in the name of the response queue, escaped slashes.
#[test]
fn requests_as_ruby_and_php_write_them_are_served() {
    let server = Server::start();
    let running = Running::start(&server);
    for (call, queue, response) in [
        (r#"{"name":"clr","args":[]}"#, "calc:rpc:0A1B2C3D", "0.0"),
        (r#"{"name":"add","args":[5]}"#, "calc:rpc:00000XYZ", "5.0"),
        (r#"{"name":"clr"}"#, "calc:rpc:aB3xYz09", "0.0"),
        (
            r#"{"name":"count","args":["a\/b",null]}"#,
            "calc:rpc:zzzzzzzz",
            "2",
        ),
    ] {
        let request = format!(r#"{{"function_call":{call},"response_queue":"{queue}"}}"#);
        server.cli(&["RPUSH", "calc", &request]);
        let item = server.cli(&["BLPOP", queue, "10"]);
        let expected = format!(r#"{{"return_value": {response}}}"#);
        assert_eq!(item.items()[1].text(), expected, "{request}");
    }
    assert_eq!(running.stop().requests_dropped, 0);
}

/// The server in Ruby tells where it failed, the one in PHP writes no blanks.
#[test]
fn responses_as_ruby_and_php_write_them_are_read() {
    let server = Server::start();
    let mut calc = client(&server, "calc");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for response in [
                r#"{"exception":"divided by 0","backtrace":["calc.rb:7:in `/'"]}"#,
                r#"{"exception":"method \"nope\" does not exist"}"#,
                r#"{"return_value":"a\/b"}"#,
                r#"{"exception":null,"return_value":5}"#,
            ] {
                let request = server.cli(&["BLPOP", "calc", "10"]).items()[1].text();
                let request: Value = serde_json::from_str(&request).unwrap();
                let queue = request["response_queue"].as_str().unwrap();
                server.cli(&["RPUSH", queue, response]);
            }
        });
        assert_eq!(exception(calc.call("div", (0,), ())), "divided by 0");
        assert_eq!(
            exception(calc.call("nope", (), ())),
            "method \"nope\" does not exist"
        );
        assert_eq!(calc.call::<_, _, String>("x", (), ()).unwrap(), "a/b");
        assert_eq!(calc.call::<_, _, i32>("x", (), ()).unwrap(), 5);
    });
}
