//! `ipc-tool bus download`: files of a worker.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use super::Room;
use crate::cli::call::seconds;
use crate::problem::Problem;

/// Copy a file of a worker, or a folder as a zip archive.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "download",
    help_triggers("--help", "-h"),
    example = "{command_name} --worker-id calc-1 logs --dir --to logs.zip"
)]
pub(super) struct Download {
    /// the worker
    #[argh(option, arg_name = "id")]
    worker_id: String,

    /// take a whole folder, as a zip archive
    #[argh(switch)]
    dir: bool,

    /// where to write it; standard output if not given
    #[argh(option, arg_name = "file")]
    to: Option<String>,

    /// how long each piece may take, in seconds; 10 if not given
    #[argh(
        option,
        default = "Duration::from_secs(10)",
        from_str_fn(seconds),
        arg_name = "s"
    )]
    wait: Duration,

    /// the file or the folder, counted from the worker's own
    #[argh(positional)]
    path: String,
}

impl Download {
    pub(super) fn run(self, room: &Room) -> Result<(), Problem> {
        let mut client = room.client()?;
        let mut out: Box<dyn Write> = match &self.to {
            Some(path) => {
                let file = File::create(path);
                let file =
                    file.map_err(|error| Problem::failed(format!("cannot write {path}: {error}")))?;
                Box::new(BufWriter::new(file))
            }
            None => Box::new(io::stdout().lock()),
        };
        let worker = format!("worker:{}", self.worker_id);
        let size = match self.dir {
            true => client.download_dir(&worker, &self.path, self.wait, &mut out)?,
            false => client.download(&worker, &self.path, self.wait, &mut out)?,
        };
        out.flush().map_err(|error| Problem::output(&error))?;
        if room.settings.verbose {
            room.output.note(&format!("{size} bytes"));
        }
        Ok(())
    }
}
