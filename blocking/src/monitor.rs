//! Watching what clients ask of a server: MONITOR.
//!
//! ```text
//! +1339518083.107412 [0 unix:/run/redis-ipc/socket] "RPUSH" "list" "\x00 and \"\n\""
//!  seconds           database and client             name and arguments, escaped
//! ```
//!
//! Source: <https://redis.io/docs/latest/commands/monitor/>. The lines are read without the
//! codec, which takes no line as long as an argument may be.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use redis_ipc_core::resp::{Reply, request};
use redis_ipc_core::write::TooLong;

use crate::connection::{Connection, Deadline};
use crate::endpoint::Endpoint;
use crate::error::{Error, Misunderstanding, Outcome, ServerError};
use crate::options::Options;
use crate::retry::Retry;
use crate::socket::Received;

/// First size of the buffer, in bytes.
const INITIAL_BYTES: usize = 16 * 1024;

/// Watches every command that a server executes, on a connection of its own.
///
/// A server works for each watcher as for a client that reads everything: not for every day.
/// It shows no passwords, and a command only once it is executed or begins to wait.
///
/// Holds one buffer that grows with the lines, up to
/// [`Options::message_limit`](crate::Options::message_limit); allocates what it returns.
///
/// ```no_run
/// use std::time::Duration;
/// use redis_ipc::Monitor;
///
/// let mut monitor = Monitor::open(&"/run/redis-ipc/socket".parse()?)?;
/// for command in monitor.until_silent(Duration::from_secs(1)) {
///     let command = command?;
///     println!("{} asks for {}", command.client, command.text());
/// }
/// # Ok::<(), redis_ipc::Error>(())
/// ```
#[derive(Debug)]
pub struct Monitor {
    connection: Connection,
    /// The connection that was told to watch.
    generation: u32,
    retry: Retry,
    lines: Lines,
}

/// A command that a server executes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observed {
    /// When, by the server's clock; to the microsecond.
    pub at: SystemTime,
    /// In which database.
    pub database: u32,
    /// Who asked: an address and port, `unix:` and the socket's path, or `lua` for a script.
    pub client: String,
    /// The command's name and its arguments; any bytes.
    pub words: Vec<Vec<u8>>,
}

impl Observed {
    /// The words for a person to read: blanks between them, escapes for what is not ASCII.
    #[must_use]
    pub fn text(&self) -> String {
        let words = self
            .words
            .iter()
            .map(|word| word.escape_ascii().to_string());
        words.collect::<Vec<_>>().join(" ")
    }

    /// What one line says; `None` if it is none of these lines.
    fn parse(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line.strip_prefix(b"+")?).ok()?;
        let (time, line) = line.split_once(" [")?;
        let (seconds, micros) = time.split_once('.')?;
        let since_epoch = Duration::from_secs(seconds.parse().ok()?)
            + Duration::from_micros(micros.parse().ok()?);
        let (origin, words) = line.split_once("] \"")?;
        let (database, client) = origin.split_once(' ')?;
        Some(Self {
            at: UNIX_EPOCH + since_epoch,
            database: database.parse().ok()?,
            client: client.to_owned(),
            words: unquote(words.as_bytes())?,
        })
    }
}

impl Monitor {
    /// Connects with the default [`Options`] and begins to watch: blocks until the server has
    /// confirmed it.
    ///
    /// # Errors
    /// [`Error::Connect`] if there is no server, [`Error::Server`] if it refuses us.
    pub fn open(endpoint: &Endpoint) -> Result<Self, Error> {
        Self::open_with(endpoint, Options::default())
    }

    /// Connects and begins to watch: blocks until the server has confirmed it.
    ///
    /// # Errors
    /// [`Error::Connect`] if there is no server, [`Error::Server`] if it refuses us.
    pub fn open_with(endpoint: &Endpoint, options: Options) -> Result<Self, Error> {
        let limit = options.message_limit;
        let mut monitor = Self {
            connection: Connection::closed(endpoint, options),
            generation: 0,
            retry: Retry::of(endpoint),
            lines: Lines::new(limit),
        };
        monitor.begin()?;
        Ok(monitor)
    }

