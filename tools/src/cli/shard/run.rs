//! `ipc-tool shard run`: a command for the host of its key.

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use super::{cluster, json, words};
use crate::output::Output;
use crate::problem::Problem;

/// A year.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Send a command to the host of its key and print the answer. MGET, MSET, DEL, EXISTS, UNLINK
/// and TOUCH may have keys of several hosts. What waits, BLPOP for one, waits as long as it says.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "run",
    help_triggers("--help", "-h"),
    example = "{command_name} SET user:1000 Ada",
    example = "{command_name} -- XREAD STREAMS --a 0"
)]
pub(crate) struct Run {
    /// the file with the hosts
    #[argh(option, arg_name = "file")]
    hosts: Option<PathBuf>,

    /// read words in double quotes with escapes, for any bytes: '"\\xff\\0\\n"'
    #[argh(switch)]
    quoted: bool,

    /// the command and its arguments
    #[argh(positional, arg_name = "word")]
    words: Vec<String>,
}

impl Run {
    pub(crate) fn run(self, output: Output) -> Result<(), Problem> {
        if self.words.is_empty() {
            return Err(Problem::usage(
                "which command? see ipc-tool shard run --help",
            ));
        }
        let words = words(&self.words, self.quoted)?;
        let cluster = cluster(self.hosts)?;
        // Who waits in a pop gives up himself: what comes just when we did would be lost.
        let answer = match cluster.table().may_wait(&words) {
            true => cluster.blocking_command(&words, FOREVER)?,
            false => cluster.command(&words)?,
        };
        output.line(|| answer.to_string(), || json(&answer).to_string())
    }
}
