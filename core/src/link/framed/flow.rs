//! The two streams of one session: what was acknowledged, what is expected, what is due.
//!
//! ```text
//!   acknowledged        sent          written
//!        | under way      | not sent    |          of what goes
//!        | kept in `to_send`, in which  |
//!        |  the other side allows up to `allowed`
//! ```

use super::frame::{Head, Kind};
use super::ring::Ring;
use super::{MAX_PAYLOAD, MOST_DOUBLINGS, Milliseconds, has_come};

#[derive(Debug)]
pub(super) struct Flow<'b> {
    pub(super) received: Ring<'b>,
    pub(super) to_send: Ring<'b>,
    /// Number of the first byte in `to_send`.
    acknowledged: u32,
    /// Bytes of `to_send` that are under way.
    sent: usize,
    /// Bytes that may be under way: what the other side had room for when it acknowledged last.
    allowed: usize,
    /// Number of the byte that comes next.
    expected: u32,
    /// Whether the other side is to hear of what is expected.
    answer_due: bool,
    /// The room that it was told of last.
    told_room: u16,
    /// When to send again what is under way, or to ask for room.
    again_at: Option<Milliseconds>,
    /// How often that was done since something was acknowledged.
    doublings: u32,
    /// Nothing was heard in this session yet: the other side may not know that it has begun.
    unheard: bool,
}

/// A frame that is due: its head but for the session, and which bytes of `to_send` it carries.
pub(super) struct Due {
    pub(super) head: Head,
    pub(super) from: usize,
    pub(super) length: usize,
}

impl<'b> Flow<'b> {
    pub(super) fn new(received: &'b mut [u8], to_send: &'b mut [u8]) -> Self {
        Self {
            received: Ring::new(received),
            to_send: Ring::new(to_send),
            acknowledged: 0,
            sent: 0,
            allowed: 0,
            expected: 0,
            answer_due: false,
            told_room: 0,
            again_at: None,
            doublings: 0,
            unheard: false,
        }
    }

    /// Begins anew, in a session whose other side has so much room.
    pub(super) fn begin(&mut self, allowed: u16) {
        self.received.clear();
        self.to_send.clear();
        self.acknowledged = 0;
        self.sent = 0;
        self.allowed = allowed.into();
        self.expected = 0;
        // Confirms the session.
        self.answer_due = true;
        self.again_at = None;
        self.doublings = 0;
        self.unheard = true;
    }

    /// Goes on counting from these.
    #[cfg(test)]
    pub(super) fn count_from(&mut self, acknowledged: u32, expected: u32) {
        self.acknowledged = acknowledged;
        self.expected = expected;
    }

    /// What the other side may send.
    pub(super) fn room(&self) -> u16 {
        u16::try_from(self.received.free()).unwrap_or(u16::MAX)
    }

    /// Takes a data frame or an acknowledgement of this session.
    pub(super) fn take(&mut self, head: &Head, payload: &[u8]) {
        self.unheard = false;
        self.hear(head);
        // Numbers of bytes wrap: what lies behind is a large difference.
        let known = self.expected.wrapping_sub(head.at);
        let fresh = usize::try_from(known).ok().and_then(|k| payload.get(k..));
        let taken = self.received.put(fresh.unwrap_or_default());
        self.expected = self.expected.wrapping_add(count(taken));
        self.answer_due |= head.kind == Kind::Data;
    }

    /// Notes what the other side says of what was sent.
    fn hear(&mut self, head: &Head) {
        let news = head.acknowledged.wrapping_sub(self.acknowledged);
        let news = usize::try_from(news).unwrap_or(usize::MAX);
        if news > self.to_send.len() {
            // Of an old frame, or of none of ours.
            return;
        }
        self.allowed = head.room.into();
        if news == 0 {
            return;
        }
        self.to_send.drop_first(news);
        self.acknowledged = head.acknowledged;
        // More may have come than is known to be under way since it is sent again.
        self.sent = self.sent.saturating_sub(news);
        self.doublings = 0;
        self.again_at = None;
    }

    /// The next frame that is due. `pause`: how long to wait for an acknowledgement.
    pub(super) fn next(&mut self, now: Milliseconds, pause: Milliseconds) -> Option<Due> {
        let mut kind = Kind::Acknowledgement;
        let waits = self.to_send.len() > 0 || self.unheard;
        if waits && self.again_at.is_some_and(|at| has_come(at, now)) {
            self.sent = 0;
            self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
            self.again_at = None;
            // Also if there is no room for a byte: it asks.
            kind = Kind::Data;
        }
        let from = self.sent;
        let unsent = self.to_send.len().saturating_sub(from);
        let length = unsent
            .min(self.allowed.saturating_sub(from))
            .min(MAX_PAYLOAD);
        if length > 0 {
            kind = Kind::Data;
        }
        if self.again_at.is_none() && waits {
            self.again_at = Some(now.wrapping_add(pause << self.doublings));
        }
        if kind != Kind::Data && !self.answer_due {
            return None;
        }
        self.sent += length;
        self.answer_due = false;
        self.told_room = self.room();
        let head = Head {
            kind,
            session: 0,
            at: self.acknowledged.wrapping_add(count(from)),
            acknowledged: self.expected,
            room: self.told_room,
        };
        Some(Due { head, from, length })
    }

    /// When something becomes due by itself.
    pub(super) fn due_at(&self) -> Option<Milliseconds> {
        self.again_at
    }

    /// Hands out bytes that came; how many. The other side is told of room that it may wait for.
    pub(super) fn read(&mut self, room: &mut [u8]) -> usize {
        let count = self.received.take(room);
        let little = MAX_PAYLOAD.min(self.received.capacity() / 2);
        self.answer_due |= usize::from(self.told_room) < little && self.received.free() >= little;
        count
    }
}

/// A number of bytes, of which there are no more than fit a buffer.
fn count(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
