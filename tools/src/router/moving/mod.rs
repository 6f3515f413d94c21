//! Moving keys to the hosts where they belong when hosts join.
//!
//! While a cluster has [`next`](Cluster::next) hosts, a key is where it was, or already where it
//! will be, never nowhere: it is copied, the copy is compared, then the old one is deleted, unless
//! it was changed meanwhile; then the copy is taken back, and it is copied again. Clients look at the
//! old place first. Whoever deletes a key there just when it is copied may find the copy until it
//! is taken back: two servers do nothing at one moment.

mod alone;
mod asking;
mod batch;
mod journal;
mod pieces;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use redis_ipc::{Connection, Stop};

use super::cluster::Cluster;
use super::error::Error;
use super::quoted;
use super::value::Value;
use alone::Alone;
use batch::Batch;
use journal::Journal;

/// Keys that a host is asked for at a time.
const PAGE: &str = "200";

/// What moves from one host to another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// How many keys.
    pub keys: u64,
    /// Bytes of memory that they take where they are.
    pub bytes: u64,
}

/// A key that would move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'k> {
    /// The key.
    pub key: &'k [u8],
    /// The number of the host where it is.
    pub from: u32,
    /// That of the host where it will be.
    pub to: u32,
    /// Bytes of memory that it takes where it is.
    pub bytes: u64,
}

/// What moves, by the numbers of both hosts: where it is and where it will be.
pub type Plan = BTreeMap<(u32, u32), Load>;

/// How far a move is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Keys that were looked at, in this pass.
    pub seen: u64,
    /// Keys that there are to be looked at, more or less.
    pub keys: u64,
    /// Keys that were moved, in all passes.
    pub moved: u64,
    /// Bytes of memory that they took where they were, as a [`Load`] has them.
    pub bytes: u64,
    /// Keys that are not moved: there is another one of that name where they should go, or they
    /// were not where the old hosts look for them either. The last pass counts.
    pub left: u64,
    /// A sentence about the first of those.
    pub first_left: Option<String>,
}

impl Progress {
    /// A key is not moved; the sentence says why.
    fn leave(&mut self, why: impl FnOnce() -> String) {
        self.left += 1;
        self.first_left.get_or_insert_with(why);
    }
}

/// Why a move has stopped. What was moved stays moved; it can be taken up again.
#[derive(Debug)]
#[non_exhaustive]
pub enum MoveError {
    /// The cluster has no hosts that join.
    Nothing,
    /// Another move is under way.
    Another {
        /// The host that tells of it.
        host: String,
    },
    /// A host failed.
    Host(Error),
    /// A copy is not what was copied.
    Differs {
        /// The key.
        key: String,
        /// Its new host.
        host: u32,
    },
    /// A key that is no string is so large that its dump does not go through a server, which takes
    /// 512 MiB at once, or over the limit of messages. All others were moved.
    TooLarge {
        /// The key.
        key: String,
        /// What became of it.
        error: Error,
    },
    /// Somebody has asked for it.
    Stopped {
        /// How many keys were moved before.
        moved: u64,
    },
    /// A key was changed again and again while it was copied.
    Busy {
        /// The key.
        key: String,
    },
    /// The journal cannot be written or read.
    Journal(std::io::Error),
}

impl fmt::Display for MoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no host joins: name one by --add"),
            Self::Another { host } => write!(f, "{host}: another move is under way"),
            Self::Host(error) => error.fmt(f),
            Self::Differs { key, host } => {
                write!(
                    f,
                    "the copy of {key} on host {host} differs from the original, which stays"
                )
            }
            Self::TooLarge { key, error } => {
                write!(
                    f,
                    "{key} stays where it is, for its dump is too long: {error}; all others were \
                     moved"
                )
            }
            Self::Stopped { moved } => write!(
                f,
                "interrupted; {moved} keys were moved, the others are where they were"
            ),
            Self::Busy { key } => {
                write!(
                    f,
                    "{key} is changed faster than it can be copied; it stays where it is"
                )
            }
            Self::Journal(error) => write!(f, "the journal of the move: {error}"),
        }
    }
}

impl std::error::Error for MoveError {}

impl From<Error> for MoveError {
    fn from(error: Error) -> Self {
        Self::Host(error)
    }
}

/// What would move; nothing is changed. Every key is looked at; `tell` hears how many were.
///
/// # Errors
/// [`MoveError::Nothing`], or a host that failed.
pub fn plan(cluster: &Cluster, tell: impl FnMut(Progress)) -> Result<Plan, MoveError> {
    let mut plan = Plan::new();
    let add = |key: Candidate<'_>| {
        let load = plan.entry((key.from, key.to)).or_default();
        load.keys += 1;
        load.bytes += key.bytes;
        Ok(())
    };
    candidates::<MoveError>(cluster, add, tell)?;
    Ok(plan)
}

