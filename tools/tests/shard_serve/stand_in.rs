//! A host that is no server: it says nothing of itself and answers one GET as it likes.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use redis_ipc::Endpoint;

/// Where it is. It goes away when `answer` has come to its end.
pub(crate) fn stand_in(
    folder: &Path,
    answer: impl FnOnce(&mut UnixStream) + Send + 'static,
) -> Endpoint {
    let path = folder.join("stand-in");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut requests = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut next = |word: &str| requests.find(|line| line.as_ref().is_ok_and(|l| l == word));
        for _ in 0..2 {
            next("INFO");
            stream.write_all(b"$-1\r\n").unwrap();
        }
        next("GET");
        answer(&mut stream);
    });
    Endpoint::unix(path).unwrap()
}
