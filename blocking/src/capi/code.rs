//! What functions return, and how errors become numbers.
//!
//! The codes are constants and no enum: a header of somebody else's may define RIPC_OK too, which
//! is no fault as long as both are the same macro.

use std::ffi::{CStr, c_char, c_int};

use crate::component::{CallError, Failure, Taken};
use crate::error::{Error, Outcome};

/// It is done.
pub const RIPC_OK: c_int = 0;
/// From a handler: the command is kept, and will be answered later.
pub const RIPC_LATER: c_int = 1;
/// From ripc_dispatch(): somebody has asked for a stop.
pub const RIPC_STOPPED: c_int = 2;
/// The handle is NULL, or nothing that ripc_open() has made.
pub const RIPC_ERR_HANDLE: c_int = -1;
/// The handle was closed, by ripc_close() or by the end of its thread.
pub const RIPC_ERR_CLOSED: c_int = -2;
/// The handle belongs to another thread.
pub const RIPC_ERR_THREAD: c_int = -3;
/// The handle belongs to the parent process: this one came of a fork(). Open one here.
pub const RIPC_ERR_FORKED: c_int = -4;
/// The handle is at work: a signal handler has interrupted one of its functions.
pub const RIPC_ERR_BUSY: c_int = -5;
/// An argument makes no sense, a NULL for instance, or not now.
pub const RIPC_ERR_USAGE: c_int = -6;
/// A text is not UTF-8.
pub const RIPC_ERR_UTF8: c_int = -7;
/// A text is not JSON, or not an object.
pub const RIPC_ERR_JSON: c_int = -8;
/// A name is none (1 to 64 of A-Z a-z 0-9 _ -), or names together make a key of over 127 bytes.
pub const RIPC_ERR_NAME: c_int = -9;
/// The server's address is none.
pub const RIPC_ERR_ADDRESS: c_int = -10;
/// A message, or a reply, is longer than the message limit.
pub const RIPC_ERR_TOO_LONG: c_int = -11;
/// No server can be reached. Nothing was sent.
pub const RIPC_ERR_NO_SERVER: c_int = -12;
/// The connection broke before the server took a byte: it was not executed, try again.
pub const RIPC_ERR_NOT_SENT: c_int = -13;
/// The server answered with an error: it was not executed.
pub const RIPC_ERR_REJECTED: c_int = -14;
/// The connection broke, or the server stands still: it may have been executed, or not.
pub const RIPC_ERR_UNKNOWN: c_int = -15;
/// Nobody took the command in time. It was taken back: nobody will execute it.
pub const RIPC_ERR_NOT_TAKEN: c_int = -16;
/// Somebody took the command and did not answer in time. It may still be executed.
pub const RIPC_ERR_LATE: c_int = -17;
/// The component answered with an error of its own: see ripc_failure().
pub const RIPC_ERR_FAILED: c_int = -18;
/// Too many commands wait there already. This one was taken back.
pub const RIPC_ERR_OVERLOADED: c_int = -19;
/// Only another component may write this. Nothing was written.
pub const RIPC_ERR_NOT_WRITER: c_int = -20;
/// What is on the server is not what it should be.
pub const RIPC_ERR_UNEXPECTED: c_int = -21;
/// There is no such job: it was answered or put back already.
pub const RIPC_ERR_JOB: c_int = -22;
/// This process has 1024 handles open.
pub const RIPC_ERR_FULL: c_int = -23;
/// The system refused something: it has no file descriptor to spare, for instance.
pub const RIPC_ERR_SYSTEM: c_int = -24;
/// A fault of this library. Close the handle, and report what ripc_last_error() says.
pub const RIPC_ERR_INTERNAL: c_int = -25;

/// What a code means, in a few words. Any number may be given, and the text stays for ever; from
/// any thread, also without a handle. What really happened says ripc_last_error().
#[unsafe(no_mangle)]
pub extern "C" fn ripc_strerror(code: c_int) -> *const c_char {
    meaning(code).as_ptr()
}

fn meaning(code: c_int) -> &'static CStr {
    MEANINGS
        .iter()
        .find(|(known, _)| *known == code)
        .map_or(c"unknown code", |(_, meaning)| *meaning)
}

