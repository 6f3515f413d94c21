//! The component as a member of the bus, over one line that must never wait.

use redis_ipc_core::key::Key;
use redis_ipc_core::link::polled::Link;
use redis_ipc_core::link::resync::{self, Resync};
use redis_ipc_core::name::Component;
use redis_ipc_core::serve::woken::Woken;
use redis_ipc_core::session::{Sequence, Session};

use crate::clock::Milliseconds;
use crate::line::Line;
use crate::sensor::Sensor;

mod hear;
mod tell;
mod time;

use time::Time;

/// Its name on the bus; another one is given when it is built.
const NAME: &str = match option_env!("COMPONENT") {
    Some(name) => name,
    None => "sensor",
};
/// The server's password, if it wants one: given when it is built.
const PASSWORD: Option<&str> = option_env!("PASSWORD");

/// How long a line must be quiet before it is called again.
const QUIET: Milliseconds = 30;
/// How long quiet is waited for.
const NOISE: Milliseconds = 500;
/// Time from one look whether the line is still the same one to the next.
const BEAT: Milliseconds = 1000;
/// How long results that nobody reads are kept.
const UNREAD_RESULTS: Milliseconds = 300_000;
/// Requests that may be in flight, those for commands and results aside.
const IN_FLIGHT: usize = 8;

/// The component; see the [module](self).
pub(crate) struct Member<'m, L> {
    pub(crate) link: Link<L, &'m mut [u8]>,
    phase: Phase,
    woken: Woken,
    asked: [Option<(Sequence, Asked)>; IN_FLIGHT],
    queues: [Key; 1],
    settings: Key,
    status: Key,
    events: Key,
    /// Where the last result went.
    results: Option<Key>,
    sensor: Sensor,
    due: Due,
    /// When something was heard of the server last, or something began to be waited for.
    heard: Milliseconds,
    time: Time,
}

/// How far the line is.
enum Phase {
    /// Out of step: what comes is dropped until nothing comes.
    Lost {
        since: Milliseconds,
        noise: Milliseconds,
    },
    /// Called: what comes is dropped until the answer has passed.
    Called { since: Milliseconds, resync: Resync },
    /// In step.
    Member,
}

/// What one of our own requests is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Hello,
    Track,
    Time,
    Settings,
    Beat,
    /// Its reply is only looked at for refusals.
    Any,
}

/// What is to be done as soon as there is room for it.
struct Due {
    settings: bool,
    status: bool,
    beat: Milliseconds,
    event: Milliseconds,
}

/// The line is out of step, or another one than before.
struct OutOfStep;

impl<'m, L: Line> Member<'m, L> {
    /// On a line of which nothing is known yet; `None` if the name makes no keys. The two rooms
    /// are for what comes and for what goes.
    pub(crate) fn new(line: L, inbox: &'m mut [u8], outbox: &'m mut [u8]) -> Option<Self> {
        let name = Component::parse(NAME).ok()?;
        Some(Self {
            link: Link::new(line, Session::new(inbox, outbox)),
            phase: Phase::Lost { since: 0, noise: 0 },
            woken: Woken::new(),
            asked: [None; IN_FLIGHT],
            queues: [Key::commands(name, None).ok()?],
            settings: Key::settings(name).ok()?,
            status: Key::status(name).ok()?,
            events: Key::events(name, None).ok()?,
            results: None,
            sensor: Sensor::new(),
            due: Due {
                settings: true,
                status: true,
                beat: 0,
                event: 0,
            },
            heard: 0,
            time: Time::default(),
        })
    }

    /// Does what can be done now; says whether there may be more. Never waits.
    pub(crate) fn turn(&mut self, now: Milliseconds) -> bool {
        self.link.line().tend(now);
        if self.link.line().is_broken() {
            self.lose(now);
        }
        match self.phase {
            Phase::Lost { since, noise } => self.drain(now, since, noise),
            Phase::Called { since, .. } => self.hunt(now, since),
            Phase::Member => self.take_part(now).unwrap_or_else(|_| {
                self.give_up(now);
                true
            }),
        }
    }

    fn lose(&mut self, now: Milliseconds) {
        if self.woken.reset() {
            self.sensor.lost = self.sensor.lost.wrapping_add(1);
        }
        self.asked = [None; IN_FLIGHT];
        self.link.session().reset();
        self.phase = Phase::Lost {
            since: now,
            noise: now,
        };
    }

    /// The line itself does not know that it is lost.
    fn give_up(&mut self, now: Milliseconds) {
        self.link.line().hang_up();
        self.lose(now);
    }

    /// Drops what comes; calls the server when nothing comes any more.
    fn drain(&mut self, now: Milliseconds, since: Milliseconds, noise: Milliseconds) -> bool {
        let mut noise = noise;
        while self.byte().is_some() {
            noise = now;
        }
        if now.saturating_sub(noise) < QUIET && now.saturating_sub(since) < NOISE {
            self.phase = Phase::Lost { since, noise };
            return false;
        }
        let _ = self.link.ask(|w| w.put(resync::REQUEST));
        self.phase = Phase::Called {
            since: now,
            resync: Resync::new(),
        };
        true
    }

    /// Waits for the answer to the call, for a quarter of its patience, and greets the server then.
    fn hunt(&mut self, now: Milliseconds, since: Milliseconds) -> bool {
        // What cannot be sent now is sent in another turn.
        let _ = self.link.flush();
        while let Some(byte) = self.byte() {
            let Phase::Called { resync, .. } = &mut self.phase else {
                return true;
            };
            if resync.pass_byte(byte) {
                self.link.session().reset();
                self.phase = Phase::Member;
                if self.greet(now).is_err() {
                    self.give_up(now);
                }
                return true;
            }
        }
        if now.saturating_sub(since) > L::PATIENCE / 4 {
            self.give_up(now);
        }
        false
    }

    /// One byte from the line, past the session.
    fn byte(&mut self) -> Option<u8> {
        let line = self.link.line();
        let mut byte = [0];
        let there = line.read_ready().unwrap_or(false);
        (there && line.read(&mut byte).unwrap_or(0) == 1).then_some(byte[0])
    }
}
