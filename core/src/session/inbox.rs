//! What came and was not read yet.

use super::Storage;
use crate::bytes;
use crate::resp::{Limits, ProtocolError, Scanner};
use crate::write::TooLong;

/// Received bytes, cut into frames.
///
/// ```text
/// 0          start       start + frame        end       storage's end
/// | used up   | the frame  | not looked at yet | free     |
/// ```
///
/// A frame longer than the storage can be is dropped as it arrives: `dropping` then holds what
/// has to be said about it at its end.
#[derive(Debug)]
pub(super) struct Inbox<S> {
    storage: S,
    start: usize,
    frame: usize,
    end: usize,
    scanner: Scanner,
    dropping: Option<Dropping>,
}

#[derive(Debug, Clone, Copy)]
struct Dropping {
    head: Head,
    capacity: usize,
    /// Bytes of it that are gone already.
    dropped: usize,
}

/// What a frame begins with: as much as it takes to know a push by its name.
pub(super) type Head = [u8; 32];

pub(super) enum Arrived {
    /// A whole frame, now readable.
    Frame,
    /// A frame that was dropped.
    TooLong { head: Head, error: TooLong },
}

impl<S: Storage> Inbox<S> {
    /// Bytes that it has room for now.
    pub(super) fn room(&self) -> usize {
        self.storage.bytes().len()
    }

    pub(super) fn new(storage: S, limits: Limits) -> Self {
        Self {
            storage,
            start: 0,
            frame: 0,
            end: 0,
            scanner: Scanner::new(limits),
            dropping: None,
        }
    }

    pub(super) fn reset(&mut self) {
        self.start = 0;
        self.frame = 0;
        self.end = 0;
        self.scanner.reset();
        self.dropping = None;
    }

    pub(super) fn frame(&self) -> &[u8] {
        self.storage
            .bytes()
            .get(self.start..self.start + self.frame)
            .unwrap_or_default()
    }

    pub(super) fn last_bulk_mut(&mut self, length: usize) -> &mut [u8] {
        // Behind the text stands the line end of the bulk.
        let end = (self.start + self.frame).saturating_sub(2);
        let start = end.saturating_sub(length).max(self.start);
        self.storage
            .bytes_mut()
            .get_mut(start..end)
            .unwrap_or_default()
    }

    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Arrived>, ProtocolError> {
        self.forget_frame();
        let fresh = self.storage.bytes().get(self.start..self.end);
        let Some(length) = self.scanner.scan(fresh.unwrap_or_default())? else {
            return Ok(None);
        };
        match self.dropping {
            None => {
                self.frame = length;
                Ok(Some(Arrived::Frame))
            }
            Some(dropping) => {
                self.dropping = None;
                self.start += length;
                Ok(Some(dropping.arrived(length)))
            }
        }
    }

    #[inline]
    fn forget_frame(&mut self) {
        self.start += self.frame;
        self.frame = 0;
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Room behind what came; at least one byte as long as the storage has 64.
    pub(super) fn space(&mut self) -> &mut [u8] {
        self.forget_frame();
        let length = self.storage.bytes().len();
        if self.start > 0 && length - self.end < length / 2 {
            self.move_to_front();
        }
        if self.end == length {
            self.make_room();
        }
        self.storage
            .bytes_mut()
            .get_mut(self.end..)
            .unwrap_or_default()
    }

    /// Room that can be had without dropping anything.
    pub(super) fn spare(&mut self) -> Option<&mut [u8]> {
        self.forget_frame();
        let length = self.storage.bytes().len();
        if self.start > 0 && length - self.end < length / 2 {
            self.move_to_front();
        }
        if self.end == length && !self.storage.grow(length + 1) {
            return None;
        }
        self.storage.bytes_mut().get_mut(self.end..)
    }

    pub(super) fn received(&mut self, count: usize) {
        self.end = self
            .end
            .saturating_add(count)
            .min(self.storage.bytes().len());
    }

    fn move_to_front(&mut self) {
        let fresh = self.start..self.end;
        self.end -= self.start;
        self.start = 0;
        bytes::shift(self.storage.bytes_mut(), fresh, 0);
    }

    /// The storage is full with a part of one frame: lets it grow, or begins to drop the frame.
    fn make_room(&mut self) {
        let capacity = self.storage.bytes().len();
        if self.dropping.is_none() && !self.grow(capacity) {
            self.dropping = Some(Dropping {
                head: self.head(),
                capacity: self.storage.limit(),
                dropped: 0,
            });
        }
        if let Some(dropping) = &mut self.dropping {
            let scanned = self.scanner.scanned().min(self.end);
            // More than 4 GiB may go by where a `usize` counts no further.
            dropping.dropped = dropping.dropped.saturating_add(scanned);
            self.scanner.discard(scanned);
            self.start = scanned;
            self.move_to_front();
        }
    }

    fn head(&self) -> Head {
        let mut head = Head::default();
        for (place, byte) in head.iter_mut().zip(self.storage.bytes()) {
            *place = *byte;
        }
        head
    }

    fn grow(&mut self, capacity: usize) -> bool {
        let announced = usize::try_from(self.scanner.total()).unwrap_or(usize::MAX);
        self.storage.grow(announced.max(capacity + 1))
    }
}

impl Dropping {
    fn arrived(self, last: usize) -> Arrived {
        Arrived::TooLong {
            head: self.head,
            error: TooLong {
                needed: self.dropped.saturating_add(last),
                capacity: self.capacity,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_longer_than_memory_can_be_is_dropped_with_the_largest_size_that_can_be_told() {
        let mut inbox = Inbox::new([0; 64], Limits::default());
        let arrives = |inbox: &mut Inbox<[u8; 64]>, bytes: &[u8]| {
            let mut last = None;
            for byte in bytes {
                inbox.space()[0] = *byte;
                inbox.received(1);
                last = inbox.next().unwrap();
            }
            last
        };
        assert!(arrives(&mut inbox, b"$200\r\n").is_none());
        for _ in 0..6 {
            assert!(arrives(&mut inbox, &[b'x'; 32]).is_none());
        }
        // What else went by before: as in a list of many texts.
        let dropping = inbox.dropping.as_mut().unwrap();
        dropping.dropped = usize::MAX - 3;
        let end = arrives(&mut inbox, b"xxxxxxxx\r\n");
        let Some(Arrived::TooLong { error, .. }) = end else {
            panic!("it is not told");
        };
        assert_eq!((error.needed, error.capacity), (usize::MAX, 64));
        assert!(matches!(
            arrives(&mut inbox, b"+OK\r\n"),
            Some(Arrived::Frame)
        ));
        assert_eq!(inbox.frame(), b"+OK\r\n");
    }
}
