//! Events: published, and heard.

use redis_ipc_core::dialect::redis_ipc::{Event as Envelope, finish_event};
use redis_ipc_core::key::Key;
use redis_ipc_core::name::Subqueue;
use redis_ipc_core::resp::request;
use redis_ipc_core::topic::Topic;
use redis_ipc_core::write::Writer;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::job::{Sender, set};
use super::payload::{NoValue, Payload, Unwritten};
use super::{Component, component_name, name_error};
use crate::connection::Deadline;
use crate::error::Error;
use crate::json::read;

/// An event as it was heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    channel: String,
    payload: String,
    sender: Sender,
}

impl Event {
    /// The channel it was published on.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// The component that the channel belongs to.
    #[must_use]
    pub fn component(&self) -> &str {
        self.names().0
    }

    /// The subchannel, if it was published on one.
    #[must_use]
    pub fn subchannel(&self) -> Option<&str> {
        self.names().1
    }

    fn names(&self) -> (&str, Option<&str>) {
        let names = self.channel.strip_prefix("channel.events.");
        let names = names.unwrap_or_default();
        match names.split_once('.') {
            Some((component, subchannel)) => (component, Some(subchannel)),
            None => (names, None),
        }
    }

    /// The event's members as JSON text: one object.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.payload
    }

    /// The event's members as a value.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if they are not a `T`.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Error> {
        read(&self.payload).map_err(|error| Error::Unexpected(error.to_string()))
    }

    /// Who sent it, as it says itself.
    #[must_use]
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.channel.len() + self.payload.len()
    }

    pub(super) fn set(&mut self, channel: &str, event: &Envelope<'_>) {
        set(&mut self.channel, Some(channel));
        set(&mut self.payload, Some(event.payload));
        self.sender.set(&event.origin);
    }
}

impl Component {
    /// Publishes an event of this component, on one of its subchannels or outside any. Says how
    /// many listeners the server told.
    ///
    /// # Errors
    /// [`Error::Value`] for a payload that is not an object; a publication whose outcome is
    /// unknown is not repeated.
    pub fn publish<P: Serialize + ?Sized>(
        &mut self,
        subchannel: Option<&str>,
        payload: &P,
    ) -> Result<u64, Error> {
        self.publish_payload(subchannel, &Payload::Value(payload))
    }

    /// As [`publish`](Self::publish), with JSON text: one object.
    ///
    /// # Errors
    /// As with [`publish`](Self::publish).
    pub fn publish_text(&mut self, subchannel: Option<&str>, payload: &str) -> Result<u64, Error> {
        self.publish_payload(subchannel, &Payload::<NoValue>::Text(payload))
    }

    fn publish_payload<P: Serialize + ?Sized>(
        &mut self,
        subchannel: Option<&str>,
        payload: &Payload<'_, P>,
    ) -> Result<u64, Error> {
        let component = component_name(self.identity.component())?;
        let subchannel = subchannel.map(subqueue).transpose()?;
        let channel = Key::events(component, subchannel)?;
        self.know_server()?;
        let stamp = self.identity.stamp(super::timestamp());
        publish(&mut self.work, &channel, |w| {
            let start = w.len();
            payload.write(w)?;
            finish_event(w, start, channel.as_str(), &stamp)?;
            Ok(())
        })
    }

    /// Listens to events: of one component or of all, of one subchannel or of all.
    ///
    /// From the moment this returns, what is published is heard, by [`next`](Self::next). An
    /// event that is meant by several subscriptions is heard once.
    ///
    /// # Errors
    /// [`Error::Usage`] if there are too many subscriptions, the server's refusal, or what broke.
    pub fn subscribe_events(
        &mut self,
        component: Option<&str>,
        subchannel: Option<&str>,
    ) -> Result<(), Error> {
        let topic = Topic::Events {
            component: component.map(component_name).transpose()?,
            subchannel: subchannel.map(subqueue).transpose()?,
        };
        self.subscribe(&topic)
    }

    /// Ends [`subscribe_events`](Self::subscribe_events) with the same arguments; the other
    /// subscriptions stay.
    ///
    /// # Errors
    /// What broke.
    pub fn unsubscribe_events(
        &mut self,
        component: Option<&str>,
        subchannel: Option<&str>,
    ) -> Result<(), Error> {
        let topic = Topic::Events {
            component: component.map(component_name).transpose()?,
            subchannel: subchannel.map(subqueue).transpose()?,
        };
        self.unsubscribe(&topic)
    }
}

fn subqueue(text: &str) -> Result<Subqueue<'_>, Error> {
    Subqueue::parse(text).map_err(|why| name_error(text, why))
}

/// Publishes what `write` writes; says how many clients the server told.
pub(super) fn publish(
    work: &mut crate::connection::Connection,
    channel: &Key,
    mut write: impl FnMut(&mut Writer<'_>) -> Result<(), Unwritten>,
) -> Result<u64, Error> {
    let deadline = Deadline::after(work.options().reply_limit);
    let request = work.send(1, deadline, |w| {
        request::array(w, 3);
        request::bulk(w, b"PUBLISH");
        request::bulk(w, channel.as_bytes());
        let mut written = Ok(());
        request::bulk_with(w, |w| written = write(w));
        written
    })?;
    let reply = work.reply(request, deadline)?;
    match reply.integer().map(u64::try_from) {
        Some(Ok(listeners)) => Ok(listeners),
        _ => Err(Error::unexpected_reply("PUBLISH", &reply)),
    }
}
