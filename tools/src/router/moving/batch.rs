//! Some keys on their way from one host to another.

use std::collections::HashSet;
use std::time::Duration;

use redis_ipc::{Connection, Error as Broken};
use redis_ipc_core::resp::Reply;

use super::journal::Journal;
use super::{MoveError, Progress};
use crate::router::Value;
use crate::router::cluster::Cluster;

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
}

/// A key as it stands on its old host.
struct Item {
    key: Vec<u8>,
    dump: Vec<u8>,
    /// Milliseconds it has left; 0 for ever.
    left: u64,
}

impl Batch<'_> {
    pub(super) fn run(
        &self,
        from: &mut Connection,
        to: &mut Connection,
        keys: Vec<Vec<u8>>,
        journal: &mut Journal,
        progress: &mut Progress,
    ) -> Result<(), MoveError> {
        let source = |error| MoveError::Host(self.cluster.failed(self.host, error));
        let sizes = sizes(from, &keys.iter().collect::<Vec<_>>()).map_err(source)?;
        let mut rest = &keys[..];
        for Portion { count, bytes } in portions(&sizes) {
            let (some, behind) = rest.split_at(count);
            rest = behind;
            let patience = self.patience(bytes);
            // Keys whose copies there are ours, for a change made them be copied anew.
            let mut copied = HashSet::new();
            let first = (some, patience);
            let moved = self.attempt(from, to, first, journal, &mut copied, progress);
            if moved.map_err(|error| too_large(error, some, bytes))? {
                continue;
            }
            for key in some {
                let one = std::slice::from_ref(key);
                let mut moved = false;
                for _ in 0..TRIES {
                    let one = (one, patience);
                    moved = self.attempt(from, to, one, journal, &mut copied, progress)?;
                    if moved {
                        break;
                    }
                }
                if !moved {
                    let key = String::from_utf8_lossy(key).into_owned();
                    return Err(MoveError::Busy { key });
                }
            }
        }
        Ok(())
    }

    /// How long so many bytes may take from one server, or to it.
    fn patience(&self, bytes: u64) -> Duration {
        let seconds = Duration::from_secs(bytes / BYTES_A_SECOND);
        self.cluster.options().reply_limit + seconds
    }

    /// Copies, compares and deletes; `false` if one of the keys was changed meanwhile. Then the
    /// copies are there already, and are ours: `copied`.
    fn attempt(
        &self,
        from: &mut Connection,
        to: &mut Connection,
        (keys, patience): (&[Vec<u8>], Duration),
        journal: &mut Journal,
        copied: &mut HashSet<Vec<u8>>,
        progress: &mut Progress,
    ) -> Result<bool, MoveError> {
        let source = |error| MoveError::Host(self.cluster.failed(self.host, error));
        let target = |error| MoveError::Host(self.next.failed(self.target, error));
        let items = read(from, keys, patience).map_err(source)?;
        let watching = from.server().client_id();
        journal.begin(keys).map_err(MoveError::Journal)?;
        let ours = |key: &[u8]| copied.contains(key) || journal.has(key);
        let busy = restore(to, &items, ours, patience).map_err(target)?;
        for (number, item) in items.iter().enumerate() {
            if !busy.contains(&number) {
                copied.insert(item.key.clone());
            }
        }
        let copies = dumps(to, &items, patience).map_err(target)?;
        let mut done = Vec::new();
        for (number, (item, copy)) in items.iter().zip(copies).enumerate() {
            if copy == item.dump || same(from, to, &item.key).map_err(source)? {
                done.push(item);
            } else if busy.contains(&number) {
                progress.left += 1;
            } else if copy.is_empty() && item.left > 0 {
                // Its time was over.
            } else {
                let key = String::from_utf8_lossy(&item.key).into_owned();
                let host = self.target;
                return Err(MoveError::Differs { key, host });
            }
        }
        // On another connection nothing would be watched.
        if !from.is_connected() || from.server().client_id() != watching {
            return Ok(false);
        }
        let deleted = delete(from, &done).map_err(source)?;
        if deleted {
            progress.moved += done.len() as u64;
            progress.bytes += done.iter().map(|item| item.dump.len() as u64).sum::<u64>();
        }
        Ok(deleted)
    }
}

