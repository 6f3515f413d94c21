//! Finding workers.

use std::collections::BTreeSet;
use std::time::Duration;

use redis_ipc_core::key::{Key, redisbus};
use redis_ipc_core::name::{WorkerId, WorkerType};

use super::client::Client;
use super::logs::LogEntry;
use super::record::Record;
use crate::error::Error;

/// Keys that are asked for in one request.
const KEYS_AT_ONCE: usize = 256;

/// A worker that is in the list of all workers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Found {
    /// Where it is.
    pub site: String,
    /// What it does.
    pub worker_type: String,
    /// Its id.
    pub id: String,
    /// What it tells of itself; `None` if it is gone and only its entry in the list was left.
    pub record: Option<Record>,
    key: String,
}

impl Found {
    /// Whether the worker has renewed its record in the last seconds.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.record.is_some()
    }
}

impl Client {
    /// The workers that are or were there, of one site and type or of all, sorted. Entries of
    /// workers that ended without a word stay in the list: see [`Found::is_alive`].
    ///
    /// # Errors
    /// What broke.
    pub fn workers(
        &mut self,
        site: Option<&str>,
        worker_type: Option<&str>,
    ) -> Result<Vec<Found>, Error> {
        let mut found = Vec::new();
        for (key, _) in self.connection.hgetall(redisbus::WORKERS)? {
            let key = String::from_utf8_lossy(&key).into_owned();
            let Some(parts) = redisbus::parts_of_record(&key) else {
                continue;
            };
            let wanted = site.is_none_or(|site| site == parts.0)
                && worker_type.is_none_or(|worker_type| worker_type == parts.1);
            if wanted {
                found.push(Found {
                    site: parts.0.to_owned(),
                    worker_type: parts.1.to_owned(),
                    id: parts.2.to_owned(),
                    record: None,
                    key,
                });
            }
        }
        found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        for some in found.chunks_mut(KEYS_AT_ONCE) {
            self.read_records(some)?;
        }
        Ok(found)
    }

    /// Removes the entries of workers that are gone; says how many there were.
    ///
    /// # Errors
    /// What broke.
    pub fn forget_stale_workers(&mut self) -> Result<u64, Error> {
        let mut stale = self.workers(None, None)?;
        stale.retain(|found| !found.is_alive());
        let keys: Vec<&str> = stale.iter().map(|found| found.key.as_str()).collect();
        match keys.is_empty() {
            true => Ok(0),
            false => self.connection.hdel(redisbus::WORKERS, &keys),
        }
    }

    /// The log of a worker, the oldest entry first; of a worker that is gone, what is left of it.
    ///
    /// # Errors
    /// [`Error::Name`] for what is no name, else what broke.
    pub fn logs(&mut self, worker_type: &str, id: &str) -> Result<Vec<LogEntry>, Error> {
        let name = |text: &str, why| Error::Name {
            text: text.to_owned(),
            why,
        };
        let key = redisbus::logs(
            WorkerType::parse(worker_type).map_err(|why| name(worker_type, why))?,
            WorkerId::parse(id).map_err(|why| name(id, why))?,
        )?;
        let reply = self
            .connection
            .command(&["LRANGE", key.as_str(), "0", "-1"])?;
        let entries = reply.elements().into_iter().flatten();
        Ok(entries
            .filter_map(|entry| serde_json::from_slice(entry.bytes()?).ok())
            .collect())
    }

    fn read_records(&mut self, found: &mut [Found]) -> Result<(), Error> {
        let keys = found.iter().map(|found| found.key.as_str());
        let parts: Vec<&str> = ["MGET"].into_iter().chain(keys).collect();
        let reply = self.connection.command(&parts)?;
        let records = reply.elements().into_iter().flatten();
        for (found, record) in found.iter_mut().zip(records) {
            // A record that cannot be read is one all the same: its worker lives.
            found.record = record
                .bytes()
                .map(|text| serde_json::from_slice(text).unwrap_or_default());
        }
        Ok(())
    }

    /// Sends a message to every living worker whose record's key matches a pattern; returns the
    /// queues that it went to.
    pub(super) fn send_to_all(
        &mut self,
        pattern: &Key,
        message: &[u8],
        life: Duration,
    ) -> Result<Vec<Key>, Error> {
        let mut queues = Vec::new();
        for key in self.living(pattern)? {
            // What has another form was not written by a worker.
            let id = redisbus::parts_of_record(&key).map(|(_, _, id)| WorkerId::parse(id));
            if let Some(Ok(id)) = id {
                queues.push(redisbus::direct(id)?);
            }
        }
        let seconds = (life.as_secs() + u64::from(life.subsec_nanos() > 0)).to_string();
        let mut pipeline = self.connection.pipeline();
        for queue in &queues {
            pipeline.command(&[&b"RPUSH"[..], queue.as_bytes(), message])?;
            pipeline.command(&[&b"EXPIRE"[..], queue.as_bytes(), seconds.as_bytes()])?;
        }
        let mut replies = pipeline.send()?;
        let mut pushed = Vec::new();
        while let Some(reply) = replies.next()? {
            pushed.push(reply.integer().is_some());
            replies.next()?;
        }
        let mut pushed = pushed.into_iter();
        queues.retain(|_| pushed.next() == Some(true));
        Ok(queues)
    }

    fn living(&mut self, pattern: &Key) -> Result<BTreeSet<String>, Error> {
        let mut keys = BTreeSet::new();
        let mut cursor = "0".to_owned();
        loop {
            let parts = ["SCAN", &cursor, "MATCH", pattern.as_str(), "COUNT", "1000"];
            let reply = self.connection.command(&parts)?;
            let mut page = reply.elements().into_iter().flatten();
            let next = page.next().and_then(|next| next.bytes());
            let next = String::from_utf8_lossy(next.unwrap_or(b"0")).into_owned();
            let found = page.next().and_then(|found| found.elements());
            for key in found.into_iter().flatten() {
                let key = key.bytes().unwrap_or_default();
                keys.insert(String::from_utf8_lossy(key).into_owned());
            }
            if next == "0" {
                return Ok(keys);
            }
            cursor = next;
        }
    }
}
