//! Which keys are being copied just now, in a file: after a kill their copies are known as ours.

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    /// Keys whose copies a killed move has left behind, maybe.
    left: HashSet<Vec<u8>>,
}

impl Journal {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let left = match fs::read_to_string(path) {
            Ok(text) => text.lines().filter_map(from_hex).collect(),
            Err(error) if error.kind() == ErrorKind::NotFound => HashSet::new(),
            Err(error) => return Err(error),
        };
        let path = path.to_owned();
        Ok(Self { path, left })
    }

    /// Whether a copy of that key may be one of a move that was killed.
    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.left.contains(key)
    }

    /// Notes what is going to be copied, in the place of what was copied before. Copies of a
    /// killed move stay noted: whoever is killed twice knows of them still.
    pub(super) fn begin(&mut self, keys: &[Vec<u8>]) -> io::Result<()> {
        let keys = keys.iter().chain(&self.left);
        let text: String = keys.map(|key| to_hex(key) + "\n").collect();
        let new = self.path.with_extension("new");
        let mut file = fs::File::create(&new)?;
        file.write_all(text.as_bytes())?;
        drop(file);
        // At no moment is there half a journal.
        fs::rename(&new, &self.path)
    }

    pub(super) fn remove(self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}

fn to_hex(key: &[u8]) -> String {
    let digits = key.iter().map(|byte| format!("{byte:02x}"));
    digits.fold("k".to_owned(), |text, digits| text + &digits)
}

fn from_hex(line: &str) -> Option<Vec<u8>> {
    let digits = line.strip_prefix('k')?.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_any_bytes_are_noted_and_known_again() {
        for key in [&b""[..], b"a", b"\xff\0\n"] {
            assert_eq!(from_hex(&to_hex(key)).as_deref(), Some(key));
        }
    }
}
