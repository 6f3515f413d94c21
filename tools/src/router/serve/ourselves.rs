//! What the router answers itself, or asks differently than it was asked.

use super::client::{Client, ClientId};
use super::hub::Hub;
use super::info::{self, VERSION};
use super::joined::Joined;
use super::upstream::{Asked, Purpose, Upstream, write_bulk, write_request};
use super::{NO_PASSWORD, error_reply};

/// Settings of hosts that clients ask for before they begin; passwords are none of their business.
const TOLD: [&str; 8] = [
    "save",
    "appendonly",
    "maxmemory",
    "maxmemory-policy",
    "notify-keyspace-events",
    "timeout",
    "replica-read-only",
    "slave-read-only",
];

impl Hub {
    /// Answers what is for no host. `None` if it is for one, `Some(false)` if it has to wait.
    pub(super) fn answer_ourselves(
        &mut self,
        client: &mut Client,
        name: &[u8],
        words: &[&[u8]],
    ) -> Option<bool> {
        let refused = |why: &str| error_reply(why);
        let reply = match (name, &words[1..]) {
            (b"subscribe" | b"psubscribe" | b"unsubscribe" | b"punsubscribe", names) => {
                return Some(self.subscribe(client, name, names));
            }
            (b"post" | b"host:", _) => {
                // A web page has talked a browser into sending this here.
                client.quits = true;
                refused("this is no web server")
            }
            (b"ping", [] | [_]) if client.listens() => {
                pong(words.get(1).copied().unwrap_or_default())
            }
            (b"ping", []) => b"+PONG\r\n".to_vec(),
            (b"ping", [text]) => bulk(text),
            (b"quit", _) => {
                client.quits = true;
                b"+OK\r\n".to_vec()
            }
            (b"reset", []) => return Some(self.reset(client)),
            _ if client.listens() => {
                refused("only (P)SUBSCRIBE, (P)UNSUBSCRIBE, PING, QUIT and RESET while subscribed")
            }
            (b"echo", [text]) => bulk(text),
            (b"select", [b"0"]) => b"+OK\r\n".to_vec(),
            (b"select", _) => refused("the router has one database, 0: each host has its own"),
            (b"time", []) => info::time(),
            (b"info", wanted) => self.info(client, wanted),
            (b"hello", options) => self.hello(client, options),
            (b"client", _) => return self.answer_client(client, words),
            (b"command", _) => return Some(self.ask_any(client, words)),
            (b"config", [sub, names @ ..]) if is_any(sub, &["get"]) => {
                return self.settings(client, names, words);
            }
            (b"script", [sub, ..]) if is_any(sub, &["load", "exists", "flush"]) => {
                self.script(client, sub, words);
                return Some(true);
            }
            (b"dbsize", []) => return Some(self.ask_all(client, Joined::sum, words)),
            (b"keys", [_]) => return Some(self.ask_all(client, Joined::all_of, words)),
            (b"flushdb", [] | [_]) => return Some(self.ask_all(client, Joined::all_ok, words)),
            (b"auth", _) => refused(NO_PASSWORD),
            (b"publish", [channel, _]) => {
                let mut frame = Vec::new();
                write_request(&mut frame, words);
                let host = self.host_of(channel);
                self.pass(client, host, &frame, words, false);
                return Some(true);
            }
            (b"scan", [cursor, ..]) => self.scan(client, cursor, words)?,
            _ => return None,
        };
        if !reply.is_empty() {
            client.answer_now(&reply);
        }
        Some(true)
    }

    /// As if the client had just come; `false` if what it asked for before is not answered yet.
    fn reset(&mut self, client: &mut Client) -> bool {
        if !client.is_idle() {
            return false;
        }
        for own in client.own.drain(..) {
            self.upstreams[own] = None;
        }
        client.forget_state();
        client.answer_now(b"+RESET\r\n");
        true
    }

