//! Noticing that the bus is gone, waiting for it, and being again what one was.

use std::time::{Duration, Instant};

use redis_ipc_core::key::Key;

use super::hash::write_set;
use super::outage::BusEvent;
use super::{Component, Limitation, component_name};
use crate::connection::{Connection, Deadline};
use crate::error::Error;

/// The longest sleep between two looks at whether somebody wants a stop.
const LONGEST_NAP: Duration = Duration::from_millis(100);

/// How long to wait before a status that was refused is written again.
const STATUS_PAUSE: Duration = Duration::from_millis(500);

impl Component {
    /// Notes that the bus failed. What it was asked for will be asked for again.
    pub(super) fn lost_bus(&mut self, error: &Error) {
        if error.is_disconnection() {
            // One connection is as suspect as the other: both may go to a server that is gone.
            self.line.disconnect();
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

    /// Waits until it is time for the next attempt, or until something else is to be done. Says
    /// whether it is time.
    pub(super) fn await_attempt(&mut self, until: Option<Deadline>) -> bool {
        let now = Instant::now();
        let attempt = self.outage.next_attempt();
        if attempt <= now {
            return true;
        }
        let wake = until.map_or(attempt, |until| until.at.min(attempt));
        let nap = wake.saturating_duration_since(now).min(LONGEST_NAP);
        std::thread::sleep(nap);
        false
    }

    /// Notes that everything is as it should be.
    pub(super) fn bus_is_well(&mut self) {
        if !self.outage.is_over() {
            if let Some(after) = self.outage.ended() {
                self.news.push_back(BusEvent::Reconnected { after });
            }
        }
        if std::mem::take(&mut self.restarted) {
            self.news.push_back(BusEvent::ServerRestarted);
        }
    }

    /// Connects the line if need be, and makes a new connection what the old one was.
    pub(super) fn connect_line(&mut self) -> Result<(), Error> {
        self.line.connection.ensure_connected()?;
        if self.line.generation == self.line.connection.generation() {
            return self.resume();
        }
        let line = &mut self.line;
        let run_id = line.connection.run_id()?;
        let before = (line.run_id == run_id).then_some(line.client_id);
        line.run_id = run_id;
        line.client_id = line.connection.server().client_id();
        line.serve.reset();
        line.subscriptions.reset();
        line.listener = None;
        line.armed = 0;
        if line.connection.server().protocol() < 3 {
            self.connect_listener()?;
        }
        let (subscriptions, session) = self.line.listening();
        subscriptions.resubscribe(session)?;
        let deadline = Deadline::after(self.work.options().reply_limit);
        self.line.ears().flush(deadline)?;
        self.line.generation = self.line.connection.generation();
        self.line.to_resume = true;
        self.agree()?;
        self.end_former_line(before)?;
        self.resume()
    }

    /// Looks for what an earlier line left, once.
    fn resume(&mut self) -> Result<(), Error> {
        if self.line.to_resume {
            self.resume_delivery()?;
            self.line.to_resume = false;
        }
        Ok(())
    }

    /// A server may not have noticed that the former line is gone, and go on popping for it: what
    /// that takes would be lost, or be found by nobody.
    fn end_former_line(&mut self, client_id: Option<i64>) -> Result<(), Error> {
        let Some(id) = client_id.filter(|id| *id > 0 && !self.line.queues.is_empty()) else {
            return Ok(());
        };
        let id = id.to_string();
        match self.work.command(&["CLIENT", "KILL", "ID", &id]) {
            // It may be forbidden; then the server has to notice by itself.
            Err(Error::Server(_)) => Ok(()),
            ended => ended.map(drop),
        }
    }

    /// Under RESP2 a connection that listens can do nothing else.
    fn connect_listener(&mut self) -> Result<(), Error> {
        self.lose(Limitation::Resp3);
        let options = self.line.connection.options().clone();
        let endpoint = self.line.connection.endpoint().clone();
        let mut listener = Connection::open_with(&endpoint, options)?;
        listener.session().set_resp2_listener(true);
        self.line.listener = Some(listener);
        Ok(())
    }

    /// Has both connections go to the same server: a socket may have been replaced by another
    /// server's while one of them lived on with the old one.
    fn agree(&mut self) -> Result<(), Error> {
        self.know_server()?;
        if self.line.run_id != self.run_id {
            self.work.disconnect();
            self.know_server()?;
        }
        Ok(())
    }

    /// Looks at whom the connection for work goes to, if it is a new one. A server that is not
    /// the one that was known is told what this component has to tell.
    pub(super) fn know_server(&mut self) -> Result<(), Error> {
        self.work.ensure_connected()?;
        while self.work_generation != self.work.generation() {
            let generation = self.work.generation();
            let run_id = self.work.run_id()?;
            // The question itself may have been put on yet another connection.
            if generation != self.work.generation() {
                continue;
            }
            self.work_generation = generation;
            let first = self.run_id.is_none();
            if run_id.is_some() && run_id != self.run_id {
                self.run_id = run_id;
                if !first {
                    self.server_changed();
                }
            }
        }
        if self.unrestored {
            self.restore()?;
        }
        if self.status_due.is_some_and(|due| due <= Instant::now()) {
            self.write_own_status()?;
        }
        Ok(())
    }

    /// The server has forgotten everything.
    fn server_changed(&mut self) {
        self.restarted = true;
        self.unrestored = true;
        if self.line.run_id != self.run_id && self.line.connection.is_connected() {
            if self.line.serve.asked() {
                self.counters.pops_unknown += 1;
            }
            self.line.disconnect();
        }
    }

    /// Tells a server that has forgotten everything what it has to know. If that fails halfway it
    /// is done again.
    fn restore(&mut self) -> Result<(), Error> {
        self.add_notifications("Kh")?;
        self.read_own_settings()?;
        self.write_own_status()?;
        self.unrestored = false;
        Ok(())
    }

    /// Writes the own status again; later, if the server takes no writes now: what it can do, it
    /// is to do meanwhile.
    fn write_own_status(&mut self) -> Result<(), Error> {
        self.status_due = None;
        let fields = self.own_status.fields();
        if fields.is_empty() {
            return Ok(());
        }
        let key = Key::status(component_name(self.identity.component())?)?;
        let written = self.work.ask_again(|w| write_set(w, &key, fields));
        match written {
            Err(Error::Server(refused)) if refused.is_temporary() => {
                self.status_due = Some(Instant::now() + STATUS_PAUSE);
                Ok(())
            }
            written => written.map(drop),
        }
    }
}
