//! `ipc-tool bus`: redisbus, its workers and their callers.

mod call;
mod download;
mod logs;
mod settings;
mod worker;
mod workers;

use argh::{ArgsInfo, FromArgs};
use redis_ipc::bus::Client;
use redis_ipc::{Endpoint, Options, Stop};

use super::watching::stop_on_signals;
use crate::bus::Bus;
use crate::output::Output;
use crate::problem::Problem;
pub(super) use settings::Settings;

/// Call, be and look at workers of redisbus.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "bus",
    help_triggers("--help", "-h"),
    note = "What is not said here is taken from the environment (REDIS_HOSTNAME, REDIS_PORT,\n  \
            REDIS_DB, SITE), then from the file: lines such as 'redis_hostname = box', with\n  \
            redis_port, redis_db, site, worker and worker_path. Without a host and a port\n  \
            the server is the one of --server or the device's own.",
    example = "{command_name} worker --worker echo --exec cat &",
    example = "{command_name} call ping --worker echo --data hello"
)]
pub(super) struct RedisBus {
    /// the host of the redis-server
    #[argh(option, arg_name = "host")]
    hostname: Option<String>,

    /// its port
    #[argh(option, arg_name = "n")]
    port: Option<u16>,

    /// its database
    #[argh(option, arg_name = "n")]
    db: Option<u32>,

    /// the site; local if nothing says otherwise
    #[argh(option, arg_name = "name")]
    site: Option<String>,

    /// the file with what is not said elsewhere; .worker_config if it is there
    #[argh(option, arg_name = "file")]
    config: Option<String>,

    /// tell more
    #[argh(switch)]
    verbose: bool,

    #[argh(subcommand)]
    action: Action,
}

#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand)]
enum Action {
    Call(call::Call),
    Worker(worker::Worker),
    Workers(workers::Workers),
    Logs(logs::Logs),
    Download(download::Download),
}

/// What all of these need.
struct Room {
    endpoint: Endpoint,
    settings: Settings,
    output: Output,
    /// Asked for by Ctrl-C.
    stop: Stop,
}

impl RedisBus {
    pub(super) fn run(self, bus: &Bus, output: Output) -> Result<(), Problem> {
        let settings = Settings {
            hostname: self.hostname,
            port: self.port,
            db: self.db,
            site: self.site,
            verbose: self.verbose,
            ..Settings::default()
        };
        let settings = settings.completed(self.config.as_deref())?;
        let room = Room {
            endpoint: settings.endpoint(bus)?,
            settings,
            output,
            stop: stop_on_signals()?,
        };
        if room.settings.verbose {
            output.note(&format!("connecting to {}", room.endpoint));
        }
        match self.action {
            Action::Call(call) => call.run(&room),
            Action::Worker(worker) => worker.run(&room),
            Action::Workers(workers) => workers.run(&room),
            Action::Logs(logs) => logs.run(&room),
            Action::Download(download) => download.run(&room),
        }
    }
}

impl Room {
    fn client(&self) -> Result<Client, Problem> {
        let client = Client::connect_to(&self.endpoint, Options::default())?;
        Ok(client.until(self.stop.clone()))
    }

    /// The server's address for other programs, if it can be told without its password.
    fn endpoint_for_others(&self) -> Option<String> {
        let address = self.endpoint.to_string();
        (!address.contains("***")).then_some(address)
    }

    fn site(&self) -> &str {
        self.settings.site.as_deref().unwrap_or("local")
    }

    /// A worker type of the command line, else of the file.
    fn worker_type<'r>(&'r self, given: Option<&'r str>) -> Option<&'r str> {
        given.or(self.settings.worker.as_deref())
    }

    fn needed_type<'r>(&'r self, given: Option<&'r str>) -> Result<&'r str, Problem> {
        let worker_type = self.worker_type(given);
        worker_type.ok_or_else(|| Problem::usage("--worker is missing: the type of the worker"))
    }
}
