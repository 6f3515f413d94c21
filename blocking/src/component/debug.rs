//! Debug messages: what a component says about itself while somebody watches.

use redis_ipc_core::dialect::redis_ipc::{Debug as Envelope, write_debug};
use redis_ipc_core::key::Key;
use redis_ipc_core::topic::Topic;

use super::job::{Sender, set};
use super::{Component, component_name};
use crate::error::Error;

/// How much a debug message matters: 0 is an error, 5 a detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(u8);

impl Level {
    /// Something failed.
    pub const ERROR: Self = Self(0);
    /// Something is not as it should be.
    pub const WARNING: Self = Self(1);
    /// Something happened.
    pub const INFO: Self = Self(3);
    /// A detail.
    pub const DETAIL: Self = Self(5);

    /// A level from 0 to 5.
    ///
    /// # Errors
    /// [`Error::Usage`] for anything else.
    pub fn new(level: u8) -> Result<Self, Error> {
        match level {
            0..=5 => Ok(Self(level)),
            _ => Err(Error::Usage(
                "a debug level is a number from 0 (error) to 5 (detail)",
            )),
        }
    }

    /// The level as a number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// A debug message as it was heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DebugMessage {
    channel: String,
    message: String,
    level: Option<u8>,
    sender: Sender,
}

impl DebugMessage {
    /// The component that the channel belongs to.
    #[must_use]
    pub fn component(&self) -> &str {
        let name = self.channel.strip_prefix("channel.debug.");
        name.unwrap_or_default()
    }

    /// What it says.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How much it matters, if it says so: 0 to 5 from well-behaved senders.
    #[must_use]
    pub fn level(&self) -> Option<u8> {
        self.level
    }

    /// Who sent it, as it says itself.
    #[must_use]
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.channel.len() + self.message.len()
    }

    pub(super) fn set(&mut self, channel: &str, debug: &Envelope<'_>) {
        set(&mut self.channel, Some(channel));
        set(&mut self.message, Some(debug.message));
        self.level = debug.level;
        self.sender.set(&debug.origin);
    }
}

impl Component {
    /// Sends a debug message if its level is within the bus's `debug_verbosity`; says whether
    /// it was sent. A text of more than 1023 bytes is cut and ends with `[TRUNC]`, as the
    /// original cuts it.
    ///
    /// # Errors
    /// What broke.
    pub fn debug(&mut self, level: Level, message: &str) -> Result<bool, Error> {
        if i64::from(level.0) > self.own.debug_verbosity {
            return Ok(false);
        }
        let channel = Key::debug(component_name(self.identity.component())?)?;
        let stamp = self.identity.stamp(super::timestamp());
        super::events::publish(&mut self.work, &channel, |w| {
            write_debug(w, message, level.0, channel.as_str(), &stamp);
            Ok(())
        })?;
        Ok(true)
    }

    /// The highest level of debug messages that are sent; what is above is dropped here. Below 0,
    /// none are sent.
    #[must_use]
    pub fn debug_verbosity(&self) -> i64 {
        self.own.debug_verbosity
    }

    /// Listens to the debug messages of one component or of all.
    ///
    /// # Errors
    /// As with [`subscribe_events`](Self::subscribe_events).
    pub fn subscribe_debug(&mut self, component: Option<&str>) -> Result<(), Error> {
        let component = component.map(component_name).transpose()?;
        self.subscribe(&Topic::Debug { component })
    }

    /// Ends [`subscribe_debug`](Self::subscribe_debug) with the same argument.
    ///
    /// # Errors
    /// What broke.
    pub fn unsubscribe_debug(&mut self, component: Option<&str>) -> Result<(), Error> {
        let component = component.map(component_name).transpose()?;
        self.unsubscribe(&Topic::Debug { component })
    }
}
