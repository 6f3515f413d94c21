//! A server that says what a test tells it to, for answers that a real one gives once in a
//! thousand times.

use crate::folder::Folder;
use crate::value::Value;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// What a puppet answers to a request; `None` for what a server would say that has nothing.
type Script = dyn FnMut(&[String]) -> Option<Vec<u8>> + Send;

/// A socket behind which a script answers. Its threads end with their connections.
#[derive(Debug)]
pub struct Puppet {
    folder: Folder,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Puppet {
    /// Listens, and answers every request with what `script` says; bytes that are not UTF-8
    /// are U+FFFD to it.
    ///
    /// # Panics
    /// If there can be no socket.
    #[must_use]
    pub fn start(script: impl FnMut(&[String]) -> Option<Vec<u8>> + Send + 'static) -> Self {
        let folder = Folder::new();
        let listener = UnixListener::bind(folder.join("socket")).expect("a socket");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(script));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
                let stream = stream.expect("a connection");
                std::thread::spawn(move || answer_all(stream, &script, &seen));
            }
        });
        Self { folder, requests }
    }

    /// The path of its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// The requests so far, as texts with blanks between the words.
    ///
    /// # Panics
    /// If the script panicked.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

fn answer_all(mut stream: UnixStream, script: &Mutex<Script>, seen: &Mutex<Vec<String>>) {
    let mut unread = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        while let Some((request, end)) = Value::parse(&unread) {
            unread.drain(..end);
            let words = words(&request);
            seen.lock().expect("no panic").push(words.join(" "));
            let answer = script.lock().expect("no panic")(&words);
            let answer = answer.unwrap_or_else(|| usual(&words));
            if stream.write_all(&answer).is_err() {
                return;
            }
        }
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => unread.extend(&chunk[..count]),
            _ => return,
        }
    }
}

fn words(request: &Value) -> Vec<String> {
    let mut words = Vec::new();
    for item in request.items() {
        let Value::Bulk(word) = item else {
            panic!("not a request: {request:?}");
        };
        words.push(String::from_utf8_lossy(word).into_owned());
    }
    words
}

/// What an empty server says.
fn usual(words: &[String]) -> Vec<u8> {
    match words[0].as_str() {
        "HELLO" => b"%3\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:7\r\n"
            .to_vec(),
        "DEL" | "LREM" | "CLIENT" | "PUBLISH" => b":0\r\n".to_vec(),
        "HGETALL" => b"%0\r\n".to_vec(),
        "CONFIG" if words[1] == "GET" => {
            b"%1\r\n$22\r\nnotify-keyspace-events\r\n$2\r\nKh\r\n".to_vec()
        }
        "LPOP" | "BLPOP" => b"_\r\n".to_vec(),
        "RPUSH" | "LPUSH" | "EXPIRE" | "PEXPIRE" => b":1\r\n".to_vec(),
        _ => b"+OK\r\n".to_vec(),
    }
}

/// Words as RESP: a bulk, or an array of bulks.
#[must_use]
pub fn bulks<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    crate::value::request(words)
}