    /// Waits for the next command; `None` says that `timeout` passed, which loses nothing.
    /// Without a time-out it waits for ever.
    ///
    /// # Errors
    /// What broke. Commands may be missing then; the next call connects again and goes on, not
    /// without a pause that grows while there is no server. [`Error::TooLong`] for a command
    /// that does not fit the buffer: it is left out.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Observed>, Error> {
        let deadline = timeout.map(Deadline::after);
        self.retry.pause(deadline)?;
        let outcome = self.await_line(deadline);
        match &outcome {
            Ok(_) => drop(self.retry.ended()),
            Err(error) if error.is_temporary() => self.retry.lost(),
            Err(_) => {}
        }
        let Some(line) = outcome? else {
            return Ok(None);
        };
        let line = self.lines.get(line);
        match Observed::parse(line) {
            Some(observed) => Ok(Some(observed)),
            None => Err(misunderstood(line)),
        }
    }

    /// Goes through the commands until nothing has come for `silence`, or something fails.
    pub fn until_silent(
        &mut self,
        silence: Duration,
    ) -> impl Iterator<Item = Result<Observed, Error>> + '_ {
        let mut failed = false;
        std::iter::from_fn(move || {
            if failed {
                return None;
            }
            let next = self.next(Some(silence)).transpose();
            failed = matches!(next, Some(Err(_)));
            next
        })
    }

    fn await_line(&mut self, deadline: Option<Deadline>) -> Result<Option<Line>, Error> {
        self.begin()?;
        self.receive_line(deadline)
    }

    /// Connects if need be, and tells a new connection to watch.
    fn begin(&mut self) -> Result<(), Error> {
        self.connection.ensure_connected()?;
        if self.generation == self.connection.generation() {
            return Ok(());
        }
        self.lines.clear();
        let deadline = Deadline::after(self.connection.options().reply_limit);
        self.connection.session().request(|w| {
            request::command(w, &[b"MONITOR"]);
            Ok::<(), TooLong>(())
        })?;
        self.connection.flush(deadline)?;
        let Some(line) = self.receive_line(Some(deadline))? else {
            return Err(self.connection.late(Outcome::Unknown, deadline));
        };
        let line = self.lines.get(line);
        match line.split_first() {
            Some((b'+', _)) => self.generation = self.connection.generation(),
            Some((b'-', _)) => return Err(refused(line)),
            _ => return Err(misunderstood(line)),
        }
        Ok(())
    }

    fn receive_line(&mut self, deadline: Option<Deadline>) -> Result<Option<Line>, Error> {
        loop {
            if let Some(line) = self.lines.next()? {
                return Ok(Some(line));
            }
            let late = || deadline.is_some_and(|deadline| Instant::now() >= deadline.at);
            match self.connection.receive(self.lines.room(), deadline)? {
                Received::Bytes(count) => self.lines.end += count,
                Received::Late | Received::Interrupted if late() => return Ok(None),
                Received::Late | Received::Interrupted => {}
            }
        }
    }
}

/// Where a line lies in the buffer, its line end left out.
type Line = std::ops::Range<usize>;

/// Received bytes, cut into lines.
#[derive(Debug)]
struct Lines {
    bytes: Vec<u8>,
    limit: usize,
    /// Where the next line begins.
    start: usize,
    /// Up to where no line end was found.
    searched: usize,
    end: usize,
    /// Bytes of a line that does not fit which are gone already.
    dropped: usize,
}

impl Lines {
    fn new(limit: usize) -> Self {
        let limit = limit.max(64);
        Self {
            bytes: vec![0; INITIAL_BYTES.min(limit)],
            limit,
            start: 0,
            searched: 0,
            end: 0,
            dropped: 0,
        }
    }

    fn clear(&mut self) {
        *self = Self {
            bytes: std::mem::take(&mut self.bytes),
            start: 0,
            searched: 0,
            end: 0,
            dropped: 0,
            ..*self
        };
    }

    fn get(&self, line: Line) -> &[u8] {
        &self.bytes[line]
    }

    /// The next line that is here whole.
    fn next(&mut self) -> Result<Option<Line>, TooLong> {
        let fresh = &self.bytes[self.searched..self.end];
        let Some(length) = fresh.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.end;
            return Ok(None);
        };
        let newline = self.searched + length;
        let line = self.start..newline;
        self.start = newline + 1;
        self.searched = self.start;
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            return Err(TooLong {
                needed: dropped + line.len() + 1,
                capacity: self.limit,
            });
        }
        let carriage = usize::from(self.bytes[line.clone()].ends_with(b"\r"));
        Ok(Some(line.start..line.end - carriage))
    }

    /// Room for more; never empty.
    fn room(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.searched -= self.start;
            self.start = 0;
        }
        if self.end == self.bytes.len() && self.end < self.limit {
            self.bytes.resize((self.end * 2).min(self.limit), 0);
        }
        if self.end == self.bytes.len() {
            self.dropped += self.end;
            self.end = 0;
            self.searched = 0;
        }
        &mut self.bytes[self.end..]
    }
}

