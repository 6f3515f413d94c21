//! `ipc-tool serve`: be a component whose answers a command gives.

use std::time::Instant;

use argh::{ArgsInfo, FromArgs};
use redis_ipc::{Command, Component, Error, Failure, Turn};

use super::watching::{note_bus, stop_on_signals};
use crate::bus::Bus;
use crate::output::{Output, Served};
use crate::problem::Problem;
use crate::shell;

/// Be a component whose answers a program gives.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "serve",
    help_triggers("--help", "-h"),
    note = "The program is run for each command that arrives, one after another. It finds the\n  \
            payload on its standard input; what it prints, a JSON object or nothing, is\n  \
            the answer. If it ends with another exit code than 0, the caller gets an error\n  \
            with the code exit-N and what the program wrote on standard error.",
    note = "It finds in its environment IPC_COMPONENT, IPC_SUBQUEUE (empty for the main\n  \
            queue), IPC_COMMAND_ID, IPC_SENDER (a component) and IPC_SENDER_THREAD.",
    note = "Ctrl-C and SIGTERM end it in order: the command at hand is answered first, those\n  \
            that wait stay in their queues. A second Ctrl-C ends it at once.",
    example = "{command_name} printer.cancel printer.print --exec './printer.sh'",
    example = "{command_name} clock --exec 'date +{{\\\"now\\\":\\\"%T\\\"}}'"
)]
pub(crate) struct Serve {
    /// the program, as a shell takes it
    #[argh(option, arg_name = "cmd")]
    exec: String,

    /// the component, or some of its subqueues, the most urgent first
    #[argh(positional, arg_name = "component[.subqueue]")]
    queues: Vec<String>,
}

/// What is served.
struct Queues<'q> {
    component: &'q str,
    /// None for the one queue of a component without subqueues.
    subqueues: Vec<&'q str>,
}

impl Serve {
    pub(crate) fn run(mut self, bus: &Bus, output: Output) -> Result<(), Problem> {
        for queue in &mut self.queues {
            // As an address.
            if let Some(plain) = queue.strip_prefix("component:") {
                *queue = plain.to_owned();
            }
        }
        let queues = Queues::of(&self.queues)?;
        if bus
            .name
            .as_deref()
            .is_some_and(|name| name != queues.component)
        {
            return Err(Problem::usage(format!(
                "who serves {0} is {0}: leave out --as",
                queues.component
            )));
        }
        let mut component = bus.join_as(queues.component)?;
        component.set_stop(stop_on_signals()?);
        match queues.subqueues.as_slice() {
            [] => component.serve_main()?,
            subqueues => component.serve(subqueues)?,
        }
        output.note(&format!("serving {}", self.queues.join(", ")));
        self.attend(&mut component, bus, output)
    }

    fn attend(&self, component: &mut Component, bus: &Bus, output: Output) -> Result<(), Problem> {
        loop {
            match component.next(None)? {
                Some(Turn::Command(command)) => self.answer(command, bus, output)?,
                Some(Turn::Bus(event)) => note_bus(&event, output),
                Some(Turn::Stop) => return Ok(()),
                _ => {}
            }
        }
    }

    fn answer(&self, command: Command<'_>, bus: &Bus, output: Output) -> Result<(), Problem> {
        let began = Instant::now();
        let outcome = self.run_program(&command, bus);
        let failure = outcome.as_ref().err();
        let mut served = Served {
            queue: address(self.component(), command.subqueue()),
            sender: command.sender().clone(),
            command_id: command.command_id().to_owned(),
            failure: failure.map(|failure| failure.code().to_owned()),
            milliseconds: began.elapsed().as_millis(),
        };
        let sent = match outcome {
            Ok(result) => command.answer_text(&result),
            Err(failure) => command.fail(&failure),
        };
        let borne = match sent {
            // The library has told the caller.
            Err(error @ (Error::Value(_) | Error::TooLong { .. })) => {
                served.failure = Some("bad-result".to_owned());
                output.note(&format!("what the program printed cannot be sent: {error}"));
                Ok(())
            }
            // The loop notices by itself that the bus is gone.
            Err(error) if error.is_temporary() => {
                output.note(&format!("the answer is lost: {error}"));
                Ok(())
            }
            sent => sent,
        };
        output.served(&served);
        Ok(borne?)
    }

    /// The component that is served; all queues are its own.
    fn component(&self) -> &str {
        self.queues.first().map_or("", |queue| name_in(queue))
    }

    fn run_program(&self, command: &Command<'_>, bus: &Bus) -> Result<String, Failure> {
        let mut variables = vec![
            ("IPC_COMPONENT", self.component()),
            ("IPC_SUBQUEUE", command.subqueue().unwrap_or_default()),
            ("IPC_COMMAND_ID", command.command_id()),
            ("IPC_SENDER", &command.sender().component),
            ("IPC_SENDER_THREAD", &command.sender().thread),
        ];
        // So that an ipc-tool in the program finds the same bus.
        let server = bus.server.as_deref();
        variables.extend(server.map(|server| ("RIPC_SERVER_PATH", server)));
        shell::run(&self.exec, &variables, command.text())
    }
}

impl<'q> Queues<'q> {
    fn of(words: &'q [String]) -> Result<Self, Problem> {
        let Some(first) = words.first() else {
            return Err(Problem::usage(
                "whose queue? give a component, or some of its subqueues",
            ));
        };
        let component = name_in(first);
        let mut subqueues = Vec::new();
        for word in words {
            let (name, subqueue) = match word.split_once('.') {
                Some((name, subqueue)) => (name, Some(subqueue)),
                None => (word.as_str(), None),
            };
            if name != component {
                return Err(Problem::usage(format!(
                    "{component} and {name} are two components: start one ipc-tool for each"
                )));
            }
            if subqueue.is_none() && words.len() > 1 {
                return Err(Problem::usage(format!(
                    "a component has either one main queue, {component}, or subqueues"
                )));
            }
            subqueues.extend(subqueue);
        }
        Ok(Self {
            component,
            subqueues,
        })
    }
}

/// The component in `component.subqueue`.
fn name_in(queue: &str) -> &str {
    queue.split_once('.').map_or(queue, |(name, _)| name)
}

fn address(component: &str, subqueue: Option<&str>) -> String {
    match subqueue {
        Some(subqueue) => format!("{component}.{subqueue}"),
        None => component.to_owned(),
    }
}
