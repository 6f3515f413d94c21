//! A model of the server: as much of it as a call takes, without a socket and without a clock.

use redis_ipc_tests::value::Value;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Lists, patterns, and clients that wait.
pub(crate) struct Model {
    clients: Vec<Client>,
    lists: HashMap<String, VecDeque<String>>,
    now: Duration,
}

#[derive(Default)]
struct Client {
    input: Vec<u8>,
    output: VecDeque<u8>,
    waits: Option<Wait>,
    patterns: Vec<String>,
}

struct Wait {
    keys: Vec<String>,
    until: Option<Duration>,
}

impl Model {
    pub(crate) fn new(clients: usize) -> Self {
        Self {
            clients: (0..clients).map(|_| Client::default()).collect(),
            lists: HashMap::new(),
            now: Duration::ZERO,
        }
    }

    pub(crate) fn hears(&mut self, client: usize, bytes: &[u8]) {
        self.clients[client].input.extend(bytes);
    }

    /// At most so many bytes of what there is to say.
    pub(crate) fn says(&mut self, client: usize, count: usize) -> Vec<u8> {
        let output = &mut self.clients[client].output;
        output.drain(..count.min(output.len())).collect()
    }

    /// Does all that can be done at this time; the time does not go back.
    pub(crate) fn turn(&mut self, now: Duration) {
        self.now = now.max(self.now);
        let mut idle = 0;
        while idle < self.clients.len() {
            for client in 0..self.clients.len() {
                idle = if self.moves(client) { 0 } else { idle + 1 };
            }
        }
    }

    /// Does one thing for a client; whether there was one to do.
    fn moves(&mut self, client: usize) -> bool {
        if let Some(wait) = self.clients[client].waits.take() {
            return self.waits(client, wait);
        }
        let Some((request, end)) = Value::parse(&self.clients[client].input) else {
            return false;
        };
        self.clients[client].input.drain(..end);
        let words: Vec<String> = request.items().iter().map(word).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.execute(client, &words);
        true
    }

    fn waits(&mut self, client: usize, wait: Wait) -> bool {
        for key in &wait.keys {
            if let Some(item) = self.list(key).pop_front() {
                self.reply(client, &crate::wire::array(&[key, &item]));
                return true;
            }
        }
        if wait.until.is_some_and(|until| until <= self.now) {
            self.reply(client, "_\r\n");
            return true;
        }
        self.clients[client].waits = Some(wait);
        false
    }

    fn execute(&mut self, client: usize, words: &[&str]) {
        match *words {
            ["RPUSH", key, item] => {
                self.list(key).push_back(item.to_owned());
                let length = self.list(key).len();
                self.reply(client, &format!(":{length}\r\n"));
            }
            ["BLPOP", ref keys @ .., seconds] => {
                let timeout = Duration::from_secs_f64(seconds.parse().unwrap());
                let until = (!timeout.is_zero()).then(|| self.now + timeout);
                let keys = keys.iter().map(|key| (*key).to_owned()).collect();
                self.clients[client].waits = Some(Wait { keys, until });
            }
            ["LREM", key, "-1", item] => {
                let place = self.list(key).iter().rposition(|waiting| waiting == item);
                let removed = place.and_then(|place| self.list(key).remove(place));
                self.reply(client, &format!(":{}\r\n", usize::from(removed.is_some())));
            }
            ["LPOP", key] => match self.list(key).pop_front() {
                Some(item) => self.reply(client, &crate::wire::bulk(&item)),
                None => self.reply(client, "_\r\n"),
            },
            ["PSUBSCRIBE", pattern] => {
                self.clients[client].patterns.push(pattern.to_owned());
                let names = crate::wire::bulk("psubscribe") + &crate::wire::bulk(pattern);
                self.reply(client, &format!(">3\r\n{names}:1\r\n"));
            }
            ["PUBLISH", channel, message] => self.publish(client, channel, message),
            _ => panic!("the model does not know {words:?}"),
        }
    }

    fn publish(&mut self, publisher: usize, channel: &str, message: &str) {
        let mut heard = 0;
        for client in &mut self.clients {
            for pattern in &client.patterns {
                if channel.starts_with(pattern.trim_end_matches('*')) {
                    let copy = crate::wire::push(&["pmessage", pattern, channel, message]);
                    client.output.extend(copy.bytes());
                    heard += 1;
                }
            }
        }
        self.reply(publisher, &format!(":{heard}\r\n"));
    }

    fn reply(&mut self, client: usize, reply: &str) {
        self.clients[client].output.extend(reply.bytes());
    }

    fn list(&mut self, key: &str) -> &mut VecDeque<String> {
        self.lists.entry(key.to_owned()).or_default()
    }
}

fn word(value: &Value) -> String {
    let Value::Bulk(word) = value else {
        panic!("not a word of a request: {value:?}");
    };
    String::from_utf8(word.clone()).expect("text")
}