fn refused(line: &[u8]) -> Error {
    let frame = [line, b"\r\n"].concat();
    match Reply::parse(&frame) {
        Reply::Error(error) => ServerError::new(&error).into(),
        _ => misunderstood(line),
    }
}

fn misunderstood(line: &[u8]) -> Error {
    let line = line.get(..120).unwrap_or(line);
    Error::Protocol {
        why: Misunderstanding::Type {
            request: "MONITOR",
            reply: line.escape_ascii().to_string(),
        },
    }
}

/// The words of a line from behind the first quote on; `None` if a quote or an escape is amiss.
fn unquote(mut rest: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    loop {
        let (word, behind) = unquote_word(rest)?;
        words.push(word);
        match behind {
            [] => return Some(words),
            [b' ', b'"', behind @ ..] => rest = behind,
            _ => return None,
        }
    }
}

/// One word up to its closing quote, and what stands behind that.
fn unquote_word(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    loop {
        let (byte, taken) = match rest {
            [b'"', behind @ ..] => return Some((word, behind)),
            [b'\\', b'x', high, low, ..] => (hex(*high)? << 4 | hex(*low)?, 4),
            [b'\\', b'n', ..] => (b'\n', 2),
            [b'\\', b'r', ..] => (b'\r', 2),
            [b'\\', b't', ..] => (b'\t', 2),
            [b'\\', b'a', ..] => (0x07, 2),
            [b'\\', b'b', ..] => (0x08, 2),
            [b'\\', byte, ..] => (*byte, 2),
            [byte, ..] => (*byte, 1),
            [] => return None,
        };
        word.push(byte);
        rest = rest.get(taken..)?;
    }
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_every_escape() {
        let line =
            br#"+1339518083.007412 [3 unix:/run/my dir/s] "SET" "" "\x00\xffa\\\"\n\r\t\a\b""#;
        let observed = Observed::parse(line).unwrap();
        let time = observed.at.duration_since(UNIX_EPOCH).unwrap();
        assert_eq!(time, Duration::from_micros(1_339_518_083_007_412));
        assert_eq!(observed.database, 3);
        assert_eq!(observed.client, "unix:/run/my dir/s");
        assert_eq!(observed.words[0], b"SET");
        assert_eq!(observed.words[1], b"");
        assert_eq!(observed.words[2], b"\x00\xffa\\\"\n\r\t\x07\x08");
        assert_eq!(observed.words.len(), 3);
    }

    #[test]
    fn what_is_no_such_line_is_refused() {
        for line in [
            "",
            "+OK",
            "-ERR no",
            "+1.2 [0 lua]",
            "+1.2 [0 lua] \"GET",
            "+1.2 [0 lua] \"GET\"x",
            "+1.2 [0 lua] \"\\xzz\"",
            "+x [0 lua] \"GET\"",
            "+1.2 [0lua] \"GET\"",
        ] {
            assert_eq!(Observed::parse(line.as_bytes()), None, "{line}");
        }
    }

    fn put(lines: &mut Lines, bytes: &[u8]) {
        lines.room()[..bytes.len()].copy_from_slice(bytes);
        lines.end += bytes.len();
    }

    #[test]
    fn lines_are_found_wherever_they_are_cut() {
        let mut lines = Lines::new(1024);
        for byte in b"+one\r\n+two\r\n" {
            put(&mut lines, &[*byte]);
            if let Some(line) = lines.next().unwrap() {
                assert!([&b"+one"[..], b"+two"].contains(&lines.get(line)));
            }
        }
        put(&mut lines, b"+a\r\n+b\r\n+");
        let first = lines.next().unwrap().unwrap();
        assert_eq!(lines.get(first), b"+a");
        let second = lines.next().unwrap().unwrap();
        assert_eq!(lines.get(second), b"+b");
        assert_eq!(lines.next(), Ok(None));
    }

    #[test]
    fn a_line_that_does_not_fit_is_left_out_with_its_size_known() {
        let mut lines = Lines::new(64);
        for _ in 0..10 {
            put(&mut lines, &[b'x'; 16]);
            assert_eq!(lines.next(), Ok(None));
        }
        put(&mut lines, b"\r\n+next\r\n");
        let error = lines.next().unwrap_err();
        assert_eq!((error.needed, error.capacity), (162, 64));
        let next = lines.next().unwrap().unwrap();
        assert_eq!(lines.get(next), b"+next");
    }
}