/// Every key that would move, as it is found; nothing is changed. `tell` hears how many were looked
/// at.
///
/// # Errors
/// As with [`plan`], and what `found` ends in.
pub fn candidates<E: From<MoveError>>(
    cluster: &Cluster,
    mut found: impl FnMut(Candidate<'_>) -> Result<(), E>,
    mut tell: impl FnMut(Progress),
) -> Result<(), E> {
    let next = cluster.next().ok_or(MoveError::Nothing)?;
    let mut progress = Progress {
        keys: count(cluster).map_err(MoveError::from)?,
        ..Progress::default()
    };
    for host in cluster.hosts() {
        let connection = cluster.connection(host.id);
        let mut connection = connection.map_err(MoveError::from)?;
        let failed = |error| MoveError::from(cluster.failed(host.id, error));
        let mut pages = Pages::default();
        while let Some(keys) = pages.next(&mut connection).map_err(failed)? {
            progress.seen += keys.len() as u64;
            let moving = keys.iter().filter(|key| next.host_of(key) != host.id);
            let moving: Vec<_> = moving
                .filter(|key| cluster.host_of(key) == host.id)
                .collect();
            let sizes = asking::sizes(&mut connection, &moving).map_err(failed)?;
            for (key, bytes) in moving.into_iter().zip(sizes) {
                found(Candidate {
                    key,
                    from: host.id,
                    to: next.host_of(key),
                    bytes,
                })?;
            }
            tell(progress.clone());
        }
    }
    Ok(())
}

/// Moves every key that belongs elsewhere, until a pass over all hosts finds none. `journal` is a
/// file that lives as long as the move: it tells a move that is taken up again which copies are
/// its own. A `stop` is noticed between some keys and the next, at most 50, or 16 MiB, or one key.
///
/// # Errors
/// What has stopped it.
pub fn run(
    cluster: &Cluster,
    journal: &Path,
    stop: &Stop,
    tell: impl FnMut(Progress),
) -> Result<Progress, MoveError> {
    let next = cluster.next().ok_or(MoveError::Nothing)?;
    let _alone = Alone::on(cluster)?;
    let mut moving = Moving {
        cluster,
        next,
        journal: Journal::open(journal, &next.hosts()).map_err(MoveError::Journal)?,
        stop,
        progress: Progress::default(),
        too_large: None,
        tell,
    };
    moving.remove_pieces()?;
    while moving.pass()? {}
    if let Some(error) = moving.too_large {
        return Err(error);
    }
    moving.journal.remove().map_err(MoveError::Journal)?;
    Ok(moving.progress)
}

struct Moving<'c, T> {
    cluster: &'c Cluster,
    next: &'c Cluster,
    journal: Journal,
    stop: &'c Stop,
    progress: Progress,
    /// The first key of the last pass that was too large for a dump.
    too_large: Option<MoveError>,
    tell: T,
}

impl<T: FnMut(Progress)> Moving<'_, T> {
    /// Goes over all hosts; `true` if anything has moved.
    fn pass(&mut self) -> Result<bool, MoveError> {
        let before = self.progress.moved;
        self.too_large = None;
        self.progress.seen = 0;
        self.progress.left = 0;
        self.progress.first_left = None;
        self.progress.keys = count(self.cluster)?;
        for host in self.cluster.hosts() {
            self.move_from(host.id)?;
        }
        Ok(self.progress.moved > before)
    }

    fn move_from(&mut self, host: u32) -> Result<(), MoveError> {
        // Two connections: one that looks through the keys, and one that watches those it moves.
        let mut scanning = self.cluster.connection(host)?;
        let mut from = self.cluster.connection(host)?;
        let mut pages = Pages::default();
        while let Some(keys) = pages
            .next(&mut scanning)
            .map_err(|e| self.cluster.failed(host, e))?
        {
            self.progress.seen += keys.len() as u64;
            let mut by_target: BTreeMap<u32, Vec<Vec<u8>>> = BTreeMap::new();
            for key in keys {
                let target = self.next.host_of(&key);
                let own = self.cluster.host_of(&key);
                match own == host {
                    _ if target == host => {}
                    true => by_target.entry(target).or_default().push(key),
                    false => self.progress.leave(|| {
                        let key = quoted::shown(&key);
                        format!("{key} is on host {host}, and is looked for on host {own}")
                    }),
                }
            }
            for (target, keys) in by_target {
                let mut batch = Batch {
                    cluster: self.cluster,
                    next: self.next,
                    host,
                    target,
                    from: &mut from,
                    to: &mut *self.next.connection(target)?,
                    journal: &mut self.journal,
                    progress: &mut self.progress,
                    stop: self.stop,
                    too_large: &mut self.too_large,
                };
                batch.run(&keys)?;
            }
            (self.tell)(self.progress.clone());
        }
        Ok(())
    }

    /// Removes what a killed move has left of strings that it copied in pieces.
    fn remove_pieces(&mut self) -> Result<(), MoveError> {
        for (host, name) in self.journal.pieces() {
            self.next.command_on(*host, &[b"UNLINK", name.as_slice()])?;
        }
        Ok(())
    }
}

/// How many keys all hosts have.
fn count(cluster: &Cluster) -> Result<u64, Error> {
    let sizes = cluster.fanout().command(&["DBSIZE"]).into_values();
    let size = |size: Result<Value, Error>| {
        size.map(|size| u64::try_from(size.integer().unwrap_or_default()).unwrap_or_default())
    };
    sizes.map(size).sum()
}

/// All keys of a host, a page after the other.
#[derive(Debug, Default)]
struct Pages {
    cursor: Option<String>,
}

impl Pages {
    /// `None` when all were seen.
    fn next(
        &mut self,
        connection: &mut Connection,
    ) -> Result<Option<Vec<Vec<u8>>>, redis_ipc::Error> {
        let cursor = match self.cursor.as_deref() {
            Some("0") => return Ok(None),
            cursor => cursor.unwrap_or("0"),
        };
        let reply = connection.command(&["SCAN", cursor, "COUNT", PAGE])?;
        let mut parts = reply.elements().into_iter().flatten();
        let next = parts.next().and_then(|next| next.bytes()).unwrap_or(b"0");
        let next = String::from_utf8_lossy(next).into_owned();
        let keys = parts.next().and_then(|keys| keys.elements());
        let keys = keys.into_iter().flatten();
        let keys = keys
            .filter_map(|key| key.bytes())
            .map(<[u8]>::to_vec)
            .collect();
        self.cursor = Some(next);
        Ok(Some(keys))
    }
}
