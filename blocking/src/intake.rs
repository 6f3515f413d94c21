//! A loop's one step, for servers of queues: wait for whatever comes next on one connection.
//!
//! Messages are popped from queues and heard on one channel. They arrive on a connection of their
//! own (a request behind a pop that waits would wait too); everything else goes over the other
//! one, which the owner hands in. A connection that breaks is made anew until it holds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use redis_ipc_core::key::Key;
use redis_ipc_core::resp::{Reply, request};
use redis_ipc_core::serve::{Pop, Serve, Then, Turn};
use redis_ipc_core::session::Incoming;
use redis_ipc_core::write::{TooLong, Writer};

use crate::component::line::Tick;
use crate::component::outage::Outage;
use crate::component::{BusEvent, Stop};
use crate::connection::{Connection, Deadline, Next};
use crate::endpoint::Endpoint;
use crate::error::{Error, Outcome, ServerError};
use crate::options::Options;

/// The longest sleep between two attempts to connect, so that a stop is noticed.
const LONGEST_NAP: Duration = Duration::from_millis(100);

/// How long to wait for a pop to end before asking again.
const UNBLOCK_PATIENCE: Duration = Duration::from_millis(20);

/// How long a pop waits where nothing can end it before its time.
const SHORT_POP_SECONDS: u8 = 1;

/// Something to do.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// A message, in [`Intake::message`].
    Message(Origin),
    /// A message that the connection's buffer cannot hold; it is off its queue and gone.
    TooLong(TooLong),
    /// The timer.
    Tick,
    /// The connection broke, or is there again.
    Bus(BusEvent),
    /// Nothing, but it is time to look around.
    Look,
    /// Somebody asked for a stop; nothing is in flight any more.
    Stop,
}

/// Where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The queue with this number.
    Queue(usize),
    /// The channel.
    Channel,
}

#[derive(Debug)]
pub(crate) struct Intake {
    line: Connection,
    /// The connection that is set up.
    generation: u32,
    /// The run of the server that it goes to, and the work's connection on which that was asked.
    run: (Option<String>, u32),
    serve: Serve,
    queues: Vec<Key>,
    channel: Option<Key>,
    outage: Outage,
    news: VecDeque<BusEvent>,
    backlog: VecDeque<(Origin, Vec<u8>)>,
    /// The message at hand.
    pub(crate) message: Vec<u8>,
    pub(crate) tick: Option<Tick>,
    pub(crate) stop: Stop,
    /// Whether a pop can be ended before its time.
    may_unblock: bool,
    /// Whether the message at hand is the last one.
    pub(crate) last: bool,
    /// Pops of which nobody knows whether they took something.
    pub(crate) pops_unknown: u64,
    /// Answers that could not be delivered.
    pub(crate) answers_lost: u64,
}

impl Intake {
    pub(crate) fn new(
        endpoint: &Endpoint,
        options: Options,
        queues: Vec<Key>,
        channel: Option<Key>,
    ) -> Self {
        Self {
            line: Connection::closed(endpoint, options),
            generation: 0,
            run: (None, 0),
            serve: Serve::new(),
            queues,
            channel,
            outage: Outage::none(endpoint),
            news: VecDeque::new(),
            backlog: VecDeque::new(),
            message: Vec::new(),
            tick: None,
            stop: Stop::new(),
            may_unblock: true,
            last: false,
            pops_unknown: 0,
            answers_lost: 0,
        }
    }

    /// Whether the server can be reached, as far as that was noticed.
    pub(crate) fn is_well(&self) -> bool {
        self.outage.is_over()
    }

    /// Connects and listens; messages on the channel are heard from now on.
    pub(crate) fn open(&mut self, work: &mut Connection) -> Result<(), Error> {
        self.connect(work)
    }

    /// Waits for the next thing to do, until `wake` at the latest.
    pub(crate) fn next(&mut self, work: &mut Connection, wake: Instant) -> Result<Arrival, Error> {
        loop {
            match self.step(work, wake) {
                Ok(Some(arrival)) => return Ok(arrival),
                Ok(None) => {}
                Err(error) if error.is_temporary() => self.lost(&error),
                Err(error) => return Err(error),
            }
        }
    }

    fn step(&mut self, work: &mut Connection, wake: Instant) -> Result<Option<Arrival>, Error> {
        if self.stop.is_requested() {
            return self.wind_down(work).map(|()| Some(Arrival::Stop));
        }
        if let Some(event) = self.news.pop_front() {
            return Ok(Some(Arrival::Bus(event)));
        }
        if let Some((origin, message)) = self.backlog.pop_front() {
            self.message = message;
            return Ok(Some(Arrival::Message(origin)));
        }
        if self.tick.as_mut().is_some_and(Tick::is_due) {
            return Ok(Some(Arrival::Tick));
        }
        let wake = self.tick.map_or(wake, |tick| tick.next().min(wake));
        if !self.outage.is_over() && !self.is_time_to_try(wake) {
            return Ok(Some(Arrival::Look));
        }
        self.connect(work)?;
        self.ask()?;
        if let Some(trial) = self.outage.trial().filter(|trial| Instant::now() < *trial) {
            // It had refused to work: it is well once it lets the pop wait.
            return self.wait(wake.min(trial));
        }
        if let Some(after) = self.recovered() {
            return Ok(Some(Arrival::Bus(BusEvent::Reconnected { after })));
        }
        self.wait(wake)
    }

