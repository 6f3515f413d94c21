//! A connection after `fork()`: parent and child share one socket, and only one of them may use it.
//!
//! It is the parent's. A child that begins a request makes a connection of its own; a child that
//! is in the middle of something (a pipeline's replies are still to be read) is refused, for the
//! replies may go to either.

use super::Connection;
use crate::error::{Error, Outcome};
use crate::sys;

impl Connection {
    /// Whether it was made by the parent of this process.
    #[inline]
    pub(crate) fn is_inherited(&self) -> bool {
        self.process != sys::forks()
    }

    /// Leaves to the parent process what is its own, before a new request.
    #[inline]
    pub(super) fn leave_to_parent(&mut self) -> Result<(), Error> {
        if self.process == sys::forks() {
            return Ok(());
        }
        if self.options.one_process {
            return Err(forked(Outcome::NotSent));
        }
        self.disconnect();
        self.process = sys::forks();
        Ok(())
    }

    /// Keeps a child process from going on where its parent was.
    #[inline]
    pub(super) fn refuse_inherited(&mut self, outcome: Outcome) -> Result<(), Error> {
        if self.process == sys::forks() {
            return Ok(());
        }
        self.leave_to_parent()?;
        Err(forked(outcome))
    }
}

fn forked(outcome: Outcome) -> Error {
    Error::Forked { outcome }
}
