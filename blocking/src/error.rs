//! What can go wrong with a connection, and what it means for the request at hand.

mod server;

use std::fmt;
use std::io;
use std::time::Duration;

use redis_ipc_core::key::KeyTooLong;
use redis_ipc_core::name::NameError;
use redis_ipc_core::resp::{ProtocolError, Reply};
use redis_ipc_core::subscription::SubscribeError;
use redis_ipc_core::write::TooLong;

use crate::endpoint::{Endpoint, EndpointError};
use crate::seconds::Seconds;

pub use server::ServerError;

/// Whether a request that failed was executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The server took no byte of it: it was not executed and can be sent again.
    NotSent,
    /// The server answered with an error: it was not executed.
    Rejected,
    /// It went out, at least in part, and no reply came: it may have been executed.
    Unknown,
}

/// An operation on a server failed.
///
/// As [`Debug`](fmt::Debug) it shows its sentence, too: that is what the system prints of a `main`
/// that returns an error.
#[non_exhaustive]
pub enum Error {
    /// The address is none.
    Endpoint(EndpointError),
    /// No connection could be made.
    Connect {
        /// The server's address.
        endpoint: String,
        /// What the system said.
        source: io::Error,
    },
    /// The server at that address is not the one that is meant, by the word of whoever was asked
    /// to [vet](crate::Options::vet) it. Nothing was sent to it.
    WrongServer {
        /// The server's address.
        endpoint: String,
        /// Why.
        why: String,
    },
    /// The server answered with an error.
    Server(ServerError),
    /// The connection broke.
    Disconnected {
        /// What became of the request at hand.
        outcome: Outcome,
        /// What the system said.
        source: io::Error,
    },
    /// Time was up.
    TimedOut {
        /// What became of the request at hand.
        outcome: Outcome,
        /// The limit that was reached.
        limit: Duration,
    },
    /// The connection was made before a `fork()` and belongs to the parent process. If nothing
    /// but a connection is at stake, the next request makes one of this process's own.
    Forked {
        /// What became of the request at hand.
        outcome: Outcome,
    },
    /// All connections of a pool are in use, and were so for as long as one may wait for them.
    Exhausted {
        /// How many there are.
        size: usize,
        /// The limit that was reached.
        limit: Duration,
    },
    /// What the server sent is not RESP, or not an answer to what was asked.
    Protocol {
        /// What is wrong with it.
        why: Misunderstanding,
    },
    /// A request or a reply does not fit the connection's buffer, which grows to the limit of
    /// [`Options::message_limit`](crate::Options::message_limit). The connection goes on.
    TooLong {
        /// What became of the request at hand: not sent if it was the request that is too long.
        outcome: Outcome,
        /// Both sizes.
        sizes: TooLong,
    },
    /// A name breaks the rule for names.
    Name {
        /// The name.
        text: String,
        /// The rule and the offence.
        why: NameError,
    },
    /// Names that together make too long a key.
    Key(KeyTooLong),
    /// What was asked for makes no sense, or not now.
    Usage(&'static str),
    /// A value could not be put into JSON, or is not what this place takes.
    Value(String),
    /// A value from the bus is not what the program takes it for.
    Unexpected(String),
    /// The system refused something that is no connection: it has no file descriptor to spare,
    /// for instance.
    System(io::Error),
    /// Settings may be written by another component only; nothing was written.
    NotSettingsWriter {
        /// Who wanted to write.
        component: String,
        /// Who may: the member `settings_writer` of the hash `settings.redis-ipc`.
        writer: String,
    },
}

/// How a server's bytes fail to be an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misunderstanding {
    /// They are not RESP.
    Bytes(ProtocolError),
    /// They are a reply of another type than the request has.
    Type {
        /// The request's name.
        request: &'static str,
        /// The reply, cut to a readable length.
        reply: String,
    },
}

