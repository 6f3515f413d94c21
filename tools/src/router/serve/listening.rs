//! Clients that subscribe: to channels on the hosts that own them, to patterns on all servers.

use std::collections::BTreeSet;

use redis_ipc_core::resp::Reply;

use super::client::{Client, ClientId};
use super::error_reply;
use super::hub::Hub;
use super::joined::Joined;
use super::upstream::{Asked, Purpose, Waiting, write_bulk, write_request};

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
            let asked = hosts.into_iter().try_for_each(|host| {
                self.listen(client, host, &[name, channel])?;
                Ok::<(), Vec<u8>>(())
            });
            match asked {
                Ok(()) => client.awaited.push((name.to_vec(), channel.to_vec())),
                Err(error) => client.answer_now(&error),
            }
        }
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
            Some(confirmed) => confirmed.pass_on(client),
            None => client.line.output.extend_from_slice(frame),
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

    fn of_pattern(&self) -> bool {
        self.kind.starts_with(b"p")
    }

    /// The count is that of the client, which no host knows. All hosts confirm a pattern: the
    /// first is heard.
    fn pass_on(&self, client: &mut Client) {
        let own =
            |(kind, name): &(Vec<u8>, Vec<u8>)| (&**kind, &**name) == (self.kind, self.channel);
        let Some(at) = client.awaited.iter().position(own) else {
            return;
        };
        client.awaited.remove(at);
        let set: &mut BTreeSet<Vec<u8>> = match self.of_pattern() {
            true => &mut client.patterns,
            false => &mut client.channels,
        };
        if self.kind.ends_with(b"unsubscribe") {
            set.remove(self.channel);
        } else {
            set.insert(self.channel.to_vec());
        }
        let count = client.subscriptions();
        let confirmation = confirmation(client.protocol, self.kind, Some(self.channel), count);
        client.line.output.extend(confirmation);
    }
}

fn confirmation(protocol: u8, kind: &[u8], channel: Option<&[u8]>, count: usize) -> Vec<u8> {
    let mut reply = match protocol {
        2 => b"*3\r\n".to_vec(),
        _ => b">3\r\n".to_vec(),
    };
    write_bulk(&mut reply, kind);
    match (channel, protocol) {
        (Some(channel), _) => write_bulk(&mut reply, channel),
        (None, 2) => reply.extend(b"$-1\r\n"),
        (None, _) => reply.extend(b"_\r\n"),
    }
    reply.extend(format!(":{count}\r\n").bytes());
    reply
}
