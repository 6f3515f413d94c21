//! The socket itself: bytes in, bytes out, never past a deadline.
//!
//! A wait for bytes costs one system call. The kernel is told once how long a receive may sleep
//! at most; a receive that has longer simply sleeps again. Only a wait that is shorter than that
//! limit lowers it, and it is raised again while nothing happens.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::{Readable, Received, Sent, connect};
use crate::endpoint::Place;
use crate::options::Options;

/// The longest sleep inside one receive: a stop that is asked for from another thread, or in the
/// moment before the sleep, is noticed after that long at the latest.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Below this, a wait is done with poll(2), which takes its time-out by the call.
const SHORTEST_SLEEP: Duration = Duration::from_millis(2);

/// A connected stream socket.
#[derive(Debug)]
pub(super) struct Line {
    fd: OwnedFd,
    /// What the kernel was told as the longest sleep of a receive.
    sleep: Duration,
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Line {
    /// Connects, by `deadline` at the latest.
    pub(super) fn connect(place: &Place, options: &Options, deadline: Instant) -> io::Result<Self> {
        let fd = connect::connect(place, options, deadline)?;
        rustix::io::ioctl_fionbio(&fd, false)?;
        let mut socket = Self {
            fd,
            sleep: Duration::ZERO,
        };
        socket.set_sleep(LONGEST_SLEEP)?;
        Ok(socket)
    }

    /// Sends what the kernel takes at once; waits until `deadline` if it takes nothing. With
    /// `wake_on_input`, that wait ends when something can be received.
    pub(super) fn send(
        &self,
        bytes: &[u8],
        deadline: Instant,
        wake_on_input: bool,
    ) -> io::Result<Sent> {
        loop {
            // MSG_NOSIGNAL: a dead peer is an error here, not a SIGPIPE for the whole program.
            match send(&self.fd, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(count) => return Ok(Sent::Taken(count)),
                Err(Errno::AGAIN) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let mut wanted = PollFlags::OUT;
            if wake_on_input {
                wanted |= PollFlags::IN;
            }
            let ready = self.wait(wanted, deadline)?;
            if ready.is_empty() && Instant::now() >= deadline {
                return Ok(Sent::Late);
            }
            if ready.contains(PollFlags::IN) && !ready.contains(PollFlags::OUT) {
                return Ok(Sent::InputWaits);
            }
        }
    }

    /// Receives what is there; waits until `deadline`, or for ever, if nothing is.
    ///
    /// # Errors
    /// `UnexpectedEof` at the end of the stream, else what the system says.
    pub(super) fn receive(
        &mut self,
        room: &mut [u8],
        deadline: Option<Instant>,
    ) -> io::Result<Received> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let flags = match left {
            Some(left) if left < self.sleep => self.sleep_less(left)?,
            _ => RecvFlags::empty(),
        };
        match recv(&self.fd, &mut *room, flags) {
            Ok((0, _)) if !room.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok((count, _)) => Ok(Received::Bytes(count)),
            Err(Errno::INTR) => Ok(Received::Interrupted),
            Err(Errno::AGAIN) if deadline.is_some_and(|d| Instant::now() >= d) => {
                Ok(Received::Late)
            }
            Err(Errno::AGAIN) => {
                self.sleep_more(left)?;
                Ok(Received::Interrupted)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Receives what is there now, if anything is.
    pub(super) fn receive_now(&self, room: &mut [u8]) -> io::Result<Option<usize>> {
        match recv(&self.fd, &mut *room, RecvFlags::DONTWAIT) {
            Ok((0, _)) if !room.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok((count, _)) => Ok(Some(count)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until one of two lines can be read from.
    pub(super) fn either_readable(
        one: &Self,
        other: &Self,
        deadline: Option<Instant>,
    ) -> io::Result<Readable> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let mut fds = [
            PollFd::new(&one.fd, PollFlags::IN),
            PollFd::new(&other.fd, PollFlags::IN),
        ];
        let timeout = timespec(left.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP));
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) if left.is_some_and(|left| left <= LONGEST_SLEEP) => Ok(Readable::Late),
            Ok(0) | Err(Errno::INTR) => Ok(Readable::Interrupted),
            Ok(_) => Ok(Readable::Yes),
            Err(error) => Err(error.into()),
        }
    }

    /// Sees to it that the next receive sleeps no longer than `left`.
    fn sleep_less(&mut self, left: Duration) -> io::Result<RecvFlags> {
        if left >= SHORTEST_SLEEP {
            self.set_sleep(halved_to(left))?;
            return Ok(RecvFlags::empty());
        }
        poll_for(&self.fd, PollFlags::IN, left)?;
        Ok(RecvFlags::DONTWAIT)
    }

    fn sleep_more(&mut self, left: Option<Duration>) -> io::Result<()> {
        let sleep = left.map_or(LONGEST_SLEEP, halved_to);
        if sleep > self.sleep {
            self.set_sleep(sleep)?;
        }
        Ok(())
    }

    fn set_sleep(&mut self, sleep: Duration) -> io::Result<()> {
        sockopt::set_socket_timeout(&self.fd, Timeout::Recv, Some(sleep))?;
        self.sleep = sleep;
        Ok(())
    }

    fn wait(&self, wanted: PollFlags, deadline: Instant) -> io::Result<PollFlags> {
        let left = deadline.saturating_duration_since(Instant::now());
        poll_for(&self.fd, wanted, left)
    }
}

/// The longest sleep halved until it is no longer than `left`.
fn halved_to(left: Duration) -> Duration {
    let mut sleep = LONGEST_SLEEP;
    while sleep > left && sleep > SHORTEST_SLEEP {
        sleep /= 2;
    }
    sleep
}

/// Waits until one of `wanted` is true of `fd`, or `left` has passed; says which is.
pub(super) fn poll_for(fd: &OwnedFd, wanted: PollFlags, left: Duration) -> io::Result<PollFlags> {
    let mut fds = [PollFd::new(fd, wanted)];
    match poll(&mut fds, Some(&timespec(left))) {
        Ok(_) => Ok(fds[0].revents()),
        Err(Errno::INTR) => Ok(PollFlags::empty()),
        Err(error) => Err(error.into()),
    }
}

/// A Duration that a Timespec cannot hold is one that nobody waits out.
fn timespec(left: Duration) -> Timespec {
    Timespec::try_from(left).unwrap_or(Timespec {
        tv_sec: i64::from(i32::MAX),
        tv_nsec: 0,
    })
}
