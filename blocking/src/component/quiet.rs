//! Quiet on the line: nothing in flight, and nothing lost on the way there.

use std::time::{Duration, Instant};

use redis_ipc_core::resp::{Reply, request};
use redis_ipc_core::session::Incoming;
use redis_ipc_core::write::TooLong;

use super::line::{Pending, Side};
use super::{Component, Limitation};
use crate::connection::{Deadline, Next};
use crate::error::{Error, Outcome, ServerError};

/// How long to wait for a pop to end before asking again: the server may have read the request
/// to end it before the pop itself.
const UNBLOCK_PATIENCE: Duration = Duration::from_millis(20);

/// How long a pop waits that cannot be ended before its time.
const SHORT_POP_SECONDS: u8 = 1;

/// Whether a wait brought anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TookIn {
    Something,
    Nothing,
}

impl Component {
    /// Takes in one message, or what the wait for it comes to; a find is set aside.
    pub(super) fn take_in(&mut self, until: Deadline) -> Result<TookIn, Error> {
        let (side, next) = self.line_next(Some(until))?;
        match next {
            Next::Message(incoming) => {
                if let Some(arrived) = self.sort(side, incoming)? {
                    self.line.set_aside(arrived);
                }
                Ok(TookIn::Something)
            }
            Next::Interrupted => Ok(TookIn::Something),
            Next::Late => Ok(TookIn::Nothing),
        }
    }

    /// Finds out whether a pop can be ended before its time; where it cannot, pops are short.
    pub(super) fn try_unblocking(&mut self) -> Result<(), Error> {
        // There is no client 0.
        match self.work.command(&["CLIENT", "UNBLOCK", "0"]).map(drop) {
            Err(Error::Server(refused)) if !refused.is_temporary() => {
                self.line.serve.set_patience(SHORT_POP_SECONDS);
                self.lose(Limitation::Unblocking {
                    why: refused.text().to_owned(),
                });
                Ok(())
            }
            // The bus is away; who may end pops finds it out when one is to be ended.
            Err(error) if error.is_temporary() => Ok(()),
            outcome => outcome,
        }
    }

    pub(super) fn may_unblock(&self) -> bool {
        let lost = |limitation: &Limitation| matches!(limitation, Limitation::Unblocking { .. });
        !self.lost.iter().any(lost)
    }

    /// Ends the pop in flight without losing what it may have taken, which is set aside.
    pub(super) fn end_pop(&mut self) -> Result<(), Error> {
        let limit = Deadline::after(self.work.options().reply_limit);
        while self.line.serve.asked() && self.line.connection.is_connected() {
            if self.may_unblock() {
                let id = self.line.connection.server().client_id().to_string();
                self.work.command(&["CLIENT", "UNBLOCK", &id])?;
            }
            let patience = Deadline::after(UNBLOCK_PATIENCE);
            while self.line.serve.asked() && self.take_in(patience)? == TookIn::Something {}
            if Instant::now() >= limit.at {
                return Err(Error::Usage("the server does not end a blocked pop"));
            }
        }
        Ok(())
    }

    /// Leaves nothing in flight: commands that were popped and not handed out go back to the
    /// head of their queues, results are seen to arrive. Without a server there is nothing to be
    /// left.
    pub(super) fn wind_down(&mut self) -> Result<(), Error> {
        match self.leave_nothing() {
            Err(error) if error.is_disconnection() => Ok(()),
            outcome => outcome,
        }
    }

    /// Before this component goes: its pop would take a command after its connection was closed,
    /// and that command would be lost.
    pub(super) fn take_leave(&mut self) {
        // Who drops a component does not look at errors.
        let _ = self.wind_down();
    }

    fn leave_nothing(&mut self) -> Result<(), Error> {
        self.end_pop()?;
        let deadline = Deadline::after(self.work.options().reply_limit);
        while self.line.connection.is_connected()
            && self.line.connection.session().outstanding() > 0
            && self.take_in(deadline)? == TookIn::Something
        {}
        while let Some(job) = self.line.take_last_command() {
            if let Err(error) = self.try_to_put_back(&job) {
                // Nobody else has it: it stays here.
                self.line.backlog.push_back(Pending::Command(job));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Sends a request on the line, where no pop may be in flight, and waits for its reply; what
    /// else arrives is set aside.
    pub(super) fn ask_line(&mut self, parts: &[&[u8]]) -> Result<(), Error> {
        let deadline = Deadline::after(self.work.options().reply_limit);
        let connection = &mut self.line.connection;
        let request = connection.session().request(|w| {
            request::command(w, parts);
            Ok::<(), TooLong>(())
        })?;
        connection.flush(deadline)?;
        loop {
            let (side, next) = self.line_next(Some(deadline))?;
            match next {
                Next::Message(Incoming::Reply(of)) if side == Side::Pops && of == request => break,
                Next::Message(incoming) => {
                    if let Some(arrived) = self.sort(side, incoming)? {
                        self.line.set_aside(arrived);
                    }
                }
                Next::Interrupted => {}
                Next::Late => return Err(self.no_reply(deadline)),
            }
        }
        match self.line.connection.session().frame() {
            Reply::Error(error) => Err(ServerError::new(&error).into()),
            _ => Ok(()),
        }
    }

    pub(super) fn no_reply(&mut self, deadline: Deadline) -> Error {
        self.line.disconnect();
        Error::TimedOut {
            outcome: Outcome::Unknown,
            limit: deadline.limit,
        }
    }
}
