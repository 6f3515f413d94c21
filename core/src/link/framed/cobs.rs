//! Consistent Overhead Byte Stuffing of frames shorter than 254 bytes, in place.
//!
//! Such a frame needs one byte more, its first, and is otherwise as long as before: every zero is
//! replaced by the distance to the next one. (Cheshire and Baker, "Consistent Overhead Byte
//! Stuffing", 1997.)

/// The longest frame, its code byte not counted: a distance of 255 would have another meaning.
pub(super) const LONGEST: usize = 253;

/// Replaces the zeros of `frame`, whose first byte is room for the code. At most [`LONGEST`] bytes
/// may stand behind it.
pub(super) fn encode(frame: &mut [u8]) {
    debug_assert!(frame.len() <= 1 + LONGEST, "a distance would not fit");
    let mut distance = 0_u8;
    for (index, byte) in frame.iter_mut().enumerate().rev() {
        distance = distance.wrapping_add(1);
        if *byte == 0 || index == 0 {
            *byte = distance;
            distance = 0;
        }
    }
}

/// Puts the zeros back; the frame stands behind the first byte then. Says whether it was one: the
/// last distance ends where the frame does.
pub(super) fn decode(frame: &mut [u8]) -> bool {
    // Bytes until the next distance stands there.
    let mut left = 0_u8;
    for byte in frame {
        if left == 0 {
            left = *byte;
            *byte = 0;
        }
        // No byte of a frame is zero: that would have ended it.
        left = left.wrapping_sub(1);
    }
    left == 0
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "any byte of a number does for a test"
)]
mod tests {
    use super::*;
    use crate::STRIDE;
    use std::vec::Vec;

    fn encoded(raw: &[u8]) -> Vec<u8> {
        let mut frame = [&[0], raw].concat();
        encode(&mut frame);
        frame
    }

    #[test]
    fn the_examples_of_the_paper_and_of_others_come_out_as_they_stand_there() {
        for (raw, expected) in [
            (&[][..], &[1][..]),
            (&[0], &[1, 1]),
            (&[0, 0], &[1, 1, 1]),
            (&[0x11, 0x22, 0, 0x33], &[3, 0x11, 0x22, 2, 0x33]),
            (&[0x11, 0x22, 0x33, 0x44], &[5, 0x11, 0x22, 0x33, 0x44]),
            (&[0x11, 0, 0, 0], &[2, 0x11, 1, 1, 1]),
        ] {
            assert_eq!(encoded(raw), expected);
        }
    }

    #[test]
    fn any_frame_has_no_zeros_and_comes_back() {
        for length in (0..=LONGEST).step_by(STRIDE) {
            for gap in [1, 2, 7, 100, 300] {
                let raw: Vec<u8> = (0..length)
                    .map(|index| u8::from(index % gap != 0) * (index % 255) as u8)
                    .collect();
                let mut frame = encoded(&raw);
                assert!(!frame.contains(&0) && frame.len() == length + 1);
                assert!(decode(&mut frame));
                assert_eq!(&frame[1..], raw);
            }
        }
    }

    #[test]
    fn a_frame_that_ends_before_its_distance_does_is_none() {
        for frame in [&[2_u8][..], &[3, 1], &[1, 2], &[255, 1, 1]] {
            assert!(!decode(&mut frame.to_vec()), "{frame:?}");
        }
        assert!(decode(&mut []));
    }
}
