//! Bytes in the order in which they came, in a buffer that is used in a circle.

/// The bytes; those that were taken make room for others.
#[derive(Debug)]
pub(super) struct Ring<'b> {
    bytes: &'b mut [u8],
    /// Always within `bytes`, if there are any.
    start: usize,
    length: usize,
}

impl<'b> Ring<'b> {
    pub(super) fn new(bytes: &'b mut [u8]) -> Self {
        Self {
            bytes,
            start: 0,
            length: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn free(&self) -> usize {
        self.bytes.len().saturating_sub(self.length)
    }

    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    /// Appends what there is room for; how many bytes.
    pub(super) fn put(&mut self, bytes: &[u8]) -> usize {
        let count = self.free().min(bytes.len());
        let mut at = self.place(self.length);
        for byte in bytes.iter().take(count) {
            if let Some(place) = self.bytes.get_mut(at) {
                *place = *byte;
            }
            at = self.behind(at);
        }
        self.length += count;
        count
    }

    /// Copies bytes from the one that `from` stand before; how many.
    pub(super) fn copy(&self, from: usize, room: &mut [u8]) -> usize {
        let count = room.len().min(self.length.saturating_sub(from));
        let mut at = self.place(from);
        for place in room.iter_mut().take(count) {
            *place = self.bytes.get(at).copied().unwrap_or_default();
            at = self.behind(at);
        }
        count
    }

    /// Forgets the first `count` bytes.
    pub(super) fn drop_first(&mut self, count: usize) {
        let count = count.min(self.length);
        self.start = self.place(count);
        self.length -= count;
    }

    /// Copies the first bytes and forgets them; how many.
    pub(super) fn take(&mut self, room: &mut [u8]) -> usize {
        let count = self.copy(0, room);
        self.drop_first(count);
        count
    }

    /// Where the byte is that `offset` stand before, which is not more than there is room for.
    fn place(&self, offset: usize) -> usize {
        let at = self.start.saturating_add(offset);
        match at.checked_sub(self.bytes.len()) {
            Some(wrapped) => wrapped,
            None => at,
        }
    }

    fn behind(&self, at: usize) -> usize {
        if at + 1 == self.bytes.len() {
            0
        } else {
            at + 1
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "any byte of a number does for a test"
)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in_wherever_the_circle_ends() {
        let mut bytes = [0; 5];
        let mut ring = Ring::new(&mut bytes);
        let (mut next_in, mut next_out) = (0_u8, 0_u8);
        let mut total = 0;
        for step in 0..200_usize {
            let some: [u8; 4] = core::array::from_fn(|index| next_in.wrapping_add(index as u8));
            let put = ring.put(&some[..step % 5]);
            next_in = next_in.wrapping_add(put as u8);
            let mut all = [0; 5];
            let there = ring.copy(0, &mut all);
            assert_eq!(there, ring.len());
            assert_eq!(ring.free(), 5 - there);
            let mut rest = [0; 5];
            assert_eq!(ring.copy(1, &mut rest), there.saturating_sub(1));
            if there > 1 {
                assert_eq!(all[1..there], rest[..there - 1]);
            }
            let mut room = [0; 3];
            let taken = ring.take(&mut room[..step % 4]);
            total += taken;
            for byte in &room[..taken] {
                assert_eq!(*byte, next_out);
                next_out = next_out.wrapping_add(1);
            }
        }
        assert!(total > 200, "{total}");
    }

    #[test]
    fn a_circle_without_room_takes_nothing() {
        let mut ring = Ring::new(&mut []);
        assert_eq!(ring.put(b"a"), 0);
        assert_eq!(ring.take(&mut [0; 2]), 0);
        ring.drop_first(3);
        assert_eq!(ring.free(), 0);
    }
}
