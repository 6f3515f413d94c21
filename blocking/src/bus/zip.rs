//! A zip archive of files as they are, written in one go (PKWARE's APPNOTE.TXT 6.3).
//!
//! Sizes and check sums follow each file (section 4.3.9), so that a file is read once and the
//! archive never sought in.

use std::io::{self, Read, Write};

/// The most bytes that sizes and offsets of 32 bits can tell.
const LARGEST: u64 = u32::MAX as u64;

const VERSION: u16 = 20;
/// Bit 3: sizes follow the data; bit 11: names are UTF-8.
const FLAGS: u16 = 1 << 3 | 1 << 11;
/// 1980-01-01, the first day that the format knows: the archive does not depend on the clock.
const DATE: u16 = 1 << 5 | 1;
const BLOCK: usize = 16 * 1024;

pub(super) struct Zip<W> {
    out: W,
    offset: u64,
    directory: Vec<u8>,
    files: u16,
}

impl<W: Write> Zip<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            offset: 0,
            directory: Vec::new(),
            files: 0,
        }
    }

    /// Adds a file.
    pub(super) fn add(&mut self, name: &str, file: &mut impl Read) -> io::Result<()> {
        let name_length = u16::try_from(name.len()).map_err(|_| too_large())?;
        let offset = fits(self.offset)?;
        let mut header = Vec::with_capacity(30 + name.len());
        header.extend(0x0403_4b50u32.to_le_bytes());
        numbers(&mut header, &[VERSION, FLAGS, 0, 0, DATE]);
        header.extend([0; 12]);
        numbers(&mut header, &[name_length, 0]);
        header.extend(name.as_bytes());
        self.put(&header)?;
        let (sum, size) = self.copy(file)?;
        let mut sizes = Vec::with_capacity(16);
        sizes.extend(0x0807_4b50u32.to_le_bytes());
        for number in [sum, size, size] {
            sizes.extend(number.to_le_bytes());
        }
        self.put(&sizes)?;
        self.list(name, name_length, [sum, size, size], offset)
    }

    /// Ends the archive.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let (offset, size) = (fits(self.offset)?, fits(self.directory.len() as u64)?);
        let mut end = std::mem::take(&mut self.directory);
        end.extend(0x0605_4b50u32.to_le_bytes());
        numbers(&mut end, &[0, 0, self.files, self.files]);
        end.extend(size.to_le_bytes());
        end.extend(offset.to_le_bytes());
        numbers(&mut end, &[0]);
        self.put(&end)?;
        Ok(self.out)
    }

    fn list(
        &mut self,
        name: &str,
        name_length: u16,
        sizes: [u32; 3],
        offset: u32,
    ) -> io::Result<()> {
        let entry = &mut self.directory;
        entry.extend(0x0201_4b50u32.to_le_bytes());
        numbers(entry, &[VERSION, VERSION, FLAGS, 0, 0, DATE]);
        for number in sizes {
            entry.extend(number.to_le_bytes());
        }
        numbers(entry, &[name_length, 0, 0, 0, 0, 0, 0]);
        entry.extend(offset.to_le_bytes());
        entry.extend(name.as_bytes());
        self.files = self.files.checked_add(1).ok_or_else(too_large)?;
        Ok(())
    }

    /// Copies a file; returns its check sum and its size.
    fn copy(&mut self, file: &mut impl Read) -> io::Result<(u32, u32)> {
        let mut block = [0; BLOCK];
        let (mut sum, mut size) = (u32::MAX, 0u64);
        loop {
            let count = match file.read(&mut block) {
                Ok(0) => return Ok((!sum, fits(size)?)),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let bytes = &block[..count];
            sum = bytes.iter().fold(sum, |sum, byte| add_to_sum(sum, *byte));
            size += count as u64;
            self.put(bytes)?;
        }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.offset += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

fn numbers(to: &mut Vec<u8>, numbers: &[u16]) {
    for number in numbers {
        to.extend(number.to_le_bytes());
    }
}

fn fits(size: u64) -> io::Result<u32> {
    if size > LARGEST {
        return Err(too_large());
    }
    u32::try_from(size).map_err(|_| too_large())
}

fn too_large() -> io::Error {
    io::Error::other("the archive would have more than 4 GiB or 65,535 files")
}

const SUMS: [u32; 256] = sums();

/// CRC-32 (polynomial 0x04c11db7, reflected) of one byte at a time.
fn add_to_sum(sum: u32, byte: u8) -> u32 {
    SUMS[usize::from(sum.to_le_bytes()[0] ^ byte)] ^ sum >> 8
}

const fn sums() -> [u32; 256] {
    let mut sums = [0; 256];
    let mut byte = 0;
    let mut number = 0;
    while byte < 256 {
        let mut sum: u32 = number;
        let mut bit = 0;
        while bit < 8 {
            sum = sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 };
            bit += 1;
        }
        sums[byte] = sum;
        byte += 1;
        number += 1;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_sum_is_the_one_of_the_standard_example() {
        let sum = b"123456789".iter().fold(u32::MAX, |s, b| add_to_sum(s, *b));
        assert_eq!(!sum, 0xcbf4_3926);
    }

    #[test]
    fn an_archive_begins_and_ends_as_it_must() {
        let mut zip = Zip::new(Vec::new());
        zip.add("a.txt", &mut &b"hello"[..]).unwrap();
        let bytes = zip.finish().unwrap();
        assert_eq!(&bytes[..4], b"PK\x03\x04");
        assert_eq!(&bytes[30..40], b"a.txthello");
        let end = &bytes[bytes.len() - 22..];
        assert_eq!(&end[..4], b"PK\x05\x06");
        assert_eq!(end[8], 1);
    }
}
