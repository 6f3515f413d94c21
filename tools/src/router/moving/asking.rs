//! What servers are asked for while keys move between them.

use std::time::Duration;

use redis_ipc::{Connection, Error as Broken};
use redis_ipc_core::resp::Reply;

use crate::router::Value;

/// A key as it stands on its old host.
pub(super) struct Item {
    pub(super) key: Vec<u8>,
    pub(super) dump: Vec<u8>,
    /// Bytes of memory that it took when it was last looked at.
    pub(super) size: u64,
    /// Milliseconds it has left; 0 for ever.
    pub(super) left: u64,
}

/// Whether it is the connection that had this number: on another one nothing is watched.
pub(super) fn is_same(connection: &Connection, id: i64) -> bool {
    connection.is_connected() && connection.server().client_id() == id
}

/// Begins to watch the keys, of these sizes, and reads them; those that are gone are left out.
pub(super) fn read(
    from: &mut Connection,
    keys: &[Vec<u8>],
    sizes: &[u64],
    patience: Duration,
) -> Result<Vec<Item>, Broken> {
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
    for (key, size) in keys.iter().zip(sizes) {
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
        let (key, size) = (key.clone(), *size);
        items.push(Item {
            key,
            dump,
            size,
            left,
        });
    }
    Ok(items)
}

/// Writes copies and begins to watch them; those for whose key there is another one are given back
/// by number. What is `ours` is written over.
pub(super) fn restore(
    to: &mut Connection,
    items: &[Item],
    ours: impl Fn(&[u8]) -> bool,
    patience: Duration,
) -> Result<Vec<usize>, Broken> {
    let mut pipeline = to.pipeline_within(patience);
    pipeline.command(&["UNWATCH"])?;
    for item in items {
        let left = item.left.to_string();
        let mut words = vec![&b"RESTORE"[..], &item.key, left.as_bytes(), &item.dump];
        if ours(&item.key) {
            words.push(b"REPLACE");
        }
        pipeline.command(&words)?;
    }
    let keys = items.iter().map(|item| item.key.as_slice());
    let watch: Vec<_> = [&b"WATCH"[..]].into_iter().chain(keys).collect();
    if !items.is_empty() {
        pipeline.command(&watch)?;
    }
    let mut replies = pipeline.send()?;
    checked(replies.next()?)?;
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
pub(super) fn dumps(
    to: &mut Connection,
    items: &[Item],
    patience: Duration,
) -> Result<Vec<Vec<u8>>, Broken> {
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
pub(super) fn same(from: &mut Connection, to: &mut Connection, key: &[u8]) -> Result<bool, Broken> {
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

/// Removes a copy that is what was written.
pub(super) fn remove_if(
    to: &mut Connection,
    item: &Item,
    patience: Duration,
) -> Result<(), Broken> {
    let mut pipeline = to.pipeline_within(patience);
    pipeline
        .command(&[b"WATCH", item.key.as_slice()])?
        .command(&[b"DUMP", item.key.as_slice()])?;
    let mut replies = pipeline.send()?;
    checked(replies.next()?)?;
    let same = checked(replies.next()?)?.bytes() == Some(&item.dump);
    let keys = same.then_some(item.key.as_slice());
    delete(to, keys.as_slice()).map(drop)
}

/// Whether nothing of what is watched was changed; it is not watched any longer.
pub(super) fn is_unchanged(connection: &mut Connection) -> Result<bool, Broken> {
    let mut pipeline = connection.pipeline();
    pipeline.command(&["MULTI"])?.command(&["EXEC"])?;
    let mut replies = pipeline.send()?;
    checked(replies.next()?)?;
    Ok(!checked(replies.next()?)?.is_null())
}

/// Deletes what is watched, unless one of it was changed; then it says `false`.
pub(super) fn delete(connection: &mut Connection, keys: &[&[u8]]) -> Result<bool, Broken> {
    let mut pipeline = connection.pipeline();
    if keys.is_empty() {
        pipeline.command(&["UNWATCH"])?;
        let mut replies = pipeline.send()?;
        return checked(replies.next()?).map(|_| true);
    }
    let unlink: Vec<_> = [&b"UNLINK"[..]]
        .into_iter()
        .chain(keys.iter().copied())
        .collect();
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
pub(super) fn checked(reply: Option<Reply<'_>>) -> Result<Reply<'_>, Broken> {
    match reply {
        Some(Reply::Error(error)) => Err(Broken::Unexpected(format!("the server said: {error}"))),
        Some(reply) => Ok(reply),
        None => Err(Broken::Unexpected("a reply is missing".to_owned())),
    }
}
