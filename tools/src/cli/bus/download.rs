//! `ipc-tool bus download`: files of a worker.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use redis_ipc::bus::Client;

use super::Room;
use crate::cli::call::{explain, seconds};
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
        let size = match &self.to {
            None => self.fetch(room, &mut client, &mut io::stdout().lock())?,
            Some(path) => self.fetch_to(room, &mut client, path)?,
        };
        if room.settings.verbose {
            room.output.note(&format!("{size} bytes"));
        }
        Ok(())
    }

    /// Writes to a file beside the wanted one, which takes its place once it is whole.
    fn fetch_to(&self, room: &Room, client: &mut Client, path: &str) -> Result<u64, Problem> {
        let beside = format!("{path}.part");
        let failed = |error| Problem::failed(format!("cannot write {path}: {error}"));
        let file = File::create(&beside).map_err(failed)?;
        let mut out = BufWriter::new(file);
        let fetched = self.fetch(room, client, &mut out).and_then(|size| {
            out.flush().map_err(failed)?;
            fs::rename(&beside, path).map_err(failed)?;
            Ok(size)
        });
        if fetched.is_err() {
            let _ = fs::remove_file(&beside);
        }
        fetched
    }

    fn fetch(
        &self,
        room: &Room,
        client: &mut Client,
        out: &mut impl Write,
    ) -> Result<u64, Problem> {
        let worker = format!("worker:{}", self.worker_id);
        let size = match self.dir {
            true => client.download_dir(&worker, &self.path, self.wait, out),
            false => client.download(&worker, &self.path, self.wait, out),
        };
        let size = size.map_err(|error| explain(error, &room.stop))?;
        out.flush().map_err(|error| Problem::output(&error))?;
        Ok(size)
    }
}
