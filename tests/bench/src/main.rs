//! The Rust half of the benchmark: ours and the Rust peers, the inputs all programs share, and the
//! report. `run.sh` calls it; `README.md` tells what is measured and how.

use std::process::ExitCode;

mod call;
mod codec;
mod envelope;
mod idle;
mod inputs;
mod map;
mod pipeline;
mod place;
mod report;
mod resume;
mod server;
mod settings;

/// Why a run ended without a figure.
enum Failure {
    /// The program was called wrongly, or what it measures did not work.
    Broken(String),
    /// The part to be measured does not exist yet: the figure is left out.
    NotBuilt,
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Broken(error.to_string())
    }
}

type Outcome = Result<(), Failure>;

const USAGE: &str = "usage:
  inputs FOLDER
  decode WHO FRAME COUNT
  encode WHO VALUE COUNT
  envelope decode|encode WHO MESSAGE COUNT
  pipeline WHO SOCKET set|rpush BATCH OPERATIONS
  call WHO SOCKET CALLS
  call-component WHO SOCKET CALLS
  map WHO ROUNDS SOCKET...
  place PLACEMENT COUNT
  settings SOCKET COUNT
  resume
  idle COUNT
  report SAMPLES MACHINE FOLDER";

/// What run.sh takes for "leave this figure out".
const NOT_BUILT: u8 = 9;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::NotBuilt) => ExitCode::from(NOT_BUILT),
        Err(Failure::Broken(what)) => {
            eprintln!("{what}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Outcome {
    match *words {
        ["inputs", folder] => inputs::write_all(folder),
        ["decode", who, frame, count] => codec::decode(who, frame, count.parse()?),
        ["encode", who, value, count] => codec::encode(who, value, count.parse()?),
        ["envelope", "decode", who, message, count] => {
            envelope::decode(who, message, count.parse()?)
        }
        ["envelope", "encode", who, message, count] => {
            envelope::encode(who, message, count.parse()?)
        }
        ["pipeline", who, socket, command, batch, operations] => {
            let load = pipeline::Load::new(command, batch.parse()?, operations.parse()?);
            pipeline::run(who, socket, &load)
        }
        ["call", who, socket, calls] => call::run(who, socket, calls.parse()?),
        ["call-component", who, socket, calls] => call::component(who, socket, calls.parse()?),
        ["map", who, rounds, ref sockets @ ..] => map::run(who, rounds.parse()?, sockets),
        ["place", placement, count] => place::run(placement, count.parse()?),
        ["settings", socket, count] => settings::run(socket, count.parse()?),
        ["resume"] => resume::run(),
        ["idle", count] => idle::run(count.parse()?),
        ["report", samples, machine, folder] => report::write(samples, machine, folder),
        _ => Err(Failure::Broken(USAGE.to_owned())),
    }
}
