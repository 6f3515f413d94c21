//! A terminal that is closed: it is told by SIGHUP.

use std::fs;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::thread;

use redis_ipc::Stop;
use signal_hook::consts::SIGHUP;
use signal_hook::low_level::pipe;

/// Has SIGHUP ask for a stop, unless it is ignored: somebody wants us to outlive his terminal then
/// (`nohup`).
///
/// # Errors
/// What the system says if it refuses the handler.
pub(super) fn heed(stop: &Stop) -> io::Result<()> {
    if is_ignored() {
        return Ok(());
    }
    let (mut told, tell) = UnixStream::pair()?;
    pipe::register(SIGHUP, tell)?;
    let stop = stop.clone();
    let wait = move || {
        if told.read_exact(&mut [0]).is_ok() {
            stop.request();
        }
    };
    thread::Builder::new()
        .name("hangup".to_owned())
        .spawn(wait)?;
    Ok(())
}

/// By the mask of signals that this process ignores.
fn is_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (SIGHUP - 1)) != 0)
}
