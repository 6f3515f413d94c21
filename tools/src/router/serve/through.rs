//! Requests while keys move to hosts that join: done at the old place of a key if it is there, else
//! at the new one, as [`through`](crate::router::through) does it for programs.
//!
//! Each such request takes two connections of the client's own: one to the old place, where the key
//! is watched, looked for and used at one moment, and one to the new place for commands that may
//! delete it: a copy that a move has made there has to go with it.

use std::collections::VecDeque;

use redis_ipc_core::resp::Reply;

use super::client::{Client, ClientId};
use super::error_reply;
use super::hub::Hub;
use super::upstream::{Asked, Purpose, Waiting, write_request};

/// How often a key is looked at anew because it has changed meanwhile.
const TRIES: u32 = 100;

/// A request whose keys are looked for.
#[derive(Debug, Default)]
pub(super) struct Through {
    /// Its words, for when its keys are at their old places no longer.
    words: Vec<Vec<u8>>,
    /// Its number, if it is done in parts.
    pub(super) request: Option<u64>,
    pub(super) looks: VecDeque<Look>,
    /// Whether it cannot delete a key.
    reads: bool,
    /// Whether it takes what the first of its keys has.
    pops: bool,
    tries: u32,
    /// The connection to the old place, and that to the new one if a copy there is watched.
    old: usize,
    copy: Option<usize>,
    /// The answer from the old place.
    answer: Vec<u8>,
}

/// One key, and what is asked where it was.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) key: Vec<u8>,
    pub(super) frame: Vec<u8>,
    /// Which part of the request this is; `None` if the first that finds its key is all.
    pub(super) part: Option<u32>,
}

/// What a reply is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The watch of a copy at the new place.
    Copy,
    /// Whether the key is at its old place.
    There,
    /// Whether the command is taken there.
    Taken,
    /// What it came to.
    Done,
    /// What the new place had for a pop.
    Popped,
    /// Whether the copy was removed.
    Removed,
}

impl Through {
    pub(super) fn new(words: &[&[u8]], reads: bool, pops: bool) -> Self {
        Self {
            words: words.iter().map(|word| word.to_vec()).collect(),
            reads,
            pops,
            ..Self::default()
        }
    }

    /// The key that is looked for and what is asked, to which there is no answer yet.
    fn ask(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        self.answer.clear();
        let look = self.looks.front()?;
        Some((look.key.clone(), look.frame.clone()))
    }
}

impl Hub {
    /// Has a part done where its key is to be.
    pub(super) fn ask_new_place(
        &mut self,
        client: &mut Client,
        request: u64,
        part: u32,
        look: &Look,
    ) {
        let asked = Asked {
            part,
            ..Asked::new(client.id, request)
        };
        let host = self.host_of(&look.key);
        self.send(client, host, asked, &look.frame, false, false);
    }

    /// Looks for the next key; when all were looked for, the request goes where they are now.
    pub(super) fn look_at_next(&mut self, client: &mut Client) {
        let Some(key) = self.next_on_its_way(client) else {
            return self.end_looks(client);
        };
        let Some(through) = &mut client.through else {
            return;
        };
        through.copy = None;
        if self.old_host_of(&key).is_none() {
            return self.is_gone(client);
        }
        if through.reads {
            return self.look_at_old_place(client);
        }
        // A host that is away has no copy that could be found now; the move looks for it later.
        let new = self.host_of(&key);
        match self.own(client, new, client.protocol, Purpose::Moving) {
            Ok(place) => {
                if let Some(through) = &mut client.through {
                    through.copy = Some(place);
                }
                let waiting = Waiting::Looking(client.id, Step::Copy);
                self.write(place, &["UNWATCH"], Waiting::Nobody);
                self.write(place, &[&b"WATCH"[..], &key], waiting);
            }
            Err(_) => self.look_at_old_place(client),
        }
    }

