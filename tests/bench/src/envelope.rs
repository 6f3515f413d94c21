//! Reading and writing a command's envelope: the Rust programs.

use std::{fs, hint::black_box, io};

use redis_ipc_core::{
    dialect::redis_ipc::{self as dialect, Stamp, Timestamp},
    write::Writer,
};
use serde::{Deserialize, Serialize};

use crate::{Failure, Outcome, codec::timed};

/// Every member of the command, borrowed from its text.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Command<'a> {
    method: &'a str,
    x: u32,
    results_queue: &'a str,
    command_id: &'a str,
    timestamp: &'a str,
    component: &'a str,
    thread: &'a str,
    tid: u32,
}

/// The user's members alone.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Payload<'a> {
    method: &'a str,
    x: u32,
}

impl Command<'_> {
    fn visit(&self) -> usize {
        let texts = [
            self.method,
            self.results_queue,
            self.command_id,
            self.timestamp,
            self.component,
            self.thread,
        ];
        let numbers = self.x.wrapping_add(self.tid);
        texts.iter().map(|text| text.len()).sum::<usize>() + usize::from(numbers != 0)
    }
}

/// Reads the message in file `message` `count` times and prints ns an operation.
pub(crate) fn decode(who: &str, message: &str, count: u32) -> Outcome {
    let text = fs::read(message)?;
    let mut fixed = [0; 1024];
    match who {
        "ours" => timed(count, || {
            let (header, payload) = read_ours(black_box(&text), &mut fixed)?;
            Ok(header + payload.len())
        }),
        "ours_and_payload" => timed(count, || {
            let (header, payload) = read_ours(black_box(&text), &mut fixed)?;
            let payload: Payload<'_> = serde_json::from_str(payload)?;
            Ok(header + payload.method.len() + usize::from(payload.x != 0))
        }),
        "serde_json" => timed(count, || {
            Ok(serde_json::from_slice::<Command<'_>>(black_box(&text))?.visit())
        }),
        "serde_json_core" => timed(count, || {
            let (command, _) = serde_json_core::from_slice::<Command<'_>>(black_box(&text))?;
            Ok(command.visit())
        }),
        _ => Err(Failure::NotBuilt),
    }
}

/// Writes the message in file `message` `count` times and prints ns an operation.
pub(crate) fn encode(who: &str, message: &str, count: u32) -> Outcome {
    let text = fs::read(message)?;
    let command: Command<'_> = serde_json::from_slice(&text)?;
    let mut fixed = [0; 1024];
    let mut growing = Vec::with_capacity(1024);
    let payload = r#"{"method":"ping","x":12345}"#;
    match who {
        "ours" => timed(count, || {
            let mut writer = Writer::new(black_box(&mut fixed));
            writer.put(black_box(payload).as_bytes());
            finish_ours(writer, black_box(&command))
        }),
        "ours_and_payload" => timed(count, || {
            let Command { method, x, .. } = *black_box(&command);
            let mut room = Room(Writer::new(black_box(&mut fixed)));
            serde_json::to_writer(&mut room, &Payload { method, x })?;
            finish_ours(room.0, black_box(&command))
        }),
        "serde_json" => timed(count, || {
            encode_serde_json(black_box(&command), black_box(&mut growing))
        }),
        "serde_json_core" => timed(count, || {
            Ok(serde_json_core::to_slice(
                black_box(&command),
                black_box(&mut fixed),
            )?)
        }),
        _ => Err(Failure::NotBuilt),
    }
}

/// Reads the header in a copy of the message, as reading takes it out of the bytes: its lengths
/// summed up, and the payload.
fn read_ours<'b>(text: &[u8], room: &'b mut [u8; 1024]) -> Result<(usize, &'b str), Failure> {
    let message = &mut room[..text.len()];
    message.copy_from_slice(text);
    let command = dialect::read_command(message)?;
    let origin = command.origin;
    let texts = [origin.timestamp, origin.component, origin.thread];
    let lengths: usize = texts.iter().flatten().map(|text| text.len()).sum();
    let lengths = lengths + command.results_queue.len() + command.command_id.len();
    let header = lengths + usize::from(origin.tid.is_some());
    Ok((header, command.payload))
}

fn finish_ours(mut writer: Writer<'_>, command: &Command<'_>) -> Result<usize, Failure> {
    let stamp = Stamp {
        timestamp: Timestamp {
            seconds: 1_600_000_000,
            microseconds: 123_456,
        },
        component: command.component,
        thread: command.thread,
        tid: u64::from(command.tid),
    };
    let (queue, id) = (command.results_queue, command.command_id);
    dialect::finish_command(&mut writer, 0, queue, id, &stamp)?;
    Ok(writer.finish()?.len())
}

/// Lets `serde_json` write into a bounded writer.
struct Room<'b>(Writer<'b>);

impl io::Write for Room<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.put(bytes);
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.put(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Into a vector that keeps its room, which `serde_json` writes faster than into a slice.
fn encode_serde_json(command: &Command<'_>, buffer: &mut Vec<u8>) -> Result<usize, Failure> {
    buffer.clear();
    serde_json::to_writer(&mut *buffer, command)?;
    Ok(buffer.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::ENVELOPE;

    #[test]
    fn what_is_written_is_what_was_read() {
        let command: Command<'_> = serde_json::from_str(ENVELOPE).unwrap();
        let mut buffer = Vec::new();
        let Ok(length) = encode_serde_json(&command, &mut buffer) else {
            panic!("a command of {} bytes fits", ENVELOPE.len());
        };
        assert_eq!(&buffer[..length], ENVELOPE.as_bytes());
    }

    #[test]
    fn ours_writes_the_same_bytes_as_the_peers() {
        let command: Command<'_> = serde_json::from_str(ENVELOPE).unwrap();
        let mut buffer = [0; 1024];
        let mut writer = Writer::new(&mut buffer);
        writer.put(br#"{"method":"ping","x":12345}"#);
        let Ok(length) = finish_ours(writer, &command) else {
            panic!("a command of {} bytes fits", ENVELOPE.len());
        };
        assert_eq!(&buffer[..length], ENVELOPE.as_bytes());
    }
}
