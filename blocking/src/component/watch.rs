//! Watched hashes: the present state first, then always the latest.
//!
//! The server tells the line that a key has changed; the state is then read over the connection
//! for work. With client-side tracking (`CLIENT TRACKING … REDIRECT`) the server remembers that
//! this client has read the key and tells it once; the read that follows arms it again. Without
//! it, keyspace notifications tell of every change. Either way, changes that come faster than
//! they are looked at are seen as one.

use redis_ipc_core::key::{Key, OWN_SETTINGS};
use redis_ipc_core::resp::request;
use redis_ipc_core::topic::Topic;
use redis_ipc_core::write::TooLong;
use serde::de::DeserializeOwned;

use super::hash::texts;
use super::hash_value::read_fields;
use super::{Component, Limitation, component_name};
use crate::connection::Deadline;
use crate::error::Error;

/// One of the two hashes that a component has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashKind {
    /// What it is told.
    Settings,
    /// What it tells.
    Status,
}

/// The state of a watched hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    kind: HashKind,
    component: String,
    fields: Vec<(String, String)>,
}

impl Watched {
    /// Which hash of the component it is.
    #[must_use]
    pub fn kind(&self) -> HashKind {
        self.kind
    }

    /// Whose hash it is.
    #[must_use]
    pub fn component(&self) -> &str {
        &self.component
    }

    /// Its fields in the server's order; none if it was deleted or never there.
    #[must_use]
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// One field as text.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str())
    }

    /// All fields as a struct or a map.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if they are not a `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        read_fields(&self.fields).map_err(|error| Error::Unexpected(error.to_string()))
    }
}

#[derive(Debug)]
pub(super) struct Watch {
    key: Key,
    state: Watched,
    /// Whether the state was handed out at least once.
    known: bool,
    /// Whether it may have changed since it was read.
    spoilt: bool,
    /// For redis-ipc itself: the settings that this component goes by.
    internal: bool,
}

impl Watch {
    pub(super) fn state(&self) -> &Watched {
        &self.state
    }

    pub(super) fn spoil(&mut self) {
        self.spoilt = true;
    }

    pub(super) fn invalidated(&mut self, key: &[u8]) {
        if self.key.as_bytes() == key {
            self.spoilt = true;
        }
    }

    /// A keyspace notification arrived: `__keyspace@0__:key`.
    pub(super) fn notified(&mut self, channel: &str) {
        let key = channel.split_once("__:").map(|(_, key)| key);
        if key == Some(self.key.as_str()) {
            self.spoilt = true;
        }
    }
}

impl Component {
    /// Watches the settings of a component: [`next`](Self::next) returns their present state
    /// first and then the latest state after each change, deletion included. Changes that come
    /// quickly after each other may be seen as one.
    ///
    /// # Errors
    /// [`Error::Name`] for a name that is none, else what broke.
    pub fn watch_settings(&mut self, component: &str) -> Result<(), Error> {
        let key = Key::settings(component_name(component)?)?;
        self.watch(HashKind::Settings, component, key, false)
    }

    /// Watches the status of a component, as [`watch_settings`](Self::watch_settings) does its
    /// settings.
    ///
    /// # Errors
    /// As with [`watch_settings`](Self::watch_settings).
    pub fn watch_status(&mut self, component: &str) -> Result<(), Error> {
        let key = Key::status(component_name(component)?)?;
        self.watch(HashKind::Status, component, key, false)
    }

    /// Follows the settings of redis-ipc itself.
    pub(super) fn watch_own_settings(&mut self) -> Result<(), Error> {
        let key = Key::settings(component_name("redis-ipc")?)?;
        debug_assert_eq!(key.as_str(), OWN_SETTINGS);
        self.watch(HashKind::Settings, "redis-ipc", key, true)
    }

