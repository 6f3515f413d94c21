//! Keys that a client watches: its transaction goes over a connection of its own to their host,
//! which watches them for it.

use super::client::Client;
use super::hub::Hub;
use super::upstream::{Asked, Purpose, Waiting};
use super::{coded_reply, error_reply};
use crate::router::redirect::Redirect;

/// What a client watches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    /// The place of its connection.
    pub(super) place: usize,
    /// What all keys have in common: their host, or in a Redis Cluster their slot.
    pub(super) unit: usize,
}

impl Hub {
    /// Has the host of some keys watch them. What the client asks for behind it waits: a value that
    /// was read before they are watched may have changed unseen.
    pub(super) fn watch(&mut self, client: &mut Client, words: &[&[u8]]) {
        match self.begin_watch(client, words) {
            Ok(watch) => {
                client.watch = Some(watch);
                let bytes = words.iter().map(|word| word.len()).sum();
                let asked = Asked::new(client.id, client.ask(bytes));
                client.held = true;
                self.write(watch.place, words, Waiting::Client(asked));
            }
            Err(error) => client.answer_now(&error),
        }
    }

    /// The error is a reply.
    fn begin_watch(&mut self, client: &mut Client, words: &[&[u8]]) -> Result<Watch, Vec<u8>> {
        if client.transaction.is_some() {
            return Err(error_reply("WATCH inside MULTI is not allowed"));
        }
        let command = self.table.command(words);
        let keys = command.and_then(|command| command.keys(words));
        let keys = keys.map_err(|refusal| error_reply(&refusal.to_string()))?;
        let stay = self.check_stays(keys.clone().map(|at| words[at]));
        stay.map_err(|why| error_reply(&why))?;
        let before = client.watch.map(|watch| watch.unit);
        let unit = self.join_unit(before, keys.map(|at| words[at]));
        let unit = unit.map_err(|why| error_reply(&why))?;
        if let Some(watch) = client.watch {
            return Ok(watch);
        }
        let Some(unit) = unit else {
            return Err(error_reply("WATCH has no keys"));
        };
        let host = self.host_of(words[1]);
        let place = self.own(client, host, client.protocol, Purpose::Transactions)?;
        Ok(Watch { place, unit })
    }

    /// Nothing is watched any more.
    pub(super) fn unwatch(&mut self, client: &mut Client) {
        if let Some(watch) = client.watch.take() {
            self.write(watch.place, &["UNWATCH"], Waiting::Nobody);
        }
    }

    /// What a client is told that wanted to watch what its host does not have any longer.
    pub(super) fn watched_elsewhere(&mut self, frame: &[u8]) -> Vec<u8> {
        self.seek_layout();
        let words = String::from_utf8_lossy(frame.get(1..).unwrap_or_default());
        match Redirect::read(&words) {
            Some(Redirect::Moved(..) | Redirect::Ask(..)) => {
                coded_reply("TRYAGAIN", "the slot of the watched keys moves")
            }
            _ => frame.to_vec(),
        }
    }
}
