//! A transport that does what its script says: bytes in any pieces, writes
//! taken in part, errors and silence at chosen places.

use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use std::collections::VecDeque;

/// What the next read meets.
#[derive(Clone, Debug)]
enum Step {
    /// Bytes that arrived together; never empty.
    Piece(VecDeque<u8>),
    /// Nothing has arrived yet, once.
    Wait,
    /// An error, once.
    Error(ErrorKind),
}

/// A scripted transport.
///
/// It is a blocking transport as [`Read`] and [`Write`] and one that never
/// blocks through [`Scripted::read_nb`] and [`Scripted::write_nb`] or
/// [`ReadReady`] and [`WriteReady`]. Where nothing has arrived yet, the blocking
/// one fails with `TimedOut`. At the end of the script the peer has closed the
/// connection, unless [`Scripted::then_silence`] was asked for.
#[derive(Clone, Debug)]
#[must_use]
pub struct Scripted {
    steps: VecDeque<Step>,
    silent: bool,
    piece: usize,
    writes: usize,
    bytes: usize,
    interrupts: Countdown,
    stalls: Countdown,
    /// Readiness that was promised and not made use of yet.
    readable: bool,
    writable: bool,
    written: Vec<u8>,
}

/// Makes each operation that goes well be preceded by some that do not.
#[derive(Clone, Copy, Debug, Default)]
struct Countdown {
    each: usize,
    left: usize,
}

impl Countdown {
    fn new(each: usize) -> Self {
        Self { each, left: each }
    }

    /// Whether this one is to be refused.
    fn refuses(&mut self) -> bool {
        if self.left == 0 {
            self.left = self.each;
            return false;
        }
        self.left -= 1;
        true
    }
}

/// Building the script.
impl Scripted {
    /// Nothing arrives; all that is written is taken.
    #[expect(clippy::new_without_default, reason = "a script is always spelled out")]
    pub fn new() -> Self {
        Self {
            steps: VecDeque::new(),
            silent: false,
            piece: usize::MAX,
            writes: usize::MAX,
            bytes: usize::MAX,
            interrupts: Countdown::default(),
            stalls: Countdown::default(),
            readable: false,
            writable: false,
            written: Vec::new(),
        }
    }

    /// These bytes arrive together: a read gives as many of them as it has room
    /// for and none of what comes later.
    pub fn arrives(mut self, bytes: &[u8]) -> Self {
        self.then_arrives(bytes);
        self
    }

    /// These bytes arrive cut at the given places, which are in order.
    ///
    /// # Panics
    /// If a place is behind the end, or they are out of order.
    pub fn arrives_cut(mut self, bytes: &[u8], places: &[usize]) -> Self {
        let mut start = 0;
        for &place in places {
            self = self.arrives(&bytes[start..place]);
            start = place;
        }
        self.arrives(&bytes[start..])
    }

    /// These bytes arrive one by one.
    pub fn arrives_bytewise(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self = self.arrives(&[*byte]);
        }
        self
    }

    /// One read finds that nothing has arrived yet.
    pub fn waits(mut self) -> Self {
        self.steps.push_back(Step::Wait);
        self
    }

    /// One read fails.
    pub fn fails(mut self, error: ErrorKind) -> Self {
        self.steps.push_back(Step::Error(error));
        self
    }

    /// After all that, nothing arrives any more, but the connection stays.
    pub fn then_silence(mut self) -> Self {
        self.silent = true;
        self
    }

    /// A write takes at most so many bytes.
    ///
    /// # Panics
    /// If `bytes` is 0: a write takes something or fails.
    pub fn takes(mut self, bytes: usize) -> Self {
        assert_ne!(bytes, 0, "a write takes something or fails");
        self.piece = bytes;
        self
    }

    /// So many writes go well, all later ones fail with `BrokenPipe`.
    pub fn breaks_after_writes(mut self, writes: usize) -> Self {
        self.writes = writes;
        self
    }

    /// So many bytes are taken, then every write fails with `BrokenPipe`.
    pub fn breaks_after_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Before each read and write that goes well, so many are interrupted.
    pub fn interrupts(mut self, times: usize) -> Self {
        self.interrupts = Countdown::new(times);
        self
    }

    /// Before each read and write that goes well, so many find the transport not
    /// ready.
    pub fn stalls(mut self, times: usize) -> Self {
        self.stalls = Countdown::new(times);
        self
    }
}

