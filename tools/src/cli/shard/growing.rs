//! `ipc-tool shard plan` and `move`: hosts that join.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FromArgs};
use redis_ipc::{Endpoint, Stop};

use super::bar::Bar;
use super::replacing::{self, Turn};
use super::{file, not_two};
use crate::object::Object;
use crate::output::Output;
use crate::problem::Problem;
use crate::router::moving::{self, Candidate, Load, MoveError, Progress};
use crate::router::{Cluster, Host, quoted};

/// Say which keys would move, and how many bytes, if a host joined. Nothing is changed.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "plan",
    help_triggers("--help", "-h"),
    example = "{command_name} --add redis://10.0.0.9",
    example = "{command_name} --keys --add redis://10.0.0.9"
)]
pub(crate) struct Plan {
    /// the file with the hosts
    #[argh(option, arg_name = "file")]
    hosts: Option<PathBuf>,

    /// the address of the host that joins, not needed if the file has one as [[joining]]
    #[argh(option, arg_name = "address")]
    add: Option<String>,

    /// name every key, not only how many there are; those that are more than plain words in quotes
    #[argh(switch)]
    keys: bool,
}

/// Let a host join: move its keys to it, then list it in the file. May be killed and run again.
/// Clients that read the file meanwhile look for a key where it was, then where it will be; routers
/// that follow it are waited for.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "move",
    help_triggers("--help", "-h"),
    example = "{command_name} --add redis://10.0.0.9",
    example = "{command_name}   # goes on with a move that was interrupted"
)]
pub(crate) struct Move {
    /// the file with the hosts
    #[argh(option, arg_name = "file")]
    hosts: Option<PathBuf>,

    /// the address of the host that joins, not needed if the file has one as [[joining]]
    #[argh(option, arg_name = "address")]
    add: Option<String>,
}

impl Plan {
    pub(crate) fn run(self, output: Output) -> Result<(), Problem> {
        let file = file(self.hosts);
        let Some((_, text)) = with_joining(&file, self.add.as_deref(), output)? else {
            return Ok(());
        };
        let cluster = Cluster::from_toml(&file.display().to_string(), &text)?;
        let next = cluster.next().ok_or(MoveError::Nothing)?;
        not_two(next)?;
        let all = match self.keys {
            true => tell_keys(&cluster, output)?,
            false => tell_loads(&cluster, output)?,
        };
        let Load { keys, bytes } = all;
        output.note(&format!("{keys} keys of {bytes} bytes would move"));
        Ok(())
    }
}

/// Tells how much would move from which host to which; all of it together.
fn tell_loads(cluster: &Cluster, output: Output) -> Result<Load, Problem> {
    let bar = Bar::new(output);
    let plan = moving::plan(cluster, |progress| draw(&bar, &progress, "looked at"));
    drop(bar);
    let mut all = Load::default();
    for ((from, to), load) in plan? {
        let Load { keys, bytes } = load;
        all.keys += keys;
        all.bytes += bytes;
        output.line(
            || format!("{from:4} -> {to:<4} {keys:>10} keys {bytes:>14} bytes"),
            || {
                let object = Object::new().raw("from", from).raw("to", to);
                object.raw("keys", keys).raw("bytes", bytes).end()
            },
        )?;
    }
    Ok(all)
}

/// Names every key that would move; how much all of them are.
fn tell_keys(cluster: &Cluster, output: Output) -> Result<Load, Problem> {
    let mut all = Load::default();
    let found = |candidate: Candidate<'_>| {
        let Candidate {
            key,
            from,
            to,
            bytes,
        } = candidate;
        all.keys += 1;
        all.bytes += bytes;
        output.line(
            || {
                let key = quoted::shown(key);
                format!("{from:4} -> {to:<4} {bytes:>10} bytes  {key}")
            },
            || {
                let object = Object::new().text("key", &super::text(key));
                let object = object.raw("from", from).raw("to", to);
                object.raw("bytes", bytes).end()
            },
        )
    };
    moving::candidates(cluster, found, |_| ())?;
    Ok(all)
}

impl Move {
    pub(crate) fn run(self, output: Output) -> Result<(), Problem> {
        let file = file(self.hosts);
        let Some((before, text)) = with_joining(&file, self.add.as_deref(), output)? else {
            return Ok(());
        };
        let cluster = Cluster::from_toml(&file.display().to_string(), &text)?;
        let next = cluster.next().ok_or(MoveError::Nothing)?;
        let joined = joined(&file, &text)?;
        next.check()?;
        // From here on clients look at both places.
        announce(&file, &before, &text)?;
        let stop = Stop::on_signals().map_err(|error| Problem::failed(error.to_string()))?;
        let bar = Bar::new(output);
        let journal = file.with_extension("moving");
        let tell = |progress: Progress| draw(&bar, &progress, "moved");
        let moved = moving::run(&cluster, &journal, &stop, tell);
        drop(bar);
        let progress = moved.map_err(going_on)?;
        if progress.left > 0 {
            return Err(Problem::failed(format!(
                "{} keys stay: {}; delete those that are not wanted, and `ipc-tool shard move` goes on",
                progress.left,
                progress.first_left.unwrap_or_default()
            )));
        }
        let write = || {
            let _turn = Turn::take(&file)?;
            replacing::replace(&file, &joined)?.wait_left()
        };
        if !write().map_err(|error| unwritten(&file, &error))? {
            let file = file.display();
            output.note(&format!(
                "a router that follows {file} looks for keys where they were, too, until it takes \
                 over the file as it is now"
            ));
        }
        output.line(
            || {
                format!(
                    "{} keys were moved ({} bytes)",
                    progress.moved, progress.bytes
                )
            },
            || {
                let object = Object::new().raw("moved", progress.moved);
                object.raw("bytes", progress.bytes).end()
            },
        )
    }
}

