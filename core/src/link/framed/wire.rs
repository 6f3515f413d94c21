//! Frames on the line: cut out of what comes, put together for what goes.

use super::frame::{CHECKSUM, HEADER, Head};
use super::ring::Ring;
use super::{Count, MAX_FRAME, MAX_PAYLOAD, cobs, crc::crc32};
use crate::bytes;

const _: () = assert!(HEADER + MAX_PAYLOAD + CHECKSUM <= cobs::LONGEST);

/// A frame of each direction.
#[derive(Debug)]
pub(super) struct Wire<'b> {
    arriving: &'b mut [u8; MAX_FRAME],
    /// Bytes of it that are there; more than it holds if it is too long.
    filled: usize,
    leaving: &'b mut [u8; MAX_FRAME],
    /// Where it ends.
    ready: usize,
    /// Bytes of it that were sent.
    sent: usize,
    pub(super) count: Count,
}

impl<'b> Wire<'b> {
    pub(super) fn new(arriving: &'b mut [u8; MAX_FRAME], leaving: &'b mut [u8; MAX_FRAME]) -> Self {
        Self {
            arriving,
            filled: 0,
            leaving,
            ready: 0,
            sent: 0,
            count: Count::default(),
        }
    }

    /// Takes one byte; a right frame if it ended one.
    pub(super) fn take(&mut self, byte: u8) -> Option<(Head, &[u8])> {
        if byte != 0 {
            if let Some(place) = self.arriving.get_mut(self.filled) {
                *place = byte;
            }
            self.filled = self.filled.saturating_add(1);
            return None;
        }
        let length = core::mem::take(&mut self.filled);
        if length == 0 {
            return None;
        }
        let frame = self.arriving.get_mut(..length).unwrap_or_default();
        let whole = cobs::decode(frame);
        let parsed = match frame.split_first() {
            Some((_, frame)) if whole => Head::parse(frame),
            _ => None,
        };
        match parsed {
            Some(_) => self.count.right = self.count.right.wrapping_add(1),
            None => self.count.damaged = self.count.damaged.wrapping_add(1),
        }
        parsed
    }

    /// Bytes of the frame that was put together last and not sent yet.
    pub(super) fn outgoing(&self) -> &[u8] {
        self.leaving.get(self.sent..self.ready).unwrap_or_default()
    }

    /// Notes that the line took some of them.
    pub(super) fn sent(&mut self, count: usize) {
        self.sent = self.sent.saturating_add(count).min(self.ready);
    }

    /// Whether a frame may be put together: the last one has left.
    pub(super) fn is_free(&self) -> bool {
        self.sent == self.ready
    }

    /// Puts a frame together, with `length` bytes of `stream` from `from` on, at most
    /// [`MAX_PAYLOAD`].
    pub(super) fn put(&mut self, head: &Head, stream: &Ring<'_>, from: usize, length: usize) {
        let [opening, frame @ .., _] = self.leaving;
        *opening = 0;
        if let Some((code, rest)) = frame.split_first_mut() {
            *code = 0;
            bytes::copy(rest, &head.emit());
            let payload = rest.get_mut(HEADER..HEADER + length).unwrap_or_default();
            stream.copy(from, payload);
            let (summed, behind) = rest
                .split_at_mut_checked(HEADER + length)
                .unwrap_or_default();
            bytes::copy(behind, &crc32(summed).to_le_bytes());
        }
        let end = 1 + HEADER + length + CHECKSUM;
        cobs::encode(frame.get_mut(..end).unwrap_or_default());
        if let Some(closing) = self.leaving.get_mut(1 + end) {
            *closing = 0;
        }
        self.sent = 0;
        self.ready = end + 2;
    }
}