const MEANINGS: &[(c_int, &CStr)] = &[
    (RIPC_OK, c"success"),
    (RIPC_LATER, c"kept, to be answered later"),
    (RIPC_STOPPED, c"a stop was asked for"),
    (RIPC_ERR_HANDLE, c"not a handle"),
    (RIPC_ERR_CLOSED, c"the handle is closed"),
    (RIPC_ERR_THREAD, c"the handle belongs to another thread"),
    (RIPC_ERR_FORKED, c"the handle belongs to the parent process"),
    (RIPC_ERR_BUSY, c"the handle is at work"),
    (RIPC_ERR_USAGE, c"an argument makes no sense"),
    (RIPC_ERR_UTF8, c"not UTF-8"),
    (RIPC_ERR_JSON, c"not a JSON object"),
    (RIPC_ERR_NAME, c"not a name"),
    (RIPC_ERR_ADDRESS, c"not an address"),
    (RIPC_ERR_TOO_LONG, c"too long"),
    (RIPC_ERR_NO_SERVER, c"no server"),
    (RIPC_ERR_NOT_SENT, c"not sent"),
    (RIPC_ERR_REJECTED, c"rejected by the server"),
    (RIPC_ERR_UNKNOWN, c"may have been executed"),
    (RIPC_ERR_NOT_TAKEN, c"nobody took the command in time"),
    (RIPC_ERR_LATE, c"taken, and not answered in time"),
    (RIPC_ERR_FAILED, c"the component answered with an error"),
    (RIPC_ERR_OVERLOADED, c"too many commands wait there"),
    (
        RIPC_ERR_NOT_WRITER,
        c"only another component may write this",
    ),
    (RIPC_ERR_UNEXPECTED, c"not what should be on the server"),
    (RIPC_ERR_JOB, c"no such job"),
    (RIPC_ERR_FULL, c"too many handles"),
    (RIPC_ERR_SYSTEM, c"refused by the system"),
    (RIPC_ERR_INTERNAL, c"a fault of the library"),
];

/// A failure on its way to C.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: c_int,
    pub(super) text: String,
    /// What another component has answered.
    pub(super) failure: Option<Failure>,
    /// Whether it passes by itself.
    pub(super) is_temporary: bool,
}

impl Fault {
    pub(super) fn new(code: c_int, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
            failure: None,
            is_temporary: false,
        }
    }

    /// With no more to say than its code does.
    pub(super) fn plain(code: c_int) -> Self {
        Self::new(code, meaning(code).to_string_lossy())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Endpoint(_) => RIPC_ERR_ADDRESS,
            Error::Connect { .. } => RIPC_ERR_NO_SERVER,
            Error::Forked { .. } => RIPC_ERR_FORKED,
            Error::TooLong { .. } => RIPC_ERR_TOO_LONG,
            Error::Name { .. } | Error::Key(_) => RIPC_ERR_NAME,
            Error::Usage(_) => RIPC_ERR_USAGE,
            Error::Value(_) => RIPC_ERR_JSON,
            Error::Unexpected(_) => RIPC_ERR_UNEXPECTED,
            Error::System(_) => RIPC_ERR_SYSTEM,
            Error::NotSettingsWriter { .. } => RIPC_ERR_NOT_WRITER,
            other => match other.outcome() {
                Outcome::NotSent => RIPC_ERR_NOT_SENT,
                Outcome::Rejected => RIPC_ERR_REJECTED,
                Outcome::Unknown => RIPC_ERR_UNKNOWN,
            },
        };
        Self {
            is_temporary: error.is_temporary(),
            ..Self::new(code, error.to_string())
        }
    }
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        let text = error.to_string();
        let code = match error {
            CallError::Failed(failure) => {
                return Self {
                    failure: Some(failure),
                    ..Self::new(RIPC_ERR_FAILED, text)
                };
            }
            CallError::TimedOut { taken, .. } => match taken {
                Taken::No => RIPC_ERR_NOT_TAKEN,
                Taken::Yes => RIPC_ERR_LATE,
            },
            CallError::Overloaded { .. } => RIPC_ERR_OVERLOADED,
            CallError::WrongType { .. } => RIPC_ERR_UNEXPECTED,
            CallError::Bus(error) => return error.into(),
        };
        Self::new(code, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_meaning_of_its_own() {
        let mut texts: Vec<_> = MEANINGS.iter().map(|(_, meaning)| *meaning).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), MEANINGS.len());
        for code in (-25..=2).chain([-26, 3]) {
            let known = (-25..=2).contains(&code);
            assert_eq!(meaning(code) != c"unknown code", known, "{code}");
        }
    }
}