    /// Which protocol is spoken from now on; there is no password.
    fn hello(&self, client: &mut Client, options: &[&[u8]]) -> Vec<u8> {
        let (protocol, mut rest) = match options {
            [] => (client.protocol, options),
            [b"2", rest @ ..] => (2, rest),
            [b"3", rest @ ..] => (3, rest),
            _ => return b"-NOPROTO unsupported protocol version\r\n".to_vec(),
        };
        let mut name = None;
        while let [word, behind @ ..] = rest {
            rest = match behind {
                [own, behind @ ..] if is_any(word, &["setname"]) => {
                    name = Some(*own);
                    behind
                }
                _ if is_any(word, &["auth"]) => return error_reply(NO_PASSWORD),
                _ => return error_reply("HELLO [2|3 [SETNAME name]]"),
            };
        }
        let bound = client.subscriptions() > 0 || client.watch.is_some();
        if bound && protocol != client.protocol {
            return error_reply("the protocol cannot be changed while subscribed or watching");
        }
        if let Some(Err(why)) = name.map(|name| client.set_name(name)) {
            return error_reply(why);
        }
        client.protocol = protocol;
        let mut reply = match protocol {
            2 => b"*14\r\n".to_vec(),
            _ => b"%7\r\n".to_vec(),
        };
        for text in ["server", "redis", "version", VERSION, "proto"] {
            write_bulk(&mut reply, text.as_bytes());
        }
        reply.extend(format!(":{protocol}\r\n").bytes());
        write_bulk(&mut reply, b"id");
        reply.extend(format!(":{}\r\n", client.id.generation).bytes());
        for text in ["mode", "standalone", "role", "master", "modules"] {
            write_bulk(&mut reply, text.as_bytes());
        }
        reply.extend(b"*0\r\n");
        reply
    }

    /// Has a host answer what all of them would: one that there is a connection to, if there is one.
    fn ask_any(&mut self, client: &mut Client, words: &[&[u8]]) -> bool {
        let index = usize::from(client.protocol == 3);
        let mut hosts = self.places.iter().copied();
        let connected = hosts.find(|place| self.shared[*place][index].is_some());
        let mut frame = Vec::new();
        write_request(&mut frame, words);
        let host = connected.unwrap_or(self.places[0]);
        self.pass(client, host, &frame, words, false);
        true
    }

    /// The settings of these names if all servers have the same. `None` if they are not told.
    fn settings(&mut self, client: &mut Client, names: &[&[u8]], words: &[&[u8]]) -> Option<bool> {
        match names {
            [name] if is_any(name, &["databases"]) => {
                let mut reply = match client.protocol {
                    2 => b"*2\r\n".to_vec(),
                    _ => b"%1\r\n".to_vec(),
                };
                write_bulk(&mut reply, name);
                write_bulk(&mut reply, b"1");
                client.answer_now(&reply);
            }
            [_, ..] if names.iter().all(|name| is_any(name, &TOLD)) => {
                let servers = self.servers();
                self.ask_each(client, servers, Joined::same, words);
            }
            _ => return None,
        }
        Some(true)
    }

