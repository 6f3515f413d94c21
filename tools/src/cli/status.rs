//! `ipc-tool status`: what components tell of themselves.

use argh::{ArgsInfo, FromArgs};
use redis_ipc::HashKind;

use super::hash::Action;
use crate::bus::Bus;
use crate::output::Output;
use crate::problem::Problem;

/// Read, write and watch the status of components.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "status",
    help_triggers("--help", "-h"),
    note = "A component writes its own status only: say --as COMPONENT to write it.",
    example = "{command_name} get printer state",
    example = "{command_name} set printer state idle --as printer",
    example = "{command_name} watch printer scanner"
)]
pub(crate) struct Status {
    #[argh(subcommand)]
    action: Action,
}

impl Status {
    pub(crate) fn run(self, bus: &Bus, output: Output) -> Result<(), Problem> {
        self.action.run(HashKind::Status, bus, output)
    }
}
