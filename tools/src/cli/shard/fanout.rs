//! `ipc-tool shard fanout`: a command for every host.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};

use super::bar::Bar;
use super::{check_twins, cluster, json, tell_all, words};
use crate::object::Object;
use crate::output::Output;
use crate::problem::Problem;

/// Send a command to all hosts at once, or to some, and print each host's answer.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "fanout",
    help_triggers("--help", "-h"),
    example = "{command_name} DBSIZE",
    example = "{command_name} --to 0,3 CONFIG GET maxmemory"
)]
pub(crate) struct Fanout {
    /// the file with the hosts
    #[argh(option, arg_name = "file")]
    hosts: Option<PathBuf>,

    /// numbers of hosts, with commas; all if not given
    #[argh(option, arg_name = "ids")]
    to: Option<String>,

    /// read words in double quotes with escapes, for any bytes: '"\\xff\\0\\n"'
    #[argh(switch)]
    quoted: bool,

    /// the command and its arguments
    #[argh(positional, arg_name = "word")]
    words: Vec<String>,
}

impl Fanout {
    pub(crate) fn run(self, output: Output) -> Result<(), Problem> {
        if self.words.is_empty() {
            return Err(Problem::usage(
                "which command? see ipc-tool shard fanout --help",
            ));
        }
        let words = words(&self.words, self.quoted)?;
        let cluster = cluster(self.hosts)?;
        let mut fanout = cluster.fanout();
        if let Some(ids) = &self.to {
            let ids: Result<Vec<u32>, _> = ids.split(',').map(|id| id.trim().parse()).collect();
            let ids = ids.map_err(|_| Problem::usage("--to takes numbers of hosts: 0,3"))?;
            fanout = fanout.to(&ids);
        }
        check_twins(&cluster, &words)?;
        let bar = Bar::new(output);
        let tell = move |done: usize, all: usize| {
            bar.draw(done as u64, all as u64, format_args!("{done}/{all} hosts"));
        };
        let mut problems = Vec::new();
        for (id, answer) in fanout.on_progress(tell).command(&words) {
            match answer {
                Ok(answer) => output.line(
                    || format!("{id:4}  {answer}"),
                    || {
                        let object = Object::new().raw("host", id);
                        object.raw("answer", json(&answer)).end()
                    },
                )?,
                Err(error) => problems.push(error.into()),
            }
        }
        tell_all(problems, output)
    }
}
