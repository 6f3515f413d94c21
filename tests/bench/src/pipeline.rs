//! Pipelining on one connection: the Rust programs.
//!
//! Each writes a batch of commands, reads all replies, and begins again. Commands are made anew
//! for every batch, as a program with values of its own must.

use std::time::Instant;

use redis_ipc::{Connection, Endpoint};

use crate::{Failure, Outcome};

const KEY: &str = "bench:pipeline";

/// Batches before the clock is looked at.
const WARM_UP: u32 = 10;

/// What one program has to send.
pub(crate) struct Load {
    command: &'static str,
    value: Vec<u8>,
    batch: u32,
    batches: u32,
}

impl Load {
    /// SET with 16 bytes or RPUSH with 220, about `operations` of them.
    pub(crate) fn new(command: &str, batch: u32, operations: u32) -> Self {
        let (command, length) = match command {
            "rpush" => ("RPUSH", 220),
            _ => ("SET", 16),
        };
        let batches = operations / batch;
        Self {
            command,
            value: vec![b'v'; length],
            batch,
            batches,
        }
    }
}

/// Prints thousand operations a second.
pub(crate) fn run(who: &str, socket: &str, load: &Load) -> Outcome {
    match who {
        "redis_rs" => redis_rs(socket, load),
        "ours" => ours(socket, load),
        _ => Err(Failure::NotBuilt),
    }
}

/// Runs `send` once for each batch and prints the rate.
fn timed(load: &Load, mut send: impl FnMut() -> Outcome) -> Outcome {
    for _ in 0..WARM_UP {
        send()?;
    }
    let before = Instant::now();
    for _ in 0..load.batches {
        send()?;
    }
    let operations = f64::from(load.batches) * f64::from(load.batch);
    println!(
        "kops {:.2}",
        operations / before.elapsed().as_secs_f64() / 1e3
    );
    Ok(())
}

fn redis_rs(socket: &str, load: &Load) -> Outcome {
    let mut connection = redis::Client::open(format!("unix://{socket}"))?.get_connection()?;
    redis::cmd("DEL").arg(KEY).exec(&mut connection)?;
    let mut pipe = redis::pipe();
    timed(load, || {
        pipe.clear();
        for _ in 0..load.batch {
            pipe.cmd(load.command).arg(KEY).arg(&load.value).ignore();
        }
        Ok(pipe.exec(&mut connection)?)
    })?;
    Ok(redis::cmd("DEL").arg(KEY).exec(&mut connection)?)
}

fn ours(socket: &str, load: &Load) -> Outcome {
    let endpoint: Endpoint = format!("unix://{socket}").parse()?;
    let mut connection = Connection::open(&endpoint)?;
    connection.del(&[KEY])?;
    timed(load, || {
        let mut pipeline = connection.pipeline();
        for _ in 0..load.batch {
            pipeline.command(&[load.command.as_bytes(), KEY.as_bytes(), &load.value])?;
        }
        let mut replies = pipeline.send()?;
        while let Some(reply) = replies.next()? {
            if let Some(error) = reply.error() {
                return Err(Failure::Broken(error.to_string()));
            }
        }
        Ok(())
    })?;
    connection.del(&[KEY])?;
    Ok(())
}
