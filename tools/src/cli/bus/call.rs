//! `ipc-tool bus call`: have workers do something.

use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use redis_ipc::bus::{Ended, Reply, own_address};
use redis_ipc::{CallError, Taken};
use redis_ipc_core::address::Address;
use serde_json::Value;

use super::Room;
use crate::cli::call::seconds;
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
    note = "A worker's failure is printed on standard error and ends with exit code 5; that\n  \
            nobody has replied in time, with 4.",
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

    /// a pattern for the ids of workers, such as 10.130.*
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
        let to = self.address(room)?;
        Address::parse(&to).map_err(|why| Problem::usage(format!("{to:?}: {why}")))?;
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
        let (mut count, mut failed) = (0, None);
        for reply in replies.by_ref() {
            let reply = reply?;
            count += 1;
            match reply.read::<Value>() {
                Err(failure @ CallError::Failed(_)) if alone => failed = Some(failure),
                _ => print(room, &reply, alone)?,
            }
        }
        let is_late = replies.ended() == Some(Ended::TimedOut);
        match failed {
            Some(failure) => Err(failure.into()),
            None if count == 0 && is_late => Err(nobody(to, self.wait)),
            None => Ok(()),
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
            (None, Some(_)) => return Err(Problem::usage("a pattern goes with --worker")),
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

fn nobody(recipient: String, timeout: Duration) -> Problem {
    CallError::TimedOut {
        recipient,
        timeout,
        taken: Taken::No,
    }
    .into()
}
