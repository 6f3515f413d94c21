//! Traffic of the original programs, recorded from their sockets.

use crate::value::Value;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// The program.
    Client,
    /// The redis-server.
    Server,
}

/// One request, reply or push with its place in the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Which of the recording's connections.
    pub connection: u32,
    /// Who sent it.
    pub sender: Sender,
    /// Its bytes, as they were on the wire.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// It, read by the tests' own parser.
    ///
    /// # Panics
    /// If it is not RESP.
    #[must_use]
    pub fn value(&self) -> Value {
        let (value, end) = Value::parse(&self.bytes).expect("a whole frame");
        assert_eq!(end, self.bytes.len(), "one frame and no more");
        value
    }

    /// The words of a request.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn words(&self) -> Vec<Vec<u8>> {
        let mut words = Vec::new();
        for item in self.value().items() {
            let Value::Bulk(word) = item else {
                panic!("not a word of a request: {item:?}");
            };
            words.push(word.clone());
        }
        words
    }
}

/// All frames of the recording `vectors/<name>.jsonl`, in the order in which
/// their last bytes were read.
///
/// # Panics
/// If there is no such recording, or it ends within a frame.
#[must_use]
pub fn load(name: &str) -> Vec<Frame> {
    let path = format!("{}/vectors/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    match std::fs::read_to_string(&path) {
        Ok(lines) => frames(&lines),
        Err(error) => panic!("cannot read {path}: {error}"),
    }
}

/// The words of all requests of a recording, in order.
///
/// # Panics
/// As [`load`] does.
#[must_use]
pub fn requests(name: &str) -> Vec<Vec<Vec<u8>>> {
    let mut requests = Vec::new();
    for frame in load(name) {
        if frame.sender == Sender::Client {
            requests.push(frame.words());
        }
    }
    requests
}

/// A line: one read from a socket.
#[derive(Deserialize)]
struct Read {
    conn: u32,
    dir: Sender,
    bytes: String,
}

fn frames(lines: &str) -> Vec<Frame> {
    let mut unfinished: BTreeMap<(u32, Sender), Vec<u8>> = BTreeMap::new();
    let mut frames = Vec::new();
    for line in lines.lines() {
        let read: Read = serde_json::from_str(line).expect("a line of a recording");
        let stream = unfinished.entry((read.conn, read.dir)).or_default();
        stream.extend(latin1(&read.bytes));
        while let Some((_, end)) = Value::parse(stream) {
            frames.push(Frame {
                connection: read.conn,
                sender: read.dir,
                bytes: stream.drain(..end).collect(),
            });
        }
    }
    let whole = unfinished.values().all(Vec::is_empty);
    assert!(whole, "a recording ends with a whole frame");
    frames
}

fn latin1(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for character in text.chars() {
        bytes.push(u8::try_from(character).expect("a code point is a byte"));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_is_well_formed() {
        for name in [
            "redis_ipc_c",
            "redis_ipc_python",
            "redisbus_python",
            "redisrpc_python",
        ] {
            let frames = load(name);
            assert!(frames.iter().any(|frame| frame.sender == Sender::Server));
            assert!(!requests(name).is_empty());
            for frame in frames {
                let _ = frame.value();
            }
        }
    }

    #[test]
    fn bytes_above_ascii_are_themselves() {
        let requests = requests("redis_ipc_c");
        let command = requests.iter().find(|words| words[0] == b"RPUSH").unwrap();
        let json = std::str::from_utf8(&command[2]).unwrap();
        assert!(json.contains("ünïcode €"), "{json}");
    }

    #[test]
    fn frames_are_cut_where_they_end_and_not_where_reads_did() {
        let lines = r#"{"conn": 1, "dir": "client", "bytes": "*1\r\n$4\r\nPI"}
{"conn": 2, "dir": "server", "bytes": "+OK\r\n:1\r\n"}
{"conn": 1, "dir": "client", "bytes": "NG\r\n"}"#;
        let frames = frames(lines);
        let bytes: Vec<&[u8]> = frames.iter().map(|frame| frame.bytes.as_slice()).collect();
        assert_eq!(bytes, [&b"+OK\r\n"[..], b":1\r\n", b"*1\r\n$4\r\nPING\r\n"]);
        assert_eq!(frames[2].words(), [b"PING"]);
    }

    #[test]
    #[should_panic(expected = "whole frame")]
    fn a_recording_that_breaks_off_is_refused() {
        let _ = frames(r#"{"conn": 1, "dir": "server", "bytes": "$3\r\nab"}"#);
    }
}
