//! The loop's one step: wait for whatever comes next.

use std::time::{Duration, Instant};

use redis_ipc_core::dialect::redis_ipc::{read_command, read_debug, read_event};
use redis_ipc_core::key::Key;
use redis_ipc_core::resp::{Reply, request};
use redis_ipc_core::serve::Turn as Served;
use redis_ipc_core::session::Incoming;
use redis_ipc_core::subscription::Heard;
use redis_ipc_core::topic::Topic;
use redis_ipc_core::write::TooLong;

#[allow(unused_imports, reason = "for the documentation")]
use super::Counters;
use super::line::{Arrived, Side, Tick};
use super::watch::{Watch, Watched};
use super::{BusEvent, Command, Component, DebugMessage, Event, Level, Stop};
use crate::connection::{Deadline, Next};
use crate::error::{Error, Outcome, ServerError};

/// How long results that nobody reads are kept.
const UNREAD_RESULTS: Duration = Duration::from_secs(300);

/// How long to wait for a pop to end before asking again: the server may have read the request
/// to end it before the pop itself.
const UNBLOCK_PATIENCE: Duration = Duration::from_millis(20);

/// Something to do.
#[derive(Debug)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "the large variant is the usual one, and lives for one turn"
)]
pub enum Turn<'c> {
    /// A command to be answered.
    Command(Command<'c>),
    /// An event.
    Event(&'c Event),
    /// A debug message.
    Debug(&'c DebugMessage),
    /// The present state of a watched hash.
    Changed(&'c Watched),
    /// The bus went away or came back. Nothing needs to be done about it.
    Bus(BusEvent),
    /// The timer.
    Tick,
    /// Somebody asked for a stop. Nothing is in flight any more, and the next turn would take up
    /// work again.
    Stop,
}

/// Whether a wait brought anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TookIn {
    Something,
    Nothing,
}

/// What a step found.
enum Found {
    Arrived(Arrived),
    Changed(usize),
    Bus(BusEvent),
    Tick,
    Stop,
    /// The time-out.
    Nothing,
}

impl Component {
    /// Waits for the next thing to do: a command of a queue that is [served](Self::serve), an
    /// event or debug message that was subscribed to, a change of a watched hash, the
    /// [timer](Self::set_tick). `None` says that `timeout` passed; nothing is lost by that.
    /// Without a time-out it waits for ever.
    ///
    /// A bus that goes away comes back by itself: it is connected to again and again, with waits
    /// that grow, and everything is taken up as it was. [`Turn::Bus`] tells of it. A command may
    /// have been popped by a request whose reply never came; [`Counters::pops_unknown`] counts
    /// those.
    ///
    /// # Errors
    /// What does not pass by itself: a wrong password, a missing permission.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Turn<'_>>, Error> {
        Ok(match self.find(timeout)? {
            Found::Nothing => None,
            Found::Stop => Some(Turn::Stop),
            Found::Tick => Some(Turn::Tick),
            Found::Bus(event) => Some(Turn::Bus(event)),
            Found::Changed(watch) => self
                .line
                .watches
                .get(watch)
                .map(|w| Turn::Changed(w.state())),
            Found::Arrived(Arrived::Command) => Some(Turn::Command(Command::new(self))),
            Found::Arrived(Arrived::Event) => Some(Turn::Event(&self.line.event)),
            Found::Arrived(Arrived::Debug) => Some(Turn::Debug(&self.line.debug)),
        })
    }

    /// Has [`next`](Self::next) return [`Turn::Tick`] at this interval; a zero interval ends it.
    pub fn set_tick(&mut self, interval: Duration) {
        self.line.tick = (!interval.is_zero()).then(|| Tick::every(interval));
    }

    /// Has [`next`](Self::next) return [`Turn::Stop`] once `stop` is requested.
    pub fn set_stop(&mut self, stop: Stop) {
        self.line.stop = stop;
    }

    fn find(&mut self, timeout: Option<Duration>) -> Result<Found, Error> {
        let limit = timeout.map(Deadline::after);
        loop {
            match self.step(limit) {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(error) if error.is_temporary() => self.lost_bus(&error),
                Err(error) => return Err(error),
            }
        }
    }

    fn step(&mut self, limit: Option<Deadline>) -> Result<Option<Found>, Error> {
        if let Some(found) = self.due()? {
            return Ok(Some(found));
        }
        let until = earlier(limit, self.line.tick.map(|tick| tick.next()));
        let is_late = || limit.is_some_and(|limit| Instant::now() >= limit.at);
        if !self.outage.is_over() && !self.await_attempt(until) {
            return Ok(is_late().then_some(Found::Nothing));
        }
        if let Some(watch) = self.changed_watch()? {
            return Ok(Some(Found::Changed(watch)));
        }
        self.prepare_line()?;
        self.bus_is_well();
        if !self.news.is_empty() {
            return Ok(None);
        }
        let (side, next) = self.line_next(until)?;
        match next {
            Next::Message(incoming) => Ok(self.sort(side, incoming)?.map(Found::Arrived)),
            Next::Late if is_late() => Ok(Some(Found::Nothing)),
            Next::Late | Next::Interrupted => Ok(None),
        }
    }

    /// What there is to do without the server.
    fn due(&mut self) -> Result<Option<Found>, Error> {
        if self.line.stop.is_requested() {
            return self.wind_down().map(|()| Some(Found::Stop));
        }
        if let Some(event) = self.news.pop_front() {
            return Ok(Some(Found::Bus(event)));
        }
        if let Some(arrived) = self.line.take_up() {
            return Ok(Some(Found::Arrived(arrived)));
        }
        let tick = self.line.tick.as_mut();
        Ok(tick.is_some_and(Tick::is_due).then_some(Found::Tick))
    }

    /// Connects, subscribes to what is to be heard, asks for the next command: whatever of it
    /// is not done yet.
    fn prepare_line(&mut self) -> Result<(), Error> {
        self.know_server()?;
        self.connect_line()?;
        let line = &mut self.line;
        if !line.queues.is_empty() && !line.serve.asked() {
            line.serve.ask(line.connection.session(), &line.queues)?;
        }
        let deadline = Deadline::after(line.connection.options().reply_limit);
        line.connection.flush(deadline)
    }

    fn line_next(&mut self, until: Option<Deadline>) -> Result<(Side, Next), Error> {
        self.line.next(until).inspect_err(|_| {
            if self.line.serve.asked() {
                self.counters.pops_unknown += 1;
                self.line.serve.reset();
            }
        })
    }

    /// Finds out what a message is.
    fn sort(&mut self, side: Side, incoming: Incoming) -> Result<Option<Arrived>, Error> {
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
                line.job.remember(message);
                match read_command(message) {
                    Ok(command) => match Key::results_of_peer(command.results_queue) {
                        Some(results) => {
                            line.job.set(&command, results);
                            if let Some(key) = line.queues.get(queue) {
                                let subqueue = line.subqueues.get(queue).and_then(Option::as_deref);
                                line.job.came_from(key, subqueue);
                            }
                            return Ok(Some(Arrived::Command));
                        }
                        None => format!(
                            "dropped a command that wants its result in {:?}, which is no results queue",
                            command.results_queue
                        ),
                    },
                    Err(why) => format!("dropped a command: {why}"),
                }
            }
            Served::ItemTooLong(sizes) => format!("dropped a command: {sizes}"),
            Served::Delivered { waiting } => {
                return self.delivered(waiting).map(|()| None);
            }
            Served::ResultRefused(error) => {
                self.counters.results_dropped += 1;
                format!("a result was refused: {error}")
            }
            Served::PopRefused(error) => return Err(ServerError::new(&error).into()),
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
                self.invalidate(incoming);
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
    fn invalidate(&mut self, incoming: Incoming) {
        if incoming != Incoming::Push {
            return;
        }
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
                    for watch in &mut line.watches {
                        watch.invalidated(key.bytes().unwrap_or_default());
                    }
                }
            }
            _ => line.watches.iter_mut().for_each(Watch::spoil),
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

    /// Takes in one message, or what the wait for it comes to; a find is set aside.
    fn take_in(&mut self, until: Deadline) -> Result<TookIn, Error> {
        let (side, next) = self.line_next(Some(until))?;
        match next {
            Next::Message(incoming) => {
                if let Some(arrived) = self.sort(side, incoming)? {
                    self.line.set_aside(arrived);
                }
                Ok(TookIn::Something)
            }
            Next::Interrupted => Ok(TookIn::Something),
            Next::Late => Ok(TookIn::Nothing),
        }
    }

    /// Ends the pop in flight without losing what it may have taken, which is set aside.
    pub(super) fn end_pop(&mut self) -> Result<(), Error> {
        let limit = Deadline::after(self.work.options().reply_limit);
        while self.line.serve.asked() && self.line.connection.is_connected() {
            let id = self.line.connection.server().client_id().to_string();
            self.work.command(&["CLIENT", "UNBLOCK", &id])?;
            let patience = Deadline::after(UNBLOCK_PATIENCE);
            while self.line.serve.asked() && self.take_in(patience)? == TookIn::Something {}
            if Instant::now() >= limit.at {
                return Err(Error::Usage("the server does not end a blocked pop"));
            }
        }
        Ok(())
    }

    /// Leaves nothing in flight: commands that were popped and not handed out go back to the
    /// head of their queues, results are seen to arrive. Without a server there is nothing to be
    /// left.
    fn wind_down(&mut self) -> Result<(), Error> {
        match self.leave_nothing() {
            Err(error) if error.is_disconnection() => Ok(()),
            outcome => outcome,
        }
    }

    fn leave_nothing(&mut self) -> Result<(), Error> {
        self.end_pop()?;
        let deadline = Deadline::after(self.work.options().reply_limit);
        while self.line.connection.is_connected()
            && self.line.connection.session().outstanding() > 0
            && self.take_in(deadline)? == TookIn::Something
        {}
        while let Some(pending) = self.line.backlog.pop_back() {
            if let super::line::Pending::Command(job) = pending {
                self.put_back(*job)?;
            }
        }
        Ok(())
    }

    /// Subscribes and waits until the server has confirmed it.
    pub(super) fn subscribe(&mut self, topic: &Topic<'_>) -> Result<(), Error> {
        let pattern = topic.pattern()?;
        self.before_subscribing()?;
        let (subscriptions, session) = self.line.listening();
        subscriptions.subscribe(session, pattern)?;
        self.settle()
    }

    pub(super) fn unsubscribe(&mut self, topic: &Topic<'_>) -> Result<(), Error> {
        let pattern = topic.pattern()?;
        self.before_subscribing()?;
        let (subscriptions, session) = self.line.listening();
        subscriptions.unsubscribe(session, &pattern)?;
        self.settle()
    }

    /// Behind a pop that waits, a request would wait too.
    fn before_subscribing(&mut self) -> Result<(), Error> {
        if self.line.listener.is_none() {
            self.end_pop()?;
        }
        self.connect_line()
    }

    /// Waits until all subscriptions are confirmed; what else arrives is set aside.
    fn settle(&mut self) -> Result<(), Error> {
        let deadline = Deadline::after(self.work.options().reply_limit);
        self.line.ears().flush(deadline)?;
        while !self.line.subscriptions.is_settled() {
            if self.take_in(deadline)? == TookIn::Nothing {
                return Err(self.no_reply(deadline));
            }
        }
        Ok(())
    }

    /// Sends a request on the line, where no pop may be in flight, and waits for its reply; what
    /// else arrives is set aside.
    pub(super) fn ask_line(&mut self, parts: &[&[u8]]) -> Result<(), Error> {
        let deadline = Deadline::after(self.work.options().reply_limit);
        let connection = &mut self.line.connection;
        let request = connection.session().request(|w| {
            request::command(w, parts);
            Ok::<(), TooLong>(())
        })?;
        connection.flush(deadline)?;
        loop {
            let (side, next) = self.line_next(Some(deadline))?;
            match next {
                Next::Message(Incoming::Reply(of)) if side == Side::Pops && of == request => break,
                Next::Message(incoming) => {
                    if let Some(arrived) = self.sort(side, incoming)? {
                        self.line.set_aside(arrived);
                    }
                }
                Next::Interrupted => {}
                Next::Late => return Err(self.no_reply(deadline)),
            }
        }
        match self.line.connection.session().frame() {
            Reply::Error(error) => Err(ServerError::new(&error).into()),
            _ => Ok(()),
        }
    }

    fn no_reply(&mut self, deadline: Deadline) -> Error {
        self.line.disconnect();
        Error::TimedOut {
            outcome: Outcome::Unknown,
            limit: deadline.limit,
        }
    }

    /// The next event or debug message that is here already.
    pub(super) fn heard_now(&mut self) -> Result<Option<Arrived>, Error> {
        if !self.line.connection.is_connected() {
            return Ok(None);
        }
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

fn earlier(limit: Option<Deadline>, tick: Option<Instant>) -> Option<Deadline> {
    let tick = tick.map(|at| Deadline {
        at,
        limit: Duration::ZERO,
    });
    match (limit, tick) {
        (Some(limit), Some(tick)) if tick.at < limit.at => Some(tick),
        (None, tick) => tick,
        (limit, _) => limit,
    }
}
