//! The log of a worker: a list on the server, filled through the facade `log`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::{Level, Log, Metadata, Record};
use redis_ipc_core::dialect::redisbus::{LOG_ENTRIES, LOG_LIFE};
use redis_ipc_core::key::Key;
use serde::{Deserialize, Serialize};

use super::clock;
use crate::connection::Connection;
use crate::error::{Error, ServerError};

/// Under this name the worker's own messages go through the facade. They are in the list already.
pub(super) const TARGET: &str = "redis_ipc::bus";

/// The longest message of an entry, in bytes: a peer's words go into the log as well.
const LONGEST: usize = 4096;

/// An entry of a worker's log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LogEntry {
    /// When: `2026-11-21T02:44:37.737951Z`.
    pub time: String,
    /// Which worker.
    pub worker_id: String,
    /// What.
    pub message: String,
    /// In which source file.
    pub filename: String,
    /// In which line of it.
    pub line: u32,
    /// How bad: `ERROR`, `WARNING`, `INFO`, `DEBUG`.
    pub level: String,
}

/// Takes what a program logs to the list of its worker on the server; clones take it to the same.
///
/// Entries wait here until the worker's loop comes round: after the command or the tick at hand,
/// else after a second at the latest. At most 200 do, the older ones go first. A message longer
/// than 4096 bytes is cut.
///
/// ```no_run
/// use redis_ipc::{Endpoint, Options, bus::Worker};
///
/// let worker = Worker::new("local", "calc");
/// log::set_boxed_logger(Box::new(worker.logger()))?;
/// log::set_max_level(log::LevelFilter::Info);
/// worker
///     .on("add", |(a, b): (i64, i64), _| {
///         log::info!("{a} + {b}");
///         Ok(a + b)
///     })
///     .run(&Endpoint::from_environment()?, Options::default())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Logger {
    worker_id: Arc<str>,
    waiting: Arc<Mutex<VecDeque<LogEntry>>>,
    most: Level,
}

impl Logger {
    pub(super) fn new(worker_id: &str) -> Self {
        Self {
            worker_id: worker_id.into(),
            waiting: Arc::default(),
            most: Level::Info,
        }
    }

    /// Takes messages up to `level`, by default up to [`Level::Info`], as the original does.
    #[must_use]
    pub fn up_to(mut self, level: Level) -> Self {
        self.most = level;
        self
    }

    pub(super) fn put(&self, level: Level, message: String, filename: &str, line: u32) {
        let entry = LogEntry {
            time: clock::now(),
            worker_id: self.worker_id.as_ref().to_owned(),
            message: cut(message),
            filename: filename.to_owned(),
            line,
            level: name_of(level).to_owned(),
        };
        let mut waiting = self.waiting();
        if waiting.len() >= LOG_ENTRIES as usize {
            waiting.pop_front();
        }
        waiting.push_back(entry);
    }

    /// Takes all entries that wait to the server; they wait on if that fails.
    pub(super) fn flush(&self, connection: &mut Connection, key: &Key) -> Result<(), Error> {
        let taken = std::mem::take(&mut *self.waiting());
        if taken.is_empty() {
            return Ok(());
        }
        let sent = send(connection, key, &taken);
        if sent.is_err() {
            let mut waiting = self.waiting();
            for entry in taken.into_iter().rev() {
                waiting.push_front(entry);
            }
            let most = LOG_ENTRIES as usize;
            let excess = waiting.len().saturating_sub(most);
            waiting.drain(..excess);
        }
        sent
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<LogEntry>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Appends entries, in their order. What the server will never take is dropped: a log must not
/// end its worker.
fn send(connection: &mut Connection, key: &Key, entries: &VecDeque<LogEntry>) -> Result<(), Error> {
    let (life, last) = (LOG_LIFE.as_secs().to_string(), format!("-{LOG_ENTRIES}"));
    let mut pipeline = connection.pipeline();
    for entry in entries {
        let text = serde_json::to_string(entry).unwrap_or_default();
        match pipeline.command(&["RPUSH", key.as_str(), &text]).map(drop) {
            Ok(()) | Err(Error::TooLong { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    pipeline.command(&["EXPIRE", key.as_str(), &life])?;
    pipeline.command(&["LTRIM", key.as_str(), &last, "-1"])?;
    let mut replies = pipeline.send()?;
    while let Some(reply) = replies.next()? {
        match reply.error().map(|error| ServerError::new(&error)) {
            Some(refused) if refused.is_temporary() => return Err(refused.into()),
            _ => {}
        }
    }
    Ok(())
}

/// As much of a text as an entry takes.
fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.most && metadata.target() != TARGET
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let filename = record.file().unwrap_or_default();
        let filename = filename.rsplit('/').next().unwrap_or_default();
        let message = record.args().to_string();
        let line = record.line().unwrap_or_default();
        self.put(record.level(), message, filename, line);
    }

    fn flush(&self) {}
}

/// Compat: the original's names of levels, which has no trace.
fn name_of(level: Level) -> &'static str {
    match level {
        Level::Error => "ERROR",
        Level::Warn => "WARNING",
        Level::Info => "INFO",
        Level::Debug | Level::Trace => "DEBUG",
    }
}
