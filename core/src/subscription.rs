//! Subscriptions: patterns on one session, each message delivered once.
//!
//! The server sends a message once for every pattern that matches its channel. Of those copies
//! the one counts that came by the first confirmed pattern which
//! [covers](crate::topic::Pattern::covers) the channel; that rule needs no memory of messages, and a
//! copy that only the glob matched is never the one that counts.

use heapless::Vec;

use crate::resp::{Elements, Reply, request};
use crate::session::{Incoming, Sequence, Session, Storage};
use crate::topic::Pattern;
use crate::write::TooLong;

/// The patterns that a session listens to, at most `N`.
#[derive(Debug, Default)]
pub struct Subscriptions<const N: usize> {
    entries: Vec<Entry, N>,
}

#[derive(Debug)]
struct Entry {
    pattern: Pattern,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not asked for on this line yet.
    Wanted,
    Asked(Sequence),
    Confirmed,
    /// Asked to be let go; messages may still come.
    Leaving(Sequence),
}

/// Why a topic cannot be subscribed to or let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// All places are taken.
    Full {
        /// How many there are.
        places: usize,
    },
    /// The outbox has no room.
    TooLong(TooLong),
}

impl From<TooLong> for SubscribeError {
    fn from(error: TooLong) -> Self {
        Self::TooLong(error)
    }
}

