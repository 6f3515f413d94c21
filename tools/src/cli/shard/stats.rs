//! `ipc-tool shard stats`: what the hosts have and do.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};

use super::{bar, cluster, tell_all};
use crate::object::Object;
use crate::output::Output;
use crate::problem::Problem;
use crate::router::{Cluster, Error, Host, Promised};

/// Show keys, memory, clients and commands a second of every host. Memory, clients and commands
/// are those of the whole server, all of its databases.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand, name = "stats", help_triggers("--help", "-h"))]
pub(crate) struct Stats {
    /// the file with the hosts
    #[argh(option, arg_name = "file")]
    hosts: Option<PathBuf>,
}

struct Line {
    host: Host,
    keys: i64,
    memory: u64,
    clients: u64,
    commands: u64,
}

impl Stats {
    pub(crate) fn run(self, output: Output) -> Result<(), Problem> {
        let cluster = cluster(self.hosts)?;
        let (mut lines, mut problems) = (Vec::new(), Vec::new());
        for line in ask(&cluster) {
            match line {
                Ok(line) => lines.push(line),
                Err(error) => problems.push(error.into()),
            }
        }
        let most = lines
            .iter()
            .map(|line| line.keys)
            .max()
            .unwrap_or_default()
            .max(1);
        lines.iter().try_for_each(|line| show(line, most, output))?;
        tell_all(problems, output)
    }
}

fn ask(cluster: &Cluster) -> Vec<Result<Line, Error>> {
    let mut map = cluster.map();
    let queued: Vec<_> = cluster
        .hosts()
        .into_iter()
        .map(|host| {
            let keys = map.command_on(host.id, &["DBSIZE"]);
            let info = map.command_on(host.id, &["INFO"]);
            (host, keys, info)
        })
        .collect();
    map.send(cluster.options().reply_limit);
    let line = |(host, keys, info): (
        Host,
        Result<crate::router::Promise, _>,
        Result<crate::router::Promise, _>,
    )| {
        let keys = keys?.wait()?.integer().unwrap_or_default();
        let info = info?.wait()?;
        let info = String::from_utf8_lossy(info.bytes().unwrap_or_default()).into_owned();
        let field = |name: &str| {
            let line = info
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|value| value.trim().parse().ok())
                .unwrap_or_default()
        };
        Ok(Line {
            host,
            keys,
            memory: field("used_memory"),
            clients: field("connected_clients"),
            commands: field("instantaneous_ops_per_sec"),
        })
    };
    queued.into_iter().map(line).collect()
}

fn show(line: &Line, most: i64, output: Output) -> Result<(), Problem> {
    #[expect(clippy::cast_precision_loss, reason = "a bar has 40 columns")]
    let share = line.keys as f64 / most as f64;
    output.line(
        || {
            format!(
                "{:4} {:>10} keys {:40}  {:>6} kB  {:>4} clients  {:>7}/s  {}",
                line.host.id,
                line.keys,
                bar(share),
                line.memory / 1024,
                line.clients,
                line.commands,
                line.host.endpoint
            )
        },
        || {
            Object::new()
                .raw("host", line.host.id)
                .text("address", &line.host.endpoint.to_string())
                .raw("keys", line.keys)
                .raw("memory_bytes", line.memory)
                .raw("clients", line.clients)
                .raw("commands_per_second", line.commands)
                .end()
        },
    )
}