/// Keys that are moved together: how many of those that follow, and what they take.
#[derive(Debug, PartialEq, Eq)]
struct Portion {
    count: usize,
    bytes: u64,
}

/// All keys, by their sizes, in portions.
fn portions(sizes: &[u64]) -> Vec<Portion> {
    let mut portions: Vec<Portion> = Vec::new();
    for size in sizes {
        match portions.last_mut() {
            Some(last) if last.count < MOST && last.bytes + size <= MOST_BYTES => {
                last.count += 1;
                last.bytes += size;
            }
            _ => portions.push(Portion {
                count: 1,
                bytes: *size,
            }),
        }
    }
    portions
}

/// Names the key if it may be its size that a host has failed with.
fn too_large(error: MoveError, keys: &[Vec<u8>], bytes: u64) -> MoveError {
    match (error, keys) {
        (MoveError::Host(error), [key]) if bytes >= MOST_DUMP_BYTES => MoveError::TooLarge {
            key: String::from_utf8_lossy(key).into_owned(),
            error,
        },
        (error, _) => error,
    }
}

/// Begins to watch the keys and reads them; those that are gone are left out.
fn read(from: &mut Connection, keys: &[Vec<u8>], patience: Duration) -> Result<Vec<Item>, Broken> {
    let mut pipeline = from.pipeline_within(patience);
    let watch = [&b"WATCH"[..]]
        .into_iter()
        .chain(keys.iter().map(Vec::as_slice));
    pipeline.command(&watch.collect::<Vec<_>>())?;
    for key in keys {
        pipeline.command(&[b"DUMP", key.as_slice()])?;
        pipeline.command(&[b"PTTL", key.as_slice()])?;
    }
    let mut replies = pipeline.send()?;
    checked(replies.next()?)?;
    let mut items = Vec::new();
    for key in keys {
        let dump = checked(replies.next()?)?.bytes().map(<[u8]>::to_vec);
        let left = checked(replies.next()?)?.integer().unwrap_or(-2);
        let Some(dump) = dump.filter(|_| left != -2) else {
            continue;
        };
        // A key with less than a millisecond left must not become one for ever.
        let left = if left == -1 {
            0
        } else {
            u64::try_from(left).unwrap_or_default().max(1)
        };
        let key = key.clone();
        items.push(Item { key, dump, left });
    }
    Ok(items)
}

/// Writes copies; those for whose key there is another one are given back by number. What is
/// `ours` is written over.
fn restore(
    to: &mut Connection,
    items: &[Item],
    ours: impl Fn(&[u8]) -> bool,
    patience: Duration,
) -> Result<Vec<usize>, Broken> {
    let mut pipeline = to.pipeline_within(patience);
    for item in items {
        let left = item.left.to_string();
        let mut words = vec![&b"RESTORE"[..], &item.key, left.as_bytes(), &item.dump];
        if ours(&item.key) {
            words.push(b"REPLACE");
        }
        pipeline.command(&words)?;
    }
    let mut replies = pipeline.send()?;
    let mut busy = Vec::new();
    for number in 0..items.len() {
        match replies.next()? {
            Some(Reply::Error(error)) if error.code() == b"BUSYKEY" => busy.push(number),
            reply => {
                checked(reply)?;
            }
        }
    }
    Ok(busy)
}

