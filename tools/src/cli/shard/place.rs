//! `ipc-tool shard where`: the host on which a key lives.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};

use super::{cluster, text, words};
use crate::object::Object;
use crate::output::Output;
use crate::problem::Problem;
use crate::router::{Cluster, quoted};

/// Say on which host each key lives. No server is asked. Keys that are more than plain words are
/// printed in quotes.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand, name = "where", help_triggers("--help", "-h"))]
pub(crate) struct Where {
    /// the file with the hosts
    #[argh(option, arg_name = "file")]
    hosts: Option<PathBuf>,

    /// read words in double quotes with escapes, for any bytes: '"\\xff\\0\\n"'
    #[argh(switch)]
    quoted: bool,

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
        let (hosts, next) = (cluster.hosts(), cluster.next());
        let all = next.map(Cluster::hosts).unwrap_or_default();
        words(&self.keys, self.quoted)?.iter().try_for_each(|key| {
            let host = &hosts[cluster.host_of(key) as usize];
            let next = next.map(|next| &all[next.host_of(key) as usize]);
            let next = next.filter(|next| next.id != host.id);
            output.line(
                || {
                    let way = next.map(|next| format!(", on its way to {next}"));
                    let key = quoted::shown(key);
                    format!("{key}  {host}{}", way.unwrap_or_default())
                },
                || {
                    let object = Object::new().text("key", &text(key)).raw("host", host.id);
                    let object = object.text("address", &host.endpoint.to_string());
                    match next {
                        Some(next) => object.raw("next", next.id).end(),
                        None => object.end(),
                    }
                },
            )
        })
    }
}
