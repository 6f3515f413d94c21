//! `ipc-tool shard check`: whether the hosts are what the file says, and the keys where they belong.

use std::collections::HashMap;
use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};

use super::{cluster, tell_all};
use crate::object::Object;
use crate::output::Output;
use crate::problem::Problem;
use crate::router::{CheckError, Cluster, Error, Host, quoted};

/// Keys that are looked at on each host unless all are asked for, more or less.
const SAMPLE: usize = 10_000;

/// Keys on a wrong host that are named; all are counted.
const NAMED: usize = 5;

/// Ask every host whether it is there, see that no two are one, and look for keys on hosts where
/// they do not belong. All that is wrong is told.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand, name = "check", help_triggers("--help", "-h"))]
pub(crate) struct Check {
    /// the file with the hosts
    #[argh(option, arg_name = "file")]
    hosts: Option<PathBuf>,

    /// look at all keys, not only at some 10,000 of each host
    #[argh(switch)]
    all: bool,
}

impl Check {
    pub(crate) fn run(self, output: Output) -> Result<(), Problem> {
        let cluster = cluster(self.hosts)?;
        if cluster.next().is_some() {
            output.note(
                "hosts are joining, and are not looked at: ipc-tool shard move goes on with it",
            );
        }
        let mut faults: HashMap<u32, CheckError> = cluster.faults().into_iter().collect();
        let most = if self.all { usize::MAX } else { SAMPLE };
        let (mut wrong, mut problems) = (0, Vec::new());
        for host in cluster.hosts() {
            let checked = match faults.remove(&host.id) {
                Some(fault) => Err(fault.into()),
                None => check_host(&cluster, &host, most, output),
            };
            match checked {
                Ok(count) => wrong += count,
                Err(Problem::Closed) => return Err(Problem::Closed),
                Err(problem) => problems.push(problem),
            }
        }
        if wrong > 0 {
            problems.push(Problem::failed(format!(
                "{wrong} keys are on hosts where nobody looks for them: was the placement or \
                 the list of hosts another one when they were written?"
            )));
        }
        tell_all(problems, output)
    }
}

fn check_host(
    cluster: &Cluster,
    host: &Host,
    most: usize,
    output: Output,
) -> Result<usize, Problem> {
    let (mut seen, mut wrong) = (0, 0);
    let mut cursor = "0".to_owned();
    loop {
        let (next, keys) = scan(cluster, host.id, &cursor)?;
        seen += keys.len();
        for key in keys {
            let owner = cluster.host_of(&key);
            if owner == host.id {
                continue;
            }
            wrong += 1;
            if wrong <= NAMED {
                let key = quoted::shown(&key);
                output.note(&format!("{key} is on {host} and belongs to host {owner}"));
            }
        }
        cursor = next;
        if cursor == "0" || seen >= most {
            break;
        }
    }
    output.line(
        || format!("{host}: {seen} keys looked at, {wrong} do not belong there"),
        || {
            let object = Object::new().raw("host", host.id).raw("seen", seen);
            object.raw("wrong", wrong).end()
        },
    )?;
    Ok(wrong)
}

fn scan(cluster: &Cluster, host: u32, cursor: &str) -> Result<(String, Vec<Vec<u8>>), Error> {
    let answer = cluster.command_on(host, &["SCAN", cursor, "COUNT", "1000"])?;
    let parts = answer.elements().unwrap_or_default();
    let next = parts.first().and_then(|next| next.bytes()).unwrap_or(b"0");
    let keys = parts
        .get(1)
        .and_then(|keys| keys.elements())
        .unwrap_or_default();
    let keys = keys
        .iter()
        .filter_map(|key| key.bytes())
        .map(<[u8]>::to_vec);
    Ok((String::from_utf8_lossy(next).into_owned(), keys.collect()))
}
