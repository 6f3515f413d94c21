//! `ipc-tool shard serve`: all hosts as one server.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use redis_ipc::{Endpoint, Stop};

use super::cluster;
use crate::output::Output;
use crate::problem::Problem;
use crate::router::{CheckError, Server};

/// Listen as one server in the place of all hosts: any client that speaks RESP finds its keys.
/// Pipelines are kept in order; pops that wait and publish/subscribe work on the host that owns
/// the key or the channel.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "serve",
    help_triggers("--help", "-h"),
    example = "{command_name} --listen /run/router/socket"
)]
pub(crate) struct Serve {
    /// the file with the hosts
    #[argh(option, arg_name = "file")]
    hosts: Option<PathBuf>,

    /// where to listen: the path of a socket, or redis://host:port; may be given several times
    #[argh(option, arg_name = "address")]
    listen: Vec<String>,
}

impl Serve {
    pub(crate) fn run(self, output: Output) -> Result<(), Problem> {
        if self.listen.is_empty() {
            return Err(Problem::usage(
                "where to listen? --listen /run/router/socket",
            ));
        }
        let cluster = cluster(self.hosts)?;
        if cluster.next().is_some() {
            return Err(Problem::failed(
                "hosts are joining, and the router does not follow keys on their way: \
                 finish the move first (ipc-tool shard move)",
            ));
        }
        match cluster.check() {
            Err(CheckError::Hosts(error)) => return Err(Problem::failed(error.to_string())),
            // Its keys are not served until it is there; the others are.
            Err(error) => output.note(&error.to_string()),
            Ok(()) => {}
        }
        let addresses: Result<Vec<Endpoint>, _> = self.listen.iter().map(|a| a.parse()).collect();
        let addresses = addresses?;
        let failed = |error: std::io::Error| Problem::failed(error.to_string());
        let stop = Stop::on_signals().map_err(failed)?;
        let mut server = Server::bind(&cluster, &addresses).map_err(failed)?;
        for address in &addresses {
            output.note(&format!(
                "{} hosts answer on {address}",
                cluster.hosts().len()
            ));
        }
        server.run(&stop).map_err(failed)
    }
}
