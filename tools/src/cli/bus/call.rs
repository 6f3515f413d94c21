//! `ipc-tool bus call`: have workers do something.

use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use redis_ipc::CallError;
use redis_ipc::bus::{Ended, Reply, own_address};
use redis_ipc_core::address::Address;
use serde_json::Value;

use super::Room;
use crate::cli::call::{explain, seconds};
use crate::object::{Object, on_one_line, visible};
use crate::problem::Problem;

/// Send a command to workers and print their replies.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "call",
    help_triggers("--help", "-h"),
    note = "Whom to call: the address of --to, else the worker of --worker-id, else all workers\n  \
            of the type --worker whose ids match --multicast (--local: those of this machine),\n  \
            else one of that type, else all workers of the site.",
    note = "An address is worker:ID, group:SITE/TYPE, multicast:SITE/TYPE/GLOB or broadcast:SITE.",
    note = "A worker's failure is printed on standard error and ends with exit code 5. A command\n  \
            that nobody took is taken back (4); one that was taken and not answered in time may\n  \
            still be executed (7).",
    example = "{command_name} ping --worker calc --data hello",
    example = "{command_name} add --worker_id 10.0.0.7:4242:abcdef012345 --jsondata '{{\"a\": 1}}'"
)]
pub(super) struct Call {
    /// an address, instead of what follows
    #[argh(option, arg_name = "address")]
    to: Option<String>,

    /// the type of the workers
    #[argh(option, arg_name = "type")]
    worker: Option<String>,

    /// one worker
    #[argh(option, arg_name = "id")]
    worker_id: Option<String>,

    /// a pattern for the ids of workers, such as 10.130.*, or for TYPE:ID
    #[argh(option, arg_name = "glob")]
    multicast: Option<String>,

    /// only workers of this machine
    #[argh(switch)]
    local: bool,

    /// data for the command: a text
    #[argh(option, arg_name = "text")]
    data: Option<String>,

    /// data for the command: JSON
    #[argh(option, arg_name = "json")]
    jsondata: Option<String>,

    /// how long to wait for replies, in seconds; 1 if not given
    #[argh(
        option,
        default = "Duration::from_secs(1)",
        from_str_fn(seconds),
        arg_name = "s"
    )]
    wait: Duration,

    /// how many replies to wait for at most
    #[argh(option, arg_name = "n")]
    count: Option<usize>,

    /// the command
    #[argh(positional)]
    command: String,
}

impl Call {
    pub(super) fn run(self, room: &Room) -> Result<(), Problem> {
        let to = self.checked_address(room)?;
        let data = self.data()?;
        if room.settings.verbose {
            room.output
                .note(&format!("calling {} of {to}", self.command));
        }
        let mut client = room.client()?;
        let mut replies = client.ask_text(&to, &self.command, &data, self.wait)?;
        if let Some(count) = self.count {
            replies = replies.limit(count);
        }
        let alone = to.starts_with("worker:") || to.starts_with("group:");
        let asked = replies.workers_left();
        if asked == 0 {
            return Err(Problem::not_taken(format!("there is nobody at {to}")));
        }
        let (mut count, mut failed) = (0, None);
        for reply in replies.by_ref() {
            let reply = reply?;
            count += 1;
            match reply.read::<Value>() {
                Err(failure @ CallError::Failed(_)) if alone => failed = Some(failure),
                _ => print(room, &reply, alone)?,
            }
        }
        if let Some(failure) = failed {
            return Err(failure.into());
        }
        let late = match replies.ended() {
            Some(Ended::TimedOut | Ended::Stopped) => CallError::TimedOut {
                recipient: to,
                timeout: self.wait,
                taken: replies.taken(),
            },
            _ => return Ok(()),
        };
        let left = replies.workers_left();
        let some =
            (count > 0 && !alone).then(|| format!("{left} of {asked} have not replied in full"));
        tell_late(room, late, client.malformed_replies(), some)
    }

