//! A file of hosts that is followed while it changes.
//!
//! Whoever goes by such a file has a shared lock (`flock`) on it, and on every file that has come
//! into its place since, until he goes by the newest. Who puts another into its place, and has to
//! know that nobody goes by the former one any more, waits until he can have that for himself alone.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::config::{self, ConfigError};

/// How long is waited at the start for one who has the file for himself alone, and how often it is
/// tried.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

/// A file of hosts that is followed: `ipc-tool shard move` moves no key before all who follow the
/// file go by the hosts that it has put there.
///
/// What is no regular file, such as a pipe, is read once and not followed.
///
/// ```
/// use redis_ipc_tools::router::{Cluster, Followed};
/// # let path = std::env::temp_dir().join(format!("followed-{}.toml", std::process::id()));
/// # std::fs::write(&path, "[[host]]\nid = 0\naddress = \"/run/redis/a\"\n")?;
///
/// let (mut followed, text) = Followed::open(&path)?;
/// let mut cluster = Cluster::from_toml("hosts.toml", &text)?;
/// // Some times a second:
/// if let Some(text) = followed.look() {
///     let text = text?;
///     cluster = Cluster::from_toml("hosts.toml", &text)?;
///     followed.adopted(&text);
/// }
/// assert_eq!(cluster.hosts().len(), 1);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Followed {
    path: PathBuf,
    /// The file in use, then those that were read since and are not in use: a move that was taken up
    /// again knows only the last of the files before its own, and waits for that. Empty if it is not
    /// followed.
    held: Vec<Held>,
    /// What was there when it was read last.
    read: Seen,
    /// What was there when it was looked at last.
    seen: Seen,
}

/// A file that we have a lock on.
#[derive(Debug)]
struct Held {
    _lock: File,
    stamp: Stamp,
    /// What it said; `None` if that could not be read.
    text: Option<String>,
}

/// A state of the path: a file, or why there is none.
type Seen = Result<Stamp, ErrorKind>;

/// By what another file, or another content, is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    /// Also the time of a change of its mode, by which it may have become readable.
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether it is the same file, whatever its content.
    fn is_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

impl Followed {
    /// Opens and reads a file. Its text is what [`Cluster::from_toml`](super::Cluster::from_toml)
    /// takes, and is regarded as in use.
    ///
    /// # Errors
    /// The file cannot be read; or another program has a lock on it, for more than a second.
    pub fn open(path: impl AsRef<Path>) -> Result<(Self, String), ConfigError> {
        let path = path.as_ref().to_owned();
        let name = path.display().to_string();
        let failed = |error: io::Error| config::unreadable(&name, &error);
        let until = Instant::now() + PATIENCE;
        loop {
            let file = File::open(&path).map_err(failed)?;
            let metadata = file.metadata().map_err(failed)?;
            let stamp = Stamp::of(&metadata);
            let of = |held, seen| Self {
                path: path.clone(),
                held,
                read: seen,
                seen,
            };
            if !metadata.is_file() {
                let text = config::text(&name, file)?;
                return Ok((of(Vec::new(), Err(ErrorKind::NotFound)), text));
            }
            if lock(&file, &path).map_err(failed)? {
                let text = config::text(&name, &file)?;
                let held = Held {
                    _lock: file,
                    stamp,
                    text: Some(text.clone()),
                };
                return Ok((of(vec![held], Ok(stamp)), text));
            }
            if Instant::now() > until {
                return Err(failed(io::Error::other("another program has locked it")));
            }
            thread::sleep(PAUSE);
        }
    }

    /// The text of the file if it has changed: once, when it was the same for two looks, so that
    /// nobody reads what an editor has written half of. To be called some times a second; blocks for
    /// no longer than to read a file. A file that is absent is not told of: others come into its
    /// place.
    ///
    /// Until [`adopted`](Self::adopted) is called, what was in use before counts as in use.
    ///
    /// # Errors
    /// The file cannot be read: once, until it changes again.
    pub fn look(&mut self) -> Option<Result<String, ConfigError>> {
        if self.held.is_empty() {
            return None;
        }
        let now = self.now();
        let is_settled = std::mem::replace(&mut self.seen, now) == now;
        if now == self.read || now == Err(ErrorKind::NotFound) || !is_settled {
            return None;
        }
        let file = now.map_err(io::Error::from);
        let file = file.and_then(|stamp| self.lock(stamp)).transpose()?;
        self.read = now;
        let name = self.path.display().to_string();
        Some(match file {
            Ok((file, stamp)) => {
                let text = config::text(&name, &file);
                self.hold(Held {
                    _lock: file,
                    stamp,
                    text: text.as_ref().ok().cloned(),
                });
                text
            }
            Err(error) => Err(config::unreadable(&name, &error)),
        })
    }

