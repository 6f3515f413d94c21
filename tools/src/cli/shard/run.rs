//! `ipc-tool shard run`: a command for the host of its key.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use argh::{ArgsInfo, FromArgs};

use super::{check_twins, cluster, json, words};
use crate::output::Output;
use crate::problem::Problem;
use crate::router::commands::{Patience, Refusal};
use crate::router::{Cluster, Error};

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
        know(&cluster, &words);
        cluster.table().keys(&words).map_err(Error::from)?;
        check_twins(&cluster, &words)?;
        // Who waits in a pop gives up himself: what comes just when we did would be lost. So the
        // server has the time of a reply on top of that, and who stands still does not hold us up.
        let limit = match cluster.table().patience(&words) {
            Patience::For(time) => time.saturating_add(cluster.options().reply_limit),
            Patience::Forever => FOREVER,
        };
        let answer = cluster.blocking_command(&words, limit)?;
        output.line(|| answer.to_string(), || json(&answer).to_string())
    }
}

/// Asks the hosts for their commands if one is not known here: theirs may be a later version, or have
/// modules. The first that tells is believed.
fn know(cluster: &Cluster, words: &[Vec<u8>]) {
    if !matches!(cluster.table().keys(words), Err(Refusal::Unknown(_))) {
        return;
    }
    let until = Instant::now() + cluster.options().reply_limit.min(FOREVER);
    for host in cluster.hosts() {
        // Whoever cannot be asked does not know it either.
        if cluster.refresh_commands(host.id).is_ok() || Instant::now() > until {
            return;
        }
    }
}
