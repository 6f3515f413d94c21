//! One file descriptor for all that a component waits for, for programs with a loop of their own.
//!
//! It is an epoll set of the sockets on which things arrive and of a timer. The timer stands for
//! all that no socket tells: that something was set aside, that it is time to connect again, that
//! the next command has to be asked for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use super::Component;
use super::delivery::pop;
use super::line::Line;
use super::watch::Watch;
use crate::connection::Connection;
use crate::error::{Error, Outcome};

/// When a component has something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Now,
    At(Instant),
    /// When something arrives.
    Never,
}

#[derive(Debug)]
pub(super) struct Readiness {
    epoll: OwnedFd,
    timer: OwnedFd,
    /// Which of the line's connections are in the set: a closed one leaves it by itself.
    registered: Option<(u32, bool)>,
    /// What the timer is set to.
    due: Due,
}

impl Component {
    /// A file descriptor that can be read from, as epoll, poll or select say, when
    /// [`next`](Self::next) has something to do. Then call `next` with a time-out of zero until
    /// it returns `None`.
    ///
    /// The descriptor stays the same for as long as the component lives; watch it, and do nothing
    /// else with it. What makes it readable is brought up to date by this very call: after any
    /// other use of the component, call it before you wait. That costs a system call if something
    /// has changed and nothing otherwise.
    ///
    /// It may be readable without need. Once it is used, the component holds the connection on
    /// which things arrive, whether it serves and listens or not.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// # let mut web = redis_ipc::Component::connect("web", "main")?;
    /// web.subscribe_events(Some("printer"), None)?;
    /// loop {
    ///     let fd = web.poll_fd()?;
    ///     rustix::event::poll(&mut [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::IN)], None)?;
    ///     while let Some(turn) = web.next(Some(Duration::ZERO))? {
    ///         println!("{turn:?}");
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::System`] if the system has no descriptor to spare, [`Error::Forked`] in a child
    /// process.
    pub fn poll_fd(&mut self) -> Result<BorrowedFd<'_>, Error> {
        if self.is_inherited() {
            // The set is the parent's too, and would be changed for it.
            return Err(Error::Forked {
                outcome: Outcome::NotSent,
            });
        }
        let due = self.due_at();
        let readiness = match self.readiness.take() {
            Some(readiness) => readiness,
            None => Readiness::new().map_err(system)?,
        };
        let readiness = self.readiness.insert(readiness);
        readiness.watch(&self.line).map_err(system)?;
        readiness.set_timer(due).map_err(system)?;
        Ok(readiness.epoll.as_fd())
    }

    /// When [`next`](Self::next) has something to do that no socket tells of.
    fn due_at(&mut self) -> Due {
        let line = &self.line;
        if line.stop.is_requested() || !self.news.is_empty() || !line.backlog.is_empty() {
            return Due::Now;
        }
        let tick = line.tick.map(|tick| tick.next());
        let now = Instant::now();
        let bus = if self.outage.is_over() {
            if self.has_to_ask() {
                return Due::Now;
            }
            self.status_due
        } else if self.outage.next_attempt() > now {
            Some(self.outage.next_attempt())
        } else {
            match self.outage.trial() {
                Some(trial) => Some(trial),
                None => return Due::Now,
            }
        };
        match [tick, bus].into_iter().flatten().min() {
            Some(at) if at <= now => Due::Now,
            Some(at) => Due::At(at),
            None => Due::Never,
        }
    }

    /// Whether the server has to be asked or told something before there is anything to wait for.
    fn has_to_ask(&self) -> bool {
        let line = &self.line;
        let connected =
            line.connection.is_connected() && line.generation == line.connection.generation();
        let told = !self.restarted && !self.unrestored && !line.to_resume;
        let watched = line.armed == line.watches.len() && !line.watches.iter().any(Watch::spoilt);
        let asked = line.serve.asked() || pop(&line.queues, line.durable.as_ref()).is_none();
        !(connected && told && watched && asked && line.drained)
    }
}

impl Readiness {
    fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )?;
        epoll::add(&epoll, &timer, EventData::new_u64(0), EventFlags::IN)?;
        Ok(Self {
            epoll,
            timer,
            registered: None,
            due: Due::Never,
        })
    }

    /// Has the set hold the sockets that the line has now.
    fn watch(&mut self, line: &Line) -> io::Result<()> {
        let present = line
            .connection
            .is_connected()
            .then(|| (line.connection.generation(), line.listener.is_some()));
        if self.registered == present {
            return Ok(());
        }
        let sockets = [Some(&line.connection), line.listener.as_ref()];
        for socket in sockets.into_iter().flatten().filter_map(Connection::socket) {
            match epoll::add(&self.epoll, socket, EventData::new_u64(0), EventFlags::IN) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.registered = present;
        Ok(())
    }

    fn set_timer(&mut self, due: Due) -> io::Result<()> {
        if self.due == due {
            return Ok(());
        }
        let wait = match due {
            Due::Never => Duration::ZERO,
            Due::Now => Duration::from_nanos(1),
            // Nothing at all would stop the timer.
            Due::At(at) => at
                .saturating_duration_since(Instant::now())
                .max(Duration::from_nanos(1)),
        };
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec::try_from(wait).unwrap_or(Timespec {
                tv_sec: i32::MAX.into(),
                tv_nsec: 0,
            }),
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        self.due = due;
        Ok(())
    }
}

fn system(error: io::Error) -> Error {
    Error::System(error)
}
