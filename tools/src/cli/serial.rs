//! `ipc-tool serial`: be the host's end of a board's serial line.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};

use super::watching::stop_on_signals;
use crate::bus::Bus;
use crate::output::Output;
use crate::problem::Problem;
use crate::serial::{self, DeviceError, Rules, Settings};

/// Connect a board on a serial line to the server: take the frames off what it says, let it do what
/// it is allowed to, and send what is lost on the line again. Runs until Ctrl-C; a device or a server
/// that is gone is waited for.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "serial",
    help_triggers("--help", "-h"),
    note = "With --component a board may take that component's commands, answer them, keep its\n  \
            status, read its settings and publish its events. --allow adds a command and the keys or\n  \
            channels it may be used on, where * stands for anything. All else is answered with\n  \
            NOPERM and does not reach the server.",
    example = "{command_name} --device /dev/ttyUSB0 --component sensor",
    example = "{command_name} --device /dev/ttyACM0 --baud 921600 --component panel \\\n      \
               --allow 'RPUSH queues.commands.printer*'"
)]
pub(super) struct Serial {
    /// the serial port, or a Unix socket that stands for one
    #[argh(option, arg_name = "path")]
    device: PathBuf,

    /// its speed; 115200 if not given
    #[argh(option, default = "115_200", arg_name = "n")]
    baud: u32,

    /// the component that the board is
    #[argh(option, arg_name = "name")]
    component: Option<String>,

    /// 'COMMAND PATTERN…' that it may use besides; may be given several times
    #[argh(option, arg_name = "rule")]
    allow: Vec<String>,
}

impl Serial {
    pub(super) fn run(self, bus: &Bus, output: Output) -> Result<(), Problem> {
        let mut rules = Rules::default();
        if let Some(name) = &self.component {
            let bad = |error| Problem::usage(format!("--component {name:?}: {error}"));
            rules.allow_component(name).map_err(bad)?;
        }
        for rule in &self.allow {
            let bad = |why| Problem::usage(format!("--allow {rule:?}: {why}"));
            rules.allow(rule).map_err(bad)?;
        }
        if self.component.is_none() && self.allow.is_empty() {
            return Err(Problem::usage(
                "what may the board do? --component NAME, or --allow 'COMMAND PATTERN'",
            ));
        }
        let settings = Settings {
            endpoint: bus.endpoint()?,
            device: self.device,
            baud: self.baud,
            rules,
        };
        // Whether there is a server is told now, and not by a board that is not answered.
        drop(bus.join()?);
        let device = serial::open_device(&settings.device, settings.baud)?;
        let stop = stop_on_signals()?;
        output.note(&format!(
            "serving {} for {}",
            settings.device.display(),
            settings.endpoint
        ));
        let mut buffers = Box::new(serial::Buffers::new());
        serial::run(&settings, device, &mut buffers, &stop, output)
    }
}

impl From<DeviceError> for Problem {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::Baud { .. } => Self::usage(error.to_string()),
            _ => Self::failed(error.to_string()),
        }
    }
}
