//! All that the tool prints, for people or (`--json`) for machines.
//!
//! For machines each line is one JSON object whose members keep their names. Results go to
//! standard output, what is wrong or worth a note to standard error.

use std::io::{self, Write};
use std::thread;

use redis_ipc::{DebugMessage, Event, HashKind, Sender, Watched};
use rustix::event::{PollFd, PollFlags, poll};

use crate::object::{Object, on_one_line, visible};
use crate::private_server::Running;
use crate::problem::{DONE, Problem, Told};

/// The fields of a hash: names and values.
type Fields = [(String, String)];

/// Where and how to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

/// A command that `serve` has dealt with.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) queue: String,
    pub(crate) sender: Sender,
    pub(crate) command_id: String,
    /// The code of the error that was answered, if it was one.
    pub(crate) failure: Option<String>,
    pub(crate) milliseconds: u128,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether nobody but people read what is printed.
    pub(crate) fn is_for_people(self) -> bool {
        !self.json
    }

    /// A component's answer: JSON as it came.
    pub(crate) fn result(self, json: &str) -> Result<(), Problem> {
        self.line(|| json.trim().to_owned(), || on_one_line(json))
    }

    /// All fields of a hash.
    pub(crate) fn fields(self, component: &str, fields: &Fields) -> Result<(), Problem> {
        if self.json {
            let object = Object::new().text("component", component);
            return print(&object.raw("fields", object_of(fields)).end());
        }
        fields.iter().try_for_each(|(name, value)| {
            let line = format!("{}={}", visible(name), visible(value));
            print(&line)
        })
    }

    /// One field of a hash; for people its value and nothing else, exactly as it is.
    pub(crate) fn field(self, component: &str, name: &str, value: &str) -> Result<(), Problem> {
        let object = || Object::new().text("component", component);
        self.line(
            || value.to_owned(),
            || object().text("field", name).text("value", value).end(),
        )
    }

    /// The state of a watched hash.
    pub(crate) fn state(self, watched: &Watched) -> Result<(), Problem> {
        self.line(|| state_for_people(watched), || state_as_json(watched))
    }

    /// How many fields were set or deleted; people see that no error came.
    pub(crate) fn written(self, component: &str, verb: &str, fields: u64) -> Result<(), Problem> {
        if !self.json {
            return Ok(());
        }
        let object = Object::new().text("component", component);
        print(&object.raw(verb, fields).end())
    }

    pub(crate) fn event(self, event: &Event) -> Result<(), Problem> {
        let json = on_one_line(event.text());
        self.line(
            || match event.subchannel() {
                Some(sub) => {
                    let names = format!("{}.{sub}", event.component());
                    format!("{}  {}", visible(&names), visible(&json))
                }
                None => format!("{}  {}", visible(event.component()), visible(&json)),
            },
            || {
                Object::new()
                    .text("component", event.component())
                    .optional("subchannel", event.subchannel())
                    .raw("event", &json)
                    .raw("sender", sender(event.sender()))
                    .end()
            },
        )
    }

    pub(crate) fn debug(self, message: &DebugMessage) -> Result<(), Problem> {
        let level = message.level().map(|level| level.to_string());
        let level = level.as_deref();
        self.line(
            || {
                let (name, text) = (visible(message.component()), visible(message.message()));
                format!("{name}  {}  {text}", level.unwrap_or("-"))
            },
            || {
                Object::new()
                    .text("component", message.component())
                    .raw("level", level.unwrap_or("null"))
                    .text("message", message.message())
                    .raw("sender", sender(message.sender()))
                    .end()
            },
        )
    }

    /// How many clients an event or a debug message has reached; people see it where it is none.
    pub(crate) fn heard(self, listeners: u64) -> Result<(), Problem> {
        if self.json {
            return print(&Object::new().raw("listeners", listeners).end());
        }
        if listeners == 0 {
            self.note("nobody listens");
        }
        Ok(())
    }

    /// A command that was dealt with. A service does not end because nobody reads its log.
    pub(crate) fn served(self, served: &Served) {
        let from = &served.sender.component;
        let took = served.milliseconds;
        let _ = self.line(
            || {
                let what = match &served.failure {
                    Some(code) => format!("failed with {}", visible(code)),
                    None => "answered".to_owned(),
                };
                let from = visible(from);
                format!("{}  from {from}  {what} after {took} ms", served.queue)
            },
            || {
                Object::new()
                    .text("queue", &served.queue)
                    .text("command_id", &served.command_id)
                    .raw("sender", sender(&served.sender))
                    .optional("error", served.failure.as_deref())
                    .raw("milliseconds", took)
                    .end()
            },
        );
    }

    /// What the gateway of a serial line has seen, with one thing about it. A gateway does not end
    /// because nobody reads its log.
    pub(crate) fn serial(self, event: &str, text: &str, name: &str, value: &str) {
        let object = || Object::new().text("event", event).text(name, value);
        let _ = self.line(|| visible(text), || object().end());
    }

    /// A server that was started: for people as a shell reads it, `eval "$(ipc-tool up)"`.
    pub(crate) fn up(self, server: &Running) -> Result<(), Problem> {
        let (socket, pid) = (server.socket.display().to_string(), server.pid);
        let kept = match &server.persist {
            Some(folder) => format!("kept in {}", folder.display()),
            None => "nothing kept on disk".to_owned(),
        };
        let persist = server.persist.as_ref().map(|path| path.display());
        let persist = persist.map(|path| path.to_string());
        self.line(
            || {
                format!(
                    "# redis-server {} answers at {} (process {pid}, at most {} of memory, {})\n\
                     export RIPC_SERVER_PATH={}",
                    visible(&server.version),
                    visible(&socket),
                    server.memory,
                    visible(&kept),
                    for_shell(&socket),
                )
            },
            || {
                Object::new()
                    .text("socket", &socket)
                    .raw("pid", pid)
                    .text("version", &server.version)
                    .text("memory", &server.memory)
                    .optional("persist", persist.as_deref())
                    .end()
            },
        )
    }

    /// A server that was stopped.
    pub(crate) fn down(self, socket: &str, pid: Option<u32>) -> Result<(), Problem> {
        self.line(
            || match pid {
                Some(pid) => format!("stopped the server at {} (process {pid})", visible(socket)),
                None => format!(
                    "no server runs at {} any more; removed what was left of it",
                    visible(socket)
                ),
            },
            || {
                let pid = pid.map(|pid| pid.to_string());
                let object = Object::new().text("socket", socket);
                object.raw("pid", pid.as_deref().unwrap_or("null")).end()
            },
        )
    }

    /// A text that argh made: a page of help, the version.
    pub(crate) fn page(text: &str) -> Result<(), Problem> {
        print(text.trim_end())
    }

    /// Something worth knowing that is no result, on standard error.
    pub(crate) fn note(self, text: &str) {
        tell(&match self.json {
            true => Object::new().text("note", text).end(),
            false => format!("ipc-tool: {}", visible(text)),
        });
    }

    /// What is wrong, on standard error.
    pub(crate) fn problem(self, told: &Told) {
        tell(&match self.json {
            true => {
                let error = Object::new()
                    .text("code", &told.code)
                    .text("message", &told.message)
                    .end();
                let object = Object::new().raw("error", error);
                object.raw("exit", told.exit).end()
            }
            false => format!("ipc-tool: {}", visible(&told.message)),
        });
    }

    /// Ends the program as soon as nobody reads what it prints, for a program that prints only
    /// now and then: `ipc-tool event watch | head -1` is to end with the first event, not with
    /// the second.
    pub(crate) fn end_with_reader(self) {
        thread::spawn(|| {
            let stdout = io::stdout();
            loop {
                // Asked for nothing, poll tells of errors only: that the other end is gone.
                let mut end = [PollFd::new(&stdout, PollFlags::empty())];
                match poll(&mut end, None) {
                    Ok(_) => std::process::exit(DONE.into()),
                    Err(rustix::io::Errno::INTR) => {}
                    Err(_) => return,
                }
            }
        });
    }

    /// A line for people, or another for machines.
    pub(crate) fn line(
        self,
        for_people: impl FnOnce() -> String,
        as_json: impl FnOnce() -> String,
    ) -> Result<(), Problem> {
        print(&match self.json {
            true => as_json(),
            false => for_people(),
        })
    }
}