    /// The next key; one that does not move, or not any longer, only if what comes behind it must not
    /// be used sooner.
    fn next_on_its_way(&mut self, client: &mut Client) -> Option<Vec<u8>> {
        loop {
            let through = client.through.as_mut()?;
            let look = through.looks.front()?;
            let (Some(request), Some(part), None) =
                (through.request, look.part, self.old_host_of(&look.key))
            else {
                return Some(look.key.clone());
            };
            let look = through.looks.pop_front()?;
            self.ask_new_place(client, request, part, &look);
        }
    }

    fn end_looks(&mut self, client: &mut Client) {
        let Some(through) = client.through.take() else {
            return;
        };
        if through.request.is_none() {
            let words: Vec<&[u8]> = through.words.iter().map(Vec::as_slice).collect();
            let mut frame = Vec::new();
            write_request(&mut frame, &words);
            self.pass_on(client, &frame, &words);
        }
    }

    fn look_at_old_place(&mut self, client: &mut Client) {
        let Some(through) = &client.through else {
            return;
        };
        let Some(key) = through.looks.front().map(|look| look.key.clone()) else {
            return;
        };
        // It does not move any longer: hosts have changed.
        let Some(old) = self.old_host_of(&key) else {
            return self.is_gone(client);
        };
        match self.own(client, old, client.protocol, Purpose::Moving) {
            Ok(place) => {
                if let Some(through) = &mut client.through {
                    through.old = place;
                }
                self.write(place, &["UNWATCH"], Waiting::Nobody);
                self.write(place, &[&b"WATCH"[..], &key], Waiting::Nobody);
                let waiting = Waiting::Looking(client.id, Step::There);
                self.write(place, &[&b"EXISTS"[..], &key], waiting);
            }
            Err(error) => end(client, &error),
        }
    }

    /// A host has answered.
    pub(super) fn looked(&mut self, id: ClientId, step: Step, frame: &[u8]) {
        self.with_client(id, |hub, client| {
            let Some(through) = &mut client.through else {
                return;
            };
            match (step, Reply::parse(frame)) {
                (Step::Copy, Reply::Error(_)) => {
                    through.copy = None;
                    hub.look_at_old_place(client);
                }
                (Step::Copy, _) => hub.look_at_old_place(client),
                (Step::There, Reply::Integer(1)) => hub.use_at_old_place(client),
                (Step::There, Reply::Integer(_)) => hub.is_gone(client),
                (Step::Taken, Reply::Error(_)) => through.answer = frame.to_vec(),
                (Step::Taken, _) => {}
                (Step::Done, Reply::Null) => hub.look_again(client),
                (Step::Done, Reply::Array(_)) => hub.is_done(client, frame),
                // Why it was not taken says more than that nothing was done therefore.
                (Step::Done, _) if !through.answer.is_empty() => hub.answer_look(client),
                (Step::Removed, _) => hub.answer_look(client),
                (Step::Popped, Reply::Array(_)) => hub.has_popped(client, frame),
                (Step::Popped, _) if !through.answer.is_empty() => hub.answer_look(client),
                (Step::There | Step::Done | Step::Popped, _) => end(client, frame),
            }
        });
    }

    fn use_at_old_place(&mut self, client: &mut Client) {
        let Some(through) = &mut client.through else {
            return;
        };
        let Some((key, frame)) = through.ask() else {
            return;
        };
        let (place, id) = (through.old, client.id);
        self.write(place, &["MULTI"], Waiting::Nobody);
        self.write_frame(place, &frame, Waiting::Looking(id, Step::Taken));
        self.write(place, &[&b"EXISTS"[..], &key], Waiting::Nobody);
        self.write(place, &["EXEC"], Waiting::Looking(id, Step::Done));
    }

    /// The key has changed under us: it may have moved.
    fn look_again(&mut self, client: &mut Client) {
        let Some(through) = &mut client.through else {
            return;
        };
        through.tries += 1;
        match through.tries > TRIES {
            true => end(
                client,
                &error_reply("the key is changed faster than it can be looked at"),
            ),
            false => self.look_at_next(client),
        }
    }

