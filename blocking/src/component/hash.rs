//! Settings and status: hashes that components keep for each other.

use redis_ipc_core::key::{Key, OWN_SETTINGS};
use redis_ipc_core::resp::request;
use redis_ipc_core::write::{TooLong, Writer};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::hash_value::{fields_of, fields_of_text, read_fields, read_value, value_of};
use super::{Component, OwnSettings, component_name};
use crate::connection::Deadline;
use crate::error::{Error, ServerError};

/// One of the two hashes that a component has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashKind {
    /// What it is told.
    Settings,
    /// What it tells.
    Status,
}

/// The settings or the status of one component.
///
/// Fields are texts. A text is stored as it is, a number or a boolean as JSON writes it, anything
/// nested as its JSON text; reading turns them back into the type that is asked for. Where that does
/// not say what it wants (`serde_json::Value`, enums that are untagged or tagged from inside,
/// flattened structs), what reads like a number, a truth value, an array or an object is one. An
/// absent value (`None`) deletes its field.
///
/// ```no_run
/// # let mut web = redis_ipc::Component::connect("web", "main")?;
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Progress { page: u32, pages: Option<u32> }
///
/// web.status()?.write(&Progress { page: 3, pages: None })?;
/// web.status()?.set("state", "busy")?;
/// let dpi: Option<u32> = web.settings("printer")?.get("dpi")?;
/// # Ok::<(), redis_ipc::Error>(())
/// ```
#[derive(Debug)]
pub struct Hash<'c> {
    component: &'c mut Component,
    key: Key,
    kind: HashKind,
    own: bool,
}

impl Component {
    /// The settings of a component, of this one or any other.
    ///
    /// Reading is open to all; writing is refused unless this component is the bus's
    /// `settings_writer`.
    ///
    /// # Errors
    /// [`Error::Name`] for a name that is none.
    pub fn settings(&mut self, component: &str) -> Result<Hash<'_>, Error> {
        Ok(Hash {
            key: Key::settings(component_name(component)?)?,
            kind: HashKind::Settings,
            own: component == self.name(),
            component: self,
        })
    }

    /// The status of this component.
    ///
    /// # Errors
    /// [`Error::Key`], which the names of components cannot make.
    pub fn status(&mut self) -> Result<Hash<'_>, Error> {
        let name = self.name().to_owned();
        self.status_of(&name)
    }

    /// The status of any component; only its own may be written.
    ///
    /// # Errors
    /// [`Error::Name`] for a name that is none.
    pub fn status_of(&mut self, component: &str) -> Result<Hash<'_>, Error> {
        Ok(Hash {
            key: Key::status(component_name(component)?)?,
            kind: HashKind::Status,
            own: component == self.name(),
            component: self,
        })
    }
}

