//! What the component needs of a line.

use embedded_io::{Read, ReadReady, Write, WriteReady};

use crate::clock::Milliseconds;

/// A line that is asked and never waited for.
pub(crate) trait Line: Read + Write + ReadReady + WriteReady {
    /// How long the server may say nothing while it owes a reply.
    const PATIENCE: Milliseconds = 2000;

    /// Whether what came before and what comes now do not belong together, since this was asked
    /// last.
    fn is_broken(&mut self) -> bool;

    /// Does what is due at this time; to be called in every turn.
    fn tend(&mut self, _now: Milliseconds) {}

    /// Has what is under way on it be forgotten, where a line can do that.
    fn hang_up(&mut self) {}
}
