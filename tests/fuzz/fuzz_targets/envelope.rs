//! Any bytes as a message: what is read of them is what `serde_json` reads.

#![no_main]

use libfuzzer_sys::fuzz_target;
use redis_ipc_core::dialect::redis_ipc::{
    Malformed, error_of, read_command, read_debug, read_event, read_result,
};
use redis_ipc_core::dialect::{redisbus, redisrpc};
use redis_ipc_core::json::object::{Members, keep_last};
use redis_ipc_core::json::skip;
use serde_json::{Map, Value};

const COMMAND: &[&str] = &[
    "results_queue", "command_id", "timestamp", "component", "thread", "tid", "command_deadline",
];
const RESULT: &[&str] = &["command_id", "timestamp", "component", "thread", "tid"];
const EVENT: &[&str] = &["channel", "timestamp", "component", "thread", "tid"];

fuzz_target!(|bytes: &[u8]| {
    let theirs = serde_json::from_slice::<Map<String, Value>>(bytes).ok();
    if let Some(map) = &theirs {
        if depth(map) <= 32 {
            let members = Members::new(bytes).expect("an object");
            assert!(members.count() >= map.len());
            let start = bytes.iter().position(|byte| *byte == b'{').expect("a brace");
            assert!(skip::value(bytes, start).is_ok());
        }
    }
    if let Ok(command) = read_command(&mut bytes.to_vec()) {
        let _ = error_of(command.payload);
        compare(theirs.as_ref(), command.payload, COMMAND, "command_id", Some(command.command_id));
    } else if let Err(Malformed::Json(error)) = read_command(&mut bytes.to_vec()) {
        assert!(theirs.as_ref().is_none_or(|map| depth(map) > 32), "{error:?}");
    }
    if let Ok(result) = read_result(&mut bytes.to_vec()) {
        compare(theirs.as_ref(), result.payload, RESULT, "command_id", Some(result.command_id));
    }
    if let Ok(event) = read_event(&mut bytes.to_vec()) {
        compare(theirs.as_ref(), event.payload, EVENT, "channel", event.channel);
    }
    let _ = read_debug(&mut bytes.to_vec());
    let _ = redisbus::read_message(&mut bytes.to_vec());
    let _ = redisrpc::read_request(&mut bytes.to_vec());
    let mut text = bytes.to_vec();
    if Members::new(bytes).is_ok_and(|all| all.flatten().count() > 0) {
        keep_last(&mut text);
    }
});

/// The payload is what `serde_json` leaves without the standard members, where it reads the
/// message at all: it refuses halves of surrogate pairs and numbers that no f64 holds.
fn compare(
    theirs: Option<&Map<String, Value>>,
    payload: &str,
    standard: &[&str],
    name: &str,
    text: Option<&str>,
) {
    let Some(theirs) = theirs else { return };
    let ours: Map<String, Value> = serde_json::from_str(payload).expect("an object");
    let mut left = theirs.clone();
    left.retain(|name, _| !standard.contains(&name.as_str()));
    assert_eq!(ours, left);
    if let Some(text) = text {
        assert_eq!(theirs.get(name).and_then(Value::as_str), Some(text));
    }
}

fn depth(map: &Map<String, Value>) -> usize {
    1 + map.values().map(depth_of).max().unwrap_or(0)
}

fn depth_of(value: &Value) -> usize {
    match value {
        Value::Array(all) => 1 + all.iter().map(depth_of).max().unwrap_or(0),
        Value::Object(map) => depth(map),
        _ => 0,
    }
}
