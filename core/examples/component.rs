//! A component for a Linux with little room: core's link on a Unix socket, two buffers, and no
//! allocation. It serves `thermometer.read` and connects anew when the server was away.
//!
//! ```sh
//! eval "$(ipc-tool up)"
//! cargo run -p redis-ipc-core --example component &
//! ipc-tool call thermometer.read '{"unit": "F"}'
//! ```
//!
//! The crate `redis-ipc` does more (settings, status, events, signals, any type of serde's); this
//! is what a component takes at the least, in memory and on disk.

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};
use std::{env, process, thread};

use embedded_io::{ErrorKind, ErrorType, Read, Write};
use heapless::String;
use redis_ipc_core::dialect::redis_ipc::Timestamp;
use redis_ipc_core::identity::Identity;
use redis_ipc_core::json::typed;
use redis_ipc_core::key::Key;
use redis_ipc_core::link::blocking::Link;
use redis_ipc_core::link::{Failure, Typed, Work};
use redis_ipc_core::name::{Component, Subqueue, Thread};
use redis_ipc_core::serve::Serve;
use redis_ipc_core::session::Session;
use serde::{Deserialize, Serialize};

/// The payload of a command.
#[derive(Deserialize)]
struct Query {
    unit: String<8>,
}

/// The answer to it.
#[derive(Serialize)]
struct Reading {
    degrees: i32,
}

/// The room for one message, each way.
const ROOM: usize = 4096;

/// How long the server is left alone after it was away.
const PAUSE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let Err(error) = run();
    eprintln!("thermometer: {error}");
    ExitCode::FAILURE
}

fn run() -> Result<Infallible, Box<dyn Error>> {
    let path = env::var("RIPC_SERVER_PATH").map_err(|_| "RIPC_SERVER_PATH is not set")?;
    let component = Component::parse("thermometer")?;
    let identity = Identity::new(component, Thread::parse("main")?, process::id().into(), 0)?;
    let queues = [Key::commands(component, Some(Subqueue::parse("read")?))?];
    loop {
        let end = match UnixStream::connect(&path) {
            Ok(stream) => serve(stream, &identity, &queues),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = end {
            eprintln!("thermometer: {path}: {error}");
        }
        thread::sleep(PAUSE);
    }
}

/// Serves until the connection ends.
fn serve(stream: UnixStream, identity: &Identity, queues: &[Key]) -> Result<(), Box<dyn Error>> {
    let mut link = Link::new(Line(stream), Session::new([0; ROOM], [0; ROOM]));
    let mut serve = Serve::new();
    let mut room = [0; ROOM];
    loop {
        let job = match link.serve(&mut serve, queues)? {
            Work::Job(job) => job,
            Work::PopRefused(why) | Work::ResultRefused(why) => return Err(why.to_string().into()),
            // A message that is no command, or an answer that has arrived.
            _ => continue,
        };
        let ticket = job.ticket();
        let reading = read(typed::from_text(job.payload, &mut room));
        let stamp = identity.stamp(now());
        match reading {
            Ok(reading) => link.answer(&mut serve, queues, &ticket, &stamp, Typed(reading)),
            Err(failure) => link.answer(&mut serve, queues, &ticket, &stamp, failure),
        }?;
    }
}

fn read<E>(query: Result<Query, E>) -> Result<Reading, Failure<'static>> {
    let degrees = match query.as_ref().map(|query| query.unit.as_str()) {
        Ok("C") => 21,
        Ok("F") => 70,
        _ => {
            return Err(Failure {
                code: "bad-unit",
                message: "the units are C and F",
            });
        }
    };
    Ok(Reading { degrees })
}

fn now() -> Timestamp {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Timestamp {
        seconds: since.as_secs(),
        microseconds: since.subsec_micros(),
    }
}

/// A socket as core's links know lines.
struct Line(UnixStream);

impl ErrorType for Line {
    type Error = ErrorKind;
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        self.0.read(buffer).map_err(kind)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.0.write(bytes).map_err(kind)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

fn kind(error: io::Error) -> ErrorKind {
    match error.kind() {
        // Tried again by the link.
        io::ErrorKind::Interrupted => ErrorKind::Interrupted,
        io::ErrorKind::BrokenPipe => ErrorKind::BrokenPipe,
        io::ErrorKind::ConnectionReset => ErrorKind::ConnectionReset,
        _ => ErrorKind::Other,
    }
}