impl Error {
    /// Whether the request at hand was executed.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Server(error) => error.outcome(),
            Self::Disconnected { outcome, .. }
            | Self::TimedOut { outcome, .. }
            | Self::Forked { outcome }
            | Self::TooLong { outcome, .. } => *outcome,
            Self::Protocol { .. } | Self::Unexpected(_) => Outcome::Unknown,
            _ => Outcome::NotSent,
        }
    }

    /// Whether the same request may succeed later by itself: the server cannot be reached now, or
    /// refuses for a reason that passes.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Server(error) => error.is_temporary(),
            Self::Exhausted { .. } => true,
            error => error.is_disconnection(),
        }
    }

    /// Whether the server could not be reached, or not any more.
    #[must_use]
    pub fn is_disconnection(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::Disconnected { .. }
                | Self::TimedOut { .. }
                | Self::Protocol { .. }
        )
    }

    /// What went wrong before there was a connection to send anything on.
    pub(crate) fn while_connecting(self, endpoint: &Endpoint) -> Self {
        let source = match self {
            Self::Server(error) => return Self::Server(error.at(endpoint)),
            Self::Disconnected { source, .. } => source,
            Self::TimedOut { limit, .. } => {
                let text = format!("it does not answer within {} s", Seconds(limit));
                io::Error::new(io::ErrorKind::TimedOut, text)
            }
            Self::Protocol { why } => io::Error::new(io::ErrorKind::InvalidData, why.to_string()),
            other => return other,
        };
        Self::Connect {
            endpoint: endpoint.to_string(),
            source,
        }
    }

    /// The same error, met when the request at hand had been sent before.
    pub(crate) fn behind_the_request(mut self) -> Self {
        if let Self::Disconnected { outcome, .. }
        | Self::TimedOut { outcome, .. }
        | Self::TooLong { outcome, .. } = &mut self
        {
            *outcome = Outcome::Unknown;
        }
        self
    }

    /// There is no connection at present.
    pub(crate) fn not_connected() -> Self {
        Self::Disconnected {
            outcome: Outcome::NotSent,
            source: io::ErrorKind::NotConnected.into(),
        }
    }

    pub(crate) fn unexpected_reply(request: &'static str, reply: &Reply<'_>) -> Self {
        let mut reply = in_words(reply);
        if let Some((end, _)) = reply.char_indices().nth(120) {
            reply.truncate(end);
            reply.push('…');
        }
        Self::Protocol {
            why: Misunderstanding::Type { request, reply },
        }
    }
}

/// A reply as a sentence names it. What `Debug` says would be longer, and so would every program.
fn in_words(reply: &Reply<'_>) -> String {
    match (reply, reply.bytes(), reply.elements()) {
        (_, Some(bytes), _) => format!("{:?}", String::from_utf8_lossy(bytes)),
        (_, _, Some(elements)) => format!("{} elements", elements.len()),
        (Reply::Error(error), ..) => String::from_utf8_lossy(error.text()).into_owned(),
        (Reply::Double(digits) | Reply::BigNumber(digits), ..) => {
            String::from_utf8_lossy(digits).into_owned()
        }
        (Reply::Integer(number), ..) => number.to_string(),
        (Reply::Boolean(truth), ..) => truth.to_string(),
        _ => "nothing".to_owned(),
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(error) => error.fmt(f),
            Self::Connect { endpoint, source } => {
                write!(
                    f,
                    "no server at {endpoint}: {source}{}",
                    advice(endpoint, source)
                )
            }
            Self::WrongServer { endpoint, why } => {
                write!(f, "another server than is meant at {endpoint}: {why}")
            }
            Self::Server(error) => error.fmt(f),
            Self::Disconnected { outcome, source } => {
                write!(f, "the connection broke: {source}; {outcome}")
            }
            Self::TimedOut { outcome, limit } => write!(
                f,
                "the server did not answer within {} s; {outcome}",
                Seconds(*limit)
            ),
            Self::Forked { outcome } => write!(
                f,
                "this was connected before a fork() and is the parent process's: connect in the \
                 child; {outcome}"
            ),
            Self::Exhausted { size, limit } => write!(
                f,
                "all {size} connections were in use for {} s: give them back sooner, or allow more",
                Seconds(*limit)
            ),
            Self::Protocol { why } => why.fmt(f),
            Self::TooLong { sizes, .. } => sizes.fmt(f),
            Self::Name { text, why } => write!(f, "{text:?} is not a name: {why}"),
            Self::Key(error) => error.fmt(f),
            Self::Usage(text) => f.write_str(text),
            Self::Value(text) | Self::Unexpected(text) => f.write_str(text),
            Self::System(error) => error.fmt(f),
            Self::NotSettingsWriter { component, writer } => write!(
                f,
                "settings are written by component {writer:?} only, and this is {component:?}: \
                 act as {writer:?}, or set settings_writer in settings.redis-ipc to {component:?}, \
                 or to * for everybody"
            ),
        }
    }
}

