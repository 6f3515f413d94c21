//! The least that is a component: it serves one command, `thermometer.read`, until a signal ends it.
//!
//! ```sh
//! eval "$(ipc-tool up)"
//! cargo run -p redis-ipc --example minimal &
//! ipc-tool call thermometer.read '{"unit": "F"}'
//! ```

use redis_ipc::{Component, Error, Failure, Service};
use serde::{Deserialize, Serialize};

/// The payload of the command.
#[derive(Debug, Deserialize)]
struct Read {
    unit: String,
}

/// The answer to it.
#[derive(Debug, Serialize)]
struct Reading {
    degrees: i32,
}

fn main() -> Result<(), Error> {
    let mut component = Component::connect("thermometer", "main")?;
    Service::new()
        .on("read", |read: Read, _| match read.unit.as_str() {
            "C" => Ok(Reading { degrees: 21 }),
            "F" => Ok(Reading { degrees: 70 }),
            _ => Err(Failure::new("bad-unit", "the units are C and F")),
        })
        .run(&mut component)
}
