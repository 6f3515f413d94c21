//! Files below a folder, and nothing else: no `..`, no links, no absolute paths.
//!
//! Each part of a path is opened in the folder before it, without following links, so that
//! nothing can be changed between a look and its use.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, open, openat, statat};

/// Folders within folders that an archive takes in at most.
const DEEPEST: usize = 64;

const LINK: &str = "it is a link, or leads through one";
const NEITHER: &str = "it is neither a plain file nor a folder";

/// A file, as long as it was when it was opened: one that grows all the time has an end, too.
pub(super) type Bounded = io::Take<File>;

/// Opens a file below `root` for reading.
///
/// Refuses what is no plain file.
pub(super) fn open_file(root: &Path, path: &str) -> io::Result<Bounded> {
    let (fd, _) = open_below(root, path)?;
    match kind(&fd)? {
        FileType::RegularFile => bounded(fd),
        FileType::Directory => Err(refused("it is a folder: ask for it with download_dir")),
        _ => Err(refused(NEITHER)),
    }
}

/// Hands all plain files below a folder below `root` to `take`, with their paths from `root` on;
/// a path that is a plain file itself, that file. Links and devices are left out.
pub(super) fn walk(
    root: &Path,
    path: &str,
    take: &mut dyn FnMut(&str, &mut Bounded) -> io::Result<()>,
) -> io::Result<()> {
    let (fd, name) = open_below(root, path)?;
    match kind(&fd)? {
        FileType::RegularFile => take(&name, &mut bounded(fd)?),
        FileType::Directory => walk_folder(&fd, &name, 0, take),
        _ => Err(refused(NEITHER)),
    }
}

fn walk_folder(
    folder: &OwnedFd,
    prefix: &str,
    depth: usize,
    take: &mut dyn FnMut(&str, &mut Bounded) -> io::Result<()>,
) -> io::Result<()> {
    if depth > DEEPEST {
        return Err(refused("its folders nest too deeply"));
    }
    for name in names(folder)? {
        let path = match prefix {
            "" => name.clone(),
            prefix => format!("{prefix}/{name}"),
        };
        let fd = match step(folder, &name) {
            Ok(fd) => fd,
            // Refused by us, not by the system; or gone by now.
            Err(error) if error.raw_os_error().is_none() => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        match kind(&fd)? {
            FileType::RegularFile => take(&path, &mut bounded(fd)?)?,
            FileType::Directory => walk_folder(&fd, &path, depth + 1, take)?,
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

/// Opens what a path leads to; returns it and the path without what has no meaning in it.
fn open_below(root: &Path, path: &str) -> io::Result<(OwnedFd, String)> {
    if path.contains('\0') {
        return Err(refused("its path holds a NUL"));
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut fd = open(root, flags, Mode::empty())?;
    let mut names = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => {
                let name = name
                    .to_str()
                    .ok_or_else(|| refused("its path is not text"))?;
                fd = step(&fd, name)?;
                names.push(name);
            }
            Component::CurDir => {}
            Component::ParentDir => return Err(refused("its path holds ..")),
            _ => return Err(refused("its path is absolute")),
        }
    }
    Ok((fd, names.join("/")))
}

/// Opens a plain file or a folder in a folder. It is looked at before, for opening alone does
/// something to a pipe or a device; and what is opened then is looked at by who asked for it.
fn step(folder: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let found = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile | FileType::Directory => {}
        FileType::Symlink => return Err(refused(LINK)),
        _ => return Err(refused(NEITHER)),
    }
    // Should it have become a pipe, that nobody writes to it must not hold us up.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    openat(folder, name, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::LOOP => refused(LINK),
        error => error.into(),
    })
}

fn bounded(fd: OwnedFd) -> io::Result<Bounded> {
    let size = fstat(&fd)?.st_size;
    Ok(File::from(fd).take(u64::try_from(size).unwrap_or_default()))
}

fn kind(fd: &OwnedFd) -> io::Result<FileType> {
    Ok(FileType::from_raw_mode(fstat(fd)?.st_mode))
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}
