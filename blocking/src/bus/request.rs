//! A command at hand.

use redis_ipc_core::dialect::redisbus::{Message, Place, SUCCESS, write_failure};
use redis_ipc_core::json::skip;
use redis_ipc_core::key::Key;
use redis_ipc_core::write::Writer;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::desk::Desk;
use crate::component::Failure;
use crate::error::Error;
use crate::json::read;

/// A command at hand: what it says, and how to reply.
///
/// A handler that returns a value replies with it; one that needs more replies through the
/// request: with [`send`](Self::send) as often as it likes.
#[derive(Debug)]
pub struct Request<'r> {
    desk: &'r mut Desk,
    message: Message<'r>,
    replies: Key,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// So many replies were sent, and more may follow.
    Streaming(u32),
    Answered,
}

impl<'r> Request<'r> {
    pub(super) fn new(desk: &'r mut Desk, message: Message<'r>, replies: Key) -> Self {
        Self {
            desk,
            message,
            replies,
            state: State::Open,
        }
    }

    /// The command's name.
    #[must_use]
    pub fn command(&self) -> &str {
        self.message.command
    }

    /// The command's data as a value. Compat: a `D` that cannot be an empty text takes one for
    /// null, for the original's command line sends an empty text where nobody gave it data.
    ///
    /// # Errors
    /// A [`Failure`], ready for the caller.
    pub fn data<D: DeserializeOwned>(&self) -> Result<D, Failure> {
        let data = self.message.data;
        read(data).or_else(|error| {
            let nothing = (data == "\"\"").then(|| read("null").ok()).flatten();
            nothing.ok_or_else(|| {
                Failure::new("failed", format!("the data is of a wrong type: {error}"))
            })
        })
    }

    /// The command's data as JSON text.
    #[must_use]
    pub fn data_text(&self) -> &str {
        self.message.data
    }

    /// What ties the replies to the call.
    #[must_use]
    pub fn correlation(&self) -> &str {
        self.message.correlation
    }

    /// The caller's id; empty if it has none.
    #[must_use]
    pub fn sender(&self) -> &str {
        self.message.sender
    }

    /// The worker that serves.
    pub fn desk(&mut self) -> &mut Desk {
        self.desk
    }

    /// Sends one of many replies. After the first, the call is answered by a stream, which ends
    /// when the handler returns; what it returns is then left alone.
    ///
    /// Blocks while more than a thousand replies wait to be read.
    ///
    /// # Errors
    /// A [`Failure`] if the item cannot be put into JSON, if nobody has read for ten seconds, or
    /// if the bus broke: pass it on with `?`.
    pub fn send<I: Serialize + ?Sized>(&mut self, item: &I) -> Result<(), Failure> {
        self.put(item)?;
        self.send_data()
    }

    /// As [`send`](Self::send), with JSON text.
    ///
    /// # Errors
    /// As with [`send`](Self::send).
    pub fn send_text(&mut self, item: &str) -> Result<(), Failure> {
        self.put_text(item)?;
        self.send_data()
    }

    /// Begins a stream, which then ends with the handler although nothing may have been sent.
    pub fn stream(&mut self) {
        if self.state == State::Open {
            self.state = State::Streaming(0);
        }
    }

    /// Replies once; with nothing (`()`, `None`), that all went well. Later replies are left
    /// alone. A value that cannot be put into JSON fails
    /// the command.
    ///
    /// # Errors
    /// What broke for good. That the bus is gone is counted; the loop will see to it.
    pub fn reply<R: Serialize + ?Sized>(&mut self, result: &R) -> Result<(), Error> {
        match self.put(result) {
            Ok(()) if self.desk.data == b"null" => self.reply_text(SUCCESS),
            Ok(()) => self.reply_data(),
            Err(failure) => self.fail(&failure),
        }
    }

    /// As [`reply`](Self::reply), with JSON text.
    ///
    /// # Errors
    /// As with [`reply`](Self::reply).
    pub fn reply_text(&mut self, result: &str) -> Result<(), Error> {
        match self.put_text(result) {
            Ok(()) => self.reply_data(),
            Err(failure) => self.fail(&failure),
        }
    }

    /// Replies that the command failed; ends a stream.
    ///
    /// # Errors
    /// As with [`reply`](Self::reply).
    pub fn fail(&mut self, failure: &Failure) -> Result<(), Error> {
        let text = text_of(failure);
        let entry = format!("command {:?} failed: {text}", self.message.command);
        self.desk.log(log::Level::Error, &entry);
        let mut room = vec![0; text.len() * 6 + 64];
        let mut w = Writer::new(&mut room);
        write_failure(&mut w, &text);
        self.desk.data.clear();
        self.desk.data.extend_from_slice(w.since(0));
        match self.state {
            State::Answered => Ok(()),
            State::Open => self.reply_data(),
            State::Streaming(_) => {
                // Who reads the stream gets the failure as its last element.
                let _ = self.send_data();
                self.end()
            }
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Ends a stream, if there is one.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        let State::Streaming(sent) = self.state else {
            return Ok(());
        };
        self.state = State::Answered;
        self.desk.data.clear();
        self.desk.data.extend_from_slice(b"null");
        let (to, correlation) = (&self.replies, self.message.correlation);
        match self.desk.send(to, correlation, Place::End, sent) {
            Err(error) if error.is_temporary() => {
                self.desk.intake.answers_lost += 1;
                self.desk.intake.lost(&error);
                Ok(())
            }
            sent => sent.map(drop),
        }
    }

    fn put<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<(), Failure> {
        self.desk.data.clear();
        serde_json::to_writer(&mut self.desk.data, value)
            .map_err(|error| Failure::new("failed", format!("the reply is no JSON: {error}")))
    }

    fn put_text(&mut self, text: &str) -> Result<(), Failure> {
        let text = text.trim();
        if skip::value(text.as_bytes(), 0) != Ok(text.len()) {
            return Err(Failure::new("failed", "the reply is no JSON"));
        }
        self.desk.data.clear();
        self.desk.data.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn send_data(&mut self) -> Result<(), Failure> {
        let sent = match self.state {
            State::Open => 0,
            State::Streaming(sent) => sent,
            State::Answered => return Err(Failure::new("failed", "the call is answered")),
        };
        self.state = State::Streaming(sent.saturating_add(1));
        let (to, correlation) = (&self.replies, self.message.correlation);
        match self.desk.send(to, correlation, Place::Nth(sent), sent + 1) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::new("failed", "nobody reads the stream")),
            Err(error) => Err(Failure::new("failed", error.to_string())),
        }
    }

    fn reply_data(&mut self) -> Result<(), Error> {
        if self.state != State::Open {
            return Ok(());
        }
        self.state = State::Answered;
        match self.desk.reply(&self.replies, self.message.correlation) {
            Err(Error::TooLong { sizes, .. }) => {
                self.desk
                    .log(log::Level::Error, &format!("a reply is too long: {sizes}"));
                self.desk.data.clear();
                self.desk.data.extend_from_slice(TOO_LONG);
                self.desk.reply(&self.replies, self.message.correlation)
            }
            sent => sent,
        }
    }
}

const TOO_LONG: &[u8] = br#"{"success": false, "msg": "the reply is too long"}"#;

/// What a failure is to people: redisbus has no word for programs.
pub(super) fn text_of(failure: &Failure) -> String {
    match failure.code() {
        "failed" => failure.message().to_owned(),
        code => format!("{code}: {}", failure.message()),
    }
}
