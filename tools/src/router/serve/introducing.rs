//! What clients say of themselves (CLIENT), and what is said of them.
//!
//! Hosts hear nothing of it: the connections to them are shared.

use std::time::Instant;

use super::client::Client;
use super::error_reply;
use super::hub::Hub;
use super::ourselves::bulk;
use super::transaction::Transaction;
use super::upstream::no_bulk;

/// What a client has said of itself.
#[derive(Debug)]
pub(super) struct Introduced {
    /// When it came.
    since: Instant,
    name: String,
    /// The library that it uses, and which version.
    library: String,
    version: String,
}

impl Introduced {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            name: String::new(),
            library: String::new(),
            version: String::new(),
        }
    }

    /// As RESET has it.
    pub(super) fn forget_name(&mut self) {
        self.name.clear();
    }
}

impl Hub {
    /// Answers CLIENT; `words` are all of it. `None` if that is not done here, `Some(false)` if it has
    /// to wait.
    pub(super) fn answer_client(&mut self, client: &mut Client, words: &[&[u8]]) -> Option<bool> {
        let [_, sub, rest @ ..] = words else {
            return None;
        };
        let reply = match (&*sub.to_ascii_lowercase(), rest) {
            (b"setname", [name]) => done(client.set_name(name)),
            (b"setinfo", [what, value]) => done(client.set_info(what, value)),
            (b"getname", []) => match client.introduced.name.as_str() {
                "" => no_bulk(client.protocol).to_vec(),
                name => bulk(name.as_bytes()),
            },
            (b"id", []) => format!(":{}\r\n", client.id.generation).into_bytes(),
            (b"info", []) => bulk(client.line_of_list().as_bytes()),
            (b"list", []) => bulk(self.list(client).as_bytes()),
            (b"unblock", [id, how @ ..]) => return Some(self.unblock(client, id, how)),
            (b"tracking", _) => {
                self.track(client, words);
                return Some(true);
            }
            _ => return None,
        };
        client.answer_now(&reply);
        Some(true)
    }

    /// A line for each client; `asking` is not among them while it asks.
    fn list(&self, asking: &Client) -> String {
        let others = self.clients.iter().flatten();
        let mut all: Vec<&Client> = others.map(|client| &**client).chain([asking]).collect();
        all.sort_by_key(|client| client.id.generation);
        all.into_iter().map(Client::line_of_list).collect()
    }
}

impl Client {
    /// Takes its name, an empty one for none. The error is a sentence.
    pub(super) fn set_name(&mut self, name: &[u8]) -> Result<(), &'static str> {
        self.introduced.name = plain(name)?;
        Ok(())
    }

    fn set_info(&mut self, what: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let own = &mut self.introduced;
        let field = match &*what.to_ascii_lowercase() {
            b"lib-name" => &mut own.library,
            b"lib-ver" => &mut own.version,
            _ => return Err("CLIENT SETINFO LIB-NAME name | LIB-VER version"),
        };
        *field = plain(value)?;
        Ok(())
    }

    /// It as CLIENT LIST shows it, as far as the router knows what a server would.
    fn line_of_list(&self) -> String {
        let own = &self.introduced;
        let (channels, patterns) = (self.channels.len(), self.patterns.len());
        let multi = self.transaction.as_ref().map(Transaction::commands);
        let flags: String = [
            (multi.is_some(), 'x'),
            (self.blocked, 'b'),
            (channels + patterns > 0, 'P'),
        ]
        .into_iter()
        .filter_map(|(is_so, flag)| is_so.then_some(flag))
        .collect();
        let flags = if flags.is_empty() { "N" } else { &flags };
        let multi = multi.map_or_else(|| "-1".to_owned(), |commands| commands.to_string());
        format!(
            "id={} addr={} name={} age={} flags={flags} db=0 sub={channels} psub={patterns} \
             multi={multi} resp={} lib-name={} lib-ver={}\n",
            self.id.generation,
            self.line.peer(),
            own.name,
            own.since.elapsed().as_secs(),
            self.protocol,
            own.library,
            own.version,
        )
    }
}

/// A word that can stand in a list. The error is a sentence.
fn plain(word: &[u8]) -> Result<String, &'static str> {
    let text = String::from_utf8_lossy(word);
    match text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.into_owned()),
        false => Err("names have neither blanks nor anything else but plain characters"),
    }
}

fn done(result: Result<(), &'static str>) -> Vec<u8> {
    match result {
        Ok(()) => b"+OK\r\n".to_vec(),
        Err(why) => error_reply(why),
    }
}
