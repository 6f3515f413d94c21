//! What waits to be sent.

use core::ops::Range;

use super::Storage;
use crate::bytes;
use crate::write::{TooLong, Writer};

/// Requests in the order in which they go out.
///
/// ```text
/// 0        floor          start        end              storage's end
/// | kept    | already sent  | to be sent | free            |
/// ```
#[derive(Debug)]
pub(super) struct Outbox<S> {
    storage: S,
    floor: usize,
    start: usize,
    end: usize,
    /// Where the last write began.
    last: usize,
}

/// A part of a request that stays readable after it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Where the request begins that the part belongs to.
    request: usize,
    body: Range<usize>,
}

impl<S: Storage> Outbox<S> {
    /// Bytes that it has room for now.
    pub(super) fn room(&self) -> usize {
        self.storage.bytes().len()
    }

    pub(super) fn new(storage: S) -> Self {
        Self {
            storage,
            floor: 0,
            start: 0,
            end: 0,
            last: 0,
        }
    }

    pub(super) fn reset(&mut self) {
        self.start = self.floor;
        self.end = self.floor;
    }

    pub(super) fn outgoing(&self) -> &[u8] {
        self.storage
            .bytes()
            .get(self.start..self.end)
            .unwrap_or_default()
    }

    pub(super) fn sent(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
        if self.start == self.end {
            self.reset();
        }
    }

    /// Appends what `write` writes, all or nothing; calls it again after making room.
    pub(super) fn write<E: From<TooLong>>(
        &mut self,
        mut write: impl FnMut(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let free = self.storage.bytes_mut().get_mut(self.end..);
            let mut writer = Writer::new(free.unwrap_or_default());
            write(&mut writer)?;
            match writer.finish().map(|bytes| bytes.len()) {
                Ok(length) => {
                    self.last = self.end;
                    self.end += length;
                    return Ok(());
                }
                Err(too_long) => self.make_room(too_long.needed)?,
            }
        }
    }

    fn make_room(&mut self, length: usize) -> Result<(), TooLong> {
        if self.start > self.floor {
            let waiting = self.start..self.end;
            self.end = self.floor + waiting.len();
            self.start = self.floor;
            bytes::shift(self.storage.bytes_mut(), waiting, self.floor);
            return Ok(());
        }
        let needed = self.end.saturating_add(length);
        if self.storage.grow(needed) {
            return Ok(());
        }
        Err(TooLong {
            needed: length,
            capacity: self.storage.limit().saturating_sub(self.end),
        })
    }

    pub(super) fn keep(&mut self, body: Range<usize>) -> Kept {
        let body = self.last + body.start..self.last + body.end;
        self.floor = body.end;
        if self.start == self.end {
            // It was sent already; what follows must not be put into its place.
            self.reset();
        }
        Kept {
            request: self.last,
            body,
        }
    }

    pub(super) fn release(&mut self) {
        self.floor = 0;
        if self.start == self.end {
            self.reset();
        }
    }

