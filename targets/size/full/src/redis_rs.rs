//! What `minimal.rs` does, by the least that does it with the crate `redis` and serde_json.

use redis::Commands;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Read {
    unit: String,
    results_queue: String,
    command_id: String,
}

#[derive(Serialize)]
struct Reading<'c> {
    degrees: i32,
    command_id: &'c str,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::var("RIPC_SERVER_PATH")?;
    let client = redis::Client::open(format!("unix://{path}"))?;
    let mut connection = client.get_connection()?;
    loop {
        let (_, command): (String, String) =
            connection.blpop("queues.commands.thermometer.read", 0.0)?;
        let read: Read = serde_json::from_str(&command)?;
        let degrees = if read.unit == "F" { 70 } else { 21 };
        let command_id = &read.command_id;
        let reading = Reading {
            degrees,
            command_id,
        };
        let result = serde_json::to_string(&reading)?;
        let () = connection.rpush(read.results_queue, result)?;
    }
}