/// What a person can do about it.
fn advice(endpoint: &str, error: &io::Error) -> &'static str {
    let in_the_clear = endpoint.starts_with("redis://") || endpoint.starts_with("redis-");
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof if in_the_clear => {
            "; it hung up on our greeting: with a server that speaks TLS the address begins with rediss"
        }
        io::ErrorKind::NotFound => {
            "; start a redis-server there (ipc-tool up does), or name the right socket in RIPC_SERVER_PATH"
        }
        io::ErrorKind::ConnectionRefused => {
            "; nobody listens there any more: start the redis-server again"
        }
        io::ErrorKind::PermissionDenied => {
            "; the socket's owner and mode (unixsocketperm in redis.conf) do not let this user in"
        }
        io::ErrorKind::TimedOut => {
            "; something listens there and stands still or is overloaded: look at its process and its log"
        }
        io::ErrorKind::InvalidData => "; whoever listens there is no redis-server",
        _ => "",
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSent => "the request was not sent",
            Self::Rejected => "the request was not executed",
            Self::Unknown => "the request may have been executed",
        })
    }
}

impl fmt::Display for Misunderstanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(error) => write!(f, "what the server sent is not RESP: {error}"),
            Self::Type { request, reply } => {
                write!(f, "the server answered {request} with {reply}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Endpoint(error) => Some(error),
            Self::Connect { source, .. } | Self::Disconnected { source, .. } => Some(source),
            Self::System(error) => Some(error),
            Self::Server(error) => Some(error),
            Self::TooLong { sizes, .. } => Some(sizes),
            Self::Name { why, .. } => Some(why),
            Self::Key(error) => Some(error),
            _ => None,
        }
    }
}

impl From<EndpointError> for Error {
    fn from(error: EndpointError) -> Self {
        Self::Endpoint(error)
    }
}

impl From<KeyTooLong> for Error {
    fn from(error: KeyTooLong) -> Self {
        Self::Key(error)
    }
}

impl From<TooLong> for Error {
    /// A request that did not fit was not sent.
    fn from(sizes: TooLong) -> Self {
        Self::TooLong {
            outcome: Outcome::NotSent,
            sizes,
        }
    }
}

impl From<SubscribeError> for Error {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::TooLong(sizes) => sizes.into(),
            _ => Self::Usage("all subscriptions of this component are taken"),
        }
    }
}

impl From<ServerError> for Error {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unexpected_reply_is_named_in_words() {
        for (frame, words) in [
            ("$3\r\n\"\t\"\r\n", r#""\"\t\"""#),
            ("*2\r\n:1\r\n:2\r\n", "2 elements"),
            ("-ERR no\r\n", "ERR no"),
            (",1.5\r\n", "1.5"),
            (":-7\r\n", "-7"),
            ("#t\r\n", "true"),
            ("_\r\n", "nothing"),
        ] {
            let error = Error::unexpected_reply("PING", &Reply::parse(frame.as_bytes()));
            assert_eq!(
                error.to_string(),
                format!("the server answered PING with {words}")
            );
        }
        let long = format!("$500\r\n{}\r\n", "x".repeat(500));
        let error = Error::unexpected_reply("PING", &Reply::parse(long.as_bytes()));
        assert!(error.to_string().ends_with("xxx…"), "{error}");
    }
}
