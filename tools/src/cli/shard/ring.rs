//! `ipc-tool shard ring`: how keys are spread.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};

use super::{bar, cluster};
use crate::object::Object;
use crate::output::Output;
use crate::problem::Problem;

/// Draw which part of all keys each host is to have. No server is asked; see 'stats' for what
/// they have.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand, name = "ring", help_triggers("--help", "-h"))]
pub(crate) struct Ring {
    /// the file with the hosts
    #[argh(option, arg_name = "file")]
    hosts: Option<PathBuf>,
}

impl Ring {
    pub(crate) fn run(self, output: Output) -> Result<(), Problem> {
        let cluster = cluster(self.hosts)?;
        let shares = cluster.shares();
        let most = shares.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        for (host, share) in cluster.hosts().iter().zip(shares) {
            output.line(
                || {
                    let percent = share * 100.0;
                    let (id, address) = (host.id, &host.endpoint);
                    format!("{id:4} {percent:5.1} % {:40}  {address}", bar(share / most))
                },
                || {
                    let object = Object::new().raw("host", host.id).raw("share", share);
                    object.text("address", &host.endpoint.to_string()).end()
                },
            )?;
        }
        Ok(())
    }
}
