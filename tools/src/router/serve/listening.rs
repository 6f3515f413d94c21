//! Clients that subscribe: to channels on the hosts that own them, to patterns on all servers.
//!
//! As with one server, confirmations come in the order in which they were asked for, each when all
//! hosts that were asked have confirmed, and no message before its own.

use redis_ipc_core::resp::Reply;

use super::client::{Client, ClientId};
use super::error_reply;
use super::hub::Hub;
use super::joined::Joined;
use super::upstream::{Asked, Purpose, Waiting, no_bulk, write_bulk, write_request};

/// A channel or a pattern that a client has asked for.
#[derive(Debug)]
pub(super) struct Awaited {
    /// The request's name.
    kind: Vec<u8>,
    name: Vec<u8>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// So many hosts have not confirmed it.
    Asked(usize),
    /// It is told when all before it are, and then the messages that have come for it.
    Confirmed(Vec<u8>),
    /// A host could not be asked.
    Refused(Vec<u8>),
}

impl Hub {
    /// Takes a request of that name, in lower case. `false` if it has to wait until what was asked
    /// before is answered: what comes from now on comes unasked.
    pub(super) fn subscribe(&mut self, client: &mut Client, name: &[u8], names: &[&[u8]]) -> bool {
        if !client.is_idle() {
            return false;
        }
        let leaves = name.ends_with(b"unsubscribe");
        let patterns = name.starts_with(b"p");
        if !leaves && names.is_empty() {
            client.answer_now(&error_reply("a subscription names its channels"));
            return true;
        }
        let all: Vec<Vec<u8>>;
        let mut names = names.to_vec();
        if leaves && names.is_empty() {
            let own = if patterns {
                &client.patterns
            } else {
                &client.channels
            };
            all = own.iter().cloned().collect();
            names = all.iter().map(Vec::as_slice).collect();
            if names.is_empty() {
                let count = client.subscriptions();
                let confirmation = confirmation(client.protocol, name, None, count);
                client.line.output.extend(confirmation);
            }
        }
        for channel in names {
            let hosts = match patterns {
                true => self.hosts_of_pattern(channel),
                false => vec![self.host_of(channel)],
            };
            let count = hosts.len();
            let asked = hosts.into_iter().try_for_each(|host| {
                self.listen(client, host, &[name, channel])?;
                Ok::<(), Vec<u8>>(())
            });
            client.awaited.push_back(Awaited {
                kind: name.to_vec(),
                name: channel.to_vec(),
                state: match asked {
                    Ok(()) => State::Asked(count),
                    Err(error) => State::Refused(error),
                },
            });
        }
        client.tell_confirmed();
        true
    }

    /// One host of each server: what is published is heard in all of a server's databases. The
    /// nodes of a Redis Cluster pass on to each other what is published, so that one is enough,
    /// but not what happens to their keys.
    fn hosts_of_pattern(&self, pattern: &[u8]) -> Vec<usize> {
        let servers = self.servers();
        match self.layout.rule.has_slots() && !pattern.starts_with(b"__key") {
            true => servers.into_iter().take(1).collect(),
            false => servers,
        }
    }

    /// One host of each server.
    pub(super) fn servers(&self) -> Vec<usize> {
        let server = |place: &usize| self.hosts[*place].host.endpoint.clone().with_database(0);
        let mut servers: Vec<usize> = Vec::new();
        for place in &self.places {
            if servers.iter().all(|other| server(other) != server(place)) {
                servers.push(*place);
            }
        }
        servers
    }

    fn listen(&mut self, client: &mut Client, host: usize, words: &[&[u8]]) -> Result<(), Vec<u8>> {
        let place = self.own(client, host, client.protocol, Purpose::Listens)?;
        if let Some(upstream) = &mut self.upstreams[place] {
            write_request(&mut upstream.line.output, words);
        }
        self.note_upstream(place);
        Ok(())
    }

