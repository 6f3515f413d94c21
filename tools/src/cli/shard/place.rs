//! `ipc-tool shard where`: the host on which a key lives.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};

use super::cluster;
use crate::object::{Object, visible};
use crate::output::Output;
use crate::problem::Problem;

/// Say on which host each key lives. No server is asked.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand, name = "where", help_triggers("--help", "-h"))]
pub(crate) struct Where {
    /// the file with the hosts
    #[argh(option, arg_name = "file")]
    hosts: Option<PathBuf>,

    /// the keys
    #[argh(positional, arg_name = "key")]
    keys: Vec<String>,
}

impl Where {
    pub(crate) fn run(self, output: Output) -> Result<(), Problem> {
        if self.keys.is_empty() {
            return Err(Problem::usage("which key? see ipc-tool shard where --help"));
        }
        let cluster = cluster(self.hosts)?;
        let hosts = cluster.hosts();
        self.keys.iter().try_for_each(|key| {
            let host = &hosts[cluster.host_of(key) as usize];
            output.line(
                || format!("{}  {host}", visible(key)),
                || {
                    let object = Object::new().text("key", key).raw("host", host.id);
                    object.text("address", &host.endpoint.to_string()).end()
                },
            )
        })
    }
}