    /// Waits on the line.
    fn wait(&mut self, wake: Instant) -> Result<Option<Arrival>, Error> {
        let until = Deadline {
            at: wake,
            limit: Duration::ZERO,
        };
        let next = self.line.next(Some(until)).inspect_err(|_| {
            if self.serve.asked() {
                self.pops_unknown += 1;
                self.serve.reset();
            }
        })?;
        match next {
            Next::Message(incoming) => self.sort(incoming),
            Next::Late | Next::Interrupted => Ok(Some(Arrival::Look)),
        }
    }

    fn recovered(&mut self) -> Option<Duration> {
        if self.outage.is_over() {
            return None;
        }
        self.outage.ended()
    }

    /// Waits for the next attempt to connect, or for something else to do; says which.
    fn is_time_to_try(&mut self, wake: Instant) -> bool {
        let now = Instant::now();
        let attempt = self.outage.next_attempt();
        if attempt <= now {
            return true;
        }
        let nap = attempt.min(wake).saturating_duration_since(now);
        std::thread::sleep(nap.min(LONGEST_NAP));
        false
    }

    /// Notes that the server cannot be reached, or refuses to work for now.
    pub(crate) fn lost(&mut self, error: &Error) {
        if error.is_disconnection() {
            self.line.disconnect();
            self.serve.reset();
        }
        if !self.outage.failed(error) {
            return;
        }
        let why = error.to_string();
        self.news.push_back(if error.is_disconnection() {
            BusEvent::Disconnected { why }
        } else {
            BusEvent::Refused { why }
        });
    }

    /// Connects if need be. Both connections are to go to the same server: a socket may have
    /// been replaced by another server's while one of them lived on with the old one.
    fn connect(&mut self, work: &mut Connection) -> Result<(), Error> {
        self.line.ensure_connected()?;
        if self.generation != self.line.generation() {
            self.set_up()?;
            work.disconnect();
            let run = self.line.run_id()?;
            self.try_unblocking(work)?;
            self.run = (run, work.generation());
            self.listen()?;
            self.generation = self.line.generation();
            return Ok(());
        }
        if work.generation() != self.run.1 {
            let run = work.run_id()?;
            self.run.1 = work.generation();
            if run.is_some() && run != self.run.0 {
                self.line.disconnect();
            }
        }
        Ok(())
    }

    fn set_up(&mut self) -> Result<(), Error> {
        self.serve.reset();
        if self.channel.is_some() && self.line.server().protocol() < 3 {
            return Err(Error::Usage(
                "a worker needs a server that speaks RESP3: Redis 6.2, Valkey 7.2 or later",
            ));
        }
        Ok(())
    }

