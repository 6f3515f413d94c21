//! Files of a worker, and those that are none of its callers' business.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use redis_ipc::CallError;
use redis_ipc::bus::{Client, Worker};
use redis_ipc::{Options, Stop};
use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::python::interpreter;
use redis_ipc_tests::server::Server;
use rustix::fs::{CWD, FileType, Mode, inotify, mknodat};

use super::workers::{PATIENCE, client, endpoint};

const TO: &str = "worker:files";

/// A folder with a worker's files in `below`, and a secret beside it.
fn files() -> Folder {
    let folder = Folder::new();
    let below = folder.join("below");
    fs::create_dir_all(below.join("sub/deep")).unwrap();
    fs::write(folder.join("secret"), "secret").unwrap();
    fs::write(below.join("empty"), "").unwrap();
    let big: Vec<u8> = (0..=255).cycle().take(100_001).collect();
    fs::write(below.join("big"), big).unwrap();
    fs::write(below.join("sub/a.txt"), "ä").unwrap();
    fs::write(below.join("sub/deep/b.txt"), "b").unwrap();
    symlink(folder.join("secret"), below.join("link")).unwrap();
    symlink(folder.path(), below.join("out")).unwrap();
    symlink(folder.join("secret"), below.join("sub/link")).unwrap();
    symlink(below.join("big"), below.join("inner")).unwrap();
    let pipe = below.join("sub/pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    UnixListener::bind(below.join("sub/socket")).unwrap();
    folder
}

fn serving(path: &Path, allowed: bool, ask: impl FnOnce(&mut Client)) {
    serving_until(path, allowed, |client, _| ask(client));
}

fn serving_until(path: &Path, allowed: bool, ask: impl FnOnce(&mut Client, &Stop)) {
    let server = Server::start();
    let there = endpoint(&server);
    let stop = Stop::new();
    std::thread::scope(|scope| {
        let until = stop.clone();
        scope.spawn(move || {
            let mut worker = Worker::new("local", "files").with_id("files").path(path);
            if allowed {
                worker = worker.allow_downloads();
            }
            worker.until(until).run(&there, Options::default()).unwrap();
        });
        let mut client = client(&server);
        let asked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            ask(&mut client, &stop);
        }));
        stop.request();
        asked.unwrap();
    });
}

fn refusal(client: &mut Client, path: &str) -> String {
    let mut out = Vec::new();
    match client.download(TO, path, PATIENCE, &mut out) {
        Err(CallError::Failed(failure)) => failure.message().to_owned(),
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn files_come_as_they_are_whatever_their_size() {
    let folder = files();
    let below = folder.join("below");
    serving(&below, true, |client| {
        for path in ["big", "empty", "sub/a.txt", "./sub/deep/b.txt"] {
            let mut out = Vec::new();
            let size = client.download(TO, path, PATIENCE, &mut out).unwrap();
            assert_eq!(out, fs::read(below.join(path)).unwrap(), "{path}");
            assert_eq!(size, out.len() as u64);
        }
    });
}

/// Asks for the end of the worker as soon as something comes.
struct Stopping<'s>(&'s Stop);

impl Write for Stopping<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.request();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_worker_that_is_to_end_does_not_send_the_rest_of_a_large_file() {
    let folder = files();
    let huge = fs::File::create(folder.join("below/huge")).unwrap();
    huge.set_len(64 << 30).unwrap();
    serving_until(&folder.join("below"), true, |client, stop| {
        match client.download(TO, "huge", PATIENCE, &mut Stopping(stop)) {
            Err(CallError::Failed(failure)) => {
                assert!(failure.message().contains("the worker ends"), "{failure}");
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_folder_comes_as_an_archive_that_others_can_read() {
    let folder = files();
    serving(&folder.join("below"), true, |client| {
        for path in ["sub", "./sub/", "sub//.", "sub/./"] {
            let mut out = Vec::new();
            client.download_dir(TO, path, PATIENCE, &mut out).unwrap();
            let expected = "[('sub/a.txt', 0, 'ä'), ('sub/deep/b.txt', 0, 'b')]\n";
            assert_eq!(listed(&folder, &out), expected, "{path}");
        }
        let mut out = Vec::new();
        client
            .download_dir(TO, "sub/a.txt", PATIENCE, &mut out)
            .unwrap();
        assert_eq!(listed(&folder, &out), "[('sub/a.txt', 0, 'ä')]\n");
        let mut out = Vec::new();
        client.download_dir(TO, "", PATIENCE, &mut out).unwrap();
        let all = listed_names(&folder, &out);
        assert_eq!(all, "['big', 'empty', 'sub/a.txt', 'sub/deep/b.txt']\n");
    });
}

/// What Python finds in an archive: names, methods and texts.
fn listed(folder: &Folder, archive: &[u8]) -> String {
    python(
        folder,
        archive,
        "(i.filename, i.compress_type, z.read(i).decode())",
    )
}

fn listed_names(folder: &Folder, archive: &[u8]) -> String {
    python(folder, archive, "i.filename")
}

fn python(folder: &Folder, archive: &[u8], what: &str) -> String {
    let path = folder.join("archive.zip");
    fs::write(&path, archive).unwrap();
    let script = format!(
        "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
         print([{what} for i in z.infolist()])"
    );
    let list = Command::new(interpreter())
        .args(["-c", &script])
        .arg(path)
        .output()
        .unwrap();
    assert!(list.status.success(), "{list:?}");
    String::from_utf8(list.stdout).unwrap()
}

#[test]
fn nothing_outside_the_folder_can_be_had() {
    let folder = files();
    let secret = folder.join("secret").to_string_lossy().into_owned();
    serving(&folder.join("below"), true, |client| {
        for (path, why) in [
            ("../secret", ".."),
            ("sub/../../secret", ".."),
            ("link", "link"),
            ("out/secret", "link"),
            ("sub/link", "link"),
            ("inner", "link"),
            (secret.as_str(), "absolute"),
            ("sub/pipe", "neither"),
            ("sub/socket", "neither"),
            ("sub", "folder"),
            ("", "folder"),
            ("none", "No such file"),
            ("big\0", "NUL"),
        ] {
            let text = refusal(client, path);
            assert!(text.contains(why), "{path}: {text}");
        }
        for path in ["out", "..", "/", "link"] {
            let mut out = Vec::new();
            let refused = client.download_dir(TO, path, PATIENCE, &mut out);
            assert!(matches!(refused, Err(CallError::Failed(_))), "{path}");
        }
    });
}

/// Whoever opens a pipe to read lets its writer go on, and then kills it.
#[test]
fn a_pipe_is_not_even_opened() {
    let folder = files();
    let opened = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    let pipe = folder.join("below/sub/pipe");
    inotify::add_watch(&opened, pipe, inotify::WatchFlags::OPEN).unwrap();
    serving(&folder.join("below"), true, |client| {
        assert!(refusal(client, "sub/pipe").contains("neither"));
        let mut out = Vec::new();
        client.download_dir(TO, "sub", PATIENCE, &mut out).unwrap();
    });
    let mut events = [0; 256];
    let seen = rustix::io::read(&opened, &mut events);
    assert_eq!(seen, Err(rustix::io::Errno::AGAIN));
}

#[test]
fn downloads_are_off_until_they_are_allowed() {
    let folder = files();
    serving(&folder.join("below"), false, |client| {
        assert!(refusal(client, "big").contains("does not allow downloads"));
    });
}