    /// Has all servers tell a client of changes of keys, or not any longer; `words` are those of
    /// its CLIENT TRACKING.
    pub(super) fn track(&mut self, client: &mut Client, words: &[&[u8]]) {
        let is = |word: &&&[u8], name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let on = words.get(2).is_some_and(|word| is(&word, "on"));
        if client.protocol < 3 {
            return client.answer_now(&error_reply("tracking takes RESP3: HELLO 3"));
        }
        if on && !words.iter().any(|word| is(&word, "bcast")) {
            let why = "tracking goes through the router with BCAST only: reads are shared";
            return client.answer_now(&error_reply(why));
        }
        let servers = self.servers();
        let request = client.ask_in_parts(0, Joined::all_ok(servers.len()));
        for (part, host) in (0..).zip(servers) {
            let asked = Asked {
                part,
                ..Asked::new(client.id, request)
            };
            match self.own(client, host, 3, Purpose::Listens) {
                Ok(place) => {
                    let upstream = self.upstreams[place].as_mut().expect("it was just there");
                    write_request(&mut upstream.line.output, words);
                    upstream.wait_for(Waiting::Client(asked));
                    self.note_upstream(place);
                }
                Err(error) => client.answer(request, part, &error),
            }
        }
    }

    /// Passes on what a host tells a client that listens.
    pub(super) fn hear(&mut self, owner: ClientId, frame: &[u8]) {
        let Some(client) = self.client(owner) else {
            return;
        };
        match Confirmed::read(frame) {
            Some(confirmed) => {
                confirmed.note(client);
                client.tell_confirmed();
            }
            None => client.hear(frame),
        }
        self.note_client(owner.place);
    }
}

/// A host's word that somebody has subscribed, or not any more.
struct Confirmed<'f> {
    kind: &'f [u8],
    channel: &'f [u8],
}

impl<'f> Confirmed<'f> {
    /// `None` if it is something else, a message.
    fn read(frame: &'f [u8]) -> Option<Self> {
        let mut elements = Reply::parse(frame).elements()?;
        let kind = elements.next()?.bytes()?;
        if !kind.ends_with(b"subscribe") {
            return None;
        }
        let channel = elements.next()?.bytes()?;
        Some(Self { kind, channel })
    }

    /// All servers confirm a pattern.
    fn note(&self, client: &mut Client) {
        let own = |awaited: &&mut Awaited| {
            matches!(awaited.state, State::Asked(_))
                && (&*awaited.kind, &*awaited.name) == (self.kind, self.channel)
        };
        if let Some(awaited) = client.awaited.iter_mut().find(own) {
            awaited.state = match awaited.state {
                State::Asked(left) if left > 1 => State::Asked(left - 1),
                _ => State::Confirmed(Vec::new()),
            };
        }
    }
}

impl Client {
    /// Takes a message; it waits with the confirmation of what it was subscribed to.
    fn hear(&mut self, frame: &[u8]) {
        let mut awaited = self.awaited.iter_mut();
        let held = awaited.find_map(|awaited| match &mut awaited.state {
            State::Confirmed(held) if source(frame) == Some(&awaited.name) => Some(held),
            _ => None,
        });
        held.unwrap_or(&mut self.line.output)
            .extend_from_slice(frame);
    }

    /// Tells what is confirmed, as far as nothing before it is open. The count is the client's,
    /// which no host knows.
    fn tell_confirmed(&mut self) {
        let told = |first: &mut Awaited| !matches!(first.state, State::Asked(_));
        while let Some(Awaited { kind, name, state }) = self.awaited.pop_front_if(told) {
            match state {
                State::Refused(error) => self.line.output.extend(error),
                State::Confirmed(messages) => {
                    let set = match kind.starts_with(b"p") {
                        true => &mut self.patterns,
                        false => &mut self.channels,
                    };
                    match kind.ends_with(b"unsubscribe") {
                        true => drop(set.remove(&name)),
                        false => drop(set.insert(name.clone())),
                    }
                    let count = self.subscriptions();
                    let confirmation = confirmation(self.protocol, &kind, Some(&name), count);
                    self.line.output.extend(confirmation);
                    self.line.output.extend(messages);
                }
                State::Asked(_) => {}
            }
        }
    }
}

/// The channel or the pattern that a message has come for.
fn source(frame: &[u8]) -> Option<&[u8]> {
    Reply::parse(frame).elements()?.nth(1)?.bytes()
}

fn confirmation(protocol: u8, kind: &[u8], channel: Option<&[u8]>, count: usize) -> Vec<u8> {
    let mut reply = match protocol {
        2 => b"*3\r\n".to_vec(),
        _ => b">3\r\n".to_vec(),
    };
    write_bulk(&mut reply, kind);
    match channel {
        Some(channel) => write_bulk(&mut reply, channel),
        None => reply.extend(no_bulk(protocol)),
    }
    reply.extend(format!(":{count}\r\n").bytes());
    reply
}
