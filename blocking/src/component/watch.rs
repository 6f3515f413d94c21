//! Watched hashes: the present state first, then always the latest.
//!
//! The server tells the line that a key has changed; the state is then read over the connection
//! for work. It tells by client-side tracking on the line itself, so that there is nobody to tell
//! exactly when the line is dead, which is noticed, or else by keyspace notifications. Changes that
//! come faster than they are looked at are seen as one.
//!
//! Of the two kinds of tracking, `CLIENT TRACKING ON` tells once of each key that the line has
//! asked for, so the line asks again after each change, for which its pop has to end; no other key
//! costs anything. With `BCAST PREFIX …` there is nothing to ask again, but the server compares every
//! key that anybody changes with every prefix: some percent of a call. It is for lines whose pop
//! cannot be ended, for those that have to hear of their queues, and for servers that refuse the
//! other kind.

use redis_ipc_core::key::{Key, OWN_SETTINGS};
use redis_ipc_core::topic::Topic;
use serde::de::DeserializeOwned;

use super::hash::{HashKind, texts};
use super::hash_value::read_fields;
use super::{Component, Limitation, component_name};
use crate::error::Error;

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
    /// Whether the server would tell of its next change, where it tells once of a key.
    told: bool,
    /// For redis-ipc itself: the settings that this component goes by.
    internal: bool,
}

impl Watch {
    pub(super) fn state(&self) -> &Watched {
        &self.state
    }

    pub(super) fn spoilt(&self) -> bool {
        self.spoilt
    }

    pub(super) fn spoil(&mut self) {
        self.spoilt = true;
        self.told = false;
    }

    pub(super) fn invalidated(&mut self, key: &[u8]) {
        if self.key.as_bytes() == key {
            self.spoil();
        }
    }

