//! Connecting within a deadline, to whatever kind of address.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::sockopt;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect as begin, socket_with,
};

use super::line::poll_for;
#[cfg(feature = "tcp")]
use super::tcp;
use crate::endpoint::Place;
use crate::options::Options;

/// A connected socket that does not block yet.
#[cfg_attr(
    not(feature = "tcp"),
    expect(unused_variables, reason = "what can be chosen concerns TCP")
)]
pub(super) fn connect(place: &Place, options: &Options, deadline: Instant) -> io::Result<OwnedFd> {
    match place {
        Place::Unix(path) => {
            let address = SocketAddrUnix::new(path)?;
            let fd = open(AddressFamily::UNIX)?;
            finish(&fd, || begin(&fd, &address), deadline)?;
            Ok(fd)
        }
        #[cfg(feature = "tcp")]
        Place::Tcp { host, port } => tcp::connect(host, *port, options, deadline),
        // Which server that is has to be found out first.
        #[cfg(feature = "tcp")]
        Place::Sentinels(_) => Err(io::ErrorKind::InvalidInput.into()),
    }
}

pub(super) fn open(family: AddressFamily) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(family, SocketType::STREAM, flags, None)?)
}

/// Sees a connect that does not block to its end.
pub(super) fn finish(
    fd: &OwnedFd,
    attempt: impl Fn() -> rustix::io::Result<()>,
    deadline: Instant,
) -> io::Result<()> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match attempt() {
            Ok(()) | Err(Errno::ISCONN) => return Ok(()),
            Err(Errno::INTR) => continue,
            Err(Errno::INPROGRESS | Errno::ALREADY) => {
                if poll_for(fd, PollFlags::OUT, left)?.is_empty() && left.is_zero() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                sockopt::socket_error(fd)??;
            }
            // The queue of a Unix socket's listener is full; the kernel offers no wait for it.
            Err(Errno::AGAIN) if !left.is_zero() => {
                std::thread::sleep(left.min(Duration::from_millis(5)));
            }
            Err(Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) => return Err(error.into()),
        }
    }
}