/// Writes a line and sees it out: whoever reads a pipe wants it now.
fn print(line: &str) -> Result<(), Problem> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .map_err(|error| Problem::output(&error))
}

/// As [`print`], on standard error; if that is closed, there is nobody to tell.
fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn kind_name(kind: HashKind) -> &'static str {
    match kind {
        HashKind::Settings => "settings",
        HashKind::Status => "status",
    }
}

fn state_for_people(watched: &Watched) -> String {
    let name = visible(watched.component());
    if watched.fields().is_empty() {
        return format!("{name}  has no {}", kind_name(watched.kind()));
    }
    let fields = watched.fields().iter();
    fields.fold(name, |line, (name, value)| {
        format!("{line}  {}={}", visible(name), visible(value))
    })
}

fn state_as_json(watched: &Watched) -> String {
    Object::new()
        .text("kind", kind_name(watched.kind()))
        .text("component", watched.component())
        .raw("fields", object_of(watched.fields()))
        .end()
}

fn object_of(fields: &Fields) -> String {
    let fields = fields.iter();
    fields
        .fold(Object::new(), |object, (name, value)| {
            object.text(name, value)
        })
        .end()
}

fn sender(sender: &Sender) -> String {
    let tid = sender.tid.map(|tid| tid.to_string());
    Object::new()
        .text("component", &sender.component)
        .text("thread", &sender.thread)
        .raw("tid", tid.as_deref().unwrap_or("null"))
        .text("timestamp", &sender.timestamp)
        .end()
}

/// A word as a shell takes it for that word.
fn for_shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    match word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_any_path_as_it_is() {
        assert_eq!(for_shell("/tmp/redis-ipc/socket"), "/tmp/redis-ipc/socket");
        assert_eq!(for_shell("/tmp/it's $x"), r"'/tmp/it'\''s $x'");
    }
}
