//! A component in a process of its own, for tests that end processes: serves the subqueue `work`
//! of component `worker` until a signal ends it. Each command is told by the event `begun` and
//! lasts until the key `go` is there. A number behind the socket says how many services there are,
//! one after the other.

use redis_ipc::{Component, Endpoint, Options, Service};
use serde_json::{Value, json};
use std::process::ExitCode;

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let socket = std::env::args().nth(1).ok_or("which socket?")?;
    let endpoint: Endpoint = socket.parse()?;
    let mut worker = Component::connect_to(&endpoint, "worker", "main", Options::default())?;
    let services = std::env::args()
        .nth(2)
        .map_or(Ok(1), |times| times.parse())?;
    for _ in 0..services {
        Service::new()
            .on("work", |payload: Value, command| {
                let component = command.component();
                component.publish(Some("begun"), &json!({}))?;
                while component.connection().get("go")?.is_none() {
                    std::thread::yield_now();
                }
                Ok(payload)
            })
            .run(&mut worker)?;
    }
    Ok(())
}
