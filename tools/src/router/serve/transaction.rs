//! Transactions: their commands are kept until EXEC, and go to their one host together.

use super::client::Client;
use super::error_reply;
use super::hub::Hub;
use super::upstream::{Asked, write_request};
use crate::router::split;

/// Bytes that the commands of a transaction may have: they are kept until EXEC.
const MOST_QUEUED: usize = 1024 * 1024 * 1024;

/// Commands that were queued.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// MULTI and what is behind it.
    requests: Vec<u8>,
    count: usize,
    /// What all keys have in common: their host, or in a Redis Cluster their slot.
    unit: Option<usize>,
    /// One of the keys.
    key: Vec<u8>,
    /// A command was refused, so nothing will be executed.
    broken: bool,
}

impl Transaction {
    fn begin(unit: Option<usize>) -> Self {
        let mut begun = Self {
            unit,
            ..Self::default()
        };
        write_request(&mut begun.requests, &["MULTI"]);
        begun
    }

    /// How many were queued.
    pub(super) fn commands(&self) -> usize {
        self.count
    }

    /// Its keys may be elsewhere by now: it is not executed.
    pub(super) fn spoil(&mut self) {
        self.broken |= self.unit.is_some();
    }
}

impl Hub {
    /// Takes a request that begins, is part of, or ends a transaction; `name` is in lower case.
    /// `None` if it is none, `Some(false)` if it has to wait.
    pub(super) fn transacts(
        &mut self,
        client: &mut Client,
        name: &[u8],
        words: &[&[u8]],
    ) -> Option<bool> {
        let begun = client.transaction.is_some();
        let name = match (name, words) {
            // As any other command with too many words.
            (b"multi" | b"exec" | b"discard" | b"unwatch", [_, _, ..]) => b"",
            (name, _) => name,
        };
        let own = name == b"watch" || name == b"exec" && begun && client.watch.is_some();
        if own && !client.is_idle() {
            // It goes over another connection than what is on its way, and must not be sooner.
            return Some(false);
        }
        match (name, begun) {
            (b"multi", false) => {
                let unit = client.watch.map(|watch| watch.unit);
                client.transaction = Some(Transaction::begin(unit));
                client.answer_now(b"+OK\r\n");
            }
            (b"multi", true) => client.answer_now(&error_reply("MULTI calls can not be nested")),
            (b"exec", false) => client.answer_now(&error_reply("EXEC without MULTI")),
            (b"discard", false) => client.answer_now(&error_reply("DISCARD without MULTI")),
            (b"discard", true) | (b"unwatch", false) => {
                client.transaction = None;
                self.unwatch(client);
                client.answer_now(b"+OK\r\n");
            }
            (b"exec", true) => self.execute(client),
            (b"watch", _) => self.watch(client, words),
            (b"quit" | b"reset", _) => return None,
            (_, true) => self.queue(client, name, words),
            (_, false) => return None,
        }
        Some(true)
    }

    fn queue(&mut self, client: &mut Client, name: &[u8], words: &[&[u8]]) {
        let Some(transaction) = &mut client.transaction else {
            return;
        };
        let unit = match transaction.requests.len() < MOST_QUEUED {
            true => self.common_unit(transaction.unit, name, words),
            false => Err("the transaction is too large".to_owned()),
        };
        match unit {
            Ok(unit) => {
                if let (None, Some(_)) = (transaction.unit, unit) {
                    let keys = self.table.keys(words).ok();
                    let first = keys.and_then(|mut keys| keys.next()).unwrap_or(1);
                    transaction.key = words[first].to_vec();
                }
                transaction.unit = unit;
                transaction.count += 1;
                write_request(&mut transaction.requests, words);
                client.answer_now(b"+QUEUED\r\n");
            }
            Err(why) => {
                transaction.broken = true;
                transaction.requests = Vec::new();
                client.answer_now(&error_reply(&why));
                if self.table.command(words).is_err() {
                    self.seek_commands();
                }
            }
        }
    }

    /// The unit of a transaction with one command more. The error is a sentence.
    fn common_unit(
        &self,
        before: Option<usize>,
        name: &[u8],
        words: &[&[u8]],
    ) -> Result<Option<usize>, String> {
        match (name, words) {
            // All nodes of a Redis Cluster pass messages on.
            (b"publish", [_, _, _]) if self.layout.rule.has_slots() => Ok(before),
            (b"publish", [_, channel, _]) => self.join_unit(before, [*channel]),
            // Any host does these.
            (b"ping" | b"echo" | b"time" | b"unwatch", _) => Ok(before),
            _ => {
                let keys = split::keys(&self.table, words);
                let keys = keys.map_err(|refusal| refusal.to_string())?;
                self.check_stays(keys.clone().map(|at| words[at]))?;
                self.join_unit(before, keys.map(|at| words[at]))
            }
        }
    }

    /// Refuses keys that are on their way to another host. The error is a sentence.
    pub(super) fn check_stays<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k [u8]>,
    ) -> Result<(), String> {
        match self.any_moves(keys) {
            true => Err("keys of the transaction are on their way to another host".into()),
            false => Ok(()),
        }
    }

    /// What some keys more have in common with those before. The error is a sentence.
    pub(super) fn join_unit<'k>(
        &self,
        before: Option<usize>,
        keys: impl IntoIterator<Item = &'k [u8]>,
    ) -> Result<Option<usize>, String> {
        let mut common = before;
        let unit = |key| self.layout.rule.unit(key);
        let mut units = keys.into_iter().map(unit);
        match units.all(|unit| *common.get_or_insert(unit) == unit) {
            true => Ok(common),
            false => {
                Err("the keys of a transaction live on several hosts or in several slots".into())
            }
        }
    }

    fn execute(&mut self, client: &mut Client) {
        let Some(mut transaction) = client.transaction.take() else {
            return;
        };
        if transaction.broken {
            self.unwatch(client);
            let why = b"-EXECABORT Transaction discarded because of previous errors.\r\n";
            return client.answer_now(why);
        }
        let watch = client.watch.take();
        if transaction.count == 0 && watch.is_none() {
            return client.answer_now(b"*0\r\n");
        }
        let frame = &mut transaction.requests;
        write_request(frame, &["EXEC"]);
        let mut asked = Asked {
            ahead: transaction.count + 1,
            ..Asked::new(client.id, client.ask(frame.len()))
        };
        // What the client asks for behind it must not be sooner: it goes over another connection, or
        // waits while its slot moves.
        client.held = watch.is_some() || self.layout.rule.has_slots();
        match watch {
            Some(watch) => {
                self.send_over(watch.place, asked, frame);
            }
            None => {
                asked.frame = self.seeks().then(|| frame[..].into());
                let host = self.host_of(&transaction.key);
                self.send(client, host, asked, frame, false, false);
            }
        }
    }
}
