//! The connection on which commands and messages arrive.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use redis_ipc_core::key::Key;
use redis_ipc_core::serve::Serve;
use redis_ipc_core::session::Session;
use redis_ipc_core::subscription::Subscriptions;

use super::debug::DebugMessage;
use super::delivery::Durable;
use super::events::Event;
use super::job::Job;
use super::stop::Stop;
use super::watch::Watch;
use crate::connection::{Connection, Deadline, FOREVER, Next};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::options::Options;
use crate::socket::Readable;
use crate::storage::Growing;

/// How many subscriptions a component can have.
pub(super) const MAX_SUBSCRIPTIONS: usize = 64;

/// All that has to do with waiting: the connection, what is waited for, and what came.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) connection: Connection,
    /// With a server that speaks RESP2 only, what listens; there, a connection that subscribes
    /// can do nothing else.
    pub(super) listener: Option<Connection>,
    /// The connection that the fields below are set up on.
    pub(super) generation: u32,
    /// The run of the server that it goes to, if it tells, and what this one calls it.
    pub(super) run_id: Option<String>,
    pub(super) client_id: i64,
    /// Whether what an earlier line left has to be looked for.
    pub(super) to_resume: bool,
    pub(super) subscriptions: Box<Subscriptions<MAX_SUBSCRIPTIONS>>,
    pub(super) serve: Serve,
    /// The queues that are served, the most urgent first.
    pub(super) queues: Vec<Key>,
    /// Their names, where they are subqueues.
    pub(super) subqueues: Vec<Option<String>>,
    /// Where they are served at least once: what that takes.
    pub(super) durable: Option<Durable>,
    pub(super) watches: Vec<Watch>,
    /// How many of the watches the server knows of; they are told one after the other.
    pub(super) armed: usize,
    /// Whether the server tells once of each key that this line has asked for, rather than of all
    /// that begins with some prefix.
    pub(super) tracks_keys: bool,
    /// Whether that is out of the question: the server refuses what it takes.
    pub(super) tracks_prefixes_only: bool,
    pub(super) tick: Option<Tick>,
    pub(super) stop: Stop,
    /// What arrived while something else was waited for.
    pub(super) backlog: VecDeque<Pending>,
    /// Bytes of the messages in it.
    aside: usize,
    /// Whether the last look found nothing more to hand out.
    pub(super) drained: bool,
    /// How many messages were dropped because too much was set aside already.
    pub(super) overflowed: u64,
    pub(super) job: Job,
    pub(super) event: Event,
    pub(super) debug: DebugMessage,
}

/// Something that arrived and was not handed out yet.
#[derive(Debug)]
pub(super) enum Pending {
    Command(Box<Job>),
    Event(Event),
    Debug(DebugMessage),
}

/// A timer in the loop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tick {
    interval: Duration,
    next: Instant,
}

impl Tick {
    pub(crate) fn every(interval: Duration) -> Self {
        let interval = interval.min(FOREVER);
        Self {
            interval,
            next: Instant::now() + interval,
        }
    }

    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Whether it is time. Ticks that were missed come once, not all at once.
    pub(crate) fn is_due(&mut self) -> bool {
        let now = Instant::now();
        if now < self.next {
            return false;
        }
        self.next += self.interval;
        if self.next <= now {
            self.next = now + self.interval;
        }
        true
    }
}

impl Line {
    pub(super) fn closed(endpoint: &Endpoint, options: Options) -> Self {
        Self {
            connection: Connection::closed(endpoint, options),
            listener: None,
            generation: 0,
            run_id: None,
            client_id: 0,
            to_resume: false,
            subscriptions: Box::new(Subscriptions::new()),
            serve: Serve::new(),
            queues: Vec::new(),
            subqueues: Vec::new(),
            durable: None,
            watches: Vec::new(),
            armed: 0,
            tracks_keys: false,
            tracks_prefixes_only: false,
            tick: None,
            stop: Stop::new(),
            backlog: VecDeque::new(),
            aside: 0,
            drained: false,
            overflowed: 0,
            job: Job::default(),
            event: Event::default(),
            debug: DebugMessage::default(),
        }
    }

    /// The connection that hears what is published.
    pub(super) fn ears(&mut self) -> &mut Connection {
        self.listener.as_mut().unwrap_or(&mut self.connection)
    }

