//! `ipc-tool bus logs`: what a worker has written down.

use argh::{ArgsInfo, FromArgs};

use super::Room;
use crate::object::visible;
use crate::problem::Problem;

/// Print the log of a worker, the oldest entry first.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand, name = "logs", help_triggers("--help", "-h"))]
pub(super) struct Logs {
    /// the type of the worker
    #[argh(option, arg_name = "type")]
    worker: Option<String>,

    /// its id
    #[argh(option, arg_name = "id")]
    worker_id: String,
}

impl Logs {
    pub(super) fn run(self, room: &Room) -> Result<(), Problem> {
        let worker_type = room.needed_type(self.worker.as_deref())?;
        for entry in room.client()?.logs(worker_type, &self.worker_id)? {
            room.output.line(
                || {
                    let (time, level) = (visible(&entry.time), visible(&entry.level));
                    format!("{time}  {level}  {}", visible(&entry.message))
                },
                || serde_json::to_string(&entry).unwrap_or_default(),
            )?;
        }
        Ok(())
    }
}
