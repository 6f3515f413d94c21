//! `ipc-tool debug`: send and hear debug messages.

use argh::{ArgsInfo, FromArgs};
use redis_ipc::{Level, Turn};

use super::watching::watch;
use crate::bus::Bus;
use crate::output::Output;
use crate::problem::Problem;

/// Send and hear debug messages.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "debug",
    help_triggers("--help", "-h"),
    note = "Levels go from 0 (error) to 5 (detail). What is above the setting debug_verbosity\n  \
            of redis-ipc is not sent.",
    example = "{command_name} send --level 1 'paper is low' --as printer",
    example = "{command_name} watch --level 2",
    example = "ipc-tool settings set redis-ipc debug_verbosity 3"
)]
pub(crate) struct Debug {
    #[argh(subcommand)]
    action: Action,
}

#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand)]
enum Action {
    Send(Send),
    Watch(Watch),
}

/// Send a debug message of the component that '--as' says.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand, name = "send", help_triggers("--help", "-h"))]
struct Send {
    /// how much it matters: 0 (error) to 5 (detail); 3 if not given
    #[argh(option, default = "Level::INFO", from_str_fn(level), arg_name = "n")]
    level: Level,

    /// what to say; more than 1023 bytes are cut
    #[argh(positional, arg_name = "text")]
    words: Vec<String>,
}

/// Print debug messages as they come, until Ctrl-C.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand, name = "watch", help_triggers("--help", "-h"))]
struct Watch {
    /// leave out what is above this level: 0 (errors only) to 5 (everything, also if not given)
    #[argh(option, default = "Level::DETAIL", from_str_fn(level), arg_name = "n")]
    level: Level,

    /// whose; everybody's if none is given
    #[argh(positional, arg_name = "component")]
    components: Vec<String>,
}

impl Debug {
    pub(crate) fn run(self, bus: &Bus, output: Output) -> Result<(), Problem> {
        match self.action {
            Action::Send(send) => send.run(bus, output),
            Action::Watch(watch) => watch.run(bus, output),
        }
    }
}

impl Send {
    fn run(&self, bus: &Bus, output: Output) -> Result<(), Problem> {
        if self.words.is_empty() {
            return Err(Problem::usage("there is nothing to say: give a text"));
        }
        let mut component = bus.join()?;
        if !component.debug(self.level, &self.words.join(" "))? {
            output.note(&format!(
                "not sent: this bus wants debug messages up to level {} only \
                 (debug_verbosity in the settings of redis-ipc)",
                component.debug_verbosity()
            ));
        }
        Ok(())
    }
}

impl Watch {
    fn run(&self, bus: &Bus, output: Output) -> Result<(), Problem> {
        let mut component = bus.join()?;
        for name in &self.components {
            component.subscribe_debug(Some(name))?;
        }
        if self.components.is_empty() {
            component.subscribe_debug(None)?;
        }
        // Whoever sends something to see it here waits for this.
        output.note("listening");
        let limit = self.level.number();
        watch(&mut component, output, |turn| match turn {
            // What does not say how much it matters is shown.
            Turn::Debug(message) if message.level().unwrap_or(0) <= limit => output.debug(message),
            _ => Ok(()),
        })
    }
}

fn level(text: &str) -> Result<Level, String> {
    let wrong = || "a level is a number from 0 (error) to 5 (detail)".to_owned();
    let number = text.parse().map_err(|_| wrong())?;
    Level::new(number).map_err(|_| wrong())
}