/// Looking at what happened, and going on with the script.
impl Scripted {
    /// All that was written so far and not taken out.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        &self.written
    }

    /// Takes out what was written so far.
    #[must_use]
    pub fn take_written(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.written)
    }

    /// How many bytes have arrived or will, and were not read.
    #[must_use]
    pub fn unread(&self) -> usize {
        let mut count = 0;
        for step in &self.steps {
            if let Step::Piece(piece) = step {
                count += piece.len();
            }
        }
        count
    }

    /// Lets more arrive, behind all that was scripted before.
    pub fn then_arrives(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.steps
                .push_back(Step::Piece(bytes.iter().copied().collect()));
        }
    }

    /// Reads without ever waiting.
    ///
    /// # Errors
    /// `WouldBlock` where nothing has arrived yet, else what the script says.
    pub fn read_nb(&mut self, buffer: &mut [u8]) -> nb::Result<usize, ErrorKind> {
        if !self.read_ready()? {
            return Err(nb::Error::WouldBlock);
        }
        Ok(self.read_now(buffer)?)
    }

    /// Writes without ever waiting.
    ///
    /// # Errors
    /// `WouldBlock` where the transport takes nothing now, else what the script
    /// says.
    pub fn write_nb(&mut self, bytes: &[u8]) -> nb::Result<usize, ErrorKind> {
        if !self.write_ready()? {
            return Err(nb::Error::WouldBlock);
        }
        Ok(self.write_now(bytes)?)
    }

    /// A read of a transport that is ready.
    fn read_now(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.readable = false;
        if self.interrupts.refuses() {
            return Err(ErrorKind::Interrupted);
        }
        match self.steps.pop_front() {
            None => Ok(0),
            Some(Step::Wait) => Err(ErrorKind::TimedOut),
            Some(Step::Error(error)) => Err(error),
            Some(Step::Piece(piece)) => Ok(self.deliver(piece, buffer)),
        }
    }

    /// Gives what there is room for and keeps the rest.
    fn deliver(&mut self, mut piece: VecDeque<u8>, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(piece.len());
        for (place, byte) in buffer.iter_mut().zip(piece.drain(..count)) {
            *place = byte;
        }
        if !piece.is_empty() {
            self.steps.push_front(Step::Piece(piece));
        }
        count
    }

    /// A write to a transport that is ready.
    fn write_now(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.writable = false;
        if self.interrupts.refuses() {
            return Err(ErrorKind::Interrupted);
        }
        if self.writes == 0 || self.bytes == 0 {
            return Err(ErrorKind::BrokenPipe);
        }
        let count = bytes.len().min(self.piece).min(self.bytes);
        self.writes -= 1;
        self.bytes -= count;
        self.written.extend(&bytes[..count]);
        Ok(count)
    }
}

impl ErrorType for Scripted {
    type Error = ErrorKind;
}

impl Read for Scripted {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        if !buffer.is_empty() && !self.read_ready()? {
            return Err(ErrorKind::TimedOut);
        }
        self.read_now(buffer)
    }
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        if !bytes.is_empty() && !self.write_ready()? {
            return Err(ErrorKind::TimedOut);
        }
        self.write_now(bytes)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl ReadReady for Scripted {
    /// Each time it says no, one wait of the script is over. What it promises it
    /// keeps until the next read.
    fn read_ready(&mut self) -> Result<bool, ErrorKind> {
        match self.steps.front() {
            Some(Step::Wait) => {
                self.steps.pop_front();
                return Ok(false);
            }
            None if self.silent => return Ok(false),
            _ => {}
        }
        self.readable = self.readable || !self.stalls.refuses();
        Ok(self.readable)
    }
}

