//! The log of a worker: a list on the server, filled through the facade `log`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::{Level, Log, Metadata, Record};
use redis_ipc_core::dialect::redisbus::{LOG_ENTRIES, LOG_LIFE};
use redis_ipc_core::key::Key;
use redis_ipc_core::resp::request;
use redis_ipc_core::write::TooLong;
use serde::{Deserialize, Serialize};

use super::clock;
use crate::connection::{Connection, Deadline};
use crate::error::Error;

/// Under this name the worker's own messages go through the facade. They are in the list already.
pub(super) const TARGET: &str = "redis_ipc::bus";

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
/// Entries wait here until the worker's loop comes round, at the latest after a second; at most
/// 200 do, the older ones go first.
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
            message,
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

fn send(connection: &mut Connection, key: &Key, entries: &VecDeque<LogEntry>) -> Result<(), Error> {
    let texts: Vec<String> = entries
        .iter()
        .filter_map(|entry| serde_json::to_string(entry).ok())
        .collect();
    let last = format!("-{LOG_ENTRIES}");
    let deadline = Deadline::after(connection.options().reply_limit);
    let first = connection.send(3, deadline, |w| {
        request::array(w, texts.len() + 2);
        request::bulk(w, b"RPUSH");
        request::bulk(w, key.as_bytes());
        for text in &texts {
            request::bulk(w, text.as_bytes());
        }
        request::expire(w, key.as_bytes(), LOG_LIFE);
        request::command(w, &[b"LTRIM", key.as_bytes(), last.as_bytes(), b"-1"]);
        Ok::<(), TooLong>(())
    })?;
    for request in 0..3 {
        connection.reply(first.after(request), deadline)?;
    }
    Ok(())
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