    /// Sends what was kept once more behind another header and behind all that still waits.
    pub(super) fn resend(
        &mut self,
        kept: &mut Kept,
        mut header: impl FnMut(&mut Writer<'_>),
    ) -> Result<(), TooLong> {
        let mut measure = Writer::new(&mut []);
        header(&mut measure);
        let place = self.place(kept, measure.len() + kept.body.len())?;
        let body = place + measure.len();
        let end = body + kept.body.len();
        let bytes = self.storage.bytes_mut();
        bytes::shift(bytes, kept.body.clone(), body);
        let room = bytes.get_mut(place..body).unwrap_or_default();
        header(&mut Writer::new(room));
        self.end = end;
        if place == kept.request {
            kept.body = body..end;
            self.start = place;
            self.floor = end;
        }
        Ok(())
    }

    /// Room to send what was kept once more: where it stands, if nothing waits, so that it takes
    /// little more room than the first time; else behind what waits.
    fn place(&mut self, kept: &Kept, length: usize) -> Result<usize, TooLong> {
        if self.start < self.end {
            while self.storage.bytes().len() < self.end + length {
                self.make_room(length)?;
            }
            return Ok(self.end);
        }
        let end = kept.request + length;
        if self.storage.bytes().len() >= end || self.storage.grow(end) {
            return Ok(kept.request);
        }
        Err(TooLong {
            needed: length,
            capacity: self.storage.limit().saturating_sub(kept.request),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put<S: Storage>(outbox: &mut Outbox<S>, text: &str) -> Result<(), TooLong> {
        outbox.write(|w| {
            w.put(text.as_bytes());
            Ok(())
        })
    }

    #[test]
    fn a_request_that_does_not_fit_leaves_the_others_alone() {
        let mut outbox = Outbox::new([0; 8]);
        put(&mut outbox, "12345").unwrap();
        let error = put(&mut outbox, "6789").unwrap_err();
        assert_eq!((error.needed, error.capacity), (4, 3));
        assert_eq!(outbox.outgoing(), b"12345");
        put(&mut outbox, "678").unwrap();
        assert_eq!(outbox.outgoing(), b"12345678");
    }

    #[test]
    fn room_of_what_was_sent_is_used_again() {
        let mut outbox = Outbox::new([0; 8]);
        put(&mut outbox, "1234567").unwrap();
        outbox.sent(5);
        put(&mut outbox, "89abcd").unwrap();
        assert_eq!(outbox.outgoing(), b"6789abcd");
    }

    #[test]
    fn kept_bytes_go_out_again_behind_a_longer_header() {
        let mut outbox = Outbox::new([0; 24]);
        put(&mut outbox, "push BODY pop it").unwrap();
        let mut kept = outbox.keep(5..9);
        outbox.sent(16);
        put(&mut outbox, "other").unwrap();
        outbox.sent(5);
        for _ in 0..2 {
            outbox.resend(&mut kept, |w| w.put(b"take away ")).unwrap();
            put(&mut outbox, " more").unwrap();
            assert_eq!(outbox.outgoing(), b"take away BODY more");
            outbox.sent(19);
        }
        outbox.release();
        put(&mut outbox, "0123456789abcdefghijklmn").unwrap();
    }

    #[test]
    fn what_is_kept_after_it_was_sent_stays_as_it_is() {
        let mut outbox = Outbox::new([0; 32]);
        put(&mut outbox, "push BODY pop").unwrap();
        outbox.sent(13);
        let mut kept = outbox.keep(5..9);
        put(&mut outbox, "pop again").unwrap();
        outbox.sent(9);
        outbox.resend(&mut kept, |w| w.put(b"take ")).unwrap();
        assert_eq!(outbox.outgoing(), b"take BODY");
    }

    #[test]
    fn a_header_that_leaves_no_room_for_the_body_is_refused() {
        let mut outbox = Outbox::new([0; 12]);
        put(&mut outbox, "push BODY").unwrap();
        let mut kept = outbox.keep(5..9);
        outbox.sent(9);
        let error = outbox
            .resend(&mut kept, |w| w.put(b"take away"))
            .unwrap_err();
        assert_eq!((error.needed, error.capacity), (13, 12));
        outbox.resend(&mut kept, |w| w.put(b"takeaway")).unwrap();
        assert_eq!(outbox.outgoing(), b"takeawayBODY");
    }

    #[test]
    fn kept_bytes_go_out_again_behind_what_waits() {
        for sent in [0, 2, 5] {
            let mut outbox = Outbox::new([0; 24]);
            put(&mut outbox, "push BODY").unwrap();
            let mut kept = outbox.keep(5..9);
            outbox.sent(9);
            put(&mut outbox, "waits,").unwrap();
            outbox.sent(sent);
            for _ in 0..2 {
                let length = outbox.outgoing().len();
                match outbox.resend(&mut kept, |w| w.put(b"remove ")) {
                    Ok(()) => assert!(outbox.outgoing().ends_with(b"remove BODY")),
                    Err(error) => assert_eq!((error.needed, error.capacity), (11, 15 - length)),
                }
            }
            assert!(outbox.outgoing().starts_with(&b"waits,"[sent..]));
            outbox.sent(24);
            outbox.resend(&mut kept, |w| w.put(b"remove ")).unwrap();
            assert_eq!(outbox.outgoing(), b"remove BODY");
        }
    }
}