impl WriteReady for Scripted {
    fn write_ready(&mut self) -> Result<bool, ErrorKind> {
        self.writable = self.writable || !self.stalls.refuses();
        Ok(self.writable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All reads until the end or the first error, with room for `room` bytes.
    fn reads(transport: &mut Scripted, room: usize) -> (Vec<Vec<u8>>, Result<usize, ErrorKind>) {
        let mut reads = Vec::new();
        let mut buffer = vec![0; room];
        loop {
            match transport.read(&mut buffer) {
                Ok(count) if count > 0 => reads.push(buffer[..count].to_vec()),
                end => return (reads, end),
            }
        }
    }

    #[test]
    fn bytes_arrive_in_the_pieces_that_were_asked_for() {
        let mut transport = Scripted::new()
            .arrives_cut(b"abcdef", &[0, 2, 2, 5])
            .arrives_bytewise(b"gh");
        assert_eq!(transport.unread(), 8);
        let (pieces, end) = reads(&mut transport, 10);
        assert_eq!(pieces, [&b"ab"[..], b"cde", b"f", b"g", b"h"]);
        assert_eq!((end, transport.unread()), (Ok(0), 0));
    }

    #[test]
    fn a_piece_that_does_not_fit_goes_on_in_the_next_read() {
        let (pieces, _) = reads(&mut Scripted::new().arrives(b"abcde").arrives(b"f"), 2);
        assert_eq!(pieces, [&b"ab"[..], b"cd", b"e", b"f"]);
    }

    #[test]
    fn waits_and_errors_come_where_the_script_has_them() {
        let mut transport = Scripted::new()
            .arrives(b"a")
            .waits()
            .arrives(b"b")
            .fails(ErrorKind::ConnectionReset);
        assert_eq!(reads(&mut transport, 9).1, Err(ErrorKind::TimedOut));
        let (pieces, end) = reads(&mut transport, 9);
        assert_eq!(pieces, [b"b"]);
        assert_eq!(end, Err(ErrorKind::ConnectionReset));
    }

    #[test]
    fn silence_lasts_and_ends_when_more_arrives() {
        let mut transport = Scripted::new().then_silence();
        let mut buffer = [0; 4];
        for _ in 0..3 {
            assert_eq!(transport.read_nb(&mut buffer), Err(nb::Error::WouldBlock));
            assert_eq!(transport.read(&mut buffer), Err(ErrorKind::TimedOut));
        }
        transport.then_arrives(b"x");
        assert_eq!(transport.read_nb(&mut buffer), Ok(1));
    }

    #[test]
    fn writes_are_taken_in_part_and_recorded() {
        let mut transport = Scripted::new().takes(3);
        assert_eq!(transport.write(b"abcde"), Ok(3));
        assert_eq!(transport.write(b"de"), Ok(2));
        assert_eq!(transport.written(), b"abcde");
        assert_eq!(transport.take_written(), b"abcde");
        assert_eq!(transport.written(), b"");
    }

    #[test]
    fn a_transport_breaks_after_so_many_writes_or_bytes() {
        let mut transport = Scripted::new().breaks_after_writes(1);
        assert_eq!(transport.write(b"ab"), Ok(2));
        assert_eq!(transport.write(b"c"), Err(ErrorKind::BrokenPipe));
        let mut transport = Scripted::new().breaks_after_bytes(1);
        assert_eq!(transport.write(b"ab"), Ok(1));
        assert_eq!(transport.write(b"b"), Err(ErrorKind::BrokenPipe));
    }

    #[test]
    fn interrupts_and_stalls_precede_every_success() {
        let mut transport = Scripted::new().arrives(b"ab").interrupts(1).stalls(1);
        let mut buffer = [0; 1];
        for _ in 0..2 {
            assert_eq!(transport.read_nb(&mut buffer), Err(nb::Error::WouldBlock));
            let interrupted = nb::Error::Other(ErrorKind::Interrupted);
            assert_eq!(transport.read_nb(&mut buffer), Err(interrupted));
            assert_eq!(transport.read_nb(&mut buffer), Err(nb::Error::WouldBlock));
            assert_eq!(transport.read_nb(&mut buffer), Ok(1));
        }
        assert_eq!(transport.write_nb(b"x"), Err(nb::Error::WouldBlock));
    }

    #[test]
    fn a_transport_that_said_it_is_ready_is_ready() {
        let mut transport = Scripted::new().arrives(b"a").stalls(1);
        assert_eq!(transport.read_ready(), Ok(false));
        for _ in 0..3 {
            assert_eq!(transport.read_ready(), Ok(true));
        }
        assert_eq!(transport.read(&mut [0; 1]), Ok(1));
        assert_eq!(transport.write_ready(), Ok(false));
        assert_eq!(transport.write_ready(), Ok(true));
        assert_eq!(transport.write(b"x"), Ok(1));
        assert_eq!(transport.write_ready(), Ok(false));
    }
}
