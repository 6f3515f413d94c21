//! Workers and callers in Python, which know the wire and not us.

use redis_ipc::CallError;
use redis_ipc::bus::Ended;
use redis_ipc_tests::python::{Peer, run};
use redis_ipc_tests::server::Server;
use serde_json::{Value, json};

use super::workers::{PATIENCE, Running, calculator, client};

const SCRIPT: &str = "redisbus_peer";

#[test]
fn our_client_calls_a_worker_in_python() {
    let server = Server::start();
    let path = server.path();
    let peer = Peer::start(SCRIPT, &[&path, "worker", "local", "calc", "10.0.0.7:1:py"]);
    let mut client = client(&server);
    let direct = "worker:10.0.0.7:1:py";
    for to in [
        direct,
        "group:local/calc",
        "multicast:local/calc/10.*",
        "broadcast:local",
    ] {
        let sum: i64 = client
            .call(to, "add", &json!({"a": 2, "b": 3}), PATIENCE)
            .unwrap();
        assert_eq!(sum, 5, "{to}");
    }
    let mut replies = client.ask(direct, "stream", &4, PATIENCE).unwrap();
    let squares: Vec<u32> = replies
        .by_ref()
        .map(|reply| reply.unwrap().read().unwrap())
        .collect();
    assert_eq!(squares, [0, 1, 4, 9]);
    assert_eq!(replies.ended(), Some(Ended::Complete));
    match client.call::<_, Value>(direct, "boom", &(), PATIENCE) {
        Err(CallError::Failed(failure)) => assert_eq!(failure.message(), "boom ü 😀"),
        other => panic!("{other:?}"),
    }
    let found = client.workers(None, None).unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].is_alive());
    assert_eq!(found[0].record.as_ref().unwrap().class, "Peer");
    let stopped: Value = client.call(direct, "stop", &(), PATIENCE).unwrap();
    assert_eq!(stopped["msg"], "OK");
    peer.ended();
}

#[test]
fn a_client_in_python_calls_our_worker() {
    let server = Server::start();
    let worker = Running::new(&server, "10.0.0.7:1:rs", calculator);
    let path = server.path();
    let call = |address: &str, command: &str, data: &str| -> Vec<Value> {
        run(SCRIPT, &[&path, "call", address, command, data, "60"])
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let direct = "direct:10.0.0.7:1:rs";
    for address in [direct, "group:local:calc"] {
        let replies = call(address, "add", r#"{"a": 2, "b": 3}"#);
        assert_eq!(replies.len(), 1);
        assert_eq!(replies[0]["d"], 5);
        assert_eq!(replies[0]["i"], "10.0.0.7:1:rs");
    }
    let heard = run(
        SCRIPT,
        &[&path, "call", "channel:rpc:worker:local", "ping", "7", "3"],
    );
    assert_eq!(heard.len(), 1);
    let stream = call(direct, "stream", "3");
    let items: Vec<_> = stream.iter().map(|r| (&r["z"], &r["d"])).collect();
    let expected = [json!(0), json!(1), json!(2), json!(4)];
    assert_eq!(
        items,
        [
            (&expected[0], &expected[0]),
            (&expected[1], &expected[1]),
            (&expected[2], &expected[3])
        ]
    );
    let failed = call(direct, "fail", "null");
    assert_eq!(
        failed[0]["d"],
        json!({"success": false, "msg": "boom ü 😀"})
    );
    let info = call(direct, "info", "null");
    assert_eq!(info[0]["d"]["worker"], "calc");
    worker.stop();
}