    /// That text, which [`look`](Self::look) has returned, is in use now, and none that it has
    /// returned before. What it has returned since may be in use next.
    pub fn adopted(&mut self, text: &str) {
        let is_it = |held: &Held| held.text.as_deref() == Some(text);
        if let Some(place) = self.held.iter().rposition(is_it) {
            self.held.drain(..place);
        }
    }

    fn now(&self) -> Seen {
        let metadata = fs::metadata(&self.path).map_err(|error| error.kind())?;
        match metadata.is_file() {
            true => Ok(Stamp::of(&metadata)),
            // To open a pipe might wait for ever.
            false => Err(ErrorKind::InvalidInput),
        }
    }

    /// Opens and locks the file; `None` if it is none that can be read just now.
    fn lock(&self, seen: Stamp) -> io::Result<Option<(File, Stamp)>> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let is_seen = Stamp::of(&file.metadata()?) == seen;
        Ok((is_seen && lock(&file, &self.path)?).then_some((file, seen)))
    }

    /// Holds on to a file; if it was edited in its place, instead of what it was, unless that is in
    /// use.
    fn hold(&mut self, held: Held) {
        let waiting = self.held.get_mut(1..).and_then(<[Held]>::last_mut);
        match waiting.filter(|last| last.stamp.is_file(&held.stamp)) {
            Some(last) => *last = held,
            None => self.held.push(held),
        }
    }
}

