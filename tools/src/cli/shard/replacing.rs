//! Writing the file of hosts anew, so that all who follow it are known to go by the new one.
//!
//! They have a lock on what they go by ([`Followed`](crate::router::Followed)). While it is waited for
//! them, what they went by before is a file of its own beside: who was killed meanwhile, or was not
//! patient enough, has left it for the next one, who has to wait for it first.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use rustix::io::Errno;

/// Within which time all who follow the file have noticed another one: they look at it ten times a
/// second, and twice.
const NOTICED: Duration = Duration::from_secs(1);

/// How long they may take until they go by it: they ask its hosts who they are before.
const PATIENCE: Duration = Duration::from_secs(10);

const PAUSE: Duration = Duration::from_millis(5);

/// What a file was before it was written anew.
#[derive(Debug)]
#[must_use]
pub(super) struct Former {
    file: File,
    /// Where it is now.
    path: PathBuf,
}

impl Former {
    /// The one beside the file, if somebody has left it there.
    fn beside(file: &Path) -> io::Result<Option<Self>> {
        let path = beside(file);
        match open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            file => Ok(Some(Self { file: file?, path })),
        }
    }

    /// Waits until nobody goes by it any more, and removes it; `false` if somebody still does after
    /// ten seconds.
    pub(super) fn wait_left(self) -> io::Result<bool> {
        if !wait_alone(&self.file, PATIENCE)? {
            return Ok(false);
        }
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
            removed => removed.map(|()| true),
        }
    }
}

/// The right to replace the files of that file's folder, until it is dropped: two moves that begin at
/// one moment would take each other's files for those of a killed one, and wait for the wrong one.
#[derive(Debug)]
#[must_use]
pub(super) struct Turn {
    _folder: File,
}

impl Turn {
    /// Waits for others to leave it.
    ///
    /// # Errors
    /// They did not while three of them could have done their work.
    pub(super) fn take(file: &Path) -> io::Result<Self> {
        let file = fs::canonicalize(file)?;
        let folder = File::open(file.parent().unwrap_or(Path::new("/")))?;
        match wait_alone(&folder, PATIENCE * 3)? {
            true => Ok(Self { _folder: folder }),
            false => Err(io::Error::other("another move is writing it")),
        }
    }
}

/// Waits until nobody else has a lock on that; `false` if somebody still has one when the time is over.
/// The lock is kept.
fn wait_alone(file: &File, limit: Duration) -> io::Result<bool> {
    let until = Instant::now() + limit;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) if Instant::now() > until => return Ok(false),
            Err(Errno::WOULDBLOCK) => thread::sleep(PAUSE),
            locked => return Ok(locked.map(|()| true)?),
        }
    }
}

/// Waits until all who follow the file have at least noticed what is in its place, so that they hold
/// on to it, whoever has put it there; `false` if somebody still goes by what was there before a move
/// that has ended early.
pub(super) fn settle(file: &Path) -> io::Result<bool> {
    if let Some(former) = Former::beside(&fs::canonicalize(file)?)?
        && !former.wait_left()?
    {
        return Ok(false);
    }
    let change = changed(&fs::metadata(file)?).max(changed(&fs::symlink_metadata(file)?));
    // Where a clock is wrong, it has changed just now.
    let age = SystemTime::now().duration_since(change).unwrap_or_default();
    thread::sleep(NOTICED.saturating_sub(age));
    Ok(true)
}

/// Writes the file anew; at no moment is there half of it. It may have passwords, so that nobody is
/// to read it who could not before, and a link to it stays one.
pub(super) fn replace(file: &Path, text: &str) -> io::Result<Former> {
    let file = fs::canonicalize(file)?;
    let path = beside(&file);
    let before = fs::metadata(&file)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    // What a killed move has left, maybe, and nobody goes by.
    let _ = fs::remove_file(&path);
    options.open(&path)?.write_all(text.as_bytes())?;
    // Only the system's own administrator may do this, and only he has to.
    let _ = chown(&path, Some(before.uid()), Some(before.gid()));
    fs::set_permissions(&path, before.permissions())?;
    let former = open(&file)?;
    let file = match renameat_with(CWD, &path, CWD, &file, RenameFlags::EXCHANGE) {
        Ok(()) => open(&path)?,
        // A file system that cannot do this: then nothing is left for the next one.
        Err(_) => fs::rename(&path, &file).map(|()| former)?,
    };
    Ok(Former { file, path })
}

/// Where the file is made that is put into the place of this one, and where that is then.
fn beside(file: &Path) -> PathBuf {
    file.with_extension("toml.former")
}

/// Opens a file to lock it: over a network, who locks it for himself alone must be able to write it.
fn open(path: &Path) -> io::Result<File> {
    let writing = OpenOptions::new().read(true).write(true).open(path);
    writing.or_else(|_| File::open(path))
}

/// When a file, or what its name stands for, has changed last.
fn changed(metadata: &Metadata) -> SystemTime {
    let seconds = metadata.ctime().try_into().unwrap_or_default();
    let rest = metadata.ctime_nsec().try_into().unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_nanos(rest)
}
