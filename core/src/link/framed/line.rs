//! A board's end on a line of `embedded-io`, which is one itself.

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};

use super::{Board, Milliseconds};

/// Bytes that are taken from the line at a time.
const PIECE: usize = 32;

/// A line that keeps its bytes, over one that does not.
///
/// Call [`tend`](Self::tend) in every turn of the program: it moves what there is and sends again
/// what is due. Nothing here waits: like every line under
/// [`polled::Link`](crate::link::polled::Link) it is read and written when it says that it is ready.
/// When [`has_changed`](Self::has_changed) says so, begin anew as on a fresh line.
///
/// ```
#[doc = include_str!("../line.md")]
/// # let serial = Line { says: b"", told: Vec::new() };
/// use redis_ipc_core::link::{framed, polled};
/// use redis_ipc_core::session::Session;
///
/// let mut buffers = framed::Buffers::<256, 256>::new();
/// let board = framed::Board::new(&mut buffers, 1, 100);
/// let mut link = polled::Link::new(framed::Line::new(serial, board), Session::new([0; 64], [0; 64]));
/// # let clock = || 0;
/// # for _ in 0..1 {
/// link.line().tend(clock())?;
/// if link.line().has_changed() {
///     link.session().reset();
/// }
/// # }
/// assert!(!link.line().is_open(), "nobody has answered yet");
/// # Ok::<(), embedded_io::ErrorKind>(())
/// ```
#[derive(Debug)]
pub struct Line<'b, T> {
    line: T,
    board: Board<'b>,
    now: Milliseconds,
}

impl<'b, T: Read + Write + ReadReady + WriteReady> Line<'b, T> {
    /// Over a line of which nothing is known.
    pub fn new(line: T, board: Board<'b>) -> Self {
        Self {
            line,
            board,
            now: 0,
        }
    }

    /// The line below.
    pub fn line(&mut self) -> &mut T {
        &mut self.line
    }

    /// Moves what there is in both directions, as far as the line below takes and gives it now.
    ///
    /// # Errors
    /// What the line below says.
    pub fn tend(&mut self, now: Milliseconds) -> Result<(), T::Error> {
        self.now = now;
        self.receive()?;
        self.send()
    }

    fn receive(&mut self) -> Result<(), T::Error> {
        let mut piece = [0; PIECE];
        while self.line.read_ready()? {
            let count = self.line.read(&mut piece)?;
            self.board.receive(piece.get(..count).unwrap_or_default());
            if count == 0 {
                break;
            }
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), T::Error> {
        while self.line.write_ready()? {
            let bytes = self.board.outgoing(self.now);
            if bytes.is_empty() {
                break;
            }
            let count = self.line.write(bytes)?;
            if count == 0 {
                break;
            }
            self.board.sent(count);
        }
        Ok(())
    }

    /// Whether there is a session.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.board.is_open()
    }

    /// Whether a session has begun or ended since this was asked last.
    pub fn has_changed(&mut self) -> bool {
        self.board.has_changed()
    }

    /// Ends the session, and asks for another one.
    pub fn hang_up(&mut self) {
        self.board.hang_up();
    }
}

impl<T: ErrorType> ErrorType for Line<'_, T> {
    type Error = T::Error;
}

impl<T: Read + Write + ReadReady + WriteReady> ReadReady for Line<'_, T> {
    fn read_ready(&mut self) -> Result<bool, T::Error> {
        Ok(self.board.readable() > 0)
    }
}

impl<T: Read + Write + ReadReady + WriteReady> Read for Line<'_, T> {
    /// Hands out what is there; 0 if that is nothing, whatever the trait says of ends.
    fn read(&mut self, room: &mut [u8]) -> Result<usize, T::Error> {
        Ok(self.board.read(room))
    }
}

impl<T: Read + Write + ReadReady + WriteReady> WriteReady for Line<'_, T> {
    fn write_ready(&mut self) -> Result<bool, T::Error> {
        Ok(self.board.writable() > 0)
    }
}

impl<T: Read + Write + ReadReady + WriteReady> Write for Line<'_, T> {
    /// Takes what there is room for; 0 if there is none.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, T::Error> {
        let count = self.board.write(bytes);
        self.send()?;
        Ok(count)
    }

    /// Does what can be done now; [`tend`](Line::tend) does the rest.
    fn flush(&mut self) -> Result<(), T::Error> {
        self.send()
    }
}
