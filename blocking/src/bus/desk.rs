//! A worker at work: its connections, its place on the bus, its log.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use log::Level;
use redis_ipc_core::dialect::redisbus::{
    LOG_LIFE, MESSAGE_LIFE, Place, RECORD_LIFE, RECORD_RENEWAL, stream_life, write_reply,
};
use redis_ipc_core::key::{Key, redisbus};
use redis_ipc_core::name::{Site, WorkerId, WorkerType};
use redis_ipc_core::resp::request;
use redis_ipc_core::write::TooLong;
use serde_json::Value;

use super::logs::{Logger, TARGET};
use super::record::Record;
use crate::connection::{Connection, Deadline};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::intake::{Intake, push};
use crate::options::Options;

/// Elements of a stream that may wait to be read before the worker waits for its reader.
const UNREAD: u64 = 1024;

/// How long a worker waits for a reader that does not read.
const READER_PATIENCE: Duration = Duration::from_secs(10);

/// How often it looks.
const READER_LOOK: Duration = Duration::from_millis(5);

/// What a worker had to drop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Messages that were none, too long, or said nobody to reply to.
    pub messages_dropped: u64,
    /// Replies that could not be pushed.
    pub replies_lost: u64,
    /// Pops of which nobody knows whether they took a message, because the connection broke.
    pub pops_unknown: u64,
}

/// A worker at work, as its handlers see it.
#[derive(Debug)]
pub struct Desk {
    pub(super) intake: Intake,
    pub(super) work: Connection,
    pub(super) record: Record,
    pub(super) path: PathBuf,
    pub(super) downloads: bool,
    pub(super) messages_dropped: u64,
    record_key: Key,
    log_key: Key,
    logger: Logger,
    started: Instant,
    renewed: Option<Instant>,
    /// The data of a reply while it is sent.
    pub(super) data: Vec<u8>,
    pub(super) active: bool,
}

/// The checked names of a worker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'n> {
    pub(super) site: Site<'n>,
    pub(super) worker_type: WorkerType<'n>,
    pub(super) id: WorkerId<'n>,
}

impl Desk {
    pub(super) fn open(
        endpoint: &Endpoint,
        options: Options,
        names: Names<'_>,
        record: Record,
        logger: Logger,
    ) -> Result<Self, Error> {
        let Names {
            site,
            worker_type,
            id,
        } = names;
        let options = options.name(&format!("{worker_type}.{id}"));
        let queues = vec![redisbus::direct(id)?, redisbus::group(site, worker_type)?];
        let channel = Some(redisbus::broadcast(site)?);
        let mut desk = Self {
            work: Connection::open_with(endpoint, options.clone())?,
            intake: Intake::new(endpoint, options, queues, channel),
            record,
            path: PathBuf::new(),
            downloads: false,
            messages_dropped: 0,
            record_key: redisbus::record(site, worker_type, id)?,
            log_key: redisbus::logs(worker_type, id)?,
            logger,
            started: Instant::now(),
            renewed: None,
            data: Vec::new(),
            active: true,
        };
        desk.intake.open(&mut desk.work)?;
        Ok(desk)
    }

