//! The serial line with frames on it: `ipc-tool serial` is its other end.

use redis_ipc_core::link::framed;

use crate::clock::Milliseconds;
use crate::line::Line;

/// How long an acknowledgement may take: a window of frames each way at 115,200 baud, and some.
pub(crate) const PAUSE: framed::Milliseconds = 100;

/// Bytes of each direction that may be under way.
pub(crate) type Buffers = framed::Buffers<256, 256>;

impl<T: Line> Line for framed::Line<'_, T> {
    /// Sending again takes time, and the end of a session is told.
    const PATIENCE: Milliseconds = 6000;

    /// What is lost on the line below comes again; only a session breaks.
    fn is_broken(&mut self) -> bool {
        self.line().is_broken();
        self.has_changed()
    }

    #[expect(clippy::cast_possible_truncation, reason = "only differences count")]
    fn tend(&mut self, now: Milliseconds) {
        // A line that fails is one that says nothing: the other end is asked again.
        let _ = framed::Line::tend(self, now as framed::Milliseconds);
    }

    fn hang_up(&mut self) {
        framed::Line::hang_up(self);
    }
}
