//! A server's error replies, and what each means.

use std::fmt;

use redis_ipc_core::resp::ErrorReply;

use super::Outcome;
use crate::endpoint::Endpoint;

/// How the errors begin that a server has before it runs a script: Redis in its own words, and
/// Valkey. Their first word alone a script may return as well, after it has written something.
const BEFORE_A_SCRIPT: [&str; 10] = [
    "NOSCRIPT No matching script",
    "NOAUTH Authentication required",
    "NOPERM this user has no permissions",
    "NOPERM User ",
    "NOPERM No permissions",
    "LOADING Redis is loading",
    "LOADING Valkey is loading",
    "BUSY Redis is busy",
    "BUSY Valkey is busy",
    "MASTERDOWN Link with MASTER",
];

/// How the error of a transaction begins that comes to nothing because of another error.
const DISCARDED: &str = "EXECABORT Transaction discarded because of: ";

/// An error reply, in the server's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    text: String,
    /// Where the server is, if it did not let us in.
    place: Option<String>,
    /// Whether it came from inside a script or a transaction, parts of which may have been
    /// executed.
    partial: bool,
}

impl ServerError {
    pub(crate) fn new(reply: &ErrorReply<'_>) -> Self {
        Self {
            text: String::from_utf8_lossy(reply.text()).into_owned(),
            place: None,
            partial: false,
        }
    }

    /// The same error, from a server that does not let us in.
    pub(super) fn at(mut self, endpoint: &Endpoint) -> Self {
        self.place = Some(endpoint.to_string());
        self
    }

    /// An error from inside a script or a transaction, other parts of which may have been
    /// executed.
    pub(crate) fn inside(reply: &ErrorReply<'_>) -> Self {
        Self {
            partial: true,
            ..Self::new(reply)
        }
    }

    /// The same error of a script. Only what a server says before it runs one is a rejection;
    /// whatever else it says, the script may have written something first.
    pub(crate) fn of_script(self) -> Self {
        let before = BEFORE_A_SCRIPT.iter().any(|w| self.text.starts_with(w));
        // The server's own mark behind what a script ended with.
        let inside = self.text.split(' ').any(|word| word == "script:");
        self.or_partial(!before || inside)
    }

    /// The same error, with other parts of what was asked for executed if `partial` says so.
    pub(crate) fn or_partial(mut self, partial: bool) -> Self {
        self.partial |= partial;
        self
    }

    /// The whole text: a code in capitals and what it means.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first word: `ERR`, `WRONGTYPE`, `OOM`, `NOPERM`…
    #[must_use]
    pub fn code(&self) -> &str {
        self.text.split(' ').next().unwrap_or_default()
    }

    /// Whether anything was executed.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.partial {
            Outcome::Unknown
        } else {
            Outcome::Rejected
        }
    }

    /// Whether the same request may succeed later without anybody changing it: the server is
    /// loading, out of memory, cannot write to its disk, is a replica for now, has too many
    /// clients.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        if self.text.starts_with("ERR max number of clients") {
            return true;
        }
        // A transaction that comes to nothing tells why behind its own code.
        let cause = self.text.strip_prefix(DISCARDED).unwrap_or(&self.text);
        matches!(
            cause.split(' ').next().unwrap_or_default(),
            "LOADING"
                | "READONLY"
                | "MASTERDOWN"
                | "OOM"
                | "MISCONF"
                | "BUSY"
                | "TRYAGAIN"
                | "CLUSTERDOWN"
                | "UNBLOCKED"
        )
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server ")?;
        if let Some(place) = &self.place {
            write!(f, "at {place} ")?;
        }
        write!(f, "said: {}{}", self.text, self.meaning())
    }
}

impl ServerError {
    /// The server's word in plain ones, where it needs them.
    fn meaning(&self) -> &'static str {
        match self.code() {
            "NOAUTH" => " (it wants a password: put user and password into the address)",
            "WRONGPASS" => " (the user or the password in the address is wrong)",
            "NOPERM" => " (its access list forbids this to our user)",
            "OOM" => " (its memory limit is reached)",
            "MISCONF" => " (it cannot write to its disk)",
            "READONLY" => " (it is a replica)",
            _ => "",
        }
    }
}

impl std::error::Error for ServerError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_fails_for_as_long_as_its_cause_lasts() {
        let text = |words: &str| ServerError {
            text: format!("EXECABORT Transaction discarded because of{words}"),
            place: None,
            partial: false,
        };
        assert!(text(": OOM command not allowed when used memory > 'maxmemory'.").is_temporary());
        assert!(!text(": NOPERM this user has no permissions").is_temporary());
        assert!(!text(" previous errors.").is_temporary());
    }
}
