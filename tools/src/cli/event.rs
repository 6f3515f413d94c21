//! `ipc-tool event`: send and hear events.

use argh::{ArgsInfo, FromArgs};
use redis_ipc::Turn;

use super::watching::watch;
use crate::bus::Bus;
use crate::output::Output;
use crate::problem::Problem;

/// Send and hear events.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "event",
    help_triggers("--help", "-h"),
    example = "{command_name} send --sub warnings '{{\"code\": \"LOW-ON-PAPER\"}}' --as printer",
    example = "{command_name} watch printer scanner.warnings"
)]
pub(crate) struct Event {
    #[argh(subcommand)]
    action: Action,
}

#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand)]
enum Action {
    Send(Send),
    Watch(Watch),
}

/// Publish an event of the component that '--as' says.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand, name = "send", help_triggers("--help", "-h"))]
struct Send {
    /// the subchannel; none if not given
    #[argh(option, arg_name = "subchannel")]
    sub: Option<String>,

    /// a JSON object; - reads it from standard input
    #[argh(positional)]
    json: String,
}

/// Print events as they happen, until Ctrl-C.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand, name = "watch", help_triggers("--help", "-h"))]
struct Watch {
    /// COMPONENT for all its events, COMPONENT.SUB for one subchannel, .SUB for that one of every
    /// component; all events if none is given
    #[argh(positional, arg_name = "component[.sub]")]
    channels: Vec<String>,
}

impl Event {
    pub(crate) fn run(self, bus: &Bus, output: Output) -> Result<(), Problem> {
        match self.action {
            Action::Send(send) => send.run(bus, output),
            Action::Watch(watch) => watch.run(bus, output),
        }
    }
}

impl Send {
    fn run(&self, bus: &Bus, output: Output) -> Result<(), Problem> {
        let json = super::call::payload(&self.json)?;
        let mut component = bus.join()?;
        let listeners = component.publish_text(self.sub.as_deref(), &json)?;
        output.heard(listeners)
    }
}

impl Watch {
    fn run(&self, bus: &Bus, output: Output) -> Result<(), Problem> {
        let mut component = bus.join()?;
        for channel in &self.channels {
            let (of, sub) = split(channel);
            component.subscribe_events(of, sub)?;
        }
        if self.channels.is_empty() {
            component.subscribe_events(None, None)?;
        }
        // Whoever sends something to see it here waits for this.
        output.note("listening");
        watch(&mut component, output, |turn| match turn {
            Turn::Event(event) => output.event(event),
            _ => Ok(()),
        })
    }
}

/// The component and the subchannel.
fn split(channel: &str) -> (Option<&str>, Option<&str>) {
    match channel.split_once('.') {
        Some(("", sub)) => (None, Some(sub)),
        Some((component, sub)) => (Some(component), Some(sub)),
        None => (Some(channel), None),
    }
}
