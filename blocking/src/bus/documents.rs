//! Documents that everybody can read, and hears of when they change.
//!
//! A document is a JSON text under the key `document:<name>`. Whoever changes it says so on the
//! channel of the same name, in the same transaction: `{"document": {…}, "expires": 60000}`, the
//! time being in milliseconds, and `null` for a document that stays; `{"removed": true}` for one
//! that was removed.

use std::time::Duration;

use redis_ipc_core::json::skip;
use redis_ipc_core::key::{Key, redisbus};
use redis_ipc_core::name::WorkerId;
use redis_ipc_core::resp::{Reply, request};
use redis_ipc_core::write::TooLong;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::Client;
use super::watch::Watch;
use crate::connection::Deadline;
use crate::error::{Error, ServerError};
use crate::json::read;

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
        self.change(&key, &["DEL", key.as_str()], r#"{"removed": true}"#)
    }

    /// Watches a document on a connection of its own: its present state first, then every change,
    /// its expiry included.
    ///
    /// # Errors
    /// As with [`put`](Self::put).
    pub fn watch(&mut self, name: &str) -> Result<Watch, Error> {
        Watch::open(&self.connection, document_key(name)?)
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

fn document_key(name: &str) -> Result<Key, Error> {
    let checked = WorkerId::parse(name).map_err(|why| Error::Name {
        text: name.to_owned(),
        why,
    })?;
    Ok(redisbus::document(checked)?)
}
