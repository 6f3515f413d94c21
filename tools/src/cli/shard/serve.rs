//! `ipc-tool shard serve`: all hosts as one server.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use redis_ipc::{Endpoint, Stop};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::news::{self, Faults, News};
use super::{file, hangup};
use crate::output::Output;
use crate::problem::Problem;
use crate::router::{CheckError, Cluster, Followed, Server};

/// How long the hosts are waited for before clients are let in. What is found out later is told
/// then.
const CHECK_WAIT: Duration = Duration::from_millis(500);

/// Listen as one server in the place of all hosts: any client that speaks RESP finds its keys.
/// Pipelines are kept in order; pops that wait and publish/subscribe work on the host that owns
/// the key or the channel. It follows the file: when that changes, it takes over what is new.
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
        let file = file(self.hosts);
        let name = file.display().to_string();
        let (followed, text) = Followed::open(&file)?;
        let cluster = Cluster::from_toml(&name, &text)?;
        let addresses: Result<Vec<Endpoint>, _> = self.listen.iter().map(|a| a.parse()).collect();
        let addresses = addresses?;
        let failed = |error: io::Error| Problem::failed(error.to_string());
        let stop = Stop::on_signals().map_err(failed)?;
        hangup::heed(&stop).map_err(failed)?;
        take_descriptors();
        let checked = check(&cluster);
        let late = match checked.recv_timeout(CHECK_WAIT) {
            Ok(faults) => tell(faults, output).map(|()| None)?,
            Err(_) => Some(tell_later(checked, output, stop.clone())),
        };
        let mut server = Server::bind(&cluster, &addresses).map_err(failed)?;
        let hosts = news::hosts(&cluster);
        for address in &addresses {
            output.note(&format!("serving {hosts} on {address}"));
        }
        let mut news = News::new(followed, name, text, &cluster, output);
        let served = server.run_following(&stop, || news.next());
        served.map_err(failed)?;
        // Whoever has found that the hosts are no cluster has asked for the stop.
        let problem = late.and_then(|late| late.try_recv().ok());
        problem.map_or(Ok(()), Err)
    }
}

/// Has as many descriptors as this process may have, each client takes one: 1024, as most shells give
/// at first, are few for a router.
fn take_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Without them it serves fewer at a time.
    let _ = setrlimit(Resource::Nofile, all);
}

/// Looks at all hosts; one that does not answer takes its time.
fn check(cluster: &Cluster) -> Receiver<Faults> {
    let (send, checked) = channel();
    let cluster = cluster.clone();
    thread::spawn(move || send.send(news::look(&cluster)));
    checked
}

/// Tells which hosts are away: their keys are not served until they are there. An error if the
/// hosts are no cluster.
fn tell(faults: Faults, output: Output) -> Result<(), Problem> {
    for (_, fault) in faults {
        match fault {
            CheckError::Hosts(error) => return Err(Problem::failed(error.to_string())),
            fault @ CheckError::Host(_) => output.note(&fault.to_string()),
        }
    }
    Ok(())
}

/// As [`tell`], while clients are served already: an error asks for their stop.
fn tell_later(checked: Receiver<Faults>, output: Output, stop: Stop) -> Receiver<Problem> {
    let (send, late) = channel();
    thread::spawn(move || {
        let faults = checked.recv().unwrap_or_default();
        if let Err(problem) = tell(faults, output) {
            // Where nobody waits for it any more, it is stopping already.
            let _ = send.send(problem);
            stop.request();
        }
    });
    late
}
