//! Commands while keys move: at the old place if the key is there, else at the new one.
//!
//! While a key is at its old place, what is at the new one is a copy that a move has just made, or
//! that a killed one has left. It has to go with its key, or whoever deletes that finds it again.

use std::time::{Duration, Instant};

use redis_ipc::{Connection, Error as Broken};

use super::cluster::Cluster;
use super::commands::Refusal;
use super::connection::HostConnection;
use super::error::Error;
use super::map::FOREVER;
use super::split::{self, Join, Parts};
use super::value::Value;

/// How often a command is begun anew because its key has moved under it.
const TRIES: usize = 100;

impl Cluster {
    /// Runs a command some of whose keys move.
    pub(super) fn command_through<W: AsRef<[u8]>>(
        &self,
        next: &Cluster,
        words: &[W],
        limit: Duration,
    ) -> Result<Value, Error> {
        let positions = split::keys(&self.table(), words)?;
        let keys: Vec<&[u8]> = positions.map(|at| words[at].as_ref()).collect();
        if let [key] = keys[..] {
            let answer = self.one_key_through(next, key, words, limit);
            return answer.map(|(_, value)| value);
        }
        let name = String::from_utf8_lossy(words[0].as_ref()).to_uppercase();
        let Some(join) = Parts::join_of(words[0].as_ref()) else {
            return Err(Refusal::Moving(name).into());
        };
        let stride = (words.len() - 1) / keys.len();
        let until = Instant::now() + limit.min(FOREVER);
        let (mut answers, mut done) = (Vec::new(), Vec::new());
        for (number, key) in keys.iter().enumerate() {
            let at = 1 + number * stride;
            let mut own: Vec<&[u8]> = vec![words[0].as_ref()];
            own.extend(words[at..at + stride].iter().map(AsRef::as_ref));
            let left = until.saturating_duration_since(Instant::now());
            match self.one_key_through(next, key, &own, left) {
                Ok((host, value)) => {
                    answers.push((vec![number], value));
                    done.push(host);
                }
                Err(error) if done.is_empty() => return Err(error),
                Err(error) => {
                    done.sort_unstable();
                    done.dedup();
                    let failed = vec![error];
                    return Err(Error::Partly { done, failed });
                }
            }
        }
        let joined = Join::join(join, answers, keys.len());
        joined.map_err(|cause| Error::Odd(cause.to_string()))
    }

    /// Whether a key has another host among the next ones.
    pub(super) fn moves(&self, next: &Cluster, key: &[u8]) -> bool {
        self.host_of(key) != next.host_of(key)
    }

    /// The answer, and the number of the host that has given it.
    fn one_key_through<W: AsRef<[u8]>>(
        &self,
        next: &Cluster,
        key: &[u8],
        words: &[W],
        limit: Duration,
    ) -> Result<(u32, Value), Error> {
        let until = Instant::now() + limit.min(FOREVER);
        let left = || until.saturating_duration_since(Instant::now());
        // Looks at keys wait for nothing, whatever the command may wait for.
        let look = || left().min(self.options().reply_limit);
        let old = self.host_of(key);
        let table = self.table();
        let reads = table.command(words).is_ok_and(|known| known.flags.readonly);
        for _ in 0..TRIES {
            // A host that stands still must not take all the time.
            let copy = (!reads)
                .then(|| Copy::watch(next, key, look() / 2))
                .flatten();
            let mut connection = self.connection_within(old, left())?;
            match at_old_place(&mut connection, key, words, [look(), left()]) {
                Ok(AtOld::Done { value, stays }) => {
                    if let (false, Some(copy)) = (stays, copy) {
                        copy.remove();
                    }
                    return Ok((old, value));
                }
                Ok(AtOld::Refused(words)) => return Err(self.rejected(old, words)),
                Ok(AtOld::Changed) => {}
                Ok(AtOld::Gone) => {
                    let (layout, new) = (next.layout(), next.host_of(key));
                    let answer = layout.node(new)?.command(words, left());
                    return answer.map(|value| (new, value));
                }
                Err(error) => return Err(self.failed(old, error)),
            }
        }
        Err(Error::Odd(
            "the key is changed faster than it can be looked at".to_owned(),
        ))
    }
}

