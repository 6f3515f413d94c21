//! A folder that nobody else can look into and that is gone afterwards.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The longest path of a folder that leaves room for a socket in it: the
/// kernel takes 107 bytes for the whole.
const LONGEST: usize = 80;

/// A fresh folder, mode 0700, removed with all that is in it on drop.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes a folder below the system's folder for temporary files, or below
    /// `/tmp` where that one's name would make the path of a socket too long.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it touches the disk")]
    pub fn new() -> Self {
        let mut parent = std::env::temp_dir();
        if parent.as_os_str().len() > LONGEST - "/redis-ipc-4194304-999999".len() {
            parent = PathBuf::from("/tmp");
        }
        loop {
            let path = parent.join(fresh_name());
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Self { path },
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => panic!("cannot make the folder {}: {error}", path.display()),
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of something in it.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A name that no other folder of this process has had.
fn fresh_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("redis-ipc-{}-{number}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_is_private_and_gone_after_its_end() {
        let folder = Folder::new();
        let path = folder.path().to_owned();
        std::fs::write(folder.join("file"), "text").unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn two_folders_are_not_the_same() {
        assert_ne!(Folder::new().path(), Folder::new().path());
    }
}
