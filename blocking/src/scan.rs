//! Going through many keys, or the members of one, in pieces: SCAN, HSCAN, SSCAN, ZSCAN.

use std::collections::VecDeque;
use std::io;

use redis_ipc_core::resp::{Elements, request};
use redis_ipc_core::write::Writer;

use crate::connection::{Connection, Pair};
use crate::error::{Error, Outcome};

/// Goes through a collection piece by piece; an iterator of owned items.
///
/// A piece is fetched when the one before is used up: that blocks as any request does, and
/// between the pieces the server works for others. What was there from beginning to end comes
/// at least once; what came or went meanwhile may come or not, and anything may come twice:
/// that is how far a server without a snapshot can promise.
///
/// An error ends it. So does a connection that had to be made anew between two pieces: a server
/// that was started again knows nothing of where we were.
///
/// Allocates the items, one piece of them at a time.
///
/// ```no_run
/// # let mut server = redis_ipc::Connection::open(&"/tmp/s".parse()?)?;
/// for key in server.scan().matching("queues.*").of_type("list") {
///     println!("{}", String::from_utf8_lossy(&key?));
/// }
/// let paper: Vec<_> = server.hscan("settings.printer").matching("paper*").collect::<Result<_, _>>()?;
/// assert_eq!(paper, [(b"paper".to_vec(), b"A4".to_vec())]);
/// # Ok::<(), redis_ipc::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "it asks for nothing until it is iterated over"]
pub struct Scan<'c, T> {
    connection: &'c mut Connection,
    question: Question,
    read: fn(&mut Elements<'_>) -> Option<T>,
    /// What has come and was not handed out yet.
    items: VecDeque<T>,
    progress: Progress,
}

#[derive(Debug)]
struct Question {
    command: &'static str,
    /// The key whose members are looked at.
    key: Option<Vec<u8>>,
    pattern: Option<Vec<u8>>,
    count: Option<u32>,
    of_type: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    Begin,
    /// The server's word for where it goes on, and the connection it was said on.
    At {
        cursor: Vec<u8>,
        generation: u32,
    },
    End,
}

impl Connection {
    /// Goes through the keys of the database: SCAN.
    pub fn scan(&mut self) -> Scan<'_, Vec<u8>> {
        Scan::new(self, "SCAN", None, one)
    }

    /// Goes through the fields of a hash and their values: HSCAN.
    pub fn hscan(&mut self, key: impl Into<Vec<u8>>) -> Scan<'_, Pair> {
        Scan::new(self, "HSCAN", Some(key.into()), pair)
    }

    /// Goes through the members of a set: SSCAN.
    pub fn sscan(&mut self, key: impl Into<Vec<u8>>) -> Scan<'_, Vec<u8>> {
        Scan::new(self, "SSCAN", Some(key.into()), one)
    }

    /// Goes through the members of a sorted set and their scores: ZSCAN.
    pub fn zscan(&mut self, key: impl Into<Vec<u8>>) -> Scan<'_, (Vec<u8>, f64)> {
        Scan::new(self, "ZSCAN", Some(key.into()), scored)
    }
}

