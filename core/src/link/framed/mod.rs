//! Frames for a line that loses, repeats and flips bytes.
//!
//! A bare serial line cannot tell a flipped byte from a right one: in a payload it is believed, in
//! a length it swallows all that follows. So between the program and the line stand numbered
//! frames with a checksum; what is not acknowledged is sent again. What comes out at the other end
//! is the stream that went in, whole and in order, or the end of the session.
//!
//! ```text
//!  0    1      2      3         7    11    15     17          17+n  21+n
//! | 00 | code | kind | session | at | ack | room | payload … | crc | 00 |
//!        |     `------------- what the checksum is over -----'
//!         `--- COBS: from here to before the closing 00 no byte is 00
//! ```
//!
//! | field | bytes | |
//! | --- | --- | --- |
//! | `00` | 1 | ends a frame, and whatever noise stood before one |
//! | `code` | 1 | distance to the first `00` of the frame, which holds the distance to the next one, and so on (Consistent Overhead Byte Stuffing, Cheshire and Baker 1997; one code is enough for less than 254 bytes) |
//! | `kind` | 1 | of the version 1: `11` open, `12` accept, `13` data, `14` acknowledgement, `15` close |
//! | `session` | 4 | which session this belongs to; of an open: the board's nonce |
//! | `at` | 4 | number of the payload's first byte in the session's stream, from 0; of an accept: the nonce that it answers |
//! | `ack` | 4 | number of the byte that is expected next: all before it have come |
//! | `room` | 2 | bytes that may be sent from `ack` on |
//! | `payload` | 0–128 | bytes of the stream; of a data frame only |
//! | `crc` | 4 | CRC-32 as in Ethernet and zlib |
//!
//! Numbers are little-endian. A frame that is damaged, of an unknown kind, of another session or
//! of bytes that came already changes nothing.
//!
//! # Sessions
//! A [`Board`] opens: it sends `open` with a nonce until a [`Gateway`] accepts with a session that
//! nobody has used before, which the board's first frame confirms. Only then the gateway forgets the
//! session before it. So an `open` that comes late or twice ends nothing, and a board that is reset
//! or a gateway that is started anew never takes a frame of a former session for one of this: a
//! gateway says `close` to a session that it does not know, and the board opens another one.
//!
//! The nonce should differ from reset to reset: a random number, a counter in memory that lives
//! through a reset. If it does not, sessions still keep streams apart; only an `accept` that was
//! under way during the reset could be taken for an answer, and that session ends by itself.
//!
//! # Acknowledgement
//! Both ends count bytes, as TCP does, from 0 in each session. Every data frame is answered with
//! what is expected next; what is not acknowledged in time is sent again from there on, less and
//! less often while nothing comes back. No more than the other side has `room` for is under way. A
//! data frame without a payload asks for an acknowledgement.
//!
//! # Who does what
//! [`Board`] and [`Gateway`] are pure: bytes and the time go in, bytes come out. Time is a count of
//! milliseconds that may begin anew after its 32 bits. [`Line`] is a board on an `embedded-io` line
//! and is such a line itself: [`polled::Link`](super::polled::Link) runs over it as over any other.
//! Buffers are the caller's ([`Buffers`]); nothing here allocates, blocks or panics.

mod board;
mod cobs;
mod crc;
mod flow;
mod frame;
mod gateway;
mod line;
mod ring;
#[cfg(test)]
mod tests;
mod wire;

pub use board::Board;
pub use gateway::Gateway;
pub use line::Line;

/// A time since some fixed moment, or a length of time; only differences count, so the clock may
/// begin anew.
pub type Milliseconds = u32;

/// Bytes of the stream that one frame carries at most.
pub const MAX_PAYLOAD: usize = 128;

/// Bytes that a frame takes on the line at most, both `00` included.
pub const MAX_FRAME: usize = 1 + 1 + frame::HEADER + MAX_PAYLOAD + frame::CHECKSUM + 1;

/// How often a pause between two attempts is doubled at most.
const MOST_DOUBLINGS: u32 = 2;

/// The memory of one end: `IN` bytes that came and were not read, `OUT` bytes that were written
/// and not acknowledged, and a frame each way.
///
/// `IN` bounds what may be under way towards this end; more than 65,535 of it are not used.
/// With less than [`MAX_PAYLOAD`] of either, frames are shorter than they could be.
///
/// ```
/// use redis_ipc_core::link::framed::{Board, Buffers};
///
/// let mut buffers = Buffers::<256, 256>::new();
/// let mut board = Board::new(&mut buffers, 1, 100);
/// // It calls for a gateway.
/// assert_eq!(board.outgoing(0).first_chunk(), Some(&[0, 3, 0x11, 1]));
/// ```
#[derive(Debug)]
pub struct Buffers<const IN: usize, const OUT: usize> {
    received: [u8; IN],
    to_send: [u8; OUT],
    arriving: [u8; MAX_FRAME],
    leaving: [u8; MAX_FRAME],
}

impl<const IN: usize, const OUT: usize> Buffers<IN, OUT> {
    /// Empty ones.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            received: [0; IN],
            to_send: [0; OUT],
            arriving: [0; MAX_FRAME],
            leaving: [0; MAX_FRAME],
        }
    }

    fn parts(&mut self) -> (wire::Wire<'_>, flow::Flow<'_>) {
        (
            wire::Wire::new(&mut self.arriving, &mut self.leaving),
            flow::Flow::new(&mut self.received, &mut self.to_send),
        )
    }
}

impl<const IN: usize, const OUT: usize> Default for Buffers<IN, OUT> {
    fn default() -> Self {
        Self::new()
    }
}

/// What came over a line, to be watched for a line that is not what it should be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Frames that were right.
    pub right: u32,
    /// Frames that were damaged, and noise between frames.
    pub damaged: u32,
}

/// Whether `at` has come; times further away than half of the clock's range lie behind.
const fn has_come(at: Milliseconds, now: Milliseconds) -> bool {
    now.wrapping_sub(at) <= u32::MAX / 2
}
