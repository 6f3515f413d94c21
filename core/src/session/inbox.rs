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
            dropping.dropped += scanned;
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
                needed: self.dropped + last,
                capacity: self.capacity,
            },
        }
    }
}