impl<'c, T> Scan<'c, T> {
    fn new(
        connection: &'c mut Connection,
        command: &'static str,
        key: Option<Vec<u8>>,
        read: fn(&mut Elements<'_>) -> Option<T>,
    ) -> Self {
        Self {
            connection,
            question: Question {
                command,
                key,
                pattern: None,
                count: None,
                of_type: None,
            },
            read,
            items: VecDeque::new(),
            progress: Progress::Begin,
        }
    }

    /// Only what matches a glob: MATCH. The server goes through everything all the same.
    pub fn matching(mut self, pattern: impl Into<Vec<u8>>) -> Self {
        self.question.pattern = Some(pattern.into());
        self
    }

    /// About how many the server is to look at for one piece: COUNT. By default as many as it
    /// likes, 10 mostly; a piece must fit the receive buffer
    /// ([`Options::message_limit`](crate::Options::message_limit)).
    pub fn count(mut self, count: u32) -> Self {
        self.question.count = Some(count);
        self
    }

    fn fetch(&mut self) -> Result<(), Error> {
        let (cursor, begun_on) = match std::mem::replace(&mut self.progress, Progress::End) {
            Progress::Begin => (b"0".to_vec(), None),
            Progress::At { cursor, generation } => (cursor, Some(generation)),
            Progress::End => return Ok(()),
        };
        let question = &self.question;
        self.connection.ask_again(|w| question.write(w, &cursor))?;
        let generation = self.connection.generation();
        if begun_on.is_some_and(|begun_on| begun_on != generation) {
            return Err(lost());
        }
        let reply = self.connection.session().frame();
        let unexpected = || Error::unexpected_reply(question.command, &reply);
        let mut parts = reply.elements().ok_or_else(unexpected)?;
        let cursor = parts.next().and_then(|cursor| cursor.bytes());
        let cursor = cursor.ok_or_else(unexpected)?;
        let mut items = parts.next().and_then(|items| items.elements());
        let items = items.as_mut().ok_or_else(unexpected)?;
        while items.len() > 0 {
            let item = (self.read)(items).ok_or_else(unexpected)?;
            self.items.push_back(item);
        }
        if cursor != b"0" {
            let cursor = cursor.to_vec();
            self.progress = Progress::At { cursor, generation };
        }
        Ok(())
    }
}

impl Scan<'_, Vec<u8>> {
    /// Only keys that hold values of a type (`string`, `list`, `hash`, `set`, `zset`,
    /// `stream`): TYPE. Only for [`Connection::scan`]; a server refuses it elsewhere.
    pub fn of_type(mut self, name: &str) -> Self {
        self.question.of_type = Some(name.to_owned());
        self
    }
}

impl<T> Iterator for Scan<'_, T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.items.is_empty() && self.progress != Progress::End {
            if let Err(error) = self.fetch() {
                self.items.clear();
                return Some(Err(error));
            }
        }
        self.items.pop_front().map(Ok)
    }
}

impl<T> std::iter::FusedIterator for Scan<'_, T> {}

impl Question {
    fn write(&self, w: &mut Writer<'_>, cursor: &[u8]) {
        let options = [
            self.pattern.is_some(),
            self.count.is_some(),
            self.of_type.is_some(),
        ];
        let options = options.iter().filter(|given| **given).count();
        request::array(w, 2 + usize::from(self.key.is_some()) + 2 * options);
        request::bulk(w, self.command.as_bytes());
        if let Some(key) = &self.key {
            request::bulk(w, key);
        }
        request::bulk(w, cursor);
        if let Some(pattern) = &self.pattern {
            request::bulk(w, b"MATCH");
            request::bulk(w, pattern);
        }
        if let Some(count) = self.count {
            request::bulk(w, b"COUNT");
            request::bulk_number(w, i64::from(count));
        }
        if let Some(of_type) = &self.of_type {
            request::bulk(w, b"TYPE");
            request::bulk(w, of_type.as_bytes());
        }
    }
}

fn lost() -> Error {
    Error::Disconnected {
        outcome: Outcome::NotSent,
        source: io::Error::other("it was made anew, and the place in the scan is lost"),
    }
}

fn one(items: &mut Elements<'_>) -> Option<Vec<u8>> {
    items.next()?.bytes().map(<[u8]>::to_vec)
}

fn pair(items: &mut Elements<'_>) -> Option<Pair> {
    Some((one(items)?, one(items)?))
}

fn scored(items: &mut Elements<'_>) -> Option<(Vec<u8>, f64)> {
    let member = one(items)?;
    let score = items.next()?;
    let score = std::str::from_utf8(score.bytes()?).ok()?;
    Some((member, score.parse().ok()?))
}
