//! Strings that are moved a piece at a time, for a dump of the longest is more than a server takes.
//!
//! The copy grows under a name of its own, which the journal knows, and takes the key's name when
//! all of it was compared.

use std::time::{SystemTime, UNIX_EPOCH};

use redis_ipc::Error as Broken;

use super::MoveError;
use super::asking::{checked, delete, is_same};
use super::batch::{Batch, Moved};
use crate::router::quoted;

/// Bytes of a piece.
const PIECE_BYTES: usize = 16 * 1024 * 1024;

impl Batch<'_> {
    /// Copies, compares and deletes a string that takes so much memory.
    pub(super) fn attempt_in_pieces(&mut self, key: &[u8], size: u64) -> Result<Moved, MoveError> {
        let Some(length) = self.watch_string(key)? else {
            return Ok(Moved::Changed);
        };
        let watching = self.from.server().client_id();
        if !self.journal.has(self.target, key) && self.is_taken(key)? {
            self.leave(key);
            return self.unwatch().map(|()| Moved::Done);
        }
        let name = fresh_name();
        let noted = self.journal.begin_pieces(self.target, key, &name);
        noted.map_err(MoveError::Journal)?;
        let copied = self.copy_pieces(key, &name, length);
        let named = copied.and_then(|()| self.give_name(key, &name));
        if !matches!(named, Ok(Named::Yes)) {
            // If even this fails, the journal knows of it.
            let _ = self.to.command(&[b"UNLINK", &name[..]]);
        }
        match named? {
            Named::Yes => {}
            Named::Gone => return Ok(Moved::Changed),
            Named::Taken => {
                self.leave(key);
                return self.unwatch().map(|()| Moved::Done);
            }
        }
        let guarding = self.to.server().client_id();
        let watched = is_same(self.from, watching);
        if watched && delete(self.from, &[key]).map_err(|error| self.at_source(error))? {
            self.unwatch()?;
            self.progress.moved += 1;
            self.progress.bytes += size;
            return Ok(Moved::Done);
        }
        self.retract(&[key], guarding)
    }

    /// Begins to watch a key; its length, or `None` if it is no string any more.
    fn watch_string(&mut self, key: &[u8]) -> Result<Option<usize>, MoveError> {
        let mut watch = || {
            let mut pipeline = self.from.pipeline();
            pipeline
                .command(&[b"WATCH", key])?
                .command(&[b"TYPE", key])?
                .command(&[b"STRLEN", key])?;
            let mut replies = pipeline.send()?;
            checked(replies.next()?)?;
            let is_string = checked(replies.next()?)?.bytes() == Some(b"string");
            let length = replies.next()?.and_then(|reply| reply.integer());
            Ok(length.filter(|_| is_string))
        };
        let length = watch().map_err(|error| self.at_source(error))?;
        Ok(length.and_then(|length| usize::try_from(length).ok()))
    }

    fn unwatch(&mut self) -> Result<(), MoveError> {
        delete(self.from, &[]).map_err(|error| self.at_source(error))?;
        delete(self.to, &[]).map_err(|error| self.at_target(error))?;
        Ok(())
    }

    /// Whether there is another key of that name where it should go.
    fn is_taken(&mut self, key: &[u8]) -> Result<bool, MoveError> {
        let there = self.to.command(&[b"EXISTS", key]);
        let there = there.map(|there| there.integer() == Some(1));
        there.map_err(|error| self.at_target(error))
    }

    fn copy_pieces(&mut self, key: &[u8], name: &[u8], length: usize) -> Result<(), MoveError> {
        let patience = self.patience(PIECE_BYTES as u64);
        // A message that carries a piece has to be within the limit, too.
        let most = self.cluster.options().message_limit / 2;
        let step = PIECE_BYTES.min(most).max(1);
        // The last piece first, for then all room is made at once, and whoever empties the database
        // meanwhile is noticed: no other piece makes it as long.
        let starts = (0..length).step_by(step);
        let last = starts.clone().next_back();
        for start in last.into_iter().chain(starts.rev().skip(1).rev()) {
            self.heed_stop()?;
            let end = (start + step).min(length);
            let (first, last) = (start.to_string(), (end - 1).to_string());
            let range = [first.as_bytes(), last.as_bytes()];
            let piece = self
                .from
                .blocking_command(&[b"GETRANGE", key, range[0], range[1]], patience)
                .map(|piece| piece.bytes().unwrap_or_default().to_vec());
            let piece = piece.map_err(|error| self.at_source(error))?;
            let same = self.write_piece(name, range, &piece, length);
            if !same.map_err(|error| self.at_target(error))? {
                let key = quoted::shown(key);
                let host = self.target;
                return Err(MoveError::Differs { key, host });
            }
        }
        Ok(())
    }

    /// Whether it reads as it was written, and the whole is as long as it should be.
    fn write_piece(
        &mut self,
        name: &[u8],
        [first, last]: [&[u8]; 2],
        piece: &[u8],
        length: usize,
    ) -> Result<bool, Broken> {
        let patience = self.patience(PIECE_BYTES as u64);
        let mut pipeline = self.to.pipeline_within(patience);
        pipeline
            .command(&[b"SETRANGE", name, first, piece])?
            .command(&[b"GETRANGE", name, first, last])?;
        let mut replies = pipeline.send()?;
        let whole = checked(replies.next()?)?.integer();
        let same = checked(replies.next()?)?.bytes() == Some(piece);
        Ok(same && whole == i64::try_from(length).ok())
    }

    /// Gives the copy the key's name and the time that it has left, and begins to watch it.
    fn give_name(&mut self, key: &[u8], name: &[u8]) -> Result<Named, MoveError> {
        let left = self.from.command(&[b"PTTL", key]);
        let left = left.map(|left| left.integer().unwrap_or(-2));
        let left = left.map_err(|error| self.at_source(error))?;
        if left == -2 {
            return Ok(Named::Gone);
        }
        let ours = self.journal.has(self.target, key);
        let mut rename = || {
            let mut pipeline = self.to.pipeline();
            if left >= 0 {
                // A key with less than a millisecond left must not become one for ever.
                let left = left.max(1).to_string();
                pipeline.command(&[b"PEXPIRE", name, left.as_bytes()])?;
            }
            pipeline
                .command(&[if ours { &b"RENAME"[..] } else { b"RENAMENX" }, name, key])?
                .command(&[b"WATCH", key])?;
            let mut replies = pipeline.send()?;
            if left >= 0 {
                checked(replies.next()?)?;
            }
            let taken = checked(replies.next()?)?.integer() == Some(0);
            checked(replies.next()?)?;
            Ok(match taken {
                true => Named::Taken,
                false => Named::Yes,
            })
        };
        rename().map_err(|error| self.at_target(error))
    }
}

/// Whether a copy has its key's name now.
enum Named {
    Yes,
    /// There is another key of that name.
    Taken,
    /// The original is gone.
    Gone,
}

/// A name that nobody else has.
fn fresh_name() -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = now.unwrap_or_default().as_nanos();
    format!("ipc-tool:moving:{}:{nanos}", std::process::id()).into_bytes()
}
