//! Documents that everybody can read, and hears of when they change.
//!
//! A document is a JSON text under the key `document:<name>`. Whoever changes it says so on the
//! channel of the same name, in the same transaction:
//! `{"document": {…}, "expires": 60000}`, with `null` for a document that was removed and for one
//! that does not expire; the time is in milliseconds.

use std::time::{Duration, Instant};

use redis_ipc_core::json::skip;
use redis_ipc_core::key::{Key, redisbus};
use redis_ipc_core::name::WorkerId;
use redis_ipc_core::resp::{Reply, request};
use redis_ipc_core::session::Incoming;
use redis_ipc_core::write::TooLong;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::Client;
use crate::component::payload::read;
use crate::connection::{Connection, Deadline, Next};
use crate::error::{Error, ServerError};

/// How long to wait before a lost server is looked for again.
const NAP: Duration = Duration::from_millis(20);

impl Client {
    /// Writes a document, and tells whoever watches it. Without `expires` it stays.
    ///
    /// # Errors
    /// [`Error::Name`] if `name` is not 1 to 64 of `A-Z a-z 0-9 _ - . :`, [`Error::Value`] if the
    /// document cannot be put into JSON, else what broke.
    pub fn put<D: Serialize + ?Sized>(
        &mut self,
        name: &str,
        document: &D,
        expires: Option<Duration>,
    ) -> Result<(), Error> {
        let text =
            serde_json::to_string(document).map_err(|error| Error::Value(error.to_string()))?;
        self.put_text(name, &text, expires)
    }

    /// As [`put`](Self::put), with JSON text.
    ///
    /// # Errors
    /// As with [`put`](Self::put).
    pub fn put_text(
        &mut self,
        name: &str,
        document: &str,
        expires: Option<Duration>,
    ) -> Result<(), Error> {
        let key = document_key(name)?;
        let document = document.trim();
        if skip::value(document.as_bytes(), 0) != Ok(document.len()) {
            return Err(Error::Value(format!("{document:?} is not JSON")));
        }
        let milliseconds = expires.map(|life| life.as_millis().max(1).to_string());
        let told = milliseconds.as_deref().unwrap_or("null");
        let news = format!(r#"{{"document": {document}, "expires": {told}}}"#);
        let mut set = vec!["SET", key.as_str(), document];
        if let Some(milliseconds) = &milliseconds {
            set.extend(["PX", milliseconds]);
        }
        self.change(&key, &set, &news)
    }

    /// A document as a value; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it is not a `D`, else as with [`put`](Self::put).
    pub fn get<D: DeserializeOwned>(&mut self, name: &str) -> Result<Option<D>, Error> {
        let text = self.get_text(name)?;
        let value = text.map(|text| read(&text)).transpose();
        value.map_err(|error| Error::Unexpected(error.to_string()))
    }

    /// A document as JSON text; `None` if there is none.
    ///
    /// # Errors
    /// As with [`put`](Self::put).
    pub fn get_text(&mut self, name: &str) -> Result<Option<String>, Error> {
        let text = self.connection.get(document_key(name)?)?;
        Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
    }

    /// Removes a document, and tells whoever watches it.
    ///
    /// # Errors
    /// As with [`put`](Self::put).
    pub fn remove(&mut self, name: &str) -> Result<(), Error> {
        let key = document_key(name)?;
        let news = r#"{"document": null, "expires": null}"#;
        self.change(&key, &["DEL", key.as_str()], news)
    }

    /// Watches a document on connections of its own: its present state first, then every change,
    /// its expiry included.
    ///
    /// # Errors
    /// As with [`put`](Self::put).
    pub fn watch(&mut self, name: &str) -> Result<Watch, Error> {
        let key = document_key(name)?;
        let (endpoint, options) = (self.connection.endpoint(), self.connection.options());
        let mut watch = Watch {
            line: Connection::closed(endpoint, options.clone()),
            work: Connection::closed(endpoint, options.clone()),
            key,
            generation: 0,
            told: None,
            expires: None,
        };
        watch.listen()?;
        Ok(watch)
    }

    /// Changes a document and tells of it, both or neither.
    fn change(&mut self, key: &Key, change: &[&str], news: &str) -> Result<(), Error> {
        let deadline = Deadline::after(self.connection.options().reply_limit);
        let first = self.connection.send(4, deadline, |w| {
            request::command(w, &[b"MULTI"]);
            request::array(w, change.len());
            for part in change {
                request::bulk(w, part.as_bytes());
            }
            request::command(w, &[b"PUBLISH", key.as_bytes(), news.as_bytes()]);
            request::command(w, &[b"EXEC"]);
            Ok::<(), TooLong>(())
        })?;
        let reply = self.connection.reply(first.after(3), deadline)?;
        for part in reply.elements().into_iter().flatten() {
            if let Reply::Error(error) = part {
                return Err(ServerError::inside(&error).into());
            }
        }
        Ok(())
    }
}

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

/// Watches one document.
///
/// A server that goes away is looked for until it is back; if the document is another one then,
/// that is a change too.
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
    work: Connection,
    key: Key,
    /// The connection that has subscribed.
    generation: u32,
    /// What was handed out last.
    told: Option<Change>,
    /// When the document is to be looked at, since it may have expired.
    expires: Option<Instant>,
}