/// The copies as they stand there; empty if there is none.
fn dumps(to: &mut Connection, items: &[Item], patience: Duration) -> Result<Vec<Vec<u8>>, Broken> {
    let mut pipeline = to.pipeline_within(patience);
    for item in items {
        pipeline.command(&[b"DUMP", item.key.as_slice()])?;
    }
    let mut replies = pipeline.send()?;
    let mut dumps = Vec::new();
    for _ in items {
        let dump = checked(replies.next()?)?;
        dumps.push(dump.bytes().unwrap_or_default().to_vec());
    }
    Ok(dumps)
}

/// Whether a hash or a set has the same contents on both: the order of large ones is each server's
/// own.
fn same(from: &mut Connection, to: &mut Connection, key: &[u8]) -> Result<bool, Broken> {
    let kind = from
        .command(&[b"TYPE", key])?
        .bytes()
        .unwrap_or_default()
        .to_vec();
    let command: &[u8] = match &*kind {
        b"hash" => b"HGETALL",
        b"set" => b"SMEMBERS",
        _ => return Ok(false),
    };
    let contents = |connection: &mut Connection| -> Result<Vec<String>, Broken> {
        let value = Value::from(&connection.command(&[command, key])?);
        let mut lines: Vec<_> = match &value {
            Value::Map(pairs) => pairs.iter().map(|(k, v)| format!("{k} {v}")).collect(),
            Value::Array(all) if &*kind == b"hash" => {
                all.chunks(2).map(|pair| format!("{pair:?}")).collect()
            }
            Value::Set(all) | Value::Array(all) => all.iter().map(Value::to_string).collect(),
            _ => Vec::new(),
        };
        lines.sort_unstable();
        Ok(lines)
    };
    Ok(contents(from)? == contents(to)?)
}

/// Deletes what is watched, unless one of it was changed.
fn delete(from: &mut Connection, items: &[&Item]) -> Result<bool, Broken> {
    let mut pipeline = from.pipeline();
    if items.is_empty() {
        pipeline.command(&["UNWATCH"])?;
        let mut replies = pipeline.send()?;
        return checked(replies.next()?).map(|_| true);
    }
    let keys = items.iter().map(|item| item.key.as_slice());
    let unlink: Vec<_> = [&b"UNLINK"[..]].into_iter().chain(keys).collect();
    pipeline
        .command(&["MULTI"])?
        .command(&unlink)?
        .command(&["EXEC"])?;
    let mut replies = pipeline.send()?;
    checked(replies.next()?)?;
    checked(replies.next()?)?;
    let executed = checked(replies.next()?)?;
    Ok(!executed.is_null())
}

/// Bytes that keys take where they are.
pub(super) fn sizes(connection: &mut Connection, keys: &[&Vec<u8>]) -> Result<Vec<u64>, Broken> {
    let mut pipeline = connection.pipeline();
    for key in keys {
        pipeline.command(&[b"MEMORY", &b"USAGE"[..], key])?;
    }
    let mut replies = pipeline.send()?;
    let mut sizes = Vec::new();
    for _ in keys {
        let size = checked(replies.next()?)?.integer().unwrap_or_default();
        sizes.push(u64::try_from(size).unwrap_or_default());
    }
    Ok(sizes)
}

/// A reply that must not be a refusal.
fn checked(reply: Option<Reply<'_>>) -> Result<Reply<'_>, Broken> {
    match reply {
        Some(Reply::Error(error)) => Err(Broken::Unexpected(format!("the server said: {error}"))),
        Some(reply) => Ok(reply),
        None => Err(Broken::Unexpected("a reply is missing".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_keys_move_alone_and_small_ones_together() {
        let mut sizes = vec![100; MOST + 1];
        sizes.extend([MOST_BYTES * 9, 1, MOST_BYTES, 1]);
        let portion = |count, bytes| Portion { count, bytes };
        assert_eq!(
            portions(&sizes),
            [
                portion(MOST, 5000),
                portion(1, 100),
                portion(1, MOST_BYTES * 9),
                portion(1, 1),
                portion(1, MOST_BYTES),
                portion(1, 1)
            ]
        );
        assert_eq!(portions(&[]), []);
    }
}
