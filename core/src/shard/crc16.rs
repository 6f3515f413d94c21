//! CRC-16 as XMODEM and Redis Cluster have it (polynomial 0x1021, not reflected, from zero).

const POLYNOMIAL: u16 = 0x1021;

/// The remainder of each byte value.
const TABLE: [u16; 256] = table();

/// The sum of `bytes`.
///
/// ```
/// use redis_ipc_core::shard::crc16::crc16;
///
/// assert_eq!(crc16(b"123456789"), 0x31C3);
/// ```
#[must_use]
#[inline]
pub fn crc16(bytes: &[u8]) -> u16 {
    let mut sum = 0_u16;
    for byte in bytes {
        let [high, _] = sum.to_be_bytes();
        // The index is a byte and the table has one entry each: it is always there.
        let remainder = TABLE.get(usize::from(high ^ byte));
        sum = (sum << 8) ^ remainder.copied().unwrap_or_default();
    }
    sum
}

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "runs while compiling, where a fault is an error of the build"
)]
const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut remainder = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            let carry = remainder & 0x8000 != 0;
            remainder = (remainder << 1) ^ if carry { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        table[byte] = remainder;
        byte += 1;
    }
    table
}
