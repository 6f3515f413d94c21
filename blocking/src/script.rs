//! Scripts that the server runs: EVALSHA, and EVAL where it does not know them yet.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::time::Duration;

use redis_ipc_core::resp::{Reply, request};

use crate::connection::Connection;
use crate::error::{Error, ServerError};

/// What every server says that does not know a script. A script can end in an error of the same
/// code, but hardly of the same words.
const UNKNOWN: &str = "NOSCRIPT No matching script";

/// A script in Lua, sent whole only where the server does not know it.
///
/// Can be shared by threads and used on any number of connections and servers. Its first use
/// asks the server for the digest that it will be known by (SCRIPT LOAD, one round trip); after
/// that a use is one round trip, or two on a server that was started anew. Holds its source and
/// 40 bytes.
///
/// ```no_run
/// use redis_ipc::{Connection, Script};
///
/// static LIMITED: Script = Script::new(
///     "if redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
///      return redis.call('RPUSH', KEYS[1], ARGV[2])",
/// );
///
/// let mut server = Connection::open(&"/tmp/s".parse()?)?;
/// let length = LIMITED.run(&mut server, &["jobs"], &["100", "a job"])?;
/// assert_eq!(length.integer(), Some(1));
/// # Ok::<(), redis_ipc::Error>(())
/// ```
#[derive(Debug)]
pub struct Script {
    source: Cow<'static, str>,
    digest: OnceLock<String>,
}

impl Script {
    /// A script whose source is part of the program.
    #[must_use]
    pub const fn new(source: &'static str) -> Self {
        Self {
            source: Cow::Borrowed(source),
            digest: OnceLock::new(),
        }
    }

    /// Its source.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Runs it and returns what it returns. Blocks until then, at most the connection's
    /// [reply limit](crate::Options::reply_limit).
    ///
    /// # Errors
    /// [`Error::Server`] with the server's words if it ends in an error. Its outcome is
    /// [unknown](crate::Outcome::Unknown), for it may have written something before, unless the
    /// server did not begin to run it. Else what broke.
    pub fn run<'c, K: AsRef<[u8]>, A: AsRef<[u8]>>(
        &self,
        connection: &'c mut Connection,
        keys: &[K],
        arguments: &[A],
    ) -> Result<Reply<'c>, Error> {
        let limit = connection.options().reply_limit;
        self.run_within(limit, connection, keys, arguments)
    }

    /// As [`run`](Self::run), with a limit of its own in place of the connection's.
    ///
    /// # Errors
    /// As with [`run`](Self::run).
    pub fn run_within<'c, K: AsRef<[u8]>, A: AsRef<[u8]>>(
        &self,
        limit: Duration,
        connection: &'c mut Connection,
        keys: &[K],
        arguments: &[A],
    ) -> Result<Reply<'c>, Error> {
        let call = Call { keys, arguments };
        let known = match self.known_as(connection)? {
            None => false,
            Some(digest) => match call.send(limit, connection, "EVALSHA", digest) {
                Ok(()) => true,
                Err(Error::Server(error)) if error.text().starts_with(UNKNOWN) => false,
                Err(error) => return Err(error),
            },
        };
        if !known {
            call.send(limit, connection, "EVAL", self.source())?;
        }
        Ok(connection.session().frame())
    }

    /// The digest by which servers know it; `None` if this one does not tell.
    fn known_as(&self, connection: &mut Connection) -> Result<Option<&str>, Error> {
        if let Some(digest) = self.digest.get() {
            return Ok(Some(digest));
        }
        let load = connection.ask_again(|w| {
            request::array(w, 3);
            request::bulk(w, b"SCRIPT");
            request::bulk(w, b"LOAD");
            request::bulk(w, self.source().as_bytes());
        });
        let digest = match load {
            Ok(reply) => reply.bytes().map(String::from_utf8_lossy),
            // It may be forbidden to us, while EVAL is not.
            Err(Error::Server(error)) if error.code() == "NOPERM" => None,
            Err(error) => return Err(error),
        };
        Ok(digest.map(|digest| self.digest.get_or_init(|| digest.into_owned()).as_str()))
    }
}

/// A script whose source was made or read at run time.
impl From<String> for Script {
    fn from(source: String) -> Self {
        Self {
            source: Cow::Owned(source),
            digest: OnceLock::new(),
        }
    }
}

/// What a script is run with.
struct Call<'a, K, A> {
    keys: &'a [K],
    arguments: &'a [A],
}

impl<K: AsRef<[u8]>, A: AsRef<[u8]>> Call<'_, K, A> {
    fn send(
        &self,
        limit: Duration,
        connection: &mut Connection,
        command: &'static str,
        script: &str,
    ) -> Result<(), Error> {
        let keys = i64::try_from(self.keys.len()).unwrap_or(i64::MAX);
        let reply = connection.ask_within(limit, |w| {
            request::array(w, 3 + self.keys.len() + self.arguments.len());
            request::bulk(w, command.as_bytes());
            request::bulk(w, script.as_bytes());
            request::bulk_number(w, keys);
            self.keys
                .iter()
                .for_each(|key| request::bulk(w, key.as_ref()));
            self.arguments
                .iter()
                .for_each(|argument| request::bulk(w, argument.as_ref()));
        });
        reply
            .map(drop)
            .map_err(|error| judge(Some(&command), error))
    }
}

/// Sees to it that the error of a script, or of a function of the server's, does not say that
/// nothing was executed.
pub(crate) fn judge(command: Option<&impl AsRef<[u8]>>, error: Error) -> Error {
    let Error::Server(error) = error else {
        return error;
    };
    let command = command.map(AsRef::as_ref).unwrap_or_default();
    let runs = [&b"EVAL"[..], b"FCALL"].iter().any(|name| {
        let head = command.get(..name.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(name))
    });
    // What EXEC executed is told by the replies it returns; its own error says that it did not.
    let error: ServerError = if runs { error.of_script() } else { error };
    error.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Outcome;
    use redis_ipc_core::resp::ErrorReply;

    fn outcome(command: &str, text: &str) -> Outcome {
        let frame = format!("-{text}\r\n");
        let error: ErrorReply<'_> = Reply::parse(frame.as_bytes()).error().unwrap();
        judge(Some(&command), ServerError::new(&error).into()).outcome()
    }

    #[test]
    fn an_error_from_inside_a_script_leaves_open_what_was_executed() {
        let wrong = "WRONGTYPE Operation against a key script: 4f, on @user_script:1.";
        for command in ["EVAL", "evalsha", "EVAL_RO", "FCALL"] {
            assert_eq!(outcome(command, wrong), Outcome::Unknown);
            assert_eq!(outcome(command, "MINE of my own"), Outcome::Unknown);
        }
        assert_eq!(outcome("GET", wrong), Outcome::Rejected);
        let inside = "NOPERM this user has no permissions script: 4f, on @user_script:1.";
        assert_eq!(outcome("EVAL", inside), Outcome::Unknown);
    }

    #[test]
    fn what_is_said_before_a_script_runs_is_a_rejection() {
        for text in [
            "NOSCRIPT No matching script. Please use EVAL.",
            "LOADING Redis is loading the dataset in memory",
            "BUSY Redis is busy running a script.",
            "NOPERM this user has no permissions to run the 'eval' command",
        ] {
            assert_eq!(outcome("EVALSHA", text), Outcome::Rejected, "{text}");
        }
    }
}
