//! `ipc-tool`: look at and take part in a redis-ipc bus from the command line.
//!
//! The program's manual is the README of this crate; this library is its inside, and what
//! others can use of it: [`router`], keys over several servers, and [`farm`], private servers for
//! tests.

mod bus;
mod cli;
pub mod farm;
mod journal;
mod nearest;
mod object;
mod output;
mod private_server;
mod problem;
pub mod router;
mod serial;
mod shell;
mod words;

use std::ffi::OsString;

/// Runs the tool with the words behind its name; returns its exit code.
///
/// Prints to standard output and standard error. Blocks for as long as the subcommand does.
#[must_use]
pub fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    cli::run(words)
}
