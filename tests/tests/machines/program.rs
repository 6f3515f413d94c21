//! What a program has before it has a line: its name, its queues, its clocks.

use crate::wire::{Fixed, array};
use redis_ipc_core::call::Terms;
use redis_ipc_core::dialect::redis_ipc::{Stamp, Timestamp};
use redis_ipc_core::identity::Identity;
use redis_ipc_core::key::Key;
use redis_ipc_core::name::{Component, Subqueue, Thread};
use redis_ipc_core::session::Session;
use std::cell::Cell;
use std::time::Duration;

pub(crate) const PRINT: &str = "queues.commands.printer.print";
pub(crate) const RESULTS: &str = "queues.results.desk.ui-1";
pub(crate) const ID: &str = "desk-ui-1-13490-0";
/// The members of a command or result that say who sent it.
pub(crate) const TAIL: &str =
    r#""timestamp":"1795229003.168056","component":"desk","thread":"ui-1","tid":13490}"#;

/// The caller of the recorded traffic.
pub(crate) struct Program {
    identity: Identity,
    pub(crate) queues: [Key; 2],
}

impl Program {
    pub(crate) fn new() -> Self {
        let desk = Component::parse("desk").unwrap();
        let thread = Thread::parse("ui-1").unwrap();
        let printer = Component::parse("printer").unwrap();
        let queue = |name| Key::commands(printer, Some(Subqueue::parse(name).unwrap())).unwrap();
        Self {
            identity: Identity::new(desk, thread, 13490, 0).unwrap(),
            queues: [queue("cancel"), queue("print")],
        }
    }

    /// A call of the print queue, to be answered within 5 s.
    pub(crate) fn terms(&self) -> Terms<'_> {
        Terms {
            queue: &self.queues[1],
            results: self.identity.results_queue(),
            id: ID,
            timeout: Duration::from_secs(5),
            queue_limit: 3,
        }
    }

    pub(crate) fn stamp(&self) -> Stamp<'_> {
        self.identity.stamp(Timestamp {
            seconds: 1_795_229_003,
            microseconds: 168_056,
        })
    }
}

pub(crate) fn session(inbox: usize, outbox: usize) -> Session<Fixed> {
    Session::new(Fixed::new(inbox), Fixed::new(outbox))
}

/// The command with these members of the user's, as it must be on the wire.
pub(crate) fn command(members: &str) -> String {
    format!(r#"{{{members},"results_queue":"{RESULTS}","command_id":"{ID}",{TAIL}"#)
}

/// What a call writes at its beginning.
pub(crate) fn call(command: &str) -> String {
    array(&["RPUSH", PRINT, command]) + &array(&["BLPOP", RESULTS, "5"])
}

/// What a call writes when its time is up.
pub(crate) fn take_back(command: &str) -> String {
    array(&["LREM", PRINT, "-1", command]) + &array(&["LPOP", RESULTS])
}

/// What the server says when a result with these members was pushed.
pub(crate) fn popped(members: &str) -> String {
    array(&[RESULTS, &format!(r#"{{{members},"command_id":"{ID}"}}"#)])
}

/// A clock that goes on by itself each time it is looked at.
pub(crate) struct Clock {
    now: Cell<Duration>,
    step: Duration,
}

impl Clock {
    pub(crate) fn steps(milliseconds: u64) -> Self {
        Self {
            now: Cell::new(Duration::from_secs(100)),
            step: Duration::from_millis(milliseconds),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        let now = self.now.get();
        self.now.set(now + self.step);
        now
    }
}