/// What is told of a change.
#[derive(Deserialize)]
struct News {
    document: Value,
    expires: Option<u64>,
}

impl Watch {
    /// Waits for the next change; `None` says that `timeout` passed. The first one is the present
    /// state. Without a time-out it waits for ever.
    ///
    /// # Errors
    /// What does not pass by itself.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Change>, Error> {
        let limit = timeout.map(|timeout| Deadline::after(timeout).at);
        loop {
            match self.step(limit) {
                Ok(Some(change)) => {
                    self.told = Some(change.clone());
                    return Ok(Some(change));
                }
                Ok(None) => {}
                Err(error) if error.is_temporary() => {
                    self.line.disconnect();
                    std::thread::sleep(NAP);
                }
                Err(error) => return Err(error),
            }
            if limit.is_some_and(|limit| Instant::now() >= limit) {
                return Ok(None);
            }
        }
    }

    fn step(&mut self, limit: Option<Instant>) -> Result<Option<Change>, Error> {
        let listened = self.listen()?;
        let expired = self.expires.is_some_and(|at| Instant::now() >= at);
        if listened || expired || self.told.is_none() {
            let change = self.look()?;
            let is_news = self.told.as_ref() != Some(&change);
            return Ok(is_news.then_some(change));
        }
        let until = [limit, self.expires].into_iter().flatten().min();
        let until = until.map(|at| Deadline {
            at,
            limit: Duration::ZERO,
        });
        match self.line.next(until)? {
            Next::Message(Incoming::Push) => Ok(self.hear()),
            _ => Ok(None),
        }
    }

    /// Subscribes, if this connection has not; says whether it did.
    fn listen(&mut self) -> Result<bool, Error> {
        self.line.ensure_connected()?;
        if self.generation == self.line.generation() {
            return Ok(false);
        }
        if self.line.server().protocol() < 3 {
            self.line.session().set_resp2_listener(true);
        }
        let deadline = Deadline::after(self.line.options().reply_limit);
        let channel = self.key.as_bytes();
        let request = self.line.send(1, deadline, |w| {
            request::command(w, &[b"SUBSCRIBE", channel]);
            Ok::<(), TooLong>(())
        })?;
        self.line.reply(request, deadline)?;
        self.generation = self.line.generation();
        Ok(true)
    }

    /// The document as it is, and how long it stays.
    fn look(&mut self) -> Result<Change, Error> {
        let life = self.work.command(&["PTTL", self.key.as_str()])?.integer();
        let text = self.work.get(&self.key)?;
        let life = life.and_then(|life| u64::try_from(life).ok());
        self.expires_in(life.filter(|_| text.is_some()));
        Ok(Change {
            document: text.map(|text| String::from_utf8_lossy(&text).into_owned()),
        })
    }

    /// Takes up what was published; what is no news is left alone.
    fn hear(&mut self) -> Option<Change> {
        let mut parts = self.line.session().frame().elements()?;
        if parts.next()?.bytes()? != b"message" {
            return None;
        }
        let news: News = serde_json::from_slice(parts.nth(1)?.bytes()?).ok()?;
        self.expires_in(news.expires);
        let document = (!news.document.is_null()).then(|| news.document.to_string());
        Some(Change { document })
    }

    fn expires_in(&mut self, milliseconds: Option<u64>) {
        // One more, for the server removes it after that time and not at it.
        self.expires = milliseconds
            .map(|life| Deadline::after(Duration::from_millis(life.saturating_add(1))).at);
    }
}

fn document_key(name: &str) -> Result<Key, Error> {
    let checked = WorkerId::parse(name).map_err(|why| Error::Name {
        text: name.to_owned(),
        why,
    })?;
    Ok(redisbus::document(checked)?)
}