impl Hash<'_> {
    /// All fields in the server's order; empty if there is no such hash.
    ///
    /// # Errors
    /// The server's error or what broke.
    pub fn pairs(&mut self) -> Result<Vec<(String, String)>, Error> {
        let pairs = self.component.work.hgetall(&self.key)?;
        Ok(texts(pairs))
    }

    /// All fields as a struct or a map.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if they are not a `T`, else what broke.
    pub fn read<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let pairs = self.pairs()?;
        read_fields(&pairs).map_err(|error| Error::Unexpected(format!("{}: {error}", self.key)))
    }

    /// One field as a value; `None` if it is not there.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it is not a `T`, else what broke.
    pub fn get<T: DeserializeOwned>(&mut self, field: &str) -> Result<Option<T>, Error> {
        let Some(value) = self.component.work.hget(&self.key, field)? else {
            return Ok(None);
        };
        let value = String::from_utf8_lossy(&value);
        read_value(&value)
            .map(Some)
            .map_err(|error| Error::Unexpected(format!("{}, field {field}: {error}", self.key)))
    }

    /// Sets one field, or deletes it if the value is absent.
    ///
    /// # Errors
    /// [`Error::NotSettingsWriter`] or [`Error::Usage`] if this component may not write here,
    /// else what broke.
    pub fn set<P: Serialize + ?Sized>(&mut self, field: &str, value: &P) -> Result<(), Error> {
        let value = value_of(value)?;
        self.store(&[(field.to_owned(), value)])
    }

    /// Sets fields from a struct or a map, and deletes those whose value is absent. Fields that
    /// are not named stay. All is done at once or, if the server refuses, not at all.
    ///
    /// # Errors
    /// As with [`set`](Self::set); [`Error::Value`] if it is not an object.
    pub fn write<P: Serialize + ?Sized>(&mut self, fields: &P) -> Result<(), Error> {
        let fields = fields_of(fields)?;
        self.store(&fields)
    }

    /// As [`write`](Self::write), with JSON text: one object. What is no text in it is stored as it
    /// is written there.
    ///
    /// # Errors
    /// As with [`write`](Self::write).
    pub fn write_text(&mut self, fields: &str) -> Result<(), Error> {
        let fields = fields_of_text(fields)?;
        self.store(&fields)
    }

    /// Deletes fields; says how many there were.
    ///
    /// # Errors
    /// As with [`set`](Self::set).
    pub fn delete<A: AsRef<[u8]>>(&mut self, fields: &[A]) -> Result<u64, Error> {
        self.check_writer()?;
        if self.kind == HashKind::Status {
            for field in fields {
                let field = String::from_utf8_lossy(field.as_ref());
                self.component.own_status.forget(&field);
            }
        }
        if fields.is_empty() {
            return Ok(0);
        }
        let removed = self.component.work.hdel(&self.key, fields)?;
        self.heed()?;
        Ok(removed)
    }

    /// Deletes the whole hash; says whether it was there.
    ///
    /// # Errors
    /// As with [`set`](Self::set).
    pub fn clear(&mut self) -> Result<bool, Error> {
        self.check_writer()?;
        if self.kind == HashKind::Status {
            self.component.own_status.clear();
        }
        let removed = self.component.work.del(&[self.key.as_bytes()])?;
        self.heed()?;
        Ok(removed > 0)
    }

    /// The settings of redis-ipc count at once for the one who has written them.
    fn heed(&mut self) -> Result<(), Error> {
        match self.key.as_str() {
            OWN_SETTINGS => self.component.read_own_settings(),
            _ => Ok(()),
        }
    }

    fn store(&mut self, fields: &[(String, Option<String>)]) -> Result<(), Error> {
        self.check_writer()?;
        let set: Vec<_> = fields
            .iter()
            .filter_map(|(name, value)| value.as_deref().map(|value| (name.as_str(), value)))
            .collect();
        let gone: Vec<_> = fields
            .iter()
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| name.as_str())
            .collect();
        if self.kind == HashKind::Status {
            self.component.own_status.note(fields);
        }
        let (work, key) = (&mut self.component.work, &self.key);
        match (set.is_empty(), gone.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => work.hdel(key, &gone).map(drop),
            // One's own status may be written twice, if nobody knows whether it was once.
            (false, true) if self.kind == HashKind::Status => {
                work.ask_again(|w| write_set(w, key, &set)).map(drop)
            }
            (false, true) => work.ask(|w| write_set(w, key, &set)).map(drop),
            (false, false) => self.store_both(&set, &gone),
        }?;
        self.component.know_server()?;
        self.heed()
    }

    /// Sets some fields and deletes others in one transaction, so that a watcher sees both.
    fn store_both(&mut self, set: &[(&str, &str)], gone: &[&str]) -> Result<(), Error> {
        let work = &mut self.component.work;
        let deadline = Deadline::after(work.options().reply_limit);
        let first = work.send(4, deadline, |w| {
            request::command(w, &[b"MULTI"]);
            write_set(w, &self.key, set);
            request::array(w, gone.len() + 2);
            request::bulk(w, b"HDEL");
            request::bulk(w, self.key.as_bytes());
            for name in gone {
                request::bulk(w, name.as_bytes());
            }
            request::command(w, &[b"EXEC"]);
            Ok::<(), TooLong>(())
        })?;
        let reply = work.reply(first.after(3), deadline)?;
        let refused = reply
            .elements()
            .and_then(|mut all| all.find_map(|one| one.error()));
        match refused {
            Some(error) => Err(ServerError::inside(&error).into()),
            None => Ok(()),
        }
    }

    /// Compat: whoever is not the settings writer of the bus writes no settings, as in the
    /// original; a component's status is its own to write.
    fn check_writer(&mut self) -> Result<(), Error> {
        match self.kind {
            HashKind::Status if self.own => Ok(()),
            HashKind::Status => Err(Error::Usage(
                "a component writes its own status only: act as that component",
            )),
            // Who may write settings could not be changed any more if this took a writer.
            HashKind::Settings if self.key.as_str() == OWN_SETTINGS => Ok(()),
            HashKind::Settings => self.check_settings_writer(),
        }
    }

    fn check_settings_writer(&mut self) -> Result<(), Error> {
        let component = &mut *self.component;
        let writer = component.work.hget(OWN_SETTINGS, "settings_writer")?;
        component.own.settings_writer = match writer {
            Some(writer) => String::from_utf8_lossy(&writer).into_owned(),
            None => OwnSettings::default().settings_writer,
        };
        let writer = &component.own.settings_writer;
        if writer == "*" || writer == component.identity.component() {
            return Ok(());
        }
        Err(Error::NotSettingsWriter {
            component: component.identity.component().to_owned(),
            writer: writer.clone(),
        })
    }
}

pub(super) fn write_set<T: AsRef<str>>(w: &mut Writer<'_>, key: &Key, fields: &[(T, T)]) {
    request::array(w, fields.len() * 2 + 2);
    request::bulk(w, b"HSET");
    request::bulk(w, key.as_bytes());
    for (name, value) in fields {
        request::bulk(w, name.as_ref().as_bytes());
        request::bulk(w, value.as_ref().as_bytes());
    }
}

/// Fields as text; what is not UTF-8 in them shows as U+FFFD.
pub(super) fn texts(pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<(String, String)> {
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    };
    pairs
        .into_iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}