    /// Ends another client's pop before its time; `false` if it has to wait.
    pub(super) fn unblock(&mut self, client: &mut Client, id: &[u8], how: &[&[u8]]) -> bool {
        let ends = match how {
            [] => None,
            [how] if is_any(how, &["timeout"]) => None,
            [how] if is_any(how, &["error"]) => Some(how),
            _ => {
                client.answer_now(&error_reply("CLIENT UNBLOCK id [TIMEOUT|ERROR]"));
                return true;
            }
        };
        let id: Option<u32> = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok());
        let mut clients = self.clients.iter().flatten();
        let Some(blocked) = clients.find(|other| Some(other.id.generation) == id && other.blocked)
        else {
            client.answer_now(b":0\r\n");
            return true;
        };
        let other = blocked.id;
        if blocked.gather.is_some() {
            self.with_client(other, |hub, other| {
                let reply = match ends {
                    None => other.null().to_vec(),
                    Some(_) => b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n".to_vec(),
                };
                hub.end_when_quiet(other, reply);
            });
            client.answer_now(b":1\r\n");
            return true;
        }
        self.unblock_at_host(client, other, how);
        true
    }

    /// The host that has the pop ends it, and says whether it did.
    fn unblock_at_host(&mut self, client: &mut Client, other: ClientId, how: &[&[u8]]) {
        let blocks = |upstream: &&Upstream| {
            upstream.owner == Some(other)
                && upstream.purpose == Purpose::Pops
                && !upstream.waiting.is_empty()
        };
        let mut upstreams = self.upstreams.iter().filter_map(Option::as_deref);
        let upstream = upstreams.find(blocks);
        let Some((host, id)) = upstream.and_then(|own| Some((own.host, own.server_id?))) else {
            // It is being connected to; whoever unblocks asks again until it is done.
            return client.answer_now(b":0\r\n");
        };
        let id = id.to_string();
        let mut words: Vec<&[u8]> = vec![b"CLIENT", b"UNBLOCK", id.as_bytes()];
        words.extend_from_slice(how);
        let mut frame = Vec::new();
        write_request(&mut frame, &words);
        let asked = Asked::new(client.id, client.ask(frame.len()));
        self.send(client, host, asked, &frame, false, false);
    }

    /// Has all servers load a script, forget theirs, or say which they have; `words` are those of
    /// the request.
    fn script(&mut self, client: &mut Client, sub: &[u8], words: &[&[u8]]) {
        let joined = match sub.to_ascii_lowercase().as_slice() {
            b"load" => Joined::loaded,
            b"exists" => Joined::there,
            _ => Joined::all_ok,
        };
        let servers = self.servers();
        self.ask_each(client, servers, joined, words);
    }

    /// Has all hosts do what concerns all keys, each those in its own database.
    fn ask_all(
        &mut self,
        client: &mut Client,
        joined: fn(usize) -> Joined,
        words: &[&[u8]],
    ) -> bool {
        self.ask_each(client, self.places.clone(), joined, words);
        true
    }

    /// Asks some hosts the same; `joined` makes one answer of so many.
    fn ask_each(
        &mut self,
        client: &mut Client,
        hosts: Vec<usize>,
        joined: fn(usize) -> Joined,
        words: &[&[u8]],
    ) {
        let mut frame = Vec::new();
        write_request(&mut frame, words);
        let request = client.ask_in_parts(frame.len(), joined(hosts.len()));
        for (part, host) in (0..).zip(hosts) {
            let asked = Asked {
                part,
                ..Asked::new(client.id, request)
            };
            self.send(client, host, asked, &frame, false, false);
        }
    }

    /// Looks through one host after the other: a cursor is the host's own, times the number of
    /// hosts, plus the host's place. Nothing to say if the request is on its way.
    fn scan(&mut self, client: &mut Client, cursor: &[u8], words: &[&[u8]]) -> Option<Vec<u8>> {
        let hosts = self.places.len() as u64;
        let cursor: Option<u64> = std::str::from_utf8(cursor)
            .ok()
            .and_then(|c| c.parse().ok());
        let Some(cursor) = cursor else {
            return Some(error_reply("invalid cursor"));
        };
        let place = usize::try_from(cursor % hosts).ok()?;
        let own = (cursor / hosts).to_string();
        let mut words = words.to_vec();
        words[1] = own.as_bytes();
        let mut frame = Vec::new();
        write_request(&mut frame, &words);
        let asked = Asked::new(
            client.id,
            client.ask_to_scan(frame.len(), place as u64, hosts),
        );
        self.send(client, self.places[place], asked, &frame, false, false);
        Some(Vec::new())
    }
}

fn is_any(word: &[u8], names: &[&str]) -> bool {
    names
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

/// The answer to PING as a message, which is all that is read by a RESP2 client that listens.
fn pong(text: &[u8]) -> Vec<u8> {
    let mut reply = Vec::new();
    write_request(&mut reply, &[&b"pong"[..], text]);
    reply
}

pub(super) fn bulk(text: &[u8]) -> Vec<u8> {
    let mut reply = Vec::new();
    write_bulk(&mut reply, text);
    reply
}