/// What may be a copy of a key, where the key will be, watched before the key itself is looked at.
struct Copy<'k> {
    connection: HostConnection,
    /// The number of the connection that watches.
    id: i64,
    key: &'k [u8],
}

impl<'k> Copy<'k> {
    /// `None` if the host is away: then it is left where it is, if it is there.
    fn watch(next: &Cluster, key: &'k [u8], limit: Duration) -> Option<Self> {
        let mut connection = next.connection_within(next.host_of(key), limit).ok()?;
        connection.blocking_command(&[b"WATCH", key], limit).ok()?;
        let id = connection.server().client_id();
        Some(Self {
            connection,
            id,
            key,
        })
    }

    /// Removes it, its key being gone, unless somebody has made something else of it since then.
    fn remove(mut self) {
        let watched = self.connection.server().client_id() == self.id;
        if watched && self.connection.is_connected() {
            let mut pipeline = self.connection.pipeline();
            let queued = pipeline
                .command(&["MULTI"])
                .and_then(|pipeline| pipeline.command(&[b"UNLINK", self.key]))
                .and_then(|pipeline| pipeline.command(&["EXEC"]))
                .is_ok();
            // Whoever cannot be asked now is asked by the move.
            let _ = queued.then(|| pipeline.send().map(drop));
        }
    }
}

impl Drop for Copy<'_> {
    fn drop(&mut self) {
        // Others use the connection from now on.
        let _ = self.connection.command(&["UNWATCH"]);
    }
}

enum AtOld {
    Done {
        value: Value,
        /// Whether the key is still there.
        stays: bool,
    },
    Refused(String),
    /// Somebody changed it while we looked.
    Changed,
    /// The key is not there.
    Gone,
}

/// Runs a command where the key was if it still is, at one moment with the look at it.
fn at_old_place<W: AsRef<[u8]>>(
    connection: &mut Connection,
    key: &[u8],
    words: &[W],
    [look, limit]: [Duration; 2],
) -> Result<AtOld, Broken> {
    let mut pipeline = connection.pipeline_within(look);
    pipeline
        .command(&[b"WATCH", key])?
        .command(&[b"EXISTS", key])?;
    let mut replies = pipeline.send()?;
    replies.next()?;
    let there = replies.next()?.and_then(|reply| reply.integer()) == Some(1);
    let watching = connection.server().client_id();
    if !there {
        connection.command(&["UNWATCH"])?;
        return Ok(AtOld::Gone);
    }
    // On another connection nothing would be watched.
    if !connection.is_connected() || connection.server().client_id() != watching {
        return Ok(AtOld::Changed);
    }
    let mut pipeline = connection.pipeline_within(limit);
    pipeline
        .command(&["MULTI"])?
        .command(words)?
        .command(&[b"EXISTS", key])?
        .command(&["EXEC"])?;
    let mut replies = pipeline.send()?;
    replies.next()?;
    let queued = replies
        .next()?
        .and_then(|reply| Some(reply.error()?.to_string()));
    replies.next()?;
    let Some(executed) = replies.next()? else {
        return Ok(AtOld::Changed);
    };
    if let Some(refusal) = queued {
        return Ok(AtOld::Refused(refusal));
    }
    let Some(mut results) = executed.elements() else {
        return Ok(AtOld::Changed);
    };
    Ok(match results.next() {
        Some(reply) => match reply.error() {
            Some(error) => AtOld::Refused(error.to_string()),
            None => AtOld::Done {
                value: Value::from(&reply),
                stays: results.next().and_then(|there| there.integer()) == Some(1),
            },
        },
        None => AtOld::Changed,
    })
}
