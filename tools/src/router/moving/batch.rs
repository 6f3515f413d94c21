//! Some keys on their way from one host to another.

use std::time::Duration;

use redis_ipc::{Connection, Error as Broken, Stop};

use super::asking::{
    Item, delete, dumps, is_same, is_unchanged, read, remove_if, restore, same, sizes,
};
use super::journal::Journal;
use super::{MoveError, Progress};
use crate::router::cluster::Cluster;
use crate::router::{Cause, Error, quoted};

/// How often keys are copied anew because somebody has changed one of them.
const TRIES: usize = 200;

/// Keys that are moved together at most; a change of one of them makes all be copied again.
const MOST: usize = 50;

/// Bytes that they take together at most, where they are several.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// Bytes of the largest dump that a server takes.
const MOST_DUMP_BYTES: u64 = 512 * 1024 * 1024;

/// Bytes for which a second is added to the time that a reply may take.
const BYTES_A_SECOND: u64 = 8 * 1024 * 1024;

pub(super) struct Batch<'c> {
    pub(super) cluster: &'c Cluster,
    pub(super) next: &'c Cluster,
    pub(super) host: u32,
    pub(super) target: u32,
    pub(super) from: &'c mut Connection,
    pub(super) to: &'c mut Connection,
    pub(super) journal: &'c mut Journal,
    pub(super) progress: &'c mut Progress,
    pub(super) stop: &'c Stop,
    /// The first key that was too large for a dump.
    pub(super) too_large: &'c mut Option<MoveError>,
}

/// What became of keys that were to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// All are where they belong, or stay for a reason that was counted.
    Done,
    /// One was changed meanwhile; none has moved, and there are no copies.
    Changed,
}

