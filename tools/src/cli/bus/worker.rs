//! `ipc-tool bus worker`: be a worker whose replies a program gives.

use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use log::LevelFilter;
use redis_ipc::bus::{self, Desk, Request};
use redis_ipc::{Failure, Options};

use super::Room;
use crate::cli::call::seconds;
use crate::journal;
use crate::problem::Problem;
use crate::shell;

/// Be a worker whose replies a program gives.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "worker",
    help_triggers("--help", "-h"),
    note = "The program is run for each command that arrives, one after another. It finds the\n  \
            command's data on its standard input; what it prints, JSON or nothing, is the\n  \
            reply. More than one line of JSON is a stream. If it ends with another exit code\n  \
            than 0, the caller gets a failure with what it wrote on standard error.",
    note = "It finds in its environment BUS_COMMAND, BUS_SENDER, BUS_WORKER_ID, BUS_WORKER (the\n  \
            type), BUS_SPAWNER, SITE, and how to reach the server: RIPC_SERVER_PATH.",
    example = "{command_name} --worker echo --exec cat",
    example = "{command_name} --worker clock --exec 'date +\\\"%T\\\"' --site plant"
)]
pub(super) struct Worker {
    /// the program, as a shell takes it
    #[argh(option, arg_name = "cmd")]
    exec: String,

    /// the type of the worker
    #[argh(option, arg_name = "type")]
    worker: Option<String>,

    /// its id; made of address, process and a random number if not given
    #[argh(option, arg_name = "id")]
    worker_id: Option<String>,

    /// run the program at this interval too, in seconds, with the command tick
    #[argh(option, from_str_fn(seconds), arg_name = "s")]
    worker_interval: Option<Duration>,

    /// the folder for files; the working folder if not given
    #[argh(option, arg_name = "path")]
    worker_path: Option<String>,

    /// let callers download files below that folder
    #[argh(switch)]
    downloads: bool,

    /// who started this worker
    #[argh(option, arg_name = "id")]
    spawner: Option<String>,
}

impl Worker {
    pub(super) fn run(self, room: &Room) -> Result<(), Problem> {
        let output = room.output;
        let verbose = room.settings.verbose;
        let mut worker = self.worker(room)?;
        let program = Program {
            command: &self.exec,
            server: room.endpoint_for_others(),
        };
        if let Some(interval) = self.worker_interval {
            let program = program.clone();
            worker = worker.every(interval, move |desk, _| {
                program.run(desk, "tick", "", "null").map(drop)
            });
        }
        let most = if verbose {
            LevelFilter::Info
        } else {
            LevelFilter::Warn
        };
        journal::keep(output, most);
        let id = worker.id().to_owned();
        worker
            .on_start(move |_| {
                output.note(&format!("serving as {id}"));
                Ok(())
            })
            .on_others(move |request| {
                if verbose {
                    output.note(&format!("{} for {:?}", request.command(), request.sender()));
                }
                program.serve(request)
            })
            .until(room.stop.clone())
            .run(&room.endpoint, Options::default())?;
        Ok(())
    }

    /// The worker as far as it needs no program.
    fn worker<'w>(&self, room: &Room) -> Result<bus::Worker<'w>, Problem> {
        let worker_type = room.needed_type(self.worker.as_deref())?;
        let mut worker = bus::Worker::new(room.site(), worker_type).class("ipc-tool");
        if let Some(id) = &self.worker_id {
            worker = worker.with_id(id);
        }
        if let Some(spawner) = &self.spawner {
            worker = worker.spawner(spawner);
        }
        let path = self.worker_path.as_ref();
        if let Some(path) = path.or(room.settings.worker_path.as_ref()) {
            worker = worker.path(path);
        }
        if self.downloads {
            worker = worker.allow_downloads();
        }
        Ok(worker)
    }
}

/// What answers.
#[derive(Debug, Clone)]
struct Program<'p> {
    command: &'p str,
    server: Option<String>,
}

impl Program<'_> {
    fn serve(&self, request: &mut Request<'_>) -> Result<(), Failure> {
        let (command, sender) = (request.command().to_owned(), request.sender().to_owned());
        let data = request.data_text().to_owned();
        let said = self.run(request.desk(), &command, &sender, &data)?;
        let lines = || said.lines().filter(|line| !line.trim().is_empty());
        // Nothing is what the shell's empty answer stands for.
        if said == "{}" {
            return Ok(());
        }
        let is_stream =
            lines().count() > 1 && serde_json::from_str::<serde_json::Value>(&said).is_err();
        if is_stream {
            return lines().try_for_each(|line| request.send_text(line));
        }
        request.reply_text(&said)?;
        Ok(())
    }

    fn run(&self, desk: &Desk, command: &str, sender: &str, data: &str) -> Result<String, Failure> {
        let mut variables = vec![
            ("BUS_COMMAND", command),
            ("BUS_SENDER", sender),
            ("BUS_WORKER_ID", desk.id()),
            ("BUS_WORKER", desk.worker_type()),
            ("BUS_SPAWNER", desk.spawner().unwrap_or_default()),
            ("SITE", desk.site()),
        ];
        let server = self.server.as_deref();
        variables.extend(server.map(|server| ("RIPC_SERVER_PATH", server)));
        shell::run(self.command, &variables, data)
    }
}
