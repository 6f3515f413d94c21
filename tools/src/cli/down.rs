//! `ipc-tool down`: stop the private redis-server that `up` has started.

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use redis_ipc::{Connection, Error};

use crate::bus::Bus;
use crate::output::Output;
use crate::private_server::{Occupant, Place, process_of};
use crate::problem::Problem;

/// How long a server may take to end; it may have to write to its disk first.
const LIMIT: Duration = Duration::from_secs(30);

/// Stop the private redis-server that up has started.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "down",
    help_triggers("--help", "-h"),
    note = "Waits until it is gone. Refuses to stop any other server."
)]
pub(crate) struct Down {
    /// the socket's path; the server's address if not given
    #[argh(option, arg_name = "path")]
    socket: Option<PathBuf>,
}

impl Down {
    pub(crate) fn run(self, bus: &Bus, output: Output) -> Result<(), Problem> {
        let place = Place::of(self.socket, bus)?;
        let socket = place.socket.display().to_string();
        let mut server = match place.occupant()? {
            Occupant::Server(server) => server,
            Occupant::Stranger(error) => return Err(error.into()),
            Occupant::Nobody if place.process_file().exists() => {
                place.clean();
                return output.down(&socket, None);
            }
            Occupant::Nobody => {
                return Err(Problem::no_server(format!("no server runs at {socket}")));
            }
        };
        let pid = process_of(&mut server);
        if !place.is_ours(&mut server) {
            let pid = pid.map_or("unknown".to_owned(), |pid| pid.to_string());
            return Err(Problem::failed(format!(
                "the server at {socket} (process {pid}) was not started by `ipc-tool up` there: \
                 stop it the way it was started"
            )));
        }
        stop(&place, &mut server)?;
        output.down(&socket, pid)
    }
}

/// Has a server end and waits for it. The line breaks when its process is gone, not before.
pub(super) fn stop(place: &Place, server: &mut Connection) -> Result<(), Problem> {
    match server.blocking_command(&["SHUTDOWN"], LIMIT) {
        Err(Error::Disconnected { .. }) => {
            place.clean();
            Ok(())
        }
        Err(error) => Err(error.into()),
        Ok(reply) => Err(Problem::failed(format!(
            "the server answered SHUTDOWN with {reply:?}"
        ))),
    }
}