    fn watch(
        &mut self,
        kind: HashKind,
        component: &str,
        key: Key,
        internal: bool,
    ) -> Result<(), Error> {
        let watches = &mut self.line.watches;
        let same = |watch: &Watch| watch.key == key && watch.internal == internal;
        if watches.iter().any(same) {
            return Ok(());
        }
        watches.push(Watch {
            key,
            state: Watched {
                kind,
                component: component.to_owned(),
                fields: Vec::new(),
            },
            known: false,
            spoilt: true,
            internal,
        });
        Ok(())
    }

    /// Reads the watched hashes that may have changed; returns the first that has.
    pub(super) fn changed_watch(&mut self) -> Result<Option<usize>, Error> {
        if self.line.watches.is_empty() {
            return Ok(None);
        }
        self.arm()?;
        while let Some(place) = self.line.watches.iter().position(|watch| watch.spoilt) {
            if self.refresh(place)? {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Sees to it that changes are told, on the connections as they are now.
    fn arm(&mut self) -> Result<(), Error> {
        self.connect_line()?;
        self.work.ensure_connected()?;
        if self.line.tracked_by == Some(self.work.generation()) {
            return Ok(());
        }
        self.line.tracked_by = Some(self.work.generation());
        self.line.watches.iter_mut().for_each(Watch::spoil);
        if self.line.connection.server().protocol() < 3 {
            return self.notify_instead();
        }
        let listener = self.line.connection.server().client_id().to_string();
        // OFF first: the redirection of a connection that is tracked already cannot be changed.
        let switched = self.work.command(&["CLIENT", "TRACKING", "OFF"]).map(drop);
        let switched = switched.and_then(|()| {
            let on = ["CLIENT", "TRACKING", "ON", "REDIRECT", &listener, "OPTIN"];
            self.work.command(&on).map(drop)
        });
        match switched {
            Ok(()) => Ok(()),
            Err(Error::Server(refused)) => {
                self.lose(Limitation::Tracking {
                    why: refused.text().to_owned(),
                });
                self.notify_instead()
            }
            Err(error) => Err(error),
        }
    }

    /// Follows the watched hashes by keyspace notifications.
    fn notify_instead(&mut self) -> Result<(), Error> {
        // g and x: a hash that is deleted or expires is told by those classes.
        self.add_notifications("Khgx")?;
        for place in 0..self.line.watches.len() {
            let Some(watch) = self.line.watches.get(place) else {
                break;
            };
            let component = watch.state.component.clone();
            let component = component_name(&component)?;
            let topic = match watch.state.kind {
                HashKind::Settings => Topic::Settings { component },
                HashKind::Status => Topic::Status { component },
            };
            self.subscribe(&topic)?;
        }
        Ok(())
    }

    /// Reads one hash; says whether there is news for the application.
    fn refresh(&mut self, place: usize) -> Result<bool, Error> {
        let Some(watch) = self.line.watches.get_mut(place) else {
            return Ok(false);
        };
        // Before the read: a change that comes while it is under way spoils its result.
        watch.spoilt = false;
        let fields =
            read_tracked(&mut self.work, &watch.key).inspect_err(|_| watch.spoilt = true)?;
        if watch.known && watch.state.fields == fields {
            return Ok(false);
        }
        watch.known = true;
        watch.state.fields = fields;
        if watch.internal {
            self.read_own_settings()?;
            return Ok(false);
        }
        Ok(true)
    }
}

/// Reads a hash and has the server remember that we did; harmless where tracking is off.
fn read_tracked(
    work: &mut crate::connection::Connection,
    key: &Key,
) -> Result<Vec<(String, String)>, Error> {
    let deadline = Deadline::after(work.options().reply_limit);
    let first = work.send(2, deadline, |w| {
        request::command(w, &[b"CLIENT", b"CACHING", b"YES"]);
        request::command(w, &[b"HGETALL", key.as_bytes()]);
        Ok::<(), TooLong>(())
    })?;
    let reply = work.reply(first.after(1), deadline)?;
    let pairs = crate::connection::pairs("HGETALL", &reply)?;
    Ok(texts(pairs))
}
