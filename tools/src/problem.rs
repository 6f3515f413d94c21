//! Why the tool ends otherwise than well, and with which exit code.

use redis_ipc::{CallError, EndpointError, Error, Taken};
use std::io;

/// All that was asked for was done.
pub(crate) const DONE: u8 = 0;
/// Something failed.
const FAILED: u8 = 1;
/// The command line is wrong.
const USAGE: u8 = 2;
/// There is no server, or not any more.
const NO_SERVER: u8 = 3;
/// Nobody took the command; it was taken back.
const NOT_TAKEN: u8 = 4;
/// The component answered with an error.
const COMPONENT_ERROR: u8 = 5;
/// The command was taken and not answered in time.
const UNANSWERED: u8 = 7;
/// Somebody pressed Ctrl-C: 128 and the signal's number, as shells count.
const INTERRUPTED: u8 = 130;

/// What is wrong.
#[derive(Debug)]
pub(crate) enum Problem {
    /// Nobody reads what we write any more: no reason to complain.
    Closed,
    /// Something to be told.
    Told(Told),
}

/// What is told of a problem.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) exit: u8,
    /// A word for programs; with [`COMPONENT_ERROR`] the component's own.
    pub(crate) code: String,
    /// A sentence for people: what is wrong, and what to do about it.
    pub(crate) message: String,
}

impl Problem {
    fn told(exit: u8, code: &str, message: impl Into<String>) -> Self {
        Self::Told(Told {
            exit,
            code: code.to_owned(),
            message: message.into(),
        })
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::told(FAILED, "failed", message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::told(USAGE, "usage", message)
    }

    pub(crate) fn no_server(message: impl Into<String>) -> Self {
        Self::told(NO_SERVER, "no-server", message)
    }

    pub(crate) fn not_taken(message: impl Into<String>) -> Self {
        Self::told(NOT_TAKEN, "not-taken", message)
    }

    pub(crate) fn interrupted(message: impl Into<String>) -> Self {
        Self::told(INTERRUPTED, "interrupted", message)
    }

    /// Standard output does not take what we write.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::failed(format!("cannot write to standard output: {error}")),
        }
    }

    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Closed => DONE,
            Self::Told(told) => told.exit,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Endpoint(EndpointError::PathTooLong { .. }) => Self::no_server(text),
            Error::Endpoint(_) | Error::Name { .. } | Error::Key(_) => Self::usage(text),
            Error::NotSettingsWriter { component, writer } => Self::told(
                FAILED,
                "not-settings-writer",
                not_settings_writer(&component, &writer),
            ),
            error if error.is_disconnection() => Self::no_server(text),
            _ => Self::failed(text),
        }
    }
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        Error::from(error).into()
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let text = error.to_string();
        match error {
            CallError::Failed(failure) => Self::told(COMPONENT_ERROR, failure.code(), text),
            CallError::TimedOut {
                taken: Taken::No, ..
            } => Self::told(NOT_TAKEN, "not-taken", text),
            CallError::TimedOut {
                taken: Taken::Yes, ..
            } => Self::told(UNANSWERED, "unanswered", text),
            CallError::Overloaded { .. } => Self::told(NOT_TAKEN, "overloaded", text),
            CallError::Bus(error) => error.into(),
            _ => Self::failed(text),
        }
    }
}

/// The refusal with the way to do it from a command line.
fn not_settings_writer(component: &str, writer: &str) -> String {
    format!(
        "settings are written by component {writer:?} only, and this is {component:?}: \
         write --as {writer}, or let everybody write by \
         `ipc-tool settings set redis-ipc settings_writer '*'`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis_ipc::Endpoint;

    fn connect(kind: io::ErrorKind) -> Error {
        Error::Connect {
            endpoint: "unix:///run/redis-ipc/socket".to_owned(),
            source: kind.into(),
        }
    }

    #[test]
    fn whatever_keeps_us_from_a_server_is_exit_3_and_names_it() {
        for kind in [
            io::ErrorKind::NotFound,
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::PermissionDenied,
        ] {
            match Problem::from(connect(kind)) {
                Problem::Told(told) => {
                    assert_eq!(told.exit, 3);
                    assert!(told.message.contains("/run/redis-ipc/socket"));
                }
                Problem::Closed => panic!("{kind:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_address_is_exit_2_and_a_path_too_long_is_exit_3() {
        let exit = |address: &str| {
            let error = address.parse::<Endpoint>().unwrap_err();
            Problem::from(error).exit()
        };
        assert_eq!(exit("http://localhost"), 2);
        assert_eq!(exit(&"x".repeat(200)), 3);
    }

    #[test]
    fn a_reader_that_is_gone_is_no_failure() {
        let exit = |kind: io::ErrorKind| Problem::output(&kind.into()).exit();
        assert_eq!(exit(io::ErrorKind::BrokenPipe), 0);
        assert_eq!(exit(io::ErrorKind::StorageFull), 1);
    }
}
