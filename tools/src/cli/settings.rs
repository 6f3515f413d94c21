//! `ipc-tool settings`: what components are told.

use argh::{ArgsInfo, FromArgs};
use redis_ipc::HashKind;

use super::hash::Action;
use crate::bus::Bus;
use crate::output::Output;
use crate::problem::Problem;

/// Read, write and watch the settings of components.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "settings",
    help_triggers("--help", "-h"),
    note = "Settings are written by the bus's settings_writer only: by component db, unless\n  \
            the setting of that name of redis-ipc says otherwise.",
    example = "{command_name} get printer",
    example = "{command_name} set printer dpi 600 duplex true --as db",
    example = "{command_name} set redis-ipc settings_writer '*'"
)]
pub(crate) struct Settings {
    #[argh(subcommand)]
    action: Action,
}

impl Settings {
    pub(crate) fn run(self, bus: &Bus, output: Output) -> Result<(), Problem> {
        self.action.run(HashKind::Settings, bus, output)
    }
}
