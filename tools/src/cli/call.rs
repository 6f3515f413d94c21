//! `ipc-tool call`: have a component do something.

use std::io::Read;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use redis_ipc::{CallError, Component, Stop, Taken};
use redis_ipc_core::address::Address;
use serde_json::{Map, Value};

use super::watching::stop_on_signals;
use crate::bus::Bus;
use crate::output::Output;
use crate::problem::Problem;

/// How long an answer that comes too late is kept.
const LATE_RESULTS: Duration = Duration::from_secs(3600);

/// How much is read from standard input, in bytes: more fits no message.
const LONGEST: u64 = 1 << 20;

/// Send a command to a component and print its answer.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "call",
    help_triggers("--help", "-h"),
    note = "An error of the component is printed on standard error and ends with exit code 5.\n  \
            A command that nobody takes in time is taken back (4); one that was taken and\n  \
            not answered may still be executed (7). Ctrl-C takes it back, too.",
    example = "{command_name} printer.print '{{\"file\": \"/tmp/job.pdf\"}}' --timeout 60"
)]
pub(crate) struct Call {
    /// how long to wait for the answer, in seconds; 30 if not given
    #[argh(
        option,
        default = "Duration::from_secs(30)",
        from_str_fn(seconds),
        arg_name = "s"
    )]
    timeout: Duration,

    /// whom to call: a component, or one of its subqueues, with or without component: in front
    #[argh(positional, arg_name = "component[.subqueue]")]
    recipient: String,

    /// a JSON object; - reads it from standard input; {} if not given
    #[argh(positional, default = "String::from(\"{}\")")]
    json: String,
}

impl Call {
    pub(crate) fn run(self, bus: &Bus, output: Output) -> Result<(), Problem> {
        let recipient = recipient(&self.recipient)?;
        let payload = payload(&self.json)?;
        let mut component = bus.join()?;
        let stop = stop_on_signals()?;
        component.set_call_stop(stop.clone());
        match component.call_text(recipient, &payload, self.timeout) {
            Ok(result) => output.result(result),
            Err(error) => {
                if let CallError::TimedOut {
                    taken: Taken::Yes, ..
                } = error
                {
                    expire_late_result(&mut component);
                }
                Err(explain(error, &stop))
            }
        }
    }
}

/// A component as it is written, or as an address. The other kinds have commands of their own.
fn recipient(text: &str) -> Result<&str, Problem> {
    let hint = match Address::parse(text) {
        Ok(Address::Rpc(_)) => "rpc call",
        // What is no address is a name, or wrong in a way that is told of names.
        Ok(Address::Component(_)) | Err(_) => {
            return Ok(text.strip_prefix("component:").unwrap_or(text));
        }
        Ok(_) => "bus call COMMAND --to",
    };
    Err(Problem::usage(format!(
        "{text} is no component: it is called with `ipc-tool {hint} {text}`"
    )))
}

/// The reason for an end, which may be that somebody pressed Ctrl-C.
pub(super) fn explain(error: CallError, stop: &Stop) -> Problem {
    match error {
        CallError::TimedOut {
            recipient, taken, ..
        } if stop.is_requested() => Problem::interrupted(match taken {
            Taken::No => format!("interrupted; the command for {recipient} was taken back"),
            Taken::Yes => format!(
                "interrupted; {recipient} has taken the command already and may still execute it"
            ),
        }),
        error => error.into(),
    }
}

/// Nobody will ever read the results queue of this process again. An answer that comes into it
/// now would stay for ever, were it not there already with an end set to it. If this fails, so
/// be it.
fn expire_late_result(component: &mut Component) {
    let queue = format!("queues.results.{}.{}", component.name(), component.thread());
    let server = component.connection();
    let _ = server
        .rpush(&queue, "{}")
        .and_then(|_| server.expire(&queue, LATE_RESULTS));
}

/// A JSON object from the command line or from standard input.
pub(super) fn payload(argument: &str) -> Result<String, Problem> {
    let mut text = argument.to_owned();
    if argument == "-" {
        text.clear();
        std::io::stdin()
            .take(LONGEST + 1)
            .read_to_string(&mut text)
            .map_err(|error| Problem::failed(format!("cannot read standard input: {error}")))?;
        if u64::try_from(text.len()).is_ok_and(|length| length > LONGEST) {
            return Err(Problem::failed(format!(
                "standard input holds more than {LONGEST} bytes, and a message has at most that"
            )));
        }
    }
    match serde_json::from_str::<Map<String, Value>>(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Problem::usage(format!(
            "what is sent must be a JSON object, such as '{{\"copies\": 3}}': {error}"
        ))),
    }
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "a time in seconds is a number above 0, such as 0.5".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    if duration.is_zero() {
        return Err(wrong());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_are_sent() {
        assert_eq!(payload(" {\"a\": 1e2} ").unwrap(), " {\"a\": 1e2} ");
        for text in ["", "1", "[1]", "{\"a\":}", "{} {}"] {
            assert_eq!(payload(text).unwrap_err().exit(), 2, "{text}");
        }
    }

    #[test]
    fn times_are_positive_numbers_of_seconds() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(seconds("30"), Ok(Duration::from_secs(30)));
        for text in ["", "0", "-1", "NaN", "inf", "1e30", "3s"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