    fn checked_address(&self, room: &Room) -> Result<String, Problem> {
        let to = self.address(room)?;
        match Address::parse(&to) {
            Ok(Address::Component(_)) => Err(not_here(&to, "call")),
            Ok(Address::Rpc(_)) => Err(not_here(&to, "rpc call")),
            Ok(_) => Ok(to),
            Err(why) => Err(Problem::usage(format!("{to:?}: {why}"))),
        }
    }

    fn address(&self, room: &Room) -> Result<String, Problem> {
        let site = room.site();
        let pattern = match (&self.multicast, self.local) {
            (Some(_), true) => {
                return Err(Problem::usage("--multicast and --local exclude each other"));
            }
            (Some(glob), false) => Some(glob.clone()),
            (None, true) => Some(format!("{}:*", own_address())),
            (None, false) => None,
        };
        if let Some(to) = &self.to {
            return Ok(to.clone());
        }
        if let Some(id) = &self.worker_id {
            return Ok(format!("worker:{id}"));
        }
        let worker_type = room.worker_type(self.worker.as_deref());
        Ok(match (worker_type, pattern) {
            (Some(worker_type), Some(glob)) => format!("multicast:{site}/{worker_type}/{glob}"),
            (Some(worker_type), None) => format!("group:{site}/{worker_type}"),
            (None, Some(pattern)) => {
                let (worker_type, glob) = type_and_id(&pattern);
                format!("multicast:{site}/{worker_type}/{glob}")
            }
            (None, None) => format!("broadcast:{site}"),
        })
    }

    fn data(&self) -> Result<String, Problem> {
        match (&self.data, &self.jsondata) {
            (Some(_), Some(_)) => Err(Problem::usage("--data and --jsondata exclude each other")),
            (Some(text), None) => Ok(Value::from(text.as_str()).to_string()),
            (None, Some(json)) => match serde_json::from_str::<Value>(json) {
                Ok(_) => Ok(json.clone()),
                Err(error) => Err(Problem::usage(format!("--jsondata is no JSON: {error}"))),
            },
            (None, None) => Ok("null".to_owned()),
        }
    }
}

fn print(room: &Room, reply: &Reply, alone: bool) -> Result<(), Problem> {
    let data = on_one_line(&reply.data);
    room.output.line(
        || match alone {
            true => visible(&data),
            false => format!("{}  {}", visible(&reply.worker), visible(&data)),
        },
        || {
            let number = reply.number.map(|number| number.to_string());
            Object::new()
                .text("worker", &reply.worker)
                .raw("number", number.as_deref().unwrap_or("null"))
                .raw("data", &data)
                .end()
        },
    )
}

/// Tells why replies are missing; `some` is for when only some are.
fn tell_late(
    room: &Room,
    late: CallError,
    malformed: u64,
    some: Option<String>,
) -> Result<(), Problem> {
    match some {
        _ if malformed > 0 => Err(Problem::failed(format!(
            "{malformed} of the replies were no messages of redisbus"
        ))),
        Some(some) if !room.stop.is_requested() => {
            room.output.note(&some);
            Ok(())
        }
        _ => Err(explain(late, &room.stop)),
    }
}

fn not_here(to: &str, command: &str) -> Problem {
    Problem::usage(format!(
        "{to} is not on redisbus: it is called with `ipc-tool {command} {to}`"
    ))
}

/// Compat: a pattern of the original's is for `TYPE:ID`. An id begins with an address, and no type
/// has a point.
fn type_and_id(pattern: &str) -> (&str, &str) {
    match pattern.split_once(':') {
        Some((worker_type, glob)) if !worker_type.contains('.') => (worker_type, glob),
        _ => ("*", pattern),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_for_ids_or_for_types_and_ids() {
        for (pattern, parts) in [
            ("*", ("*", "*")),
            ("10.130.*", ("*", "10.130.*")),
            ("10.130.10.13:*", ("*", "10.130.10.13:*")),
            ("calc:*", ("calc", "*")),
            ("c*:10.0.0.7:42*", ("c*", "10.0.0.7:42*")),
        ] {
            assert_eq!(type_and_id(pattern), parts, "{pattern}");
        }
    }
}
