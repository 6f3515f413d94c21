//! Files below a folder, and nothing else: no `..`, no links, no absolute paths.
//!
//! Each part of a path is opened in the folder before it, without following links, so that
//! nothing can be changed between a look and its use.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, open, openat, statat};

/// Folders within folders that an archive takes in at most.
const DEEPEST: usize = 64;

/// Opens a file below `root` for reading.
///
/// Refuses what is no plain file.
pub(super) fn open_file(root: &Path, path: &str) -> io::Result<File> {
    let fd = open_below(root, path)?;
    match kind(&fd)? {
        FileType::RegularFile => Ok(File::from(fd)),
        FileType::Directory => Err(refused("it is a folder: ask for it with download_dir")),
        _ => Err(refused("it is not a plain file")),
    }
}

/// Hands all plain files below a folder below `root` to `take`, with their paths from `root` on;
/// a path that is a plain file itself, that file. Links and devices are left out.
pub(super) fn walk(
    root: &Path,
    path: &str,
    take: &mut dyn FnMut(&str, &mut File) -> io::Result<()>,
) -> io::Result<()> {
    let fd = open_below(root, path)?;
    let name = path.trim_matches('/');
    match kind(&fd)? {
        FileType::RegularFile => take(name, &mut File::from(fd)),
        FileType::Directory => walk_folder(&fd, name, 0, take),
        _ => Err(refused("it is neither a file nor a folder")),
    }
}

fn walk_folder(
    folder: &OwnedFd,
    prefix: &str,
    depth: usize,
    take: &mut dyn FnMut(&str, &mut File) -> io::Result<()>,
) -> io::Result<()> {
    if depth > DEEPEST {
        return Err(refused("its folders nest too deeply"));
    }
    for name in names(folder)? {
        let path = match prefix {
            "" | "." => name.clone(),
            prefix => format!("{prefix}/{name}"),
        };
        let file_type = statat(folder, name.as_str(), AtFlags::SYMLINK_NOFOLLOW)?.st_mode;
        match FileType::from_raw_mode(file_type) {
            FileType::RegularFile => {
                let mut file = File::from(step(folder, &name)?);
                take(&path, &mut file)?;
            }
            FileType::Directory => walk_folder(&step(folder, &name)?, &path, depth + 1, take)?,
            _ => {}
        }
    }
    Ok(())
}

/// The names in a folder, sorted; such as are not UTF-8 are left out.
fn names(folder: &OwnedFd) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        match entry.file_name().to_str() {
            Ok("." | "..") | Err(_) => {}
            Ok(name) => names.push(name.to_owned()),
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn open_below(root: &Path, path: &str) -> io::Result<OwnedFd> {
    if path.contains('\0') {
        return Err(refused("its path holds a NUL"));
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut fd = open(root, flags, Mode::empty())?;
    for part in Path::new(path).components() {
        fd = match part {
            Component::Normal(name) => {
                let name = name
                    .to_str()
                    .ok_or_else(|| refused("its path is not text"))?;
                step(&fd, name)?
            }
            Component::CurDir => fd,
            Component::ParentDir => return Err(refused("its path holds ..")),
            _ => return Err(refused("its path is absolute")),
        };
    }
    Ok(fd)
}

/// Opens a name in a folder. A pipe that nobody writes to must not hold us up.
fn step(folder: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    openat(folder, name, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::LOOP => refused("it is a link, or leads through one"),
        error => error.into(),
    })
}

fn kind(fd: &OwnedFd) -> io::Result<FileType> {
    Ok(FileType::from_raw_mode(fstat(fd)?.st_mode))
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}
