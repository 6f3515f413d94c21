//! `ipc-tool rpc`: functions that live in another program, by redisrpc.

use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use log::LevelFilter;
use redis_ipc::rpc::{Client, Server};
use redis_ipc::{Connection, Endpoint, Options};
use redis_ipc_core::address::Address;
use serde_json::Value;

use super::bus::Settings;
use super::call::{explain, seconds};
use super::watching::stop_on_signals;
use crate::bus::Bus;
use crate::journal;
use crate::output::Output;
use crate::problem::Problem;
use crate::shell;

/// Call functions of other programs, or serve them.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "rpc",
    help_triggers("--help", "-h"),
    note = "What is not said here is taken from the environment: REDIS_HOSTNAME, REDIS_PORT,\n  \
            REDIS_DB. Without a host and a port the server is the one of --server or the\n  \
            device's own.",
    example = "{command_name} call calc add 5",
    example = "{command_name} serve upper --exec 'jq .args[0] | tr a-z A-Z'"
)]
pub(super) struct Rpc {
    /// the host of the redis-server
    #[argh(option, arg_name = "host")]
    hostname: Option<String>,

    /// its port
    #[argh(option, arg_name = "n")]
    port: Option<u16>,

    /// its database
    #[argh(option, arg_name = "n")]
    db: Option<u32>,

    #[argh(subcommand)]
    action: Action,
}

#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand)]
enum Action {
    Call(Call),
    Serve(Serve),
}

/// Call a function and print what it returns.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "call",
    help_triggers("--help", "-h"),
    note = "Each argument is taken as JSON, or as a text if it is none. An exception is printed\n  \
            on standard error and ends with exit code 5; a request that nobody took is taken\n  \
            back (4), one that was taken and not answered may still be executed (7).",
    example = "{command_name} calc pair 4 --kwargs '{{\"b\": 5}}'"
)]
struct Call {
    /// arguments by name: a JSON object
    #[argh(option, default = "String::from(\"{}\")", arg_name = "json")]
    kwargs: String,

    /// how long to wait, in seconds; 5 if not given
    #[argh(
        option,
        default = "Duration::from_secs(5)",
        from_str_fn(seconds),
        arg_name = "s"
    )]
    timeout: Duration,

    /// the server's queue, with or without rpc: in front
    #[argh(positional)]
    queue: String,

    /// the function
    #[argh(positional)]
    function: String,

    /// its arguments
    #[argh(positional)]
    arguments: Vec<String>,
}

/// Serve functions that a program gives.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "serve",
    help_triggers("--help", "-h"),
    note = "The program is run for each call, one after another. It finds the function's name in\n  \
            RPC_FUNCTION and {{\"args\": […], \"kwargs\": {{…}}}} on its standard input; the JSON\n  \
            that it prints is the return value. If it ends with another exit code than 0, the\n  \
            caller gets an exception with what it wrote on standard error."
)]
struct Serve {
    /// the program, as a shell takes it
    #[argh(option, arg_name = "cmd")]
    exec: String,

    /// the queue, with or without rpc: in front
    #[argh(positional)]
    queue: String,
}

impl Rpc {
    pub(super) fn run(self, bus: &Bus, output: Output) -> Result<(), Problem> {
        let settings = Settings {
            hostname: self.hostname,
            port: self.port,
            db: self.db,
            ..Settings::default()
        };
        let endpoint = settings.completed(None)?.endpoint(bus)?;
        match self.action {
            Action::Call(call) => call.run(&endpoint, output),
            Action::Serve(serve) => serve.run(&endpoint, output),
        }
    }
}

impl Call {
    fn run(self, endpoint: &Endpoint, output: Output) -> Result<(), Problem> {
        match serde_json::from_str(&self.kwargs) {
            Ok(Value::Object(_)) => {}
            _ => return Err(Problem::usage("--kwargs is no JSON object")),
        }
        let queue = queue(&self.queue)?;
        let stop = stop_on_signals()?;
        let mut client = Client::connect_to(endpoint, queue, Options::default())?
            .timeout(self.timeout)
            .until(stop.clone());
        let arguments: Vec<Value> = self
            .arguments
            .iter()
            .map(|text| json_or_text(text))
            .collect();
        let arguments = Value::from(arguments).to_string();
        match client.call_text(&self.function, &arguments, &self.kwargs) {
            Ok(value) => output.result(&value),
            Err(error) => Err(explain(error, &stop)),
        }
    }
}

impl Serve {
    fn run(self, endpoint: &Endpoint, output: Output) -> Result<(), Problem> {
        let queue = queue(&self.queue)?;
        let stop = stop_on_signals()?;
        journal::keep(output, LevelFilter::Warn);
        // Whoever cannot reach the server does not serve.
        Connection::open(endpoint)?;
        output.note(&format!("serving {queue}"));
        Server::new(queue)
            .on_others(|arguments| {
                let (args, kwargs) = (arguments.positional(), arguments.named());
                let input = format!(r#"{{"args": {args}, "kwargs": {kwargs}}}"#);
                let variables = [("RPC_FUNCTION", arguments.function())];
                let said = shell::run(&self.exec, &variables, &input)?;
                // Nothing is what the shell's empty answer stands for.
                Ok(match &*said {
                    "{}" => Value::Null,
                    said => serde_json::from_str(said)?,
                })
            })
            .until(stop)
            .run(endpoint, Options::default())?;
        Ok(())
    }
}

/// A queue as it is written, or as an address. The other kinds have commands of their own.
fn queue(text: &str) -> Result<&str, Problem> {
    let hint = match Address::parse(text) {
        Ok(Address::Component(_)) => "call",
        Ok(Address::Rpc(_)) | Err(_) => return Ok(text.strip_prefix("rpc:").unwrap_or(text)),
        Ok(_) => "bus call COMMAND --to",
    };
    Err(Problem::usage(format!(
        "{text} is no server of redisrpc: it is called with `ipc-tool {hint} {text}`; \
         a queue of that name is rpc:{text}"
    )))
}

fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}
