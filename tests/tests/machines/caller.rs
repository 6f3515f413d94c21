//! A caller without a line and without a clock.

use std::time::Duration;

use crate::wire::{Fixed, array, hear, said};
use redis_ipc_core::call::{Call, Progress, Terms};
use redis_ipc_core::key::Key;
use redis_ipc_core::name::{Component, Subqueue, Thread};
use redis_ipc_core::resp::Reply;
use redis_ipc_core::session::Session;
use redis_ipc_core::write::TooLong;

pub(crate) const QUEUE: &str = "queues.commands.printer.print";
pub(crate) const RESULTS: &str = "queues.results.desk.ui-1";
/// The id of the call.
pub(crate) const ID: &str = "desk-ui-1-13490-0";
pub(crate) const COMMAND: &str = r#"{"file":"ünï.pdf","command_id":"desk-ui-1-13490-0"}"#;
/// All ways to say nothing.
pub(crate) const NIL: [&str; 3] = ["*-1\r\n", "$-1\r\n", "_\r\n"];

pub(crate) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Terms as long as the test: it leaks the keys.
fn terms(timeout: Duration, queue_limit: u64) -> Terms<'static> {
    let printer = Component::parse("printer").unwrap();
    let print = Subqueue::parse("print").unwrap();
    let queue = Key::commands(printer, Some(print)).unwrap();
    let desk = Component::parse("desk").unwrap();
    let results = Key::results(desk, Thread::parse("ui-1").unwrap()).unwrap();
    Terms {
        queue: Box::leak(Box::new(queue)),
        results: Box::leak(Box::new(results)),
        id: ID,
        timeout,
        queue_limit,
    }
}

pub(crate) struct Caller {
    pub(crate) session: Session<Fixed>,
    pub(crate) call: Call<'static>,
    pub(crate) now: Duration,
    /// The result, or the server's refusal.
    pub(crate) text: String,
}

impl Caller {
    /// Calls at 10 s on its clock, with a time-out of 5 s.
    pub(crate) fn new() -> Self {
        Self::with(ms(5000), 3)
    }

    pub(crate) fn with(timeout: Duration, queue_limit: u64) -> Self {
        Self::over(1024, timeout, queue_limit).unwrap()
    }

    /// A caller with an outbox of so many bytes.
    pub(crate) fn over(
        outbox: usize,
        timeout: Duration,
        queue_limit: u64,
    ) -> Result<Self, TooLong> {
        let mut session = Session::new(Fixed::new(1024), Fixed::new(outbox));
        let now = ms(10_000);
        let call = Call::begin(&mut session, terms(timeout, queue_limit), now, |w| {
            w.put(COMMAND.as_bytes());
            Ok::<(), TooLong>(())
        })?;
        Ok(Self {
            session,
            call,
            now,
            text: String::new(),
        })
    }

    /// A caller whose command was sent and queued.
    pub(crate) fn queued() -> Self {
        let mut caller = Self::new();
        said(&mut caller.session);
        assert_eq!(caller.hears(":1\r\n"), [Progress::Waiting]);
        caller
    }

    pub(crate) fn hears(&mut self, bytes: &str) -> Vec<Progress> {
        let mut all = Vec::new();
        hear(&mut self.session, bytes.as_bytes(), |session, incoming| {
            all.push(self.call.handle(session, incoming, self.now).unwrap());
            self.text = match session.frame() {
                Reply::Error(error) => error.to_string(),
                _ => self.call.result(session).to_owned(),
            };
        });
        all
    }

    /// What it hears at so many milliseconds after the call began.
    pub(crate) fn hears_at(&mut self, milliseconds: u64, bytes: &str) -> Vec<Progress> {
        self.now = ms(10_000 + milliseconds);
        self.hears(bytes)
    }

    pub(crate) fn says(&mut self) -> String {
        said(&mut self.session)
    }
}

pub(crate) fn pop(seconds: &str) -> String {
    array(&["BLPOP", RESULTS, seconds])
}

pub(crate) fn take_back() -> String {
    array(&["LREM", QUEUE, "-1", COMMAND]) + &array(&["LPOP", RESULTS])
}

pub(crate) fn result(id: &str) -> String {
    format!(r#"{{ "pages": 2, "command_id": "{id}", "tid": 7 }}"#)
}

pub(crate) fn popped(message: &str) -> String {
    array(&[RESULTS, message])
}
