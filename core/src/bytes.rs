//! Copying that cannot panic, not even in the eyes of a compiler that optimises for size.
//!
//! The slices' own functions panic when lengths or ranges are wrong. Here they are right, but only
//! where everything is inlined can the compiler see it, and firmware must not hold a single path
//! that ends in a panic.

use core::cell::Cell;
use core::ops::Range;

/// Copies `from` to the beginning of `to`; what has no room is left out.
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    for (place, byte) in to.iter_mut().zip(from) {
        *place = *byte;
    }
}

/// Moves the bytes of `range` to `to`, which may lie within them; does nothing if one of both is
/// not within `bytes`.
pub(crate) fn shift(bytes: &mut [u8], range: Range<usize>, to: usize) {
    let upwards = to > range.start;
    let end = to.saturating_add(range.len());
    let cells = Cell::from_mut(bytes).as_slice_of_cells();
    let (Some(from), Some(to)) = (cells.get(range), cells.get(to..end)) else {
        return;
    };
    let pairs = to.iter().zip(from);
    if upwards {
        pairs.rev().for_each(|(place, byte)| place.set(byte.get()));
    } else {
        pairs.for_each(|(place, byte)| place.set(byte.get()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_left_out() {
        let mut to = [0; 3];
        copy(&mut to, b"ab");
        assert_eq!(&to, b"ab\0");
        copy(&mut to, b"cdef");
        assert_eq!(&to, b"cde");
    }

    #[test]
    fn bytes_move_to_wherever_they_may_go_as_the_slices_own_function_moves_them() {
        for start in 0..8 {
            for end in start..=8 {
                for to in 0..=8 - (end - start) {
                    let (mut ours, mut theirs) = (*b"01234567", *b"01234567");
                    shift(&mut ours, start..end, to);
                    theirs.copy_within(start..end, to);
                    assert_eq!(ours, theirs, "{start}..{end} to {to}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_within_the_bytes_changes_nothing() {
        let mut bytes = *b"0123";
        for (range, to) in [(0..5, 0), (0..2, 3), (4..9, 0), (0..1, usize::MAX)] {
            shift(&mut bytes, range, to);
        }
        assert_eq!(&bytes, b"0123");
    }
}