    /// Subscriptions and the session that they are on.
    pub(super) fn listening(
        &mut self,
    ) -> (&mut Subscriptions<MAX_SUBSCRIPTIONS>, &mut Session<Growing>) {
        let connection = self.listener.as_mut().unwrap_or(&mut self.connection);
        (&mut self.subscriptions, connection.session())
    }

    pub(super) fn disconnect(&mut self) {
        self.connection.disconnect();
        self.listener = None;
    }

    /// Waits for a message on either connection.
    pub(super) fn next(&mut self, until: Option<Deadline>) -> Result<(Side, Next), Error> {
        let next = self.await_next(until);
        self.drained = matches!(next, Ok((_, Next::Late | Next::Interrupted)));
        next
    }

    fn await_next(&mut self, until: Option<Deadline>) -> Result<(Side, Next), Error> {
        let Some(listener) = &mut self.listener else {
            return self.connection.next(until).map(|next| (Side::Pops, next));
        };
        loop {
            if let Some(incoming) = listener.next_now()? {
                return Ok((Side::Listens, Next::Message(incoming)));
            }
            if let Some(incoming) = self.connection.next_now()? {
                return Ok((Side::Pops, Next::Message(incoming)));
            }
            match Connection::either_readable(&self.connection, listener, until)? {
                Readable::Yes => {}
                Readable::Late => return Ok((Side::Pops, Next::Late)),
                Readable::Interrupted => return Ok((Side::Pops, Next::Interrupted)),
            }
        }
    }

    /// Sets aside what was just found, to be handed out later. Of messages that nobody takes up,
    /// no more are kept than one message may be long; commands are few and always kept.
    pub(super) fn set_aside(&mut self, found: Arrived) {
        let bytes = match found {
            Arrived::Command => 0,
            Arrived::Event => self.event.bytes(),
            Arrived::Debug => self.debug.bytes(),
        };
        if self.aside > 0 && self.aside + bytes > self.connection.options().message_limit {
            self.overflowed += 1;
            return;
        }
        let pending = match found {
            Arrived::Command => Pending::Command(Box::new(std::mem::take(&mut self.job))),
            Arrived::Event => Pending::Event(std::mem::take(&mut self.event)),
            Arrived::Debug => Pending::Debug(std::mem::take(&mut self.debug)),
        };
        self.aside += bytes;
        self.backlog.push_back(pending);
    }

    /// Takes up the oldest event that was set aside; says whether there is one.
    pub(super) fn take_up_event(&mut self) -> bool {
        let is_event = |pending: &Pending| matches!(pending, Pending::Event(_));
        let place = self.backlog.iter().position(is_event);
        match place.and_then(|place| self.backlog.remove(place)) {
            Some(pending) => self.hand_out(pending) == Arrived::Event,
            None => false,
        }
    }

    /// Takes the youngest command out of what was set aside.
    pub(super) fn take_last_command(&mut self) -> Option<Box<Job>> {
        let is_command = |pending: &Pending| matches!(pending, Pending::Command(_));
        let place = self.backlog.iter().rposition(is_command)?;
        match self.backlog.remove(place) {
            Some(Pending::Command(job)) => Some(job),
            _ => None,
        }
    }

    /// Takes up the oldest of what was set aside.
    pub(super) fn take_up(&mut self) -> Option<Arrived> {
        let pending = self.backlog.pop_front()?;
        Some(self.hand_out(pending))
    }

    fn hand_out(&mut self, pending: Pending) -> Arrived {
        match pending {
            Pending::Command(job) => {
                self.job = *job;
                Arrived::Command
            }
            Pending::Event(event) => {
                self.aside -= event.bytes();
                self.event = event;
                Arrived::Event
            }
            Pending::Debug(debug) => {
                self.aside -= debug.bytes();
                self.debug = debug;
                Arrived::Debug
            }
        }
    }
}

/// Where a message arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// On the connection that pops and, under RESP3, hears everything else.
    Pops,
    /// On one that does nothing but listen.
    Listens,
}

/// What arrived; the thing itself is in the line's `job`, `event` or `debug`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived {
    Command,
    Event,
    Debug,
}
