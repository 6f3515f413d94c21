//! Hearing of every change of a document.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use redis_ipc_core::json::object::Members;
use redis_ipc_core::key::Key;
use redis_ipc_core::resp::{Reply, request};
use redis_ipc_core::session::Incoming;
use redis_ipc_core::write::TooLong;
use serde::de::DeserializeOwned;

use crate::connection::{Connection, Deadline, Next};
use crate::error::{Error, Outcome, ServerError};
use crate::json::read;

/// How long to wait before a lost server is looked for again.
const NAP: Duration = Duration::from_millis(20);

/// The state of a document after it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// JSON text; `None` if the document was removed, has expired, or was never there.
    pub document: Option<String>,
}

impl Change {
    /// The document as a value.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it is not a `D`.
    pub fn read<D: DeserializeOwned>(&self) -> Result<Option<D>, Error> {
        let value = self.document.as_deref().map(read).transpose();
        value.map_err(|error| Error::Unexpected(error.to_string()))
    }
}

/// Watches one document, on a connection of its own.
///
/// The first change that it tells is the state at the time of
/// [`Client::watch`](super::Client::watch); then comes every change since, in order and once. A
/// server that goes away is looked for until it is back; if the document is another one then, that
/// is a change too.
///
/// ```no_run
/// use redis_ipc::bus::Client;
///
/// let mut watch = Client::connect()?.watch("prices")?;
/// while let Some(change) = watch.next(None)? {
///     println!("{}", change.document.as_deref().unwrap_or("gone"));
/// }
/// # Ok::<(), redis_ipc::Error>(())
/// ```
#[derive(Debug)]
pub struct Watch {
    line: Connection,
    key: Key,
    /// The connection that has subscribed.
    generation: u32,
    /// The state that was learned of last, handed out or not.
    known: Option<Change>,
    /// What is to be handed out.
    heard: VecDeque<Change>,
    /// When the document is to be looked at, since it may have expired.
    expires: Option<Instant>,
}

/// The state that was published, or that was asked for.
#[derive(Debug)]
struct State {
    change: Change,
    /// When that ends by itself.
    expires: Option<Instant>,
}

impl State {
    fn new(document: Option<String>, life_milliseconds: Option<u64>) -> Self {
        // One more, for the server removes it after that time and not at it.
        let life = life_milliseconds.map(|life| Duration::from_millis(life.saturating_add(1)));
        Self {
            expires: life
                .filter(|_| document.is_some())
                .map(|life| Deadline::after(life).at),
            change: Change { document },
        }
    }
}

impl Watch {
    pub(super) fn open(like: &Connection, key: Key) -> Result<Self, Error> {
        let mut watch = Self {
            line: Connection::closed(like.endpoint(), like.options().clone()),
            key,
            generation: 0,
            known: None,
            heard: VecDeque::new(),
            expires: None,
        };
        watch.listen()?;
        Ok(watch)
    }

