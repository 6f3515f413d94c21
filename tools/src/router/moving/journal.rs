//! Which keys are being copied just now, in a file: after a kill their copies are known as ours.
//!
//! ```text
//! h3:756e69783a2f2f2f…        host 3 is where that address leads, "unix:///…"
//! k3:666f6f                   the key "foo", whose copy is on host 3
//! p3:6970632d746f6f6c…        pieces of a string on host 3, under that name
//! ```
//!
//! The hosts may be others when a move is taken up again: what was not copied to one of them is none
//! of its business, and a key of that name on another host is somebody's own.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::router::Host;

#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    /// The hosts that keys move to, by their numbers.
    hosts: Vec<(u32, String)>,
    /// Keys whose copies a killed move has left behind, maybe, or this one, and on which hosts.
    left: HashSet<(u32, Vec<u8>)>,
    /// What it may have left of strings in pieces: on which hosts, under which names.
    pieces: Vec<(u32, Vec<u8>)>,
}

impl Journal {
    /// `hosts` are those that there will be.
    pub(super) fn open(path: &Path, hosts: &[Host]) -> io::Result<Self> {
        let text = match fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            text => text.map_err(|error| named(path, &error))?,
        };
        let text = String::from_utf8_lossy(&text);
        let address = |host: &Host| (host.id, host.endpoint.to_string());
        let hosts: Vec<_> = hosts.iter().map(address).collect();
        // Their numbers then and now.
        let same = noted(&text, 'h').filter_map(|(then, address)| {
            let mut hosts = hosts.iter();
            let now = hosts.find(|(_, own)| own.as_bytes() == address)?.0;
            Some((then, now))
        });
        let same: HashMap<u32, u32> = same.collect();
        let on = |(host, name): (u32, _)| Some((*same.get(&host)?, name));
        Ok(Self {
            left: noted(&text, 'k').filter_map(on).collect(),
            pieces: noted(&text, 'p').filter_map(on).collect(),
            hosts,
            path: path.to_owned(),
        })
    }

    /// What a killed move may have left of strings in pieces: on which hosts, under which names.
    pub(super) fn pieces(&self) -> &[(u32, Vec<u8>)] {
        &self.pieces
    }

    /// Whether a copy of that key on that host may be one of a move that was killed.
    pub(super) fn has(&self, host: u32, key: &[u8]) -> bool {
        self.left.contains(&(host, key.to_vec()))
    }

    /// Takes a copy of that key on that host for ours from now on.
    pub(super) fn claim(&mut self, host: u32, key: &[u8]) {
        self.left.insert((host, key.to_vec()));
    }

    /// Notes what is going to be copied to a host, in the place of what was copied before. Copies
    /// of a killed move stay noted: whoever is killed twice knows of them still.
    pub(super) fn begin(&mut self, host: u32, keys: &[Vec<u8>]) -> io::Result<()> {
        self.write(host, keys, None)
    }

    /// As [`begin`](Self::begin), for a key that is copied in pieces, under that name at first.
    pub(super) fn begin_pieces(&mut self, host: u32, key: &[u8], name: &[u8]) -> io::Result<()> {
        self.write(host, &[key.to_vec()], Some(name))
    }

    fn write(&self, host: u32, keys: &[Vec<u8>], pieces: Option<&[u8]>) -> io::Result<()> {
        let note = |kind, host: &u32, what: &[u8]| format!("{kind}{host}:{}\n", to_hex(what));
        let hosts = self.hosts.iter();
        let mut text: String = hosts.map(|(id, at)| note('h', id, at.as_bytes())).collect();
        text.extend(keys.iter().map(|key| note('k', &host, key)));
        text.extend(self.left.iter().map(|(host, key)| note('k', host, key)));
        text.extend(pieces.map(|name| note('p', &host, name)));
        text.extend(self.pieces.iter().map(|(host, name)| note('p', host, name)));
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

/// What the lines of a kind say: a host's number and something.
fn noted(text: &str, kind: char) -> impl Iterator<Item = (u32, Vec<u8>)> {
    let lines = text.lines().filter_map(move |line| line.strip_prefix(kind));
    lines.filter_map(|line| {
        let (host, what) = line.split_once(':')?;
        Some((host.parse().ok()?, from_hex(what)?))
    })
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

    fn hosts(addresses: &[&str]) -> Vec<Host> {
        let host = |(id, address): (u32, &&str)| Host::new(id, address.parse().unwrap());
        (0..).zip(addresses).map(host).collect()
    }

    #[test]
    fn a_move_that_is_taken_up_again_knows_keys_and_pieces_of_the_one_before() {
        let path = std::env::temp_dir().join(format!("journal-{}.moving", std::process::id()));
        let open = |addresses| Journal::open(&path, &hosts(addresses)).unwrap();
        let mut journal = open(&["/a", "/b"]);
        journal.begin_pieces(1, b"a\n", b"name").unwrap();
        let mut journal = open(&["/a", "/b"]);
        journal.begin(0, &[b"b".to_vec()]).unwrap();
        let journal = open(&["/a", "/b"]);
        assert!(journal.has(1, b"a\n") && journal.has(0, b"b") && !journal.has(1, b"name"));
        assert_eq!(journal.pieces(), [(1, b"name".to_vec())]);
        // The copy is on the server that has another number now, and on no other one.
        let journal = open(&["/c", "/d", "/b"]);
        assert!(journal.has(2, b"a\n") && !journal.has(1, b"a\n") && !journal.has(0, b"b"));
        assert_eq!(journal.pieces(), [(2, b"name".to_vec())]);
        assert!(open(&["/c", "/d"]).pieces().is_empty());
        journal.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_journal_names_no_copy() {
        let path = std::env::temp_dir().join(format!("journal-{}.odd", std::process::id()));
        fs::write(&path, b"\xff\0\nk0\nkzz\np7:6162\nk0:61\nh0:zz\n").unwrap();
        let journal = Journal::open(&path, &hosts(&["/a"])).unwrap();
        assert!(journal.left.is_empty() && journal.pieces().is_empty());
        journal.remove().unwrap();
    }
}
