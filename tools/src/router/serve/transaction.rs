//! Transactions: their commands are kept until EXEC, and go to their one host together.

use super::client::Client;
use super::error_reply;
use super::hub::Hub;
use super::upstream::{Asked, Waiting, write_request};
use crate::router::split;

/// Commands that were queued.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    requests: Vec<u8>,
    count: usize,
    /// What all keys have in common: their host, or in a Redis Cluster their slot.
    unit: Option<usize>,
    /// One of the keys.
    key: Vec<u8>,
    /// A command was refused, so nothing will be executed.
    broken: bool,
}

impl Hub {
    /// Takes a request that begins, is part of, or ends a transaction; `name` is in lower case.
    /// `false` if it is none.
    pub(super) fn transacts(&mut self, client: &mut Client, name: &[u8], words: &[&[u8]]) -> bool {
        let begun = client.transaction.is_some();
        match (name, begun) {
            (b"multi", false) => {
                client.transaction = Some(Transaction::default());
                client.answer_now(b"+OK\r\n");
            }
            (b"multi", true) => client.answer_now(&error_reply("MULTI calls can not be nested")),
            (b"exec", false) => client.answer_now(&error_reply("EXEC without MULTI")),
            (b"discard", false) => client.answer_now(&error_reply("DISCARD without MULTI")),
            (b"discard", true) => {
                client.transaction = None;
                client.answer_now(b"+OK\r\n");
            }
            (b"exec", true) => self.execute(client),
            (b"watch" | b"unwatch", _) => client.answer_now(&error_reply(
                "WATCH does not go through the router: connect to the host of the keys",
            )),
            (_, true) => self.queue(client, name, words),
            (_, false) => return false,
        }
        true
    }

    fn queue(&self, client: &mut Client, name: &[u8], words: &[&[u8]]) {
        let Some(transaction) = &mut client.transaction else {
            return;
        };
        match self.common_unit(transaction.unit, name, words) {
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
                client.answer_now(&error_reply(&why));
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
        let rule = &self.layout.rule;
        let mut common = before;
        let mut join = |key: &[u8]| {
            let unit = rule.unit(key);
            *common.get_or_insert(unit) == unit
        };
        let one = match (name, words) {
            // All nodes of a Redis Cluster pass messages on.
            (b"publish", [_, _, _]) if rule.has_slots() => true,
            (b"publish", [_, channel, _]) => join(channel),
            _ => {
                let keys = split::keys(&self.table, words);
                let mut keys = keys.map_err(|refusal| refusal.to_string())?;
                keys.all(|at| join(words[at]))
            }
        };
        match one {
            true => Ok(common),
            false => {
                Err("the keys of a transaction live on several hosts or in several slots".into())
            }
        }
    }

    fn execute(&mut self, client: &mut Client) {
        let Some(transaction) = client.transaction.take() else {
            return;
        };
        if transaction.broken {
            let why = b"-EXECABORT Transaction discarded because of previous errors.\r\n";
            return client.answer_now(why);
        }
        if transaction.count == 0 {
            return client.answer_now(b"*0\r\n");
        }
        let host = self.host_of(&transaction.key);
        let place = match self.shared(host, client.protocol) {
            Ok(place) => place,
            Err(error) => return client.answer_now(&error),
        };
        let upstream = self.upstreams[place].as_mut().expect("it was just there");
        let output = &mut upstream.line.output;
        write_request(output, &["MULTI"]);
        output.extend_from_slice(&transaction.requests);
        write_request(output, &["EXEC"]);
        for _ in 0..=transaction.count {
            upstream.wait_for(Waiting::Nobody);
        }
        upstream.wait_for(Waiting::Client(Asked::new(
            client.id,
            client.ask(transaction.requests.len()),
        )));
        self.note_upstream(place);
    }
}