    /// Finds out whether a pop can be ended before its time; where it cannot, pops are short.
    fn try_unblocking(&mut self, work: &mut Connection) -> Result<(), Error> {
        // There is no client 0.
        match work.command(&["CLIENT", "UNBLOCK", "0"]).map(drop) {
            Err(Error::Server(refused)) if !refused.is_temporary() => {
                self.may_unblock = false;
                self.serve.set_patience(SHORT_POP_SECONDS);
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn listen(&mut self) -> Result<(), Error> {
        let Some(channel) = &self.channel else {
            return Ok(());
        };
        let deadline = Deadline::after(self.line.options().reply_limit);
        let request = self.line.send(1, deadline, |w| {
            request::command(w, &[b"SUBSCRIBE", channel.as_bytes()]);
            Ok::<(), TooLong>(())
        })?;
        self.line.reply(request, deadline).map(drop)
    }

    /// Asks for the next message, if that was not done yet.
    fn ask(&mut self) -> Result<(), Error> {
        if !self.serve.asked() {
            self.serve.ask(self.line.session(), &self.queues)?;
        }
        let deadline = Deadline::after(self.line.options().reply_limit);
        self.line.flush(deadline)
    }

    /// Finds out what came.
    fn sort(&mut self, incoming: Incoming) -> Result<Option<Arrival>, Error> {
        let session = self.line.session();
        match self.serve.handle(session, incoming, &self.queues) {
            Turn::Item { queue, message } => {
                self.message.clear();
                self.message.extend_from_slice(message);
                Ok(Some(Arrival::Message(Origin::Queue(queue))))
            }
            Turn::ItemTooLong(sizes) => Ok(Some(Arrival::TooLong(sizes))),
            Turn::PopRefused(error) => Err(ServerError::new(&error).into()),
            Turn::ResultRefused(_) => {
                self.answers_lost += 1;
                Ok(None)
            }
            Turn::OutOfStep => Err(Error::unexpected_reply("BLPOP", &session.frame())),
            Turn::Foreign => Ok(self.hear(incoming)),
            _ => Ok(None),
        }
    }

    /// Takes up a published message.
    fn hear(&mut self, incoming: Incoming) -> Option<Arrival> {
        match incoming {
            Incoming::Push => {}
            Incoming::TooLong { of: None, error } => return Some(Arrival::TooLong(error)),
            _ => return None,
        }
        let Reply::Push(mut parts) = self.line.session().frame() else {
            return None;
        };
        if parts.next()?.bytes()? != b"message" {
            return None;
        }
        let message = parts.nth(1)?.bytes()?;
        self.message.clear();
        self.message.extend_from_slice(message);
        Some(Arrival::Message(Origin::Channel))
    }

    /// Pushes an answer to a queue that was made for it, and asks for the next message in the
    /// same write, where none is asked for yet. That the bus is gone is noted and no error: the
    /// loop will notice the same.
    pub(crate) fn answer(
        &mut self,
        work: &mut Connection,
        to: &Key,
        life: Duration,
        mut write: impl FnMut(&mut Writer<'_>),
    ) -> Result<(), Error> {
        let sent = if self.serve.asked() || !self.line.is_connected() {
            push(work, to, life, &mut write).map(drop)
        } else {
            self.answer_on_line(work, to, life, &mut write)
        };
        match sent {
            Err(error) if error.is_temporary() => {
                self.answers_lost += 1;
                self.lost(&error);
                Ok(())
            }
            sent => sent,
        }
    }

    fn answer_on_line(
        &mut self,
        work: &mut Connection,
        to: &Key,
        life: Duration,
        write: &mut impl FnMut(&mut Writer<'_>),
    ) -> Result<(), Error> {
        // Whoever stops wants no further message.
        let more = !self.stop.is_requested() && !self.last;
        let then = Then {
            life: Some(life),
            pop: more.then_some(Pop::Take(&self.queues)),
            ..Then::default()
        };
        self.serve.answer_then(self.line.session(), to, then, |w| {
            write(w);
            Ok::<(), TooLong>(())
        })?;
        let deadline = Deadline::after(self.line.options().reply_limit);
        match self.line.flush(deadline) {
            // Not a byte of it went out: the connection had died in the meantime.
            Err(error) if error.outcome() == Outcome::NotSent => {
                self.lost(&error);
                push(work, to, life, write).map(drop)
            }
            sent => sent,
        }
    }

    /// Ends the loop from within.
    pub(crate) fn end(&mut self, work: &mut Connection) -> Result<(), Error> {
        self.wind_down(work)
    }

    /// Ends the pop in flight without losing what it may have taken; that and what else was not
    /// handed out goes back to the head of its queue.
    fn wind_down(&mut self, work: &mut Connection) -> Result<(), Error> {
        match self.leave_nothing(work) {
            Err(error) if error.is_disconnection() => Ok(()),
            outcome => outcome,
        }
    }

    fn leave_nothing(&mut self, work: &mut Connection) -> Result<(), Error> {
        let limit = Deadline::after(work.options().reply_limit);
        while self.serve.asked() && self.line.is_connected() {
            if self.may_unblock {
                let id = self.line.server().client_id().to_string();
                work.command(&["CLIENT", "UNBLOCK", &id])?;
            }
            let patience = Deadline::after(UNBLOCK_PATIENCE);
            while self.serve.asked() && self.take_in(patience)? {}
            if Instant::now() >= limit.at {
                return Err(Error::Usage("the server does not end a blocked pop"));
            }
        }
        while self.line.is_connected()
            && self.line.session().outstanding() > 0
            && self.take_in(limit)?
        {}
        while let Some((origin, message)) = self.backlog.pop_back() {
            if let Origin::Queue(queue) = origin {
                if let Some(key) = self.queues.get(queue) {
                    work.lpush(key, &message)?;
                }
            }
        }
        Ok(())
    }

    /// Takes in one message and sets it aside; says whether there was something.
    fn take_in(&mut self, until: Deadline) -> Result<bool, Error> {
        match self.line.next(Some(until))? {
            Next::Message(incoming) => {
                if let Some(Arrival::Message(origin)) = self.sort(incoming)? {
                    let message = std::mem::take(&mut self.message);
                    self.backlog.push_back((origin, message));
                }
                Ok(true)
            }
            Next::Interrupted => Ok(true),
            Next::Late => Ok(false),
        }
    }
}

/// Pushes a message to a queue that is to expire; returns how many wait there.
pub(crate) fn push(
    connection: &mut Connection,
    to: &Key,
    life: Duration,
    mut write: impl FnMut(&mut Writer<'_>),
) -> Result<u64, Error> {
    let deadline = connection.deadline(connection.options().reply_limit);
    let push = connection.send(2, deadline, |w| {
        request::array(w, 3);
        request::bulk(w, b"RPUSH");
        request::bulk(w, to.as_bytes());
        request::bulk_with(w, &mut write);
        request::expire(w, to.as_bytes(), life);
        Ok::<(), TooLong>(())
    })?;
    let waiting = connection.reply(push, deadline)?.integer();
    connection.reply(push.after(1), deadline)?;
    Ok(waiting.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}