    /// Waits for the next change; `None` says that `timeout` passed. Without a time-out it waits
    /// for ever.
    ///
    /// # Errors
    /// What does not pass by itself.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Change>, Error> {
        let limit = timeout.map(|timeout| Deadline::after(timeout).at);
        loop {
            if let Some(change) = self.heard.pop_front() {
                return Ok(Some(change));
            }
            match self.step(limit) {
                Ok(()) => {}
                Err(error) if error.is_temporary() => {
                    self.line.disconnect();
                    std::thread::sleep(NAP);
                }
                Err(error) => return Err(error),
            }
            if self.heard.is_empty() && limit.is_some_and(|limit| Instant::now() >= limit) {
                return Ok(None);
            }
        }
    }

    fn step(&mut self, limit: Option<Instant>) -> Result<(), Error> {
        self.line.ensure_connected()?;
        if self.generation != self.line.generation() {
            return self.listen();
        }
        let until = [limit, self.expires].into_iter().flatten().min();
        let until = until.map(|at| Deadline {
            at,
            limit: Duration::ZERO,
        });
        match self.line.next(until)? {
            Next::Message(Incoming::Push) => {
                let news = news_in(&self.line.session().frame());
                news.into_iter().for_each(|state| self.learn(state));
                Ok(())
            }
            Next::Late if self.expires.is_some_and(|at| Instant::now() >= at) => {
                let (state, earlier) = self.look()?;
                match earlier.is_empty() {
                    true => self.learn_if_new(state),
                    false => earlier.into_iter().for_each(|state| self.learn(state)),
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Subscribes, and takes in the present state. What was published before the server read that
    /// is older than it.
    fn listen(&mut self) -> Result<(), Error> {
        self.line.ensure_connected()?;
        if self.line.server().protocol() < 3 {
            return Err(Error::Usage(
                "watching needs a server that speaks RESP3: Redis 6.2, Valkey 7.2 or later",
            ));
        }
        let deadline = Deadline::after(self.line.options().reply_limit);
        let channel = self.key.as_bytes();
        let request = self.line.send(1, deadline, |w| {
            request::command(w, &[b"SUBSCRIBE", channel]);
            Ok::<(), TooLong>(())
        })?;
        self.line.reply(request, deadline)?;
        let (state, _) = self.look()?;
        self.generation = self.line.generation();
        self.learn_if_new(state);
        Ok(())
    }

    /// The document as it is, and what was published before the server read that. It is asked for
    /// on the line that listens: so the answer has its place among what is published.
    fn look(&mut self) -> Result<(State, Vec<State>), Error> {
        let deadline = Deadline::after(self.line.options().reply_limit);
        let key = self.key.as_bytes();
        let first = self.line.send(4, deadline, |w| {
            request::command(w, &[b"MULTI"]);
            request::command(w, &[b"GET", key]);
            request::command(w, &[b"PTTL", key]);
            request::command(w, &[b"EXEC"]);
            Ok::<(), TooLong>(())
        })?;
        let exec = first.after(3);
        let mut earlier = Vec::new();
        loop {
            match self.line.next(Some(deadline))? {
                Next::Message(Incoming::Push) => {
                    earlier.extend(news_in(&self.line.session().frame()));
                }
                Next::Message(Incoming::Reply(of)) if of == exec => {
                    return Ok((state_in(&self.line.session().frame())?, earlier));
                }
                Next::Message(Incoming::TooLong { of, error }) if of == Some(exec) => {
                    return Err(error.into());
                }
                Next::Message(_) | Next::Interrupted => {}
                Next::Late => return Err(self.line.late(Outcome::Unknown, deadline)),
            }
        }
    }

    fn learn_if_new(&mut self, state: State) {
        match self.known.as_ref() == Some(&state.change) {
            true => self.expires = state.expires,
            false => self.learn(state),
        }
    }

    fn learn(&mut self, state: State) {
        self.expires = state.expires;
        self.known = Some(state.change.clone());
        self.heard.push_back(state.change);
    }
}

/// The answer to GET and PTTL in one.
fn state_in(reply: &Reply<'_>) -> Result<State, Error> {
    if let Reply::Error(error) = reply {
        return Err(ServerError::new(error).into());
    }
    let mut parts = reply.elements().into_iter().flatten();
    let document = match parts.next() {
        Some(Reply::Error(error)) => return Err(ServerError::new(&error).into()),
        Some(reply) => reply.bytes().map(text),
        None => None,
    };
    let life = parts.next().and_then(|life| life.integer());
    Ok(State::new(
        document,
        life.and_then(|life| u64::try_from(life).ok()),
    ))
}

/// What a push tells of a document; `None` if it tells nothing of it, or is no news.
fn news_in(push: &Reply<'_>) -> Option<State> {
    let mut parts = push.elements()?;
    if parts.next()?.bytes()? != b"message" {
        return None;
    }
    let news = parts.nth(1)?.bytes()?;
    let (mut document, mut removed, mut life) = (None, false, None);
    for member in Members::new(news).ok()? {
        let member = member.ok()?;
        let value = news.get(member.value)?;
        match news.get(member.name)? {
            b"document" => document = Some(text(value)),
            b"removed" => removed = value == b"true",
            b"expires" => life = std::str::from_utf8(value).ok()?.parse().ok(),
            _ => {}
        }
    }
    (removed || document.is_some()).then(|| State::new(document, life))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
