//! Reading and writing a command's envelope: the Rust programs.

use std::{fs, hint::black_box};

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
    match who {
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
    match who {
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
}
