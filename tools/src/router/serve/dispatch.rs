//! What is done with each request of a client.

use std::io::ErrorKind;
use std::ops::Range;

use super::client::Client;
use super::hub::Hub;
use super::joined::Joined;
use super::turns::MOST_READS;
use super::upstream::{Asked, Purpose, Waiting, write_request};
use super::{error_reply, request};
use crate::router::commands::Refusal;
use crate::router::error::Error;
use crate::router::split::{self, Parts, Route};

/// Bytes of the longest name of a command that the router answers itself.
const LONGEST_NAME: usize = 16;

/// Words that room is kept for from one request to the next.
const KEPT_WORDS: usize = 1024;

/// Words of a request that are looked at without an allocation.
const FEW: usize = 16;

impl Hub {
    /// Reads a client's requests and passes them on, as far as it may go on.
    pub(super) fn serve_client(&mut self, place: usize) {
        // Taken out, for its requests go to others that are kept beside it.
        let Some(mut client) = self.clients[place].take() else {
            return;
        };
        self.crowd.note(&mut client.seen);
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
        for turn in 0.. {
            self.take_requests(client);
            client.stalled = client.wants_idle || !client.may_go_on();
            if client.line.ending && client.waits_for_others() {
                // Whoever is gone must not be given what comes by and by: it would be lost.
                return false;
            }
            if client.stalled || !client.line.readable {
                return true;
            }
            if turn == MOST_READS {
                break;
            }
            match client.line.receive() {
                Ok(()) => {}
                // It has no more to ask, and may want its answers still.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof && client.has_answers() => {
                    client.quits = true;
                }
                Err(_) => return false,
            }
        }
        self.read_client_later(client);
        true
    }

    fn take_requests(&mut self, client: &mut Client) {
        let mut words = std::mem::take(&mut self.words);
        let mut input = std::mem::take(&mut client.line.input);
        while client.may_go_on() {
            match request::parse_on(input.bytes(), &mut words, &mut client.begun) {
                Ok(Some(end)) => {
                    let frame = &input.bytes()[..end];
                    let taken = words.is_empty() || self.take_request(client, frame, &words);
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
        // A request of very many words leaves its room to nobody.
        if words.capacity() <= KEPT_WORDS {
            self.words = words;
        }
    }

    /// As [`take_request`](Self::take_request), for words on a line some of which are in quotes.
    fn take_line(&mut self, client: &mut Client, words: Result<Vec<Vec<u8>>, String>) -> bool {
        let mut frame = Vec::new();
        let mut ranges = Vec::new();
        let parsed = words.and_then(|words| {
            write_request(&mut frame, &words);
            request::parse(&frame, &mut ranges)
        });
        match parsed {
            Ok(_) => self.take_request(client, &frame, &ranges),
            Err(why) => {
                client.answer_now(&error_reply(&why));
                client.quits = true;
                true
            }
        }
    }

    /// `false` if it has to wait until what the client asked for before is answered.
    fn take_request(&mut self, client: &mut Client, frame: &[u8], words: &[Range<usize>]) -> bool {
        if let Some(words) = request::quoted(frame) {
            return self.take_line(client, words);
        }
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
        let mut room = [0; LONGEST_NAME];
        let name = match room.get_mut(..words[0].len()) {
            Some(name) => {
                name.copy_from_slice(words[0]);
                name.make_ascii_lowercase();
                &*name
            }
            None => b"",
        };
        if !client.listens()
            && let Some(done) = self.transacts(client, name, words)
        {
            return done;
        }
        if let Some(done) = self.answer_ourselves(client, name, words) {
            return done;
        }
        if let Some(done) = self.take_moving(client, words) {
            return done;
        }
        self.pass_on(client, frame, words);
        true
    }

    /// Passes a request on to the host of its keys.
    pub(super) fn pass_on(&mut self, client: &mut Client, frame: &[u8], words: &[&[u8]]) {
        let (blocking, route) = match self.table.command(words) {
            Ok(command) => (
                command.flags.blocking,
                split::route_command(command, &self.layout, words),
            ),
            Err(unknown) => {
                self.seek_commands();
                return client.answer_now(&error_reply(&unknown.to_string()));
            }
        };
        match route {
            Ok(Route::One(first)) => {
                let host = self.host_of(words[first]);
                self.pass(client, host, frame, words, blocking);
            }
            Ok(Route::Several(parts)) => self.pass_parts(client, &parts, frame.len(), words),
            Err(_) if blocking && self.gathers(client, frame.len(), words) => {}
            Err(error) => {
                // A word of a command that is known.
                if let Error::Refused(Refusal::Unknown(_)) = error {
                    self.seek_commands();
                }
                client.answer_now(&error_reply(&error.to_string()));
            }
        }
    }

    /// Passes a request on as it came; one that may block over a connection of the client's own:
    /// what the client asks for behind it waits, as it would with a server.
    pub(super) fn pass(
        &mut self,
        client: &mut Client,
        host: usize,
        frame: &[u8],
        words: &[&[u8]],
        blocking: bool,
    ) {
        let mut line = Vec::new();
        let frame = match frame.first() {
            Some(b'*') => frame,
            _ => {
                write_request(&mut line, words);
                &line
            }
        };
        let asked = Asked {
            frame: self.seeks().then(|| frame.into()),
            ..Asked::new(client.id, client.ask(frame.len()))
        };
        if blocking {
            client.blocked = true;
            client.waits_in = Some(frame.to_vec());
        }
        self.send(client, host, asked, frame, blocking, false);
    }

    /// Sends a request to a host, over the client's own connection for pops or the shared one;
    /// `asking` says that it was sent there although its slot is another's.
    pub(super) fn send(
        &mut self,
        client: &mut Client,
        host: usize,
        asked: Asked,
        frame: &[u8],
        own: bool,
        asking: bool,
    ) {
        let place = match own {
            true => self.own(client, host, client.protocol, Purpose::Pops),
            false => self.shared(host, client.protocol),
        };
        let place = match place {
            Ok(place) => place,
            Err(error) if asked.frame.is_some() => return self.delay(asked, own, &error),
            Err(error) => return client.answer(asked.request, asked.part, &error),
        };
        if asking {
            self.write(place, &["ASKING"], Waiting::Nobody);
        }
        self.send_over(place, asked, frame);
    }

    /// Sends a request over a connection that is there.
    pub(super) fn send_over(&mut self, place: usize, asked: Asked, frame: &[u8]) {
        let upstream = self.upstreams[place].as_mut().expect("it was just there");
        for _ in 0..asked.ahead {
            upstream.wait_for(Waiting::Nobody);
        }
        self.write_frame(place, frame, Waiting::Client(asked));
    }

    /// A connection to a host that is the client's own, for a purpose.
    pub(super) fn own(
        &mut self,
        client: &mut Client,
        host: usize,
        protocol: u8,
        purpose: Purpose,
    ) -> Result<usize, Vec<u8>> {
        let fits = |place: &&usize| {
            let upstream = self.upstreams[**place].as_ref();
            upstream.is_some_and(|own| {
                own.host == host && own.protocol == protocol && own.purpose == purpose
            })
        };
        if let Some(place) = client.own.iter().find(fits) {
            return Ok(*place);
        }
        let place = self.connect(host, protocol, Some(client.id), purpose)?;
        client.own.push(place);
        Ok(place)
    }

    fn pass_parts(&mut self, client: &mut Client, parts: &Parts, bytes: usize, words: &[&[u8]]) {
        let request = client.ask_in_parts(bytes, Joined::new(parts, client.protocol));
        let mut frame = Vec::new();
        for (part, own) in (0..).zip(&parts.parts) {
            frame.clear();
            write_request(&mut frame, &parts.words(own, words));
            let asked = Asked {
                part,
                frame: self.seeks().then(|| frame[..].into()),
                ..Asked::new(client.id, request)
            };
            let host = self.host_of(words[1 + own.keys[0] * parts.stride()]);
            self.send(client, host, asked, &frame, false, false);
        }
    }
}