    /// The key is not at its old place.
    fn is_gone(&mut self, client: &mut Client) {
        let Some(through) = &mut client.through else {
            return;
        };
        if through.pops {
            return self.pop_at_new_place(client);
        }
        let request = through.request;
        if let Some(look) = through.looks.pop_front()
            && let (Some(request), Some(part)) = (request, look.part)
        {
            self.ask_new_place(client, request, part, &look);
        }
        self.look_at_next(client);
    }

    /// Takes what the new place has of the key: those behind it come after it.
    fn pop_at_new_place(&mut self, client: &mut Client) {
        let Some(through) = &mut client.through else {
            return;
        };
        let Some((key, frame)) = through.ask() else {
            return;
        };
        let (host, id) = (self.host_of(&key), client.id);
        let place = match self.own(client, host, client.protocol, Purpose::Moving) {
            Ok(place) => place,
            Err(error) => return end(client, &error),
        };
        // In a transaction it does not wait.
        self.write(place, &["UNWATCH"], Waiting::Nobody);
        self.write(place, &["MULTI"], Waiting::Nobody);
        self.write_frame(place, &frame, Waiting::Looking(id, Step::Taken));
        self.write(place, &["EXEC"], Waiting::Looking(id, Step::Popped));
    }

    fn has_popped(&mut self, client: &mut Client, frame: &[u8]) {
        let Some(through) = &mut client.through else {
            return;
        };
        let popped = frame.strip_prefix(b"*1\r\n").unwrap_or(frame);
        if !matches!(Reply::parse(popped), Reply::Null) {
            return end(client, popped);
        }
        through.looks.pop_front();
        self.look_at_next(client);
    }

    /// The command was done at the old place.
    fn is_done(&mut self, client: &mut Client, frame: &[u8]) {
        let Some(through) = &mut client.through else {
            return;
        };
        let Some((answer, stays)) = executed(frame) else {
            return end(
                client,
                &error_reply("a host answers EXEC with something else"),
            );
        };
        through.answer = answer.to_vec();
        let key = through.looks.front().map(|look| look.key.clone());
        match (through.copy, key, stays) {
            (Some(copy), Some(key), false) => {
                let id = client.id;
                self.write(copy, &["MULTI"], Waiting::Nobody);
                self.write(copy, &[&b"UNLINK"[..], &key], Waiting::Nobody);
                self.write(copy, &["EXEC"], Waiting::Looking(id, Step::Removed));
            }
            _ => self.answer_look(client),
        }
    }

    fn answer_look(&mut self, client: &mut Client) {
        let Some(through) = &mut client.through else {
            return;
        };
        let answer = std::mem::take(&mut through.answer);
        let part = through.looks.front().and_then(|look| look.part);
        let (Some(request), Some(part)) = (through.request, part) else {
            return end(client, &answer);
        };
        through.looks.pop_front();
        client.answer(request, part, &answer);
        self.look_at_next(client);
    }

    /// A connection has broken before a reply came.
    pub(super) fn look_broken(&mut self, id: ClientId, step: Step, unsent: &[u8], unknown: &[u8]) {
        self.with_client(id, |hub, client| match (step, &mut client.through) {
            (_, None) => {}
            (Step::Copy, Some(through)) => {
                through.copy = None;
                hub.look_at_old_place(client);
            }
            (Step::There, _) => end(client, unsent),
            (Step::Taken | Step::Done | Step::Popped, _) => end(client, unknown),
            (Step::Removed, _) => hub.answer_look(client),
        });
    }
}

/// Ends all looks of a client with an answer.
fn end(client: &mut Client, answer: &[u8]) {
    let Some(through) = client.through.take() else {
        return;
    };
    let Some(request) = through.request else {
        return client.answer_now(answer);
    };
    for part in through.looks.iter().filter_map(|look| look.part) {
        client.answer(request, part, answer);
    }
}

/// What a command and the EXISTS behind it came to: the answer of the one, and whether the key is
/// still there.
fn executed(frame: &[u8]) -> Option<(&[u8], bool)> {
    let both = frame.strip_prefix(b"*2\r\n")?;
    let answer = both.strip_suffix(b":1\r\n").map(|answer| (answer, true));
    answer.or_else(|| Some((both.strip_suffix(b":0\r\n")?, false)))
}