fn draw(bar: &Bar, progress: &Progress, verb: &str) {
    let (seen, keys, moved) = (progress.seen, progress.keys, progress.moved);
    let words = format_args!("{seen}/{keys} keys, {moved} {verb}");
    bar.draw(seen, keys, words);
}

/// Writes down which hosts join, in the place of what was there before, and waits until all who follow
/// the file look at both places. If they do not, nothing may be moved.
fn announce(file: &Path, before: &str, text: &str) -> Result<(), Problem> {
    let write = || {
        let _turn = Turn::take(file)?;
        if !replacing::settle(file)? {
            return Ok(false);
        }
        if fs::read_to_string(file)? != before {
            return Err(io::Error::other("somebody else has changed it just now"));
        }
        replacing::replace(file, text)?.wait_left()
    };
    match write().map_err(|error| unwritten(file, &error))? {
        true => Ok(()),
        false => Err(Problem::failed(format!(
            "a router that follows {} still goes by what it was before (it may have said why): no key \
             is moved; once it has taken the file over, or has ended, `ipc-tool shard move` goes on",
            file.display()
        ))),
    }
}

fn unwritten(file: &Path, error: &io::Error) -> Problem {
    Problem::failed(format!("{} cannot be written: {error}", file.display()))
}

/// A move that has stopped is gone on with.
fn going_on(error: MoveError) -> Problem {
    let text = match &error {
        MoveError::Stopped { .. } => format!("{error}; `ipc-tool shard move` goes on with it"),
        _ => format!("{error}; `ipc-tool shard move` goes on with it once that is mended"),
    };
    match error {
        MoveError::Stopped { .. } => Problem::interrupted(text),
        MoveError::Host(error) if error.is_disconnection() => Problem::no_server(text),
        MoveError::Nothing | MoveError::Another { .. } => error.into(),
        _ => Problem::failed(text),
    }
}

impl From<MoveError> for Problem {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::Nothing => Self::usage(error.to_string()),
            MoveError::Host(error) => error.into(),
            error => Self::failed(error.to_string()),
        }
    }
}

/// Whether that is where a host is, whose login may stand in the file's defaults.
fn is_at(host: &Host, endpoint: &Endpoint) -> bool {
    let place = |of: &Endpoint| {
        let host = of.host().map(|(name, port)| (name.to_owned(), port));
        (of.path().map(Path::to_owned), host, of.database())
    };
    place(&host.endpoint) == place(endpoint)
}

/// The file's text, and that with the host that joins. `None` if it is one of the list and nobody
/// joins: a move was killed at its very end, and by the same words there is nothing left to do.
fn with_joining(
    file: &Path,
    add: Option<&str>,
    output: Output,
) -> Result<Option<(String, String)>, Problem> {
    let name = file.display().to_string();
    let cluster = Cluster::from_file(file)?;
    let text = fs::read_to_string(file)
        .map_err(|error| Problem::failed(format!("{name} cannot be read: {error}")))?;
    let Some(address) = add else {
        return Ok(Some((text.clone(), text)));
    };
    let endpoint: Endpoint = address.parse()?;
    let hosts = cluster.hosts();
    if let Some(next) = cluster.next() {
        // A move that was interrupted is gone on with by the same words.
        return match &next.hosts()[hosts.len()..] {
            [known] if is_at(known, &endpoint) => Ok(Some((text.clone(), text))),
            _ => Err(Problem::usage("another host is joining: finish that first")),
        };
    }
    if let Some(host) = hosts.iter().find(|host| is_at(host, &endpoint)) {
        output.note(&format!(
            "{host} has joined already: nothing is to be moved"
        ));
        return Ok(None);
    }
    let (id, address) = (hosts.len(), quoted(address));
    let end = text.trim_end();
    let joining = format!("{end}\n\n[[joining]]\nid = {id}\naddress = {address}\n");
    Ok(Some((text, joining)))
}

/// A text as TOML writes it, which takes what JSON writes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The text with all that joins as hosts like the others. An error if it cannot be written so: a
/// list in one line has no heads.
fn joined(file: &Path, text: &str) -> Result<String, Problem> {
    let line = |line: &str| {
        let (words, comment) = line.split_at(line.find('#').unwrap_or(line.len()));
        let is_head = words.split_whitespace().eq(["[[joining]]"]);
        match is_head {
            true => format!("{}{comment}\n", words.replace("joining", "host")),
            false => format!("{line}\n"),
        }
    };
    let joined: String = text.lines().map(line).collect();
    let file = file.display().to_string();
    let is_read = Cluster::from_toml(&file, &joined).is_ok_and(|all| all.next().is_none());
    match is_read {
        true => Ok(joined),
        false => Err(Problem::failed(format!(
            "{file}: each host needs a [[host]] of its own, and each that joins a [[joining]], not a \
             list in one line: nothing was moved"
        ))),
    }
}
