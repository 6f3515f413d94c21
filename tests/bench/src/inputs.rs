//! The bytes that every codec and envelope program reads: made once, kept in files, so that all
//! programs, C or Rust, work on the same.

use std::{fs, path::Path};

use crate::Outcome;

/// A command as the C library of redis-ipc writes it, without the blanks.
pub(crate) const ENVELOPE: &str = r#"{"method":"ping","x":12345,"results_queue":"queues.results.client.main","command_id":"client-main-12345-777","timestamp":"1600000000.123456","component":"client","thread":"main","tid":12345}"#;

/// The queue that the encoded RPUSH names.
pub(crate) const QUEUE: &str = "queues.commands.sensor";

/// Writes one file for each input into `folder`.
pub(crate) fn write_all(folder: &str) -> Outcome {
    let folder = Path::new(folder);
    fs::create_dir_all(folder)?;
    fs::write(folder.join("bulk"), bulk(&"b".repeat(200)))?;
    fs::write(folder.join("blpop"), blpop())?;
    fs::write(folder.join("hgetall"), hgetall())?;
    fs::write(folder.join("mget"), mget())?;
    fs::write(folder.join("rpush"), "v".repeat(220))?;
    fs::write(folder.join("envelope"), ENVELOPE)?;
    Ok(())
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// A queue's name of 22 bytes and a message of 220.
fn blpop() -> String {
    format!("*2\r\n{}{}", bulk(QUEUE), bulk(&"m".repeat(220)))
}

/// Twenty fields of settings: names of 8 bytes, values of 12.
fn hgetall() -> String {
    let fields = (0..20).map(|n| bulk(&format!("field_{n:02}")) + &bulk(&format!("value {n:06}")));
    "*40\r\n".to_owned() + &fields.collect::<String>()
}

/// A thousand values of 16 bytes.
fn mget() -> String {
    let values = (0..1000).map(|n| bulk(&format!("value {n:010}")));
    "*1000\r\n".to_owned() + &values.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inputs_have_the_sizes_that_the_readme_states() {
        assert_eq!(QUEUE.len(), 22);
        assert_eq!(blpop().len(), 4 + (5 + 22 + 2) + (6 + 220 + 2));
        assert_eq!(hgetall().len(), 5 + 20 * ((4 + 8 + 2) + (5 + 12 + 2)));
        assert_eq!(mget().len(), 7 + 1000 * (5 + 16 + 2));
    }
}