/// Locks a file of that path; `false` if somebody has it for himself alone, or if it is in its place
/// no more: then nobody might have waited for us.
fn lock(file: &File, path: &Path) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockShared) {
        Err(Errno::WOULDBLOCK) => return Ok(false),
        locked => locked?,
    }
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        there => Ok(Stamp::of(&there?).is_file(&Stamp::of(&file.metadata()?))),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use redis_ipc_tests::folder::Folder;

    use super::*;

    fn put(folder: &Folder, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// What it finds in two looks.
    fn found(followed: &mut Followed) -> Option<Result<String, String>> {
        let text = followed.look().or_else(|| followed.look());
        text.map(|text| text.map_err(|error| error.to_string()))
    }

    /// Waits until nobody has it locked: a process that another test starts has our files, too, until
    /// it is another program.
    fn comes_free(file: &File) {
        let until = Instant::now() + Duration::from_secs(60);
        while !is_free(file) {
            assert!(Instant::now() < until, "it stays locked");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn is_free(file: &File) -> bool {
        let locked = flock(file, FlockOperation::NonBlockingLockExclusive).is_ok();
        if locked {
            flock(file, FlockOperation::Unlock).unwrap();
        }
        locked
    }

    #[test]
    fn the_former_file_is_in_use_until_the_new_one_is_adopted() {
        let folder = Folder::new();
        let path = put(&folder, "hosts", "a");
        let first = File::open(&path).unwrap();
        let (mut followed, text) = Followed::open(&path).unwrap();
        assert_eq!((&*text, found(&mut followed)), ("a", None));
        assert!(!is_free(&first));

        fs::rename(put(&folder, "new", "b"), &path).unwrap();
        let second = File::open(&path).unwrap();
        assert!(followed.look().is_none(), "it may be half of a file");
        assert_eq!(followed.look(), Some(Ok("b".to_owned())));
        assert_eq!(found(&mut followed), None);
        assert!(!is_free(&first) && !is_free(&second));

        // Before the second one is adopted, there is a third.
        fs::rename(put(&folder, "new", "c"), &path).unwrap();
        let third = File::open(&path).unwrap();
        assert_eq!(found(&mut followed), Some(Ok("c".to_owned())));
        assert!(!is_free(&first) && !is_free(&second));
        // What is in use by now is not what was read last.
        followed.adopted("b");
        comes_free(&first);
        assert!(!is_free(&second) && !is_free(&third));
        followed.adopted("a");
        assert!(!is_free(&second) && !is_free(&third));
        followed.adopted("c");
        comes_free(&second);
        assert!(!is_free(&third));
        drop(followed);
        comes_free(&third);
    }

    #[test]
    fn a_file_that_is_edited_in_its_place_stays_in_use() {
        let folder = Folder::new();
        let path = put(&folder, "hosts", "a");
        let file = File::open(&path).unwrap();
        let (mut followed, _) = Followed::open(&path).unwrap();
        for text in ["bb", "ccc"] {
            put(&folder, "hosts", text);
            assert_eq!(found(&mut followed), Some(Ok(text.to_owned())));
            followed.adopted(text);
            assert_eq!(followed.held.len(), 1);
            assert!(!is_free(&file));
        }
        for text in ["d", "ee", "fff"] {
            put(&folder, "hosts", text);
            assert_eq!(found(&mut followed), Some(Ok(text.to_owned())));
            assert_eq!(followed.held.len(), 2, "what was never in use is forgotten");
        }
        drop(followed);
        comes_free(&file);
    }

    #[test]
    fn a_link_is_followed_to_what_it_names() {
        let folder = Folder::new();
        let (one, other) = (put(&folder, "one", "a"), put(&folder, "other", "b"));
        let (path, new) = (folder.join("hosts"), folder.join("new"));
        symlink(&one, &path).unwrap();
        let (mut followed, text) = Followed::open(&path).unwrap();
        assert_eq!(text, "a");
        fs::rename(put(&folder, "new", "c"), &one).unwrap();
        assert_eq!(found(&mut followed), Some(Ok("c".to_owned())));
        symlink(&other, &new).unwrap();
        fs::rename(&new, &path).unwrap();
        assert_eq!(found(&mut followed), Some(Ok("b".to_owned())));
    }

    #[test]
    fn what_cannot_be_read_is_told_once_and_the_former_stays_in_use() {
        let folder = Folder::new();
        let path = put(&folder, "hosts", "a");
        let first = File::open(&path).unwrap();
        let (mut followed, _) = Followed::open(&path).unwrap();

        fs::write(folder.join("new"), b"\xff").unwrap();
        fs::rename(folder.join("new"), &path).unwrap();
        let second = File::open(&path).unwrap();
        let error = found(&mut followed).unwrap().unwrap_err();
        assert!(error.ends_with("hosts:1: this is not UTF-8"), "{error}");
        assert_eq!(found(&mut followed), None);
        // Who replaces that has to wait for it.
        assert!(!is_free(&first) && !is_free(&second));

        fs::remove_file(&path).unwrap();
        assert_eq!(found(&mut followed), None, "nothing is there yet");
        fs::create_dir(&path).unwrap();
        let error = found(&mut followed).unwrap().unwrap_err();
        assert!(error.contains("cannot be read"), "{error}");
        assert_eq!(found(&mut followed), None);
        fs::remove_dir(&path).unwrap();
        put(&folder, "hosts", "b");
        assert_eq!(found(&mut followed), Some(Ok("b".to_owned())));
        followed.adopted("b");
        comes_free(&first);
        comes_free(&second);
    }

    #[test]
    fn one_that_somebody_has_for_himself_alone_is_read_when_he_has_left() {
        let folder = Folder::new();
        let path = put(&folder, "hosts", "a");
        let (mut followed, _) = Followed::open(&path).unwrap();
        let new = put(&folder, "new", "b");
        let other = File::open(&new).unwrap();
        flock(&other, FlockOperation::LockExclusive).unwrap();
        fs::rename(&new, &path).unwrap();
        assert_eq!(found(&mut followed), None);
        let error = Followed::open(&path).unwrap_err().to_string();
        assert!(error.contains("another program has locked it"), "{error}");
        drop(other);
        comes_free(&File::open(&path).unwrap());
        assert_eq!(found(&mut followed), Some(Ok("b".to_owned())));
    }

    #[test]
    fn what_is_no_regular_file_is_read_once() {
        let (mut followed, text) = Followed::open("/dev/null").unwrap();
        assert_eq!((&*text, found(&mut followed)), ("", None));
        let error = Followed::open("/no/such/hosts.toml").unwrap_err();
        assert!(error.to_string().contains("cannot be read"), "{error}");
    }
}
