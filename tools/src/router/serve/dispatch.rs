//! What is done with each request of a client.

use std::ops::Range;

use super::client::Client;
use super::joined::Joined;
use super::looping::Hub;
use super::upstream::{Waiting, write_request};
use super::{error_reply, request};
use crate::router::split::{self, Parts, Route};

/// Words of a request that are looked at without an allocation.
const FEW: usize = 16;

impl Hub {
    /// Reads a client's requests and passes them on, as far as it may go on.
    pub(super) fn serve_client(&mut self, place: usize) {
        // Taken out, for its requests go to others that are kept beside it.
        let Some(mut client) = self.clients[place].take() else {
            return;
        };
        client.stalled = false;
        client.wants_idle = false;
        let alive = self.serve(&mut client);
        let writes = client.line.unsent() > 0 || client.quits;
        self.clients[place] = Some(client);
        match alive {
            true if writes => self.note_client(place),
            true => {}
            false => self.close_client(place),
        }
    }

    /// `false` if the client is gone.
    fn serve(&mut self, client: &mut Client) -> bool {
        let mut words = Vec::new();
        loop {
            self.take_requests(client, &mut words);
            client.stalled = client.wants_idle || !client.may_go_on();
            if client.stalled || !client.line.readable {
                return true;
            }
            if client.line.receive().is_err() {
                return false;
            }
        }
    }

    fn take_requests(&mut self, client: &mut Client, words: &mut Vec<Range<usize>>) {
        let mut input = std::mem::take(&mut client.line.input);
        while client.may_go_on() {
            match request::parse(input.bytes(), words) {
                Ok(Some(end)) => {
                    let frame = &input.bytes()[..end];
                    let taken = words.is_empty() || self.take_request(client, frame, words);
                    if !taken {
                        client.wants_idle = true;
                        break;
                    }
                    input.take(end);
                }
                Ok(None) => break,
                Err(why) => {
                    client.answer_now(&error_reply(&why));
                    client.quits = true;
                }
            }
        }
        client.line.input = input;
    }

    /// `false` if it has to wait until what the client asked for before is answered.
    fn take_request(&mut self, client: &mut Client, frame: &[u8], words: &[Range<usize>]) -> bool {
        let mut few: [&[u8]; FEW] = [&[]; FEW];
        let many: Vec<&[u8]>;
        let words = match few.get_mut(..words.len()) {
            Some(few) => {
                few.iter_mut()
                    .zip(words)
                    .for_each(|(word, range)| *word = &frame[range.clone()]);
                &*few
            }
            None => {
                many = words.iter().map(|range| &frame[range.clone()]).collect();
                &many
            }
        };
        let blocking = match self.table.command(words) {
            Ok(command) => command.flags.blocking,
            Err(refusal) => {
                client.answer_now(&error_reply(&refusal.to_string()));
                return true;
            }
        };
        if let Some(done) = self.answer_ourselves(client, words) {
            return done;
        }
        let route = split::route(&self.table, &self.layout, words);
        match route {
            Ok(Route::One(host)) if blocking => self.pass_alone(client, host, frame),
            Ok(Route::One(host)) => self.pass(client, host, frame),
            Ok(Route::Several(parts)) => self.pass_parts(client, &parts, frame.len(), words),
            Err(error) => client.answer_now(&error_reply(&error.to_string())),
        }
        true
    }

    /// Passes a request on as it came.
    fn pass(&mut self, client: &mut Client, host: usize, frame: &[u8]) {
        match self.shared(host) {
            Ok(place) => self.send(client, place, frame),
            Err(error) => client.answer_now(&error),
        }
    }

    fn send(&mut self, client: &mut Client, place: usize, frame: &[u8]) {
        let waiting = Waiting::Client {
            client: client.id,
            request: client.ask(frame.len()),
            part: 0,
        };
        let upstream = self.upstreams[place].as_mut().expect("it was just there");
        match frame.first() {
            Some(b'*') => upstream.line.output.extend(frame),
            _ => write_request(&mut upstream.line.output, &words_of(frame)),
        }
        upstream.wait_for(waiting);
        self.note_upstream(place);
    }

    /// Passes a request that may block on over a connection of the client's own; what the client
    /// asks for behind it waits, as it would with a server.
    fn pass_alone(&mut self, client: &mut Client, host: usize, frame: &[u8]) {
        match self.own(client, host, false) {
            Ok(place) => {
                self.send(client, place, frame);
                client.blocked = true;
            }
            Err(error) => client.answer_now(&error),
        }
    }