impl Batch<'_> {
    pub(super) fn run(&mut self, keys: &[Vec<u8>]) -> Result<(), MoveError> {
        let sizes = sizes(self.from, &keys.iter().collect::<Vec<_>>());
        let sizes = sizes.map_err(|error| self.at_source(error))?;
        let mut first = 0;
        for count in portions(&sizes) {
            let some = first..first + count;
            first = some.end;
            self.move_portion(&keys[some.clone()], &sizes[some])?;
        }
        Ok(())
    }

    fn move_portion(&mut self, keys: &[Vec<u8>], sizes: &[u64]) -> Result<(), MoveError> {
        self.heed_stop()?;
        if keys.len() > 1 {
            match self.attempt(keys, sizes) {
                Ok(Moved::Done) => return Ok(()),
                Ok(Moved::Changed) => {}
                // One of them is larger than its server has thought.
                Err(MoveError::Host(error)) if is_too_long(&error) => {
                    let target = self.target;
                    keys.iter().for_each(|key| self.journal.claim(target, key));
                }
                Err(error) => return Err(error),
            }
        }
        for (key, size) in keys.iter().zip(sizes) {
            match self.move_alone(key, *size) {
                Err(MoveError::Host(error)) if is_too_long(&error) || *size >= MOST_DUMP_BYTES => {
                    let key = quoted::shown(key);
                    self.progress.left += 1;
                    self.too_large
                        .get_or_insert(MoveError::TooLarge { key, error });
                }
                moved => moved?,
            }
        }
        Ok(())
    }

    fn move_alone(&mut self, key: &Vec<u8>, size: u64) -> Result<(), MoveError> {
        for _ in 0..TRIES {
            self.heed_stop()?;
            let moved = match size > MOST_BYTES && self.is_string(key)? {
                true => self.attempt_in_pieces(key, size)?,
                false => self.attempt(std::slice::from_ref(key), &[size])?,
            };
            if moved == Moved::Done {
                return Ok(());
            }
        }
        let key = quoted::shown(key);
        Err(MoveError::Busy { key })
    }

    /// There is another key of that name where it should go.
    pub(super) fn leave(&mut self, key: &[u8]) {
        let (host, target) = (self.host, self.target);
        self.progress.leave(|| {
            let key = quoted::shown(key);
            format!("{key} is on host {host}, and another one on host {target} already")
        });
    }

    pub(super) fn heed_stop(&self) -> Result<(), MoveError> {
        match self.stop.is_requested() {
            true => Err(MoveError::Stopped {
                moved: self.progress.moved,
            }),
            false => Ok(()),
        }
    }

    pub(super) fn at_source(&self, error: Broken) -> MoveError {
        MoveError::Host(self.cluster.failed(self.host, error))
    }

    pub(super) fn at_target(&self, error: Broken) -> MoveError {
        MoveError::Host(self.next.failed(self.target, error))
    }

    /// How long so many bytes may take from one server, or to it.
    pub(super) fn patience(&self, bytes: u64) -> Duration {
        let seconds = Duration::from_secs(bytes / BYTES_A_SECOND);
        self.cluster.options().reply_limit + seconds
    }

    fn is_string(&mut self, key: &[u8]) -> Result<bool, MoveError> {
        let kind = self.from.command(&[b"TYPE", key]);
        let is_string = kind.map(|kind| kind.bytes() == Some(b"string"));
        is_string.map_err(|error| self.at_source(error))
    }

    /// Copies, compares and deletes.
    fn attempt(&mut self, keys: &[Vec<u8>], sizes: &[u64]) -> Result<Moved, MoveError> {
        let patience = self.patience(sizes.iter().sum());
        let items =
            read(self.from, keys, sizes, patience).map_err(|error| self.at_source(error))?;
        let watching = self.from.server().client_id();
        let noted = self.journal.begin(self.target, keys);
        noted.map_err(MoveError::Journal)?;
        let ours = |key: &[u8]| self.journal.has(self.target, key);
        let busy = restore(self.to, &items, ours, patience);
        let busy = busy.map_err(|error| self.at_target(error))?;
        let guarding = self.to.server().client_id();
        let ours = items.iter().enumerate();
        let ours = ours.filter(|(number, _)| !busy.contains(number));
        let ours: Vec<_> = ours.map(|(_, item)| item).collect();
        let copies = dumps(self.to, &items, patience);
        let copies = copies.map_err(|error| self.at_target(error))?;
        let (mut done, mut taken) = (Vec::new(), Vec::new());
        for (number, (item, copy)) in items.iter().zip(&copies).enumerate() {
            let same = *copy == item.dump
                || same(self.from, self.to, &item.key).map_err(|error| self.at_source(error))?;
            if same {
                done.push(item);
            } else if busy.contains(&number) {
                taken.push(item);
            } else if copy.is_empty() && item.left > 0 {
                // Its time was over.
            } else if is_same(self.from, watching)
                && is_unchanged(self.from).map_err(|error| self.at_source(error))?
            {
                let key = quoted::shown(&item.key);
                let host = self.target;
                return Err(MoveError::Differs { key, host });
            } else {
                // Deleted where it was, and made anew where it should go, between two of our looks.
                return self.retract_all(&ours, guarding, patience);
            }
        }
        let keys: Vec<_> = done.iter().map(|item| item.key.as_slice()).collect();
        let watched = is_same(self.from, watching);
        if watched && delete(self.from, &keys).map_err(|error| self.at_source(error))? {
            taken.into_iter().for_each(|item| self.leave(&item.key));
            self.progress.moved += done.len() as u64;
            self.progress.bytes += done.iter().map(|item| item.size).sum::<u64>();
            return Ok(Moved::Done);
        }
        self.retract_all(&ours, guarding, patience)
    }

    /// As [`retract`](Self::retract), for some at once. If one was touched, another may be in the
    /// way of who has deleted its key: those whose keys are gone, and that are what was written,
    /// are taken back one after the other.
    fn retract_all(
        &mut self,
        items: &[&Item],
        guarding: i64,
        patience: Duration,
    ) -> Result<Moved, MoveError> {
        let keys: Vec<_> = items.iter().map(|item| item.key.as_slice()).collect();
        if self.take_back(&keys, guarding)? {
            return Ok(Moved::Changed);
        }
        for item in items {
            let there = self.from.command(&[b"EXISTS", item.key.as_slice()]);
            let there = there.map(|there| there.integer() == Some(1));
            if !there.map_err(|error| self.at_source(error))? {
                let removed = remove_if(self.to, item, patience);
                removed.map_err(|error| self.at_target(error))?;
            }
            self.journal.claim(self.target, &item.key);
        }
        Ok(Moved::Changed)
    }

    /// Takes copies back: whoever finds a key gone where it was, and it may have been deleted
    /// there, must not find it again where it should go. If somebody has made something else of
    /// one, they stay, and are written over when their keys are copied again. They are watched
    /// by the connection that had this number.
    pub(super) fn retract(&mut self, keys: &[&[u8]], guarding: i64) -> Result<Moved, MoveError> {
        if !self.take_back(keys, guarding)? {
            let target = self.target;
            keys.iter().for_each(|key| self.journal.claim(target, key));
        }
        Ok(Moved::Changed)
    }

    fn take_back(&mut self, keys: &[&[u8]], guarding: i64) -> Result<bool, MoveError> {
        let guarded = is_same(self.to, guarding);
        Ok(guarded && delete(self.to, keys).map_err(|error| self.at_target(error))?)
    }
}

/// How many keys, by their sizes, are moved together: the first ones, then those that follow…
fn portions(sizes: &[u64]) -> Vec<usize> {
    let (mut portions, mut bytes) = (Vec::new(), 0);
    for size in sizes {
        match portions.last_mut() {
            Some(last) if *last < MOST && bytes + size <= MOST_BYTES => {
                *last += 1;
                bytes += size;
            }
            _ => {
                portions.push(1);
                bytes = *size;
            }
        }
    }
    portions
}

/// Whether something was longer than a message may be.
fn is_too_long(error: &Error) -> bool {
    let Error::Failed(failed) = error else {
        return false;
    };
    match &failed.cause {
        Cause::Connection(error) => {
            matches!(**error, Broken::TooLong { .. } | Broken::Protocol { .. })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_keys_move_alone_and_small_ones_together() {
        let mut sizes = vec![100; MOST + 1];
        sizes.extend([MOST_BYTES * 9, 1, MOST_BYTES, 1]);
        assert_eq!(portions(&sizes), [MOST, 1, 1, 1, 1, 1]);
        assert_eq!(portions(&[100, MOST_BYTES - 100, 1, 2]), [2, 2]);
        assert!(portions(&[]).is_empty());
    }
}
