//! What components cost that do nothing but wait for commands.

use std::time::Duration;

use redis_ipc::Connection;

use crate::server::Server;
use crate::{Failure, Outcome, call};

/// Prints kB of resident memory for each component: in its process, and in the server.
pub(crate) fn run(count: u32) -> Outcome {
    let server = Server::start()?;
    let socket = server.socket();
    let pid = server.pid().to_string();
    let mut connection = Connection::open(&call::endpoint(&socket)?)?;
    connection.ping()?;
    let before = (resident("self")?, resident(&pid)?);
    let mut all = Vec::new();
    for number in 0..count {
        let mut component = call::join(&socket, &format!("idle{number}"))?;
        component.serve_main()?;
        if component.next(Some(Duration::ZERO))?.is_some() {
            return Err(Failure::Broken("somebody asks for something".to_owned()));
        }
        all.push(component);
    }
    let per_one = |now: f64, before: f64| (now - before) / f64::from(count.max(1));
    println!("ours {}", per_one(resident("self")?, before.0));
    println!("server {}", per_one(resident(&pid)?, before.1));
    Ok(())
}

fn resident(who: &str) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{who}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| Failure::Broken("no VmRSS".to_owned()))
}