impl core::fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Full { places } => write!(f, "all {places} subscriptions are taken"),
            Self::TooLong(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SubscribeError {}

/// What a message was to the one who listens.
#[derive(Debug)]
pub enum Heard<'s> {
    /// Not for this machine, or a copy of something that is delivered by another pattern.
    Nothing,
    /// A message.
    Message {
        /// Where it was published.
        channel: &'s str,
        /// What was published, to be read in place.
        message: &'s mut [u8],
    },
    /// The server confirmed a subscription; what is published from now on is heard.
    Subscribed,
    /// The server confirmed the end of a subscription.
    Unsubscribed,
    /// The server refused a subscription; it is dropped.
    Refused(crate::resp::ErrorReply<'s>),
}

impl<const N: usize> Subscriptions<N> {
    /// Listens to nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// Whether nothing is listened to, nor asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the server has confirmed everything that was asked for.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.entries.iter().all(|e| e.state == State::Confirmed)
    }

    /// Asks for a pattern; one that is there already is not asked for again.
    ///
    /// # Errors
    /// [`SubscribeError`]; what was there before stays.
    pub fn subscribe<S: Storage>(
        &mut self,
        session: &mut Session<S>,
        pattern: Pattern,
    ) -> Result<(), SubscribeError> {
        if let Some(entry) = self.find(pattern.glob().as_bytes()) {
            if !matches!(entry.state, State::Leaving(_)) {
                return Ok(());
            }
            entry.state = State::Asked(ask(session, b"PSUBSCRIBE", &entry.pattern)?);
            return Ok(());
        }
        if self.entries.is_full() {
            return Err(SubscribeError::Full { places: N });
        }
        let state = State::Asked(ask(session, b"PSUBSCRIBE", &pattern)?);
        let _ = self.entries.push(Entry { pattern, state });
        Ok(())
    }

    /// Lets go of a pattern; of one that is not there, it is nothing to do.
    ///
    /// # Errors
    /// [`SubscribeError::TooLong`] if the outbox has no room.
    pub fn unsubscribe<S: Storage>(
        &mut self,
        session: &mut Session<S>,
        pattern: &Pattern,
    ) -> Result<(), SubscribeError> {
        let Some(entry) = self.find(pattern.glob().as_bytes()) else {
            return Ok(());
        };
        entry.state = State::Leaving(ask(session, b"PUNSUBSCRIBE", &entry.pattern)?);
        Ok(())
    }

    /// The line is a new one: nothing is subscribed to on it yet. Follow with
    /// [`resubscribe`](Self::resubscribe) once it is ready.
    pub fn reset(&mut self) {
        self.entries
            .retain(|entry| !matches!(entry.state, State::Leaving(_)));
        for entry in &mut self.entries {
            entry.state = State::Wanted;
        }
    }

    /// Asks for all patterns that this line does not have yet.
    ///
    /// # Errors
    /// [`SubscribeError::TooLong`] if the outbox has no room; those before have been asked for.
    pub fn resubscribe<S: Storage>(
        &mut self,
        session: &mut Session<S>,
    ) -> Result<(), SubscribeError> {
        for entry in &mut self.entries {
            if entry.state == State::Wanted {
                entry.state = State::Asked(ask(session, b"PSUBSCRIBE", &entry.pattern)?);
            }
        }
        Ok(())
    }

    /// Looks at what the session found.
    pub fn handle<'s, S: Storage>(
        &mut self,
        session: &'s mut Session<S>,
        incoming: Incoming,
    ) -> Heard<'s> {
        match incoming {
            Incoming::Push => self.pushed(session),
            Incoming::Reply(of) => self.replied(session, of),
            Incoming::TooLong { .. } => Heard::Nothing,
        }
    }

    fn find(&mut self, glob: &[u8]) -> Option<&mut Entry> {
        self.entries
            .iter_mut()
            .find(|entry| entry.pattern.glob().as_bytes() == glob)
    }

    fn replied<'s, S: Storage>(&mut self, session: &'s Session<S>, of: Sequence) -> Heard<'s> {
        let place = self.entries.iter().position(
            |entry| matches!(entry.state, State::Asked(s) | State::Leaving(s) if s == of),
        );
        let Some(place) = place else {
            return Heard::Nothing;
        };
        let leaving = self
            .entries
            .get(place)
            .is_some_and(|entry| matches!(entry.state, State::Leaving(_)));
        if let Reply::Error(error) = session.frame() {
            self.entries.remove(place);
            return Heard::Refused(error);
        }
        if leaving {
            self.entries.remove(place);
            return Heard::Unsubscribed;
        }
        if let Some(entry) = self.entries.get_mut(place) {
            entry.state = State::Confirmed;
        }
        Heard::Subscribed
    }

    fn pushed<'s, S: Storage>(&mut self, session: &'s mut Session<S>) -> Heard<'s> {
        let Some(copy) = Copy::of(session.frame()) else {
            return Heard::Nothing;
        };
        if !self.counts(&copy) {
            return Heard::Nothing;
        }
        let (channel, message) = (copy.channel.len(), copy.message.len());
        // channel CR LF $ digits CR LF message: both lie in the last bytes of the frame.
        let between = 2 + 1 + crate::write::decimal::count(message as u64) + 2;
        let tail = session.last_bulk_mut(channel + between + message);
        let Some((channel, rest)) = tail.split_at_mut_checked(channel) else {
            return Heard::Nothing;
        };
        match (core::str::from_utf8(channel), rest.get_mut(between..)) {
            (Ok(channel), Some(message)) => Heard::Message { channel, message },
            _ => Heard::Nothing,
        }
    }

    /// Whether this copy is the one by which the message is delivered.
    fn counts(&self, copy: &Copy<'_>) -> bool {
        let Ok(channel) = core::str::from_utf8(copy.channel) else {
            return false;
        };
        self.entries
            .iter()
            .filter(|entry| matches!(entry.state, State::Confirmed | State::Leaving(_)))
            .find(|entry| entry.pattern.covers(channel))
            .is_some_and(|entry| entry.pattern.glob().as_bytes() == copy.glob)
    }
}

/// One of the copies of a message: `pmessage pattern channel message`.
struct Copy<'s> {
    glob: &'s [u8],
    channel: &'s [u8],
    message: &'s [u8],
}

impl<'s> Copy<'s> {
    fn of(frame: Reply<'s>) -> Option<Self> {
        let mut parts: Elements<'s> = frame.elements()?;
        if parts.next()?.bytes()? != b"pmessage" {
            return None;
        }
        Some(Self {
            glob: parts.next()?.bytes()?,
            channel: parts.next()?.bytes()?,
            message: parts.next()?.bytes()?,
        })
    }
}

fn ask<S: Storage>(
    session: &mut Session<S>,
    command: &[u8],
    pattern: &Pattern,
) -> Result<Sequence, TooLong> {
    session.request(|w| {
        request::command(w, &[command, pattern.glob().as_bytes()]);
        Ok(())
    })
}
