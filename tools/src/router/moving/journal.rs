//! Which keys are being copied just now, in a file: after a kill their copies are known as ours.
//!
//! ```text
//! k666f6f                     the key "foo"
//! p3:6970632d746f6f6c…        pieces of a string on host 3, under that name
//! ```

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    /// Keys whose copies a killed move has left behind, maybe, or this one.
    left: HashSet<Vec<u8>>,
    /// What it may have left of strings in pieces: on which hosts, under which names.
    pieces: Vec<(u32, Vec<u8>)>,
}

impl Journal {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            text => text.map_err(|error| named(path, &error))?,
        };
        let keys = text.lines().filter_map(|line| line.strip_prefix('k'));
        let pieces = text.lines().filter_map(|line| line.strip_prefix('p'));
        let pieces = pieces.filter_map(|line| {
            let (host, name) = line.split_once(':')?;
            Some((host.parse().ok()?, from_hex(name)?))
        });
        Ok(Self {
            left: keys.filter_map(from_hex).collect(),
            pieces: pieces.collect(),
            path: path.to_owned(),
        })
    }

    /// What a killed move may have left of strings in pieces: on which hosts, under which names.
    pub(super) fn pieces(&self) -> &[(u32, Vec<u8>)] {
        &self.pieces
    }

    /// Whether a copy of that key may be one of a move that was killed.
    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.left.contains(key)
    }

    /// Takes a copy of that key for ours from now on.
    pub(super) fn claim(&mut self, key: &[u8]) {
        self.left.insert(key.to_vec());
    }

    /// Notes what is going to be copied, in the place of what was copied before. Copies of a
    /// killed move stay noted: whoever is killed twice knows of them still.
    pub(super) fn begin(&mut self, keys: &[Vec<u8>]) -> io::Result<()> {
        self.write(keys, None)
    }

    /// As [`begin`](Self::begin), for a key that is copied in pieces, on that host and under that
    /// name at first.
    pub(super) fn begin_pieces(&mut self, key: &[u8], host: u32, name: &[u8]) -> io::Result<()> {
        self.write(&[key.to_vec()], Some(&(host, name.to_vec())))
    }

    fn write(&self, keys: &[Vec<u8>], pieces: Option<&(u32, Vec<u8>)>) -> io::Result<()> {
        let keys = keys.iter().chain(&self.left);
        let mut text: String = keys.map(|key| format!("k{}\n", to_hex(key))).collect();
        let pieces = pieces.into_iter().chain(&self.pieces);
        text.extend(pieces.map(|(host, name)| format!("p{host}:{}\n", to_hex(name))));
        let new = self.path.with_extension("new");
        let written = fs::write(&new, text);
        // At no moment is there half a journal.
        let written = written.and_then(|()| fs::rename(&new, &self.path));
        written.map_err(|error| named(&self.path, &error))
    }

    pub(super) fn remove(self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            done => done.map_err(|error| named(&self.path, &error)),
        }
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn to_hex(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes().chunks(2);
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

    #[test]
    fn a_move_that_is_taken_up_again_knows_keys_and_pieces_of_the_one_before() {
        let path = std::env::temp_dir().join(format!("journal-{}.moving", std::process::id()));
        let mut journal = Journal::open(&path).unwrap();
        journal.begin_pieces(b"a\n", 3, b"name").unwrap();
        let mut journal = Journal::open(&path).unwrap();
        journal.begin(&[b"b".to_vec()]).unwrap();
        let journal = Journal::open(&path).unwrap();
        assert!(journal.has(b"a\n") && journal.has(b"b") && !journal.has(b"name"));
        assert_eq!(journal.pieces(), [(3, b"name".to_vec())]);
        journal.remove().unwrap();
        assert!(!path.exists());
    }
}
