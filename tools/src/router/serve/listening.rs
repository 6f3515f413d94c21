//! Clients that subscribe: to channels on the hosts that own them, to patterns on all servers.

use std::collections::BTreeSet;

use redis_ipc_core::resp::Reply;

use super::client::{Client, ClientId};
use super::looping::Hub;
use super::upstream::write_request;

impl Hub {
    /// Takes a request of that name, in lower case. `false` if it has to wait until what was asked
    /// before is answered: what comes from now on comes unasked.
    pub(super) fn subscribe(&mut self, client: &mut Client, name: &[u8], names: &[&[u8]]) -> bool {
        if !client.is_idle() {
            return false;
        }
        let leaves = name.ends_with(b"unsubscribe");
        let patterns = name.starts_with(b"p");
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
                client.line.output.extend(confirmation(name, None, count));
            }
        }
        for channel in names {
            let hosts = match patterns {
                true => self.servers(),
                false => vec![self.layout.rule.host(channel)],
            };
            for host in hosts {
                if let Err(error) = self.listen(client, host, &[name, channel]) {
                    client.answer_now(&error);
                    break;
                }
            }
        }
        true
    }

    /// One host of each server: what is published is heard in all of a server's databases.
    fn servers(&self) -> Vec<usize> {
        let nodes = &self.layout.nodes;
        let server = |host: usize| nodes[host].host.endpoint.clone().with_database(0);
        let first = |host: &usize| (0..*host).all(|other| server(other) != server(*host));
        (0..nodes.len()).filter(first).collect()
    }

    fn listen(&mut self, client: &mut Client, host: usize, words: &[&[u8]]) -> Result<(), Vec<u8>> {
        let place = self.own(client, host, true)?;
        if let Some(upstream) = &mut self.upstreams[place] {
            write_request(&mut upstream.line.output, words);
        }
        self.note_upstream(place);
        Ok(())
    }

    /// Passes on what a host tells a client that listens.
    pub(super) fn hear(&mut self, owner: ClientId, host: usize, frame: &[u8]) {
        let Some(client) = self.client(owner) else {
            return;
        };
        match Confirmed::read(frame) {
            // All hosts confirm a pattern; one of them is enough.
            Some(confirmed) if confirmed.of_pattern() && host != 0 => return,
            Some(confirmed) => confirmed.pass_on(client),
            None => client.line.output.extend(frame),
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

    /// The count is that of the client, which no host knows.
    fn pass_on(&self, client: &mut Client) {
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
        let confirmation = confirmation(self.kind, Some(self.channel), count);
        client.line.output.extend(confirmation);
    }
}

fn confirmation(kind: &[u8], channel: Option<&[u8]>, count: usize) -> Vec<u8> {
    let mut reply = format!("*3\r\n${}\r\n", kind.len()).into_bytes();
    reply.extend(kind);
    match channel {
        Some(channel) => {
            reply.extend(format!("\r\n${}\r\n", channel.len()).bytes());
            reply.extend(channel);
            reply.extend(b"\r\n");
        }
        None => reply.extend(b"\r\n$-1\r\n"),
    }
    reply.extend(format!(":{count}\r\n").bytes());
    reply
}
