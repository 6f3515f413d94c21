//! Any bytes as a payload: refused, or sent and read again as they were.

#![no_main]

use libfuzzer_sys::fuzz_target;
use redis_ipc_core::dialect::redis_ipc::{Stamp, Timestamp, finish_command, read_command};
use redis_ipc_core::write::Writer;
use serde_json::{Map, Value};

const STANDARD: &[&str] = &[
    "results_queue", "command_id", "timestamp", "component", "thread", "tid", "command_deadline",
];

fuzz_target!(|bytes: &[u8]| {
    let timestamp = Timestamp { seconds: 7, microseconds: 0 };
    let stamp = Stamp { timestamp, component: "ui", thread: "main", tid: 1 };
    let mut room = vec![0; bytes.len() + 512];
    let mut w = Writer::new(&mut room);
    w.put(b"head");
    w.put(bytes);
    if finish_command(&mut w, 4, "queues.results.ui.main", "ui-main-1-0", &stamp).is_err() {
        assert_eq!(w.len(), 4, "what is refused is taken away");
        return;
    }
    let mut message = w.since(4).to_vec();
    let Ok(command) = read_command(&mut message) else {
        // The only thing that a receiver finds and a sender does not look for.
        assert!(std::str::from_utf8(bytes).is_err());
        return;
    };
    assert_eq!(command.command_id, "ui-main-1-0");
    assert_eq!(command.results_queue, "queues.results.ui.main");
    assert_eq!(command.origin.timestamp, Some("7.000000"));
    assert_eq!(command.origin.tid, Some(1));
    assert_eq!(command.deadline, None);
    if let Ok(mut sent) = serde_json::from_slice::<Map<String, Value>>(bytes) {
        sent.retain(|name, _| !STANDARD.contains(&name.as_str()));
        let received: Map<String, Value> = serde_json::from_str(command.payload).expect("an object");
        assert_eq!(received, sent);
    }
});