    /// A connection to a host that is the client's own: for listening, or not.
    pub(super) fn own(
        &mut self,
        client: &mut Client,
        host: usize,
        listens: bool,
    ) -> Result<usize, Vec<u8>> {
        let fits = |place: &&usize| {
            let upstream = self.upstreams[**place].as_ref();
            upstream.is_some_and(|own| own.host == host && own.listens == listens)
        };
        if let Some(place) = client.own.iter().find(fits) {
            return Ok(*place);
        }
        let place = self.connect(host, Some(client.id))?;
        if let Some(upstream) = &mut self.upstreams[place] {
            upstream.listens = listens;
        }
        client.own.push(place);
        Ok(place)
    }

    fn pass_parts(&mut self, client: &mut Client, parts: &Parts, bytes: usize, words: &[&[u8]]) {
        let id = client.id;
        let request = client.ask_in_parts(bytes, Joined::new(parts));
        for (part, own) in (0..).zip(&parts.parts) {
            let place = match self.shared(own.host) {
                Ok(place) => place,
                Err(error) => {
                    client.answer(request, part, &error);
                    continue;
                }
            };
            let upstream = self.upstreams[place].as_mut().expect("it was just there");
            write_request(&mut upstream.line.output, &parts.words(own, words));
            upstream.wait_for(Waiting::Client {
                client: id,
                request,
                part,
            });
            self.note_upstream(place);
        }
    }

    /// Answers what is for no host. `None` if it is for one, `Some(false)` if it has to wait.
    fn answer_ourselves(&mut self, client: &mut Client, words: &[&[u8]]) -> Option<bool> {
        let mut room = [0; 16];
        let name = room.get_mut(..words[0].len())?;
        name.copy_from_slice(words[0]);
        name.make_ascii_lowercase();
        let refused = |why: &str| error_reply(why);
        let reply = match (&*name, &words[1..]) {
            (b"subscribe" | b"psubscribe" | b"unsubscribe" | b"punsubscribe", names) => {
                return Some(self.subscribe(client, &words[0].to_ascii_lowercase(), names));
            }
            (b"ping", []) if client.listens() => b"*2\r\n$4\r\npong\r\n$0\r\n\r\n".to_vec(),
            (b"ping", []) => b"+PONG\r\n".to_vec(),
            (b"ping" | b"echo", [text]) => bulk(text),
            (b"quit", _) => {
                client.quits = true;
                b"+OK\r\n".to_vec()
            }
            _ if client.listens() => {
                refused("only (P)SUBSCRIBE, (P)UNSUBSCRIBE, PING and QUIT while subscribed")
            }
            (b"select", [b"0"]) => b"+OK\r\n".to_vec(),
            (b"select", _) => refused("the router has one database, 0: each host has its own"),
            (b"hello", [] | [b"2", ..]) => hello(),
            (b"hello", _) => b"-NOPROTO the router speaks RESP2\r\n".to_vec(),
            (b"client", [sub, ..]) if is_any(sub, &["setname", "setinfo"]) => b"+OK\r\n".to_vec(),
            (b"client", [sub]) if is_any(sub, &["id"]) => {
                format!(":{}\r\n", client.id.generation).into_bytes()
            }
            (b"multi" | b"exec" | b"discard" | b"watch" | b"unwatch", _) => refused(
                "transactions do not go through the router: connect to the host of the keys",
            ),
            (b"auth", _) => {
                refused("the router has no password: its socket's mode says who is let in")
            }
            (b"publish", [channel, _]) => {
                let mut frame = Vec::new();
                write_request(&mut frame, words);
                let host = self.layout.rule.host(channel);
                self.pass(client, host, &frame);
                return Some(true);
            }
            _ => return None,
        };
        client.answer_now(&reply);
        Some(true)
    }
}

fn is_any(word: &[u8], names: &[&str]) -> bool {
    names
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

fn bulk(text: &[u8]) -> Vec<u8> {
    let mut reply = format!("${}\r\n", text.len()).into_bytes();
    reply.extend(text);
    reply.extend(b"\r\n");
    reply
}

fn hello() -> Vec<u8> {
    let mut reply = b"*6\r\n".to_vec();
    for text in [
        "server",
        "redis",
        "version",
        env!("CARGO_PKG_VERSION"),
        "proto",
    ] {
        reply.extend(bulk(text.as_bytes()));
    }
    reply.extend(b":2\r\n");
    reply
}

/// The words of a line.
fn words_of(frame: &[u8]) -> Vec<&[u8]> {
    let words = frame.split(u8::is_ascii_whitespace);
    words.filter(|word| !word.is_empty()).collect()
}
