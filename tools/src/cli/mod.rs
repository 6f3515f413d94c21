//! The command line: its options, its subcommands, one file each.
#![expect(
    clippy::doc_markdown,
    reason = "what stands above arguments is the text of their help"
)]

mod bus;
mod call;
mod debug;
mod down;
mod event;
mod hash;
mod rpc;
mod serial;
mod serve;
mod settings;
mod shard;
mod status;
mod up;
mod watching;

use std::ffi::OsString;

use argh::{ArgsInfo, EarlyExit, FromArgs};

use crate::bus::Bus;
use crate::output::Output;
use crate::problem::{DONE, Problem};
use crate::router::quoted;
use crate::words::Words;

const NAME: &str = "ipc-tool";

/// Look at and take part in a redis-ipc bus.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    help_triggers("--help", "-h"),
    note = "The options above may stand anywhere, also behind a subcommand.\n  \
            '{command_name} help SUBCOMMAND' tells more of each.",
    note = "The server is the one of --server, else of RIPC_SERVER_PATH, else\n  \
            $RIPC_RUNTIME_DIR/redis-ipc/socket, else /run/redis-ipc/socket if it is\n  \
            there, else /tmp/redis-ipc/socket.",
    example = "eval \"$({command_name} up)\"",
    example = "{command_name} serve printer.print --exec 'jq \"{{pages: .copies}}\"' &",
    example = "{command_name} call printer.print '{{\"copies\": 3}}'",
    error_code(1, "it failed"),
    error_code(2, "the command line is wrong"),
    error_code(3, "there is no server, or not any more"),
    error_code(4, "nobody took the command; it was taken back"),
    error_code(5, "the component answered with an error"),
    error_code(7, "the command was taken, but not answered in time")
)]
pub(crate) struct Arguments {
    /// the server: a path, unix:///path?db=N or redis://[user:password@]host[:port][/db]
    #[argh(option, arg_name = "address")]
    server: Option<String>,

    /// the component to be on the bus; ipc-tool if not given
    #[argh(option, long = "as", arg_name = "name")]
    name: Option<String>,

    /// print for machines: one JSON object a line, errors as well
    #[argh(switch)]
    json: bool,

    /// print the version
    #[argh(switch)]
    version: bool,

    #[argh(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand)]
enum Command {
    Up(up::Up),
    Down(down::Down),
    Call(call::Call),
    Serve(serve::Serve),
    Settings(settings::Settings),
    Status(status::Status),
    Event(event::Event),
    Debug(debug::Debug),
    Shard(shard::Shard),
    Bus(bus::RedisBus),
    Rpc(rpc::Rpc),
    Serial(serial::Serial),
}

/// Does what the words say; returns the exit code.
pub(crate) fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    let words: Vec<_> = words.into_iter().collect();
    // Also errors of the command line itself are told as it asks for.
    let json = words.iter().any(|word| word == "--json");
    match parse(words).and_then(obey) {
        Ok(()) => DONE,
        Err(problem) => {
            if let Problem::Told(told) = &problem {
                Output::new(json).problem(told);
            }
            problem.exit()
        }
    }
}

/// What a command line asks for.
enum Parsed {
    Arguments(Box<Arguments>),
    Page(String),
}

fn parse(words: Vec<OsString>) -> Result<Parsed, Problem> {
    let words: Result<Vec<String>, _> = words.into_iter().map(OsString::into_string).collect();
    let words = words.map_err(|word| {
        let word = quoted::shown(word.as_encoded_bytes());
        Problem::usage(format!(
            "{word} is not UTF-8 (subcommands of shard take any bytes: --quoted '{word}')"
        ))
    })?;
    let mut sorted = Words::default();
    let outcome = sorted.sort(words, &Arguments::get_args_info());
    let path = sorted
        .path
        .iter()
        .fold(NAME.to_owned(), |path, name| path + " " + name);
    let usage = |wrong: &str| Problem::usage(format!("{wrong} (see {path} --help)"));
    outcome.map_err(|wrong| usage(&wrong))?;
    match Arguments::from_args(&[NAME], &sorted.for_argh()) {
        Ok(arguments) => Ok(Parsed::Arguments(Box::new(arguments))),
        Err(EarlyExit {
            output,
            status: Ok(()),
        }) => Ok(Parsed::Page(output)),
        Err(EarlyExit { output, .. }) => {
            let wrong: Vec<_> = output.split_whitespace().collect();
            Err(usage(&wrong.join(" ")))
        }
    }
}

fn obey(parsed: Parsed) -> Result<(), Problem> {
    let arguments = match parsed {
        Parsed::Arguments(arguments) => *arguments,
        Parsed::Page(text) => return Output::page(&text),
    };
    if arguments.version {
        return Output::page(concat!("ipc-tool ", env!("CARGO_PKG_VERSION")));
    }
    let output = Output::new(arguments.json);
    let bus = Bus {
        server: arguments.server,
        name: arguments.name,
    };
    match arguments.command {
        Some(Command::Up(up)) => up.run(&bus, output),
        Some(Command::Down(down)) => down.run(&bus, output),
        Some(Command::Call(call)) => call.run(&bus, output),
        Some(Command::Serve(serve)) => serve.run(&bus, output),
        Some(Command::Settings(settings)) => settings.run(&bus, output),
        Some(Command::Status(status)) => status.run(&bus, output),
        Some(Command::Event(event)) => event.run(&bus, output),
        Some(Command::Debug(debug)) => debug.run(&bus, output),
        Some(Command::Shard(shard)) => shard.run(output),
        Some(Command::Bus(redisbus)) => redisbus.run(&bus, output),
        Some(Command::Rpc(rpc)) => rpc.run(&bus, output),
        Some(Command::Serial(serial)) => serial.run(&bus, output),
        None => Err(Problem::usage(format!(
            "no subcommand given (see {NAME} --help)"
        ))),
    }
}