    /// A keyspace notification arrived: `__keyspace@0__:key`.
    pub(super) fn notified(&mut self, channel: &str) {
        let key = channel.split_once(':').map(|(_, key)| key);
        if key == Some(self.key.as_str()) {
            self.spoil();
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
        self.watch(HashKind::Settings, component, key, false)?;
        self.watch_own_settings()
    }

    /// Watches the status of a component, as [`watch_settings`](Self::watch_settings) does its
    /// settings.
    ///
    /// # Errors
    /// As with [`watch_settings`](Self::watch_settings).
    pub fn watch_status(&mut self, component: &str) -> Result<(), Error> {
        let key = Key::status(component_name(component)?)?;
        self.watch(HashKind::Status, component, key, false)?;
        self.watch_own_settings()
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
            told: false,
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

    /// The state of a watched hash as of the last turn of the loop, without asking the server.
    /// `None` if it is not watched, was not read yet, is known to have changed since, or if the
    /// connection that would tell is gone.
    ///
    /// ```no_run
    /// # use redis_ipc::{Component, HashKind};
    /// # let mut web = Component::connect("web", "main")?;
    /// web.watch_settings("web")?;
    /// while web.next(None)?.is_some() {
    ///     let settings = web.cached(HashKind::Settings, "web");
    ///     let theme = settings.and_then(|settings| settings.field("theme"));
    /// }
    /// # Ok::<(), redis_ipc::Error>(())
    /// ```
    #[must_use]
    pub fn cached(&self, kind: HashKind, component: &str) -> Option<&Watched> {
        let line = &self.line;
        if !line.connection.is_connected() || line.generation != line.connection.generation() {
            return None;
        }
        let place = line
            .watches
            .iter()
            .position(|w| !w.internal && w.state.kind == kind && w.state.component == component)?;
        let watch = line.watches.get(place)?;
        (place < line.armed && watch.known && !watch.spoilt).then_some(&watch.state)
    }

    /// Sees to it that changes are told, on the line as it is now.
    fn arm(&mut self) -> Result<(), Error> {
        self.connect_line()?;
        if self.line.armed == self.line.watches.len() {
            return Ok(());
        }
        self.line.tracks_keys = false;
        if self.line.listener.is_some() {
            return self.notify_instead();
        }
        self.end_pop()?;
        match self.track() {
            Ok(()) => {
                self.line.armed = self.line.watches.len();
                Ok(())
            }
            Err(Error::Server(refused)) if !refused.is_temporary() => {
                self.lose(Limitation::Tracking {
                    why: refused.text().to_owned(),
                });
                self.notify_instead()
            }
            Err(error) => Err(error),
        }
    }

    /// Switches tracking on for all watched keys; what changed while it was off is read again.
    fn track(&mut self) -> Result<(), Error> {
        self.ask_line(&[b"CLIENT", b"TRACKING", b"OFF"])?;
        self.line.watches.iter_mut().for_each(Watch::spoil);
        self.line.tracks_keys = self.may_track_keys() && self.track_keys()?;
        match self.line.tracks_keys {
            true => self.ask_for_keys(),
            false => self.track_prefixes(),
        }
    }

    fn may_track_keys(&self) -> bool {
        self.may_unblock() && !self.line.is_woken() && !self.line.tracks_prefixes_only
    }

    /// Has the server tell of keys that the line asks for; says whether it does.
    fn track_keys(&mut self) -> Result<bool, Error> {
        match self.ask_line(&[b"CLIENT", b"TRACKING", b"ON"]) {
            Err(Error::Server(refused)) if !refused.is_temporary() => Ok(false),
            asked => asked.map(|()| true),
        }
    }

    /// Asks for the keys whose next change the server would not tell of.
    fn ask_for_keys(&mut self) -> Result<(), Error> {
        let untold = self.line.watches.iter().filter(|watch| !watch.told);
        let keys: Vec<_> = untold.map(|watch| watch.key.clone()).collect();
        if keys.is_empty() || !self.line.tracks_keys {
            return Ok(());
        }
        self.end_pop()?;
        // What a line reads is tracked, whatever it asks of it.
        let mut parts = vec![&b"EXISTS"[..]];
        parts.extend(keys.iter().map(Key::as_bytes));
        match self.ask_line(&parts) {
            Err(Error::Server(refused)) if !refused.is_temporary() => {
                self.line.tracks_prefixes_only = true;
                return self.track();
            }
            asked => asked?,
        }
        // Others may have changed meanwhile.
        for watch in &mut self.line.watches {
            watch.told |= keys.contains(&watch.key);
        }
        Ok(())
    }

    fn track_prefixes(&mut self) -> Result<(), Error> {
        let mut keys: Vec<_> = self.line.watches.iter().map(|w| w.key.clone()).collect();
        if self.line.is_woken() {
            keys.extend_from_slice(&self.line.queues);
        }
        let prefixes = prefixes(keys);
        // What this connection changes itself, popping commands, is no news to it.
        let mut parts: Vec<&[u8]> = vec![b"CLIENT", b"TRACKING", b"ON", b"BCAST", b"NOLOOP"];
        for prefix in &prefixes {
            parts.extend([&b"PREFIX"[..], prefix.as_bytes()]);
        }
        self.ask_line(&parts)
    }

    /// Follows the watched hashes by keyspace notifications.
    fn notify_instead(&mut self) -> Result<(), Error> {
        if self.line.is_woken() {
            return Err(Error::Usage(
                "serving several queues at least once takes a server that permits CLIENT TRACKING",
            ));
        }
        // g, x, e: a hash that is deleted, expires or is evicted is told by those classes.
        self.add_notifications("Khgxe")?;
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
        self.line.watches.iter_mut().for_each(Watch::spoil);
        self.line.armed = self.line.watches.len();
        Ok(())
    }

    /// Reads one hash; says whether there is news for the application.
    fn refresh(&mut self, place: usize) -> Result<bool, Error> {
        let Some(watch) = self.line.watches.get(place) else {
            return Ok(false);
        };
        let (key, internal) = (watch.key.clone(), watch.internal);
        self.ask_for_keys()?;
        let Some(watch) = self.line.watches.get_mut(place) else {
            return Ok(false);
        };
        // Before the read: a change that comes while it is under way spoils its result.
        watch.spoilt = false;
        let read = match internal {
            true => self.read_own_settings().map(|()| Vec::new()),
            false => self.read_hash(&key).map(texts),
        };
        let Some(watch) = self.line.watches.get_mut(place) else {
            return Ok(false);
        };
        let fields = read.inspect_err(|error| {
            // What is too long now is looked at again when it has changed.
            watch.spoilt = !matches!(error, Error::TooLong { .. });
        })?;
        if internal {
            return Ok(false);
        }
        if watch.known && watch.state.fields == fields {
            return Ok(false);
        }
        watch.known = true;
        watch.state.fields = fields;
        Ok(true)
    }
}

/// Keys without those that begin with another one: the server refuses prefixes that overlap.
fn prefixes(keys: Vec<Key>) -> Vec<Key> {
    let mut kept: Vec<Key> = Vec::new();
    for key in keys {
        if !kept
            .iter()
            .any(|prefix| key.as_str().starts_with(prefix.as_str()))
        {
            kept.retain(|longer| !longer.as_str().starts_with(key.as_str()));
            kept.push(key);
        }
    }
    kept
}
