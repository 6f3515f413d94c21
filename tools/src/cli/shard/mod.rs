//! `ipc-tool shard`: keys over several servers.

mod bar;
mod check;
mod fanout;
mod growing;
mod hangup;
mod news;
mod place;
mod replacing;
mod ring;
mod run;
mod serve;
mod stats;

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use crate::output::Output;
use crate::problem::Problem;
use crate::router::commands::Refusal;
use crate::router::{CheckError, Cluster, ConfigError, Error, Value, quoted};

/// Where the hosts are listed unless the option says otherwise.
const VARIABLE: &str = "IPC_TOOL_HOSTS";
const FILE: &str = "hosts.toml";

/// How long a host may take to say who it is before something is written to another one. A second
/// name of that other one answers as soon as it does.
const PRESENCE: Duration = Duration::from_secs(1);

/// Work with keys that are spread over several servers.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "shard",
    help_triggers("--help", "-h"),
    note = "The hosts stand in a TOML file: that of --hosts, else of IPC_TOOL_HOSTS, else hosts.toml:",
    note = "  placement = \"partition\"   # or ketama, consistent (rb); ring (txredisapi); slots",
    note = "  [[host]]\n  id = 0                    # from 0 without gaps",
    note = "  address = \"/run/redis/a\"  # a path, unix:///path?db=N or redis://host[:port][/db]",
    note = "  # also database, user, password, name, weight; [defaults] for all hosts",
    example = "{command_name} where user:1000 user:1001",
    example = "{command_name} run MGET user:1000 user:1001",
    example = "{command_name} fanout DBSIZE"
)]
pub(crate) struct Shard {
    #[argh(subcommand)]
    action: Action,
}

#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand)]
enum Action {
    Where(place::Where),
    Ring(ring::Ring),
    Run(run::Run),
    Fanout(fanout::Fanout),
    Stats(stats::Stats),
    Check(check::Check),
    Serve(serve::Serve),
    Plan(growing::Plan),
    Move(growing::Move),
}

impl Shard {
    pub(crate) fn run(self, output: Output) -> Result<(), Problem> {
        match self.action {
            Action::Where(place) => place.run(output),
            Action::Ring(ring) => ring.run(output),
            Action::Run(run) => run.run(output),
            Action::Fanout(fanout) => fanout.run(output),
            Action::Stats(stats) => stats.run(output),
            Action::Check(check) => check.run(output),
            Action::Serve(serve) => serve.run(output),
            Action::Plan(plan) => plan.run(output),
            Action::Move(moving) => moving.run(output),
        }
    }
}

/// The file with the hosts.
fn file(option: Option<PathBuf>) -> PathBuf {
    let variable = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
    let variable = variable.map(PathBuf::from);
    option.or(variable).unwrap_or_else(|| FILE.into())
}

/// Words of the command line as bytes; if `quoted`, those in quotes as the tool prints them.
fn words(words: &[String], quoted: bool) -> Result<Vec<Vec<u8>>, Problem> {
    let word = |word: &String| match quoted {
        true => quoted::read(word).map_err(Problem::usage),
        false => Ok(word.as_bytes().to_vec()),
    };
    words.iter().map(word).collect()
}

/// The cluster of a file.
fn cluster(option: Option<PathBuf>) -> Result<Cluster, Problem> {
    Ok(Cluster::from_file(file(option))?)
}

/// Sees that no host is two before anything is written: half of what is counted or deleted would be
/// so twice, and the other half is not where it seems to be. Whoever only reads is not held up.
fn check_twins(cluster: &Cluster, words: &[Vec<u8>]) -> Result<(), Problem> {
    match cluster.table().may_write(words) {
        true => not_two(cluster),
        false => Ok(()),
    }
}

/// Whether all hosts that are there are hosts of their own.
fn not_two(cluster: &Cluster) -> Result<(), Problem> {
    let checked = cluster.check_twins(PRESENCE);
    checked.map_err(|error| Problem::failed(format!("{error}; nothing was sent")))
}

/// Tells all that is wrong; the last is the program's own error.
fn tell_all(mut problems: Vec<Problem>, output: Output) -> Result<(), Problem> {
    let Some(last) = problems.pop() else {
        return Ok(());
    };
    for problem in problems {
        if let Problem::Told(told) = problem {
            output.note(&told.message);
        }
    }
    Err(last)
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        match error.line {
            Some(_) => Self::failed(error.to_string()),
            None => Self::failed(format!(
                "{error}; list the hosts in a file that --hosts or {VARIABLE} names, \
                 see ipc-tool shard --help"
            )),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let text = match &error {
            Error::Refused(Refusal::NoKey(_) | Refusal::Movable(_)) => {
                format!("{error} (ipc-tool shard fanout --to NUMBER …)")
            }
            error => error.to_string(),
        };
        match &error {
            Error::Refused(_) | Error::NoHost { .. } => Self::usage(text),
            error if error.is_disconnection() => Self::no_server(text),
            _ => Self::failed(text),
        }
    }
}

impl From<CheckError> for Problem {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Host(error) => error.into(),
            CheckError::Hosts(error) => Self::failed(error.to_string()),
        }
    }
}

/// A value as JSON; bytes that are no text with `\u00ff` for the byte 255.
fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Integer(number) => (*number).into(),
        Value::Text(text) | Value::BigNumber(text) => text.as_str().into(),
        Value::Bytes(bytes) => text(bytes).into(),
        Value::Boolean(yes) => (*yes).into(),
        Value::Double(number) => (*number).into(),
        Value::Error(text) => serde_json::json!({ "error": text }),
        Value::Array(elements) | Value::Set(elements) => elements.iter().map(json).collect(),
        Value::Map(pairs) => {
            let pair = |(key, value): &(Value, Value)| {
                let name = key.bytes().map_or_else(|| key.to_string(), text);
                (name, json(value))
            };
            serde_json::Value::Object(pairs.iter().map(pair).collect())
        }
        Value::Null => serde_json::Value::Null,
    }
}

/// Bytes as text; those that are none as Latin-1.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// A bar of at most 40 columns for a share from 0 to 1.
fn bar(share: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "columns are few and a share is not negative"
    )]
    let columns = (share * 40.0).round() as usize;
    "█".repeat(columns.min(40))
}
