//! The commands that programs reach for first, with typed replies, one file a family. Any other
//! goes by name: [`Connection::command`], or [`Connection::query`] with the reply's type.

mod arguments;
mod bits;
mod geo;
mod hashes;
mod hyperloglog;
mod keys;
mod lists;
mod publish;
mod scripting;
mod server;
mod sets;
mod sorted_set_ranges;
mod sorted_set_types;
mod sorted_sets;
mod stream_types;
mod streams;
mod strings;

use std::time::Duration;

use redis_ipc_core::resp::request;
use redis_ipc_core::write::Writer;

use self::arguments::Argument;
use super::{Connection, FOREVER};
use crate::error::{Error, ServerError};
use crate::from_reply::FromReply;
use crate::script;
pub use bits::BitOp;
pub use geo::{GeoSearch, Position, Unit};
pub use keys::{Life, Sort};
pub use lists::{End, Side};
pub use server::Role;
pub use sorted_set_types::{AddOptions, Combine, Member, MemberOf};
pub use stream_types::{
    Entry, NoStreamId, Pending, PendingEntry, Since, StreamEntries, StreamId, Trim,
};
pub use strings::SetOptions;

/// A field of a hash, or whatever else the server lists in pairs: its name and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// The shortest time-out of a request that waits: for the server, none is for ever.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

impl Connection {
    /// Sends any command and reads its reply as a type. Not sent again by itself.
    ///
    /// ```no_run
    /// # let mut server = redis_ipc::Connection::open(&"/tmp/s".parse()?)?;
    /// let best: Vec<(String, f64)> = server.query(&["ZREVRANGE", "best", "0", "9", "WITHSCORES"])?;
    /// # Ok::<(), redis_ipc::Error>(())
    /// ```
    ///
    /// # Errors
    /// As with [`command`](Self::command); [`Error::Protocol`] if the reply is none of this type.
    pub fn query<R: FromReply>(&mut self, parts: &[impl AsRef<[u8]>]) -> Result<R, Error> {
        let reply = self.command(parts)?;
        R::from_reply(&reply).ok_or_else(|| Error::unexpected_reply("a command", &reply))
    }

    /// Sends a request that changes nothing; again if the connection breaks.
    fn read<R: FromReply>(
        &mut self,
        name: &'static str,
        arguments: impl Argument,
    ) -> Result<R, Error> {
        let reply = self.ask_again(|w| write(w, name, &arguments))?;
        R::from_reply(&reply).ok_or_else(|| Error::unexpected_reply(name, &reply))
    }

    /// Sends a request.
    fn run<R: FromReply>(
        &mut self,
        name: &'static str,
        arguments: impl Argument,
    ) -> Result<R, Error> {
        let reply = self.ask(|w| write(w, name, &arguments));
        let reply = reply.map_err(|error| script::judge(Some(&name), error))?;
        R::from_reply(&reply).ok_or_else(|| Error::unexpected_reply(name, &reply))
    }

    /// Sends a request that the server answers when something comes, or time is up.
    fn wait<R: FromReply>(
        &mut self,
        name: &'static str,
        wait: Wait,
        arguments: impl Argument,
    ) -> Result<R, Error> {
        let limit = wait.limit(self.options.reply_limit);
        let reply = self.ask_within(limit, |w| write(w, name, &arguments))?;
        R::from_reply(&reply).ok_or_else(|| Error::unexpected_reply(name, &reply))
    }
}

impl super::Replies<'_> {
    /// As [`next`](Self::next), with the reply read as a type.
    ///
    /// ```no_run
    /// # let mut server = redis_ipc::Connection::open(&"/tmp/s".parse()?)?;
    /// let mut pipeline = server.pipeline();
    /// pipeline.command(&["INCR", "n"])?.command(&["LRANGE", "l", "0", "-1"])?;
    /// let mut replies = pipeline.send()?;
    /// let n: Option<u64> = replies.next_as()?;
    /// let list: Option<Vec<String>> = replies.next_as()?;
    /// # Ok::<(), redis_ipc::Error>(())
    /// ```
    ///
    /// # Errors
    /// As with [`next`](Self::next); [`Error::Server`] for an error reply and [`Error::Protocol`]
    /// for one that is none of this type. The others can still be read.
    pub fn next_as<R: FromReply>(&mut self) -> Result<Option<R>, Error> {
        let Some(reply) = self.next()? else {
            return Ok(None);
        };
        if let Some(error) = reply.error() {
            return Err(ServerError::new(&error).into());
        }
        let read = R::from_reply(&reply);
        read.map(Some)
            .ok_or_else(|| Error::unexpected_reply("a command of a pipeline", &reply))
    }
}

/// How long the server waits for something to come.
#[derive(Debug, Clone, Copy)]
struct Wait(Option<Duration>);

impl Wait {
    fn new(timeout: Option<Duration>) -> Self {
        Self(timeout.map(|timeout| timeout.max(SHORTEST_WAIT)))
    }

    /// As most commands want it: 0 is for ever.
    fn seconds(self) -> f64 {
        // To the millisecond, which is how far the server counts.
        let rounded =
            |timeout: Duration| Duration::from_millis(milliseconds(timeout).unsigned_abs());
        self.0.map_or(0.0, |timeout| rounded(timeout).as_secs_f64())
    }

    /// As others want it: 0 is for ever.
    fn milliseconds(self) -> i64 {
        self.0.map_or(0, milliseconds)
    }

    /// How long to wait for the server to say that time is up.
    fn limit(self, grace: Duration) -> Duration {
        self.0
            .map_or(FOREVER, |timeout| timeout.saturating_add(grace))
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn write(w: &mut Writer<'_>, name: &str, arguments: &impl Argument) {
    // Some commands have names of two words.
    let words = name.split(' ');
    request::array(w, words.clone().count() + arguments.count());
    words.for_each(|word| request::bulk(w, word.as_bytes()));
    arguments.write(w);
}
