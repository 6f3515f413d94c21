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
        let said = run(SCRIPT, &[&path, "call", "calc", name, args, kwargs, "5"]);
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
