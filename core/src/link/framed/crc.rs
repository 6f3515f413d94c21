//! CRC-32 as in Ethernet and zlib (polynomial 0x04C11DB7, reflected), bit by bit: a table would
//! take a kilobyte of flash, and a byte on a serial line takes far longer than eight steps.

/// The polynomial, reflected.
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// The sum of `bytes`.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = sum & 1;
            sum = (sum >> 1) ^ (POLYNOMIAL & carry.wrapping_neg());
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sum_that_everybody_checks_with() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
        assert_eq!(crc32(&[0; 32]), 0x190A_55AD);
    }

    #[test]
    fn one_flipped_bit_changes_it_wherever_it_is() {
        let bytes = *b"queues.commands.sensor";
        let sum = crc32(&bytes);
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(crc32(&flipped), sum, "bit {bit}");
        }
    }
}
