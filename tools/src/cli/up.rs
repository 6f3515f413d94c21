//! `ipc-tool up`: start a private redis-server.

use std::fs::File;
use std::path::PathBuf;
use std::process::Child;

use argh::{ArgsInfo, FromArgs};
use redis_ipc::{Component, Options, Stop, Turn};

use super::watching::stop_on_signals;
use crate::bus::Bus;
use crate::output::Output;
use crate::private_server::{Occupant, Place, Setup, make_folder, process_of, start};
use crate::problem::Problem;

/// Below this a server refuses every write, for what it needs itself is more.
const LEAST_MEMORY: u64 = 2 << 20;

const NO_SIZE: &str = "a size is a number of bytes, or one with kb, mb or gb: 64mb";

/// Start a private redis-server.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "up",
    help_triggers("--help", "-h"),
    note = "It listens on a Unix socket that only this user can use, has no TCP port and keeps\n  \
            nothing on disk unless asked to. Once it answers, this says where.",
    note = "The program is redis-server or valkey-server, or the one that REDIS_SERVER names.",
    example = "eval \"$({command_name})\"",
    example = "{command_name} --socket /run/redis-ipc/socket --persist /var/lib/redis-ipc --foreground"
)]
pub(crate) struct Up {
    /// the socket's path; the server's address if not given
    #[argh(option, arg_name = "path")]
    socket: Option<PathBuf>,

    /// memory limit, in bytes or with kb, mb, gb; 64mb if not given, 0 for none
    #[argh(
        option,
        default = "String::from(\"64mb\")",
        from_str_fn(memory),
        arg_name = "size"
    )]
    memory: String,

    /// keep all data in this folder
    #[argh(option, arg_name = "dir")]
    persist: Option<PathBuf>,

    /// stay until the server ends; Ctrl-C and SIGTERM stop it
    #[argh(switch)]
    foreground: bool,
}

impl Up {
    pub(crate) fn run(self, bus: &Bus, output: Output) -> Result<(), Problem> {
        let place = Place::of(self.socket, bus)?;
        place.make_folder()?;
        // Made first: the folder may lead elsewhere now.
        let place = Place::of(Some(place.socket), bus)?;
        if place.is_open_to_others() {
            output.note(&format!(
                "others may write to {}: they can put a socket of theirs in the place of this one",
                place.folder().display()
            ));
        }
        let persist = self.persist.map(std::path::absolute).transpose();
        let persist = persist.map_err(|error| Problem::failed(format!("--persist: {error}")))?;
        if let Some(folder) = &persist {
            make_folder(folder)?;
        }
        let setup = Setup {
            memory: self.memory,
            persist,
            show_log: self.foreground,
        };
        let stop = stop_on_signals()?;
        let (child, running) = {
            // Of two that come at once, the second would take the socket from the first. Where
            // a folder cannot be locked, so be it.
            let folder = File::open(place.folder());
            let _locked = folder.and_then(|folder| folder.lock().map(|()| folder));
            check_vacant(&place)?;
            start(&place, setup, &stop)?
        };
        output.up(&running)?;
        match self.foreground {
            true => stay(&place, child, stop),
            false => Ok(()),
        }
    }
}

/// Refuses if somebody is there already.
fn check_vacant(place: &Place) -> Result<(), Problem> {
    let socket = place.socket.display();
    match place.occupant()? {
        Occupant::Nobody => place.check_free(),
        Occupant::Server(mut server) => {
            let way = match place.is_ours(&mut server) {
                true => "stop it by `ipc-tool down`",
                false => "name another path by --socket",
            };
            let pid = process_of(&mut server).map_or("unknown".to_owned(), |pid| pid.to_string());
            Err(Problem::failed(format!(
                "a server answers at {socket} already (process {pid}): use it, or {way}"
            )))
        }
        Occupant::Stranger(error) => Err(Problem::failed(format!(
            "a server is at {socket} already, but {error}"
        ))),
    }
}

/// Waits for the server's end, or for Ctrl-C to bring it about.
fn stay(place: &Place, mut child: Child, stop: Stop) -> Result<(), Problem> {
    let thread = format!("up-{}", std::process::id());
    let options = Options::default();
    let mut component = Component::connect_to(&place.endpoint, "ipc-tool", &thread, options)?;
    component.set_stop(stop);
    let stopped = loop {
        match component.next(None)? {
            Some(Turn::Stop) => break true,
            // It has ended, by itself or because somebody else has stopped it.
            Some(Turn::Bus(_)) => break false,
            _ => {}
        }
    };
    if stopped {
        super::down::stop(place, component.connection())?;
    }
    let status = child
        .wait()
        .map_err(|error| Problem::failed(format!("lost touch with the server: {error}")))?;
    place.clean();
    match status.success() {
        true => Ok(()),
        false => Err(Problem::failed(format!("the server ended with {status}"))),
    }
}

/// A size as redis-server takes it.
fn memory(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    let number = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &lower[number.len()..] {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1000 * 1000,
        "mb" => 1 << 20,
        "g" => 1000 * 1000 * 1000,
        "gb" => 1 << 30,
        _ => return Err(NO_SIZE.to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| NO_SIZE.to_owned())?;
    match number.checked_mul(unit) {
        Some(0 | LEAST_MEMORY..) => Ok(lower),
        Some(_) => Err("a server needs 2mb for itself".to_owned()),
        None => Err(NO_SIZE.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_redis_takes_them() {
        assert_eq!(memory("64MB").as_deref(), Ok("64mb"));
        assert_eq!(memory("3000000").as_deref(), Ok("3000000"));
        assert_eq!(memory("0").as_deref(), Ok("0"));
        for text in [
            "",
            "mb",
            "-1",
            "1.5gb",
            "64 mb",
            "64tb",
            "ü",
            "99999999999gb",
            "64",
        ] {
            assert!(memory(text).is_err(), "{text}");
        }
    }
}