    /// The worker's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.record.id
    }

    /// The worker's site.
    #[must_use]
    pub fn site(&self) -> &str {
        &self.record.site
    }

    /// The worker's type.
    #[must_use]
    pub fn worker_type(&self) -> &str {
        &self.record.worker
    }

    /// Who started the worker, if that is known.
    #[must_use]
    pub fn spawner(&self) -> Option<&str> {
        self.record.spawner.as_deref()
    }

    /// The worker's connection for everything but its messages.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.work
    }

    /// What was dropped so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            messages_dropped: self.messages_dropped,
            replies_lost: self.intake.answers_lost,
            pops_unknown: self.intake.pops_unknown,
        }
    }

    /// Has the worker's record tell something more; the next renewal shows it.
    pub fn tell(&mut self, name: &str, value: impl Into<Value>) {
        self.record.more.insert(name.to_owned(), value.into());
    }

    /// Ends the worker after the command at hand.
    pub fn stop(&mut self) {
        self.active = false;
        self.intake.last = true;
    }

    /// Whether the worker is to end, for a handler that takes long.
    #[must_use]
    pub fn stop_requested(&self) -> bool {
        !self.active || self.intake.stop.is_requested()
    }

    /// Writes an entry into the worker's log.
    pub fn log(&mut self, level: Level, message: &str) {
        log::log!(target: TARGET, level, "{}: {message}", self.record.id);
        self.logger.put(level, message.to_owned(), "worker", 0);
    }

    /// Renews the worker's record where that is due, and takes its log to the server: done by the
    /// loop between commands. A handler that takes longer than ten seconds is to do it now and
    /// then, or the worker passes for dead.
    ///
    /// # Errors
    /// What broke.
    pub fn keep_alive(&mut self) -> Result<(), Error> {
        self.keep_log()?;
        match self.renewed {
            Some(renewed) if renewed.elapsed() < RECORD_RENEWAL => Ok(()),
            _ => self.register(),
        }
    }

    /// When the record is to be renewed.
    pub(super) fn renewal(&self) -> Instant {
        self.renewed.unwrap_or(self.started) + RECORD_RENEWAL
    }

    /// Writes the worker's record and its entry in the list of all workers.
    pub(super) fn register(&mut self) -> Result<(), Error> {
        self.record.uptime = self.uptime();
        let text =
            serde_json::to_string(&self.record).map_err(|error| Error::Value(error.to_string()))?;
        let life = RECORD_LIFE.as_secs().to_string();
        let (key, log_key) = (self.record_key.as_bytes(), self.log_key.as_bytes());
        let id = self.record.id.as_bytes();
        let deadline = Deadline::after(self.work.options().reply_limit);
        let first = self.work.send(3, deadline, |w| {
            request::expire(w, log_key, LOG_LIFE);
            request::command(w, &[b"HSET", redisbus::WORKERS.as_bytes(), key, id]);
            request::command(w, &[b"SET", key, text.as_bytes(), b"EX", life.as_bytes()]);
            Ok::<(), TooLong>(())
        })?;
        self.renewed = Some(Instant::now());
        for request in 0..3 {
            self.work.reply(first.after(request), deadline)?;
        }
        Ok(())
    }

    /// Has the record written again when the loop comes round.
    pub(super) fn renew_soon(&mut self) {
        self.renewed = None;
    }

    /// Takes the log to the server.
    pub(super) fn keep_log(&mut self) -> Result<(), Error> {
        self.logger.flush(&mut self.work, &self.log_key)
    }

    /// Counts a message that cannot be served, and says why.
    pub(super) fn drop_message(&mut self, why: &str) {
        self.messages_dropped += 1;
        self.log(Level::Warn, &format!("dropped a message: {why}"));
    }

    /// Removes the worker's record and its entry, and takes the last of its log to the server.
    pub(super) fn leave(&mut self) -> Result<(), Error> {
        self.keep_log()?;
        self.work.hdel(redisbus::WORKERS, &[&self.record_key])?;
        self.work.del(&[&self.record_key]).map(drop)
    }

    /// Seconds since the worker began.
    pub(super) fn uptime(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Pushes the only reply to a call: what is in `data`.
    pub(super) fn reply(&mut self, to: &Key, correlation: &str) -> Result<(), Error> {
        let (id, data) = (&self.record.id, &self.data);
        self.intake.answer(&mut self.work, to, MESSAGE_LIFE, |w| {
            write_reply(w, correlation, id, Place::Only, |w| w.put(data));
        })
    }

    /// Pushes one of many replies: what is in `data`. Waits while nobody reads them; says whether
    /// somebody does. The worker stays known meanwhile.
    pub(super) fn send(
        &mut self,
        to: &Key,
        correlation: &str,
        place: Place,
        sent: u32,
    ) -> Result<bool, Error> {
        let (id, data) = (&self.record.id, &self.data);
        let waiting = push(&mut self.work, to, stream_life(sent), |w| {
            write_reply(w, correlation, id, place, |w| w.put(data));
        })?;
        if waiting >= UNREAD {
            return self.await_reader(to, waiting);
        }
        if Instant::now() >= self.renewal() {
            self.keep_alive()?;
        }
        Ok(true)
    }

    fn await_reader(&mut self, to: &Key, mut waiting: u64) -> Result<bool, Error> {
        let mut progress = Instant::now();
        while waiting >= UNREAD / 2 {
            if progress.elapsed() > READER_PATIENCE || self.stop_requested() {
                return Ok(false);
            }
            std::thread::sleep(READER_LOOK);
            self.keep_alive()?;
            let now = self.work.llen(to)?;
            if now < waiting {
                progress = Instant::now();
            }
            waiting = now;
        }
        Ok(true)
    }
}
