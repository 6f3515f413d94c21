//! The loop's one step: wait for whatever comes next.

use std::time::{Duration, Instant};

#[allow(unused_imports, reason = "for the documentation")]
use super::Counters;
use super::line::{Arrived, Side, Tick};
use super::quiet::TookIn;
use super::watch::Watched;
use super::{BusEvent, Command, Component, DebugMessage, Event, Stop};
use crate::connection::{Deadline, Next};
use crate::error::Error;

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
    /// Somebody asked for a stop. Nothing is in flight any more: what was popped and not handed
    /// out is back in its queue.
    Stop,
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
    /// Without a time-out it waits for ever. A server that accepts connections and then stands
    /// still may take the [connect limit](crate::Options::connect_limit) more.
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
        self.know_server()?;
        self.connect_line()?;
        if let Some(trial) = self.outage.trial() {
            let found = self.stand_trial(trial, until)?;
            let late = found == TookIn::Nothing && is_late();
            return Ok(late.then_some(Found::Nothing));
        }
        self.bus_is_well();
        if !self.news.is_empty() || !self.line.backlog.is_empty() {
            return Ok(None);
        }
        self.ask_for_command()?;
        let (side, next) = self.line_next(until)?;
        match next {
            Next::Message(incoming) => Ok(self.sort(side, incoming)?.map(Found::Arrived)),
            Next::Late if is_late() => Ok(Some(Found::Nothing)),
            Next::Late | Next::Interrupted => Ok(None),
        }
    }

    /// Asks a server for a command that had refused to give one. It works again if it gives one,
    /// or lets us wait.
    fn stand_trial(&mut self, trial: Instant, until: Option<Deadline>) -> Result<TookIn, Error> {
        self.ask_for_command()?;
        let (side, next) = self.line_next(earlier(until, Some(trial)))?;
        match next {
            Next::Message(incoming) => {
                let Some(arrived) = self.sort(side, incoming)? else {
                    return Ok(TookIn::Something);
                };
                self.line.set_aside(arrived);
                if arrived == Arrived::Command {
                    self.bus_is_well();
                }
                Ok(TookIn::Something)
            }
            Next::Late if Instant::now() >= trial => {
                self.bus_is_well();
                Ok(TookIn::Something)
            }
            Next::Late => Ok(TookIn::Nothing),
            Next::Interrupted => Ok(TookIn::Something),
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

    fn ask_for_command(&mut self) -> Result<(), Error> {
        let line = &mut self.line;
        line.ask()?;
        let deadline = Deadline::after(line.connection.options().reply_limit);
        line.connection.flush(deadline)
    }

    pub(super) fn line_next(&mut self, until: Option<Deadline>) -> Result<(Side, Next), Error> {
        self.line.next(until).inspect_err(|_| {
            if self.line.serve.asked() {
                self.counters.pops_unknown += 1;
                self.line.serve.reset();
            }
        })
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
