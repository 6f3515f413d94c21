//! Finding out what a message is.

use std::time::Duration;

use redis_ipc_core::dialect::redis_ipc::{read_debug, read_event};
use redis_ipc_core::key::Key;
use redis_ipc_core::resp::Reply;
use redis_ipc_core::serve::Turn as Served;
use redis_ipc_core::session::Incoming;
use redis_ipc_core::subscription::Heard;

use super::job::Unfit;
use super::line::{Arrived, Side};
use super::watch::Watch;
use super::{Component, Level};
use crate::error::{Error, ServerError};

/// How long results that nobody reads are kept.
pub(crate) const UNREAD_RESULTS: Duration = Duration::from_secs(300);

impl Component {
    /// Finds out what a message is.
    pub(super) fn sort(
        &mut self,
        side: Side,
        incoming: Incoming,
    ) -> Result<Option<Arrived>, Error> {
        match side {
            Side::Pops => self.popped(incoming),
            Side::Listens => self.hear(incoming),
        }
    }

    /// Looks at what arrived where commands arrive.
    fn popped(&mut self, incoming: Incoming) -> Result<Option<Arrived>, Error> {
        let line = &mut self.line;
        let session = line.connection.session();
        let dropped = match line.serve.handle(session, incoming, &line.queues) {
            Served::Item { queue, message } => {
                if let Some(durable) = &mut line.durable {
                    durable.hold(queue, message);
                }
                let Some(key) = line.queues.get(queue) else {
                    return Err(Error::unexpected_reply("BLPOP", &session.frame()));
                };
                let subqueue = line.subqueues.get(queue).and_then(Option::as_deref);
                match line.job.read(message, key, subqueue) {
                    Ok(()) => return Ok(Some(Arrived::Command)),
                    Err(why) => return self.drop_item(&why).map(|()| None),
                }
            }
            Served::ItemTooLong(sizes) => {
                self.trim_work()?;
                format!("dropped a command: {sizes}")
            }
            Served::Delivered { waiting } => {
                return self.delivered(waiting).map(|()| None);
            }
            Served::ResultRefused(error) => {
                let refused = format!("a result was refused: {error}");
                self.counters.results_dropped += 1;
                self.note(&refused);
                return Ok(None);
            }
            Served::PopRefused(error) => {
                let error = ServerError::new(&error);
                return match self.move_refused(&error)? {
                    true => Ok(None),
                    false => Err(error.into()),
                };
            }
            Served::OutOfStep => {
                return Err(Error::unexpected_reply("BLPOP", &session.frame()));
            }
            Served::Nothing => return Ok(None),
            // Under RESP2 everything else comes on the other connection.
            Served::Foreign if line.listener.is_some() => return Ok(None),
            Served::Foreign => return self.hear(incoming),
        };
        self.counters.commands_dropped += 1;
        self.note(&dropped);
        Ok(None)
    }

    /// Leaves a message out that is no command; it is the line's job.
    fn drop_item(&mut self, why: &Unfit) -> Result<(), Error> {
        let job = std::mem::take(&mut self.line.job);
        self.leave_out(&job, why)
    }

    /// Looks at what is not about commands.
    fn hear(&mut self, incoming: Incoming) -> Result<Option<Arrived>, Error> {
        if let Incoming::TooLong { of: None, error } = incoming {
            // It may have been an invalidation.
            self.line.watches.iter_mut().for_each(Watch::spoil);
            return Ok(self.unheard(&error));
        }
        let line = &mut self.line;
        let listening = line.listener.as_mut().unwrap_or(&mut line.connection);
        let heard = line.subscriptions.handle(listening.session(), incoming);
        let arrived = match heard {
            Heard::Message { channel, message } if channel.starts_with("channel.events.") => {
                read_event(message).map(|event| {
                    line.event.set(channel, &event);
                    Arrived::Event
                })
            }
            Heard::Message { channel, message } if channel.starts_with("channel.debug.") => {
                read_debug(message).map(|debug| {
                    line.debug.set(channel, &debug);
                    Arrived::Debug
                })
            }
            Heard::Message { channel, .. } => {
                for watch in &mut line.watches {
                    watch.notified(channel);
                }
                return Ok(None);
            }
            Heard::Refused(error) => return Err(ServerError::new(&error).into()),
            Heard::Subscribed | Heard::Unsubscribed => return Ok(None),
            Heard::Nothing => {
                match incoming {
                    Incoming::Push => self.invalidate(),
                    _ => self.removed(),
                }
                return Ok(None);
            }
        };
        Ok(arrived.map_or_else(|why| self.unheard(&why), Some))
    }

    fn unheard(&mut self, why: &dyn std::fmt::Display) -> Option<Arrived> {
        self.counters.messages_dropped += 1;
        self.note(&format!("dropped a message: {why}"));
        None
    }

    /// An invalidation names keys that have changed; without keys, everything has.
    fn invalidate(&mut self) {
        let line = &mut self.line;
        let Some(mut parts) = line.connection.session().frame().elements() else {
            return;
        };
        if parts.next().and_then(|name| name.bytes()) != Some(b"invalidate") {
            return;
        }
        match parts.next() {
            Some(Reply::Array(keys)) => {
                for key in keys {
                    let key = key.bytes().unwrap_or_default();
                    line.watches.iter_mut().for_each(|w| w.invalidated(key));
                }
            }
            _ => line.watches.iter_mut().for_each(Watch::spoil),
        }
        // To look at the queues once too often costs one request.
        if let Some(durable) = &mut line.durable {
            durable.wake();
        }
    }

    /// A command that is done was taken out of the list of what is at work, or could not be.
    fn removed(&mut self) {
        if let Reply::Error(error) = self.line.connection.session().frame() {
            let refused = format!("a command that is done will be served again: {error}");
            self.note(&refused);
        }
    }

    fn delivered(&mut self, waiting: u64) -> Result<(), Error> {
        let results = self.line.job.results().cloned();
        self.expire_unread(results.as_ref(), waiting)
    }

    /// Results pile up where nobody waits for them; they are not to stay for ever.
    pub(super) fn expire_unread(
        &mut self,
        results: Option<&Key>,
        waiting: u64,
    ) -> Result<(), Error> {
        match results {
            Some(results) if waiting > 1 => self.work.expire(results, UNREAD_RESULTS).map(drop),
            _ => Ok(()),
        }
    }

    /// Tells whoever watches the debug channel; if that fails, there is nobody to tell.
    pub(super) fn note(&mut self, text: &str) {
        let _ = self.debug(Level::WARNING, text);
    }

    /// The next event or debug message that is here already.
    pub(super) fn heard_now(&mut self) -> Result<Option<Arrived>, Error> {
        if !self.line.connection.is_connected() {
            return Ok(None);
        }
        self.line.drained = false;
        while let Some(incoming) = self.line.ears().next_now()? {
            let side = match self.line.listener {
                Some(_) => Side::Listens,
                None => Side::Pops,
            };
            match self.sort(side, incoming)? {
                Some(Arrived::Command) => self.line.set_aside(Arrived::Command),
                Some(heard) => return Ok(Some(heard)),
                None => {}
            }
        }
        Ok(None)
    }
}
