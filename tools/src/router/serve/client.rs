//! A client: what it asked for, in order, and what it was answered.

use std::collections::{BTreeSet, VecDeque};

use redis_ipc_core::resp::Reply;

use super::crowd::Seen;
use super::error_reply;
use super::gather::Gather;
use super::introducing::Introduced;
use super::joined::Joined;
use super::line::Line;
use super::listening::Awaited;
use super::request::Begun;
use super::through::Through;
use super::transaction::Transaction;
use super::upstream::write_bulk;
use super::watching::Watch;
use super::{MOST_BYTES, MOST_UNHEARD, MOST_UNREAD};

/// Bytes that a reply counts for at least: so many requests may be unanswered at once.
const SMALL_REPLY: usize = 256;

/// Bytes that a reply is taken to have while none was seen.
const FIRST_REPLY: usize = 4096;

/// A client's place, and which of those that have had the place it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClientId {
    pub(super) place: usize,
    pub(super) generation: u32,
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) line: Line,
    pub(super) id: ClientId,
    pub(super) introduced: Introduced,
    pub(super) seen: Seen,
    /// What has come in part of a long request.
    pub(super) begun: Option<Box<Begun>>,
    /// Number of the request at the head of `slots`.
    first: u64,
    /// What the requests have come to that were not answered to the client yet.
    slots: VecDeque<Slot>,
    /// Bytes of the requests in `slots`.
    unanswered: usize,
    /// Bytes that its last replies had, on an average.
    usual_reply: usize,
    /// The version of RESP that it speaks.
    pub(super) protocol: u8,
    /// Requests behind one that blocks wait until it is answered.
    pub(super) blocked: bool,
    /// They do so, too, behind one that waits for nobody but must not be overtaken.
    pub(super) held: bool,
    /// A pop from several hosts that waits.
    pub(super) gather: Option<Gather>,
    /// What it waits in, as it was asked, and whether that is to begin anew as soon as it has come
    /// to nothing.
    pub(super) waits_in: Option<Vec<u8>>,
    pub(super) renews: bool,
    /// A request whose keys are looked for at their old places.
    pub(super) through: Option<Box<Through>>,
    /// Commands of a transaction that was begun.
    pub(super) transaction: Option<Transaction>,
    pub(super) watch: Option<Watch>,
    /// It was left although it may have asked for more: for its limits, or…
    pub(super) stalled: bool,
    /// …until all is answered.
    pub(super) wants_idle: bool,
    /// Ends when all is answered.
    pub(super) quits: bool,
    /// Connections of its own, by their places.
    pub(super) own: Vec<usize>,
    pub(super) channels: BTreeSet<Vec<u8>>,
    pub(super) patterns: BTreeSet<Vec<u8>>,
    /// What hosts have to confirm of subscriptions: what the client asks for behind it waits until
    /// they have.
    pub(super) awaited: VecDeque<Awaited>,
}

#[derive(Debug)]
enum Slot {
    Waiting {
        bytes: usize,
    },
    Joined {
        bytes: usize,
        joined: Box<Joined>,
    },
    /// A SCAN of the host at this place among so many.
    Scan {
        bytes: usize,
        place: u64,
        hosts: u64,
    },
    Ready {
        bytes: usize,
        reply: Vec<u8>,
    },
}

impl Client {
    pub(super) fn new(line: Line, id: ClientId) -> Self {
        Self {
            line,
            id,
            introduced: Introduced::new(),
            seen: Seen::default(),
            begun: None,
            first: 0,
            slots: VecDeque::new(),
            unanswered: 0,
            usual_reply: FIRST_REPLY,
            protocol: 2,
            blocked: false,
            held: false,
            gather: None,
            waits_in: None,
            renews: false,
            through: None,
            transaction: None,
            watch: None,
            stalled: false,
            wants_idle: false,
            quits: false,
            own: Vec::new(),
            channels: BTreeSet::new(),
            patterns: BTreeSet::new(),
            awaited: VecDeque::new(),
        }
    }

    /// Its connections are gone, and what it had said before is forgotten.
    pub(super) fn forget_state(&mut self) {
        self.protocol = 2;
        self.introduced.forget_name();
        self.transaction = None;
        self.watch = None;
        self.channels.clear();
        self.patterns.clear();
    }

    /// Whether all that it asked for was answered.
    pub(super) fn is_idle(&self) -> bool {
        self.slots.is_empty() && self.through.is_none()
    }

    /// Whether it has subscribed to something and may ask for nothing else therefore.
    pub(super) fn listens(&self) -> bool {
        self.protocol == 2 && self.subscriptions() > 0
    }

    /// Whether what it waits for comes when others do something.
    pub(super) fn waits_for_others(&self) -> bool {
        self.blocked || !self.awaited.is_empty() || self.subscriptions() > 0
    }

    /// Whether it was or will be answered something that it has not got yet.
    pub(super) fn has_answers(&self) -> bool {
        !self.is_idle() || self.line.unsent() > 0
    }

    /// Whether it leaves more unread than is kept for anybody; less for one that listens, which
    /// nobody holds up.
    pub(super) fn reads_too_little(&self) -> bool {
        let most = match self.subscriptions() {
            0 => MOST_UNREAD,
            _ => MOST_UNHEARD,
        };
        self.line.unsent() > most
    }

    /// Nothing, as its protocol has it.
    pub(super) fn null(&self) -> &'static [u8] {
        match self.protocol {
            2 => b"*-1\r\n",
            _ => b"_\r\n",
        }
    }

    pub(super) fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// Whether its next request may be looked at: it must not leave too much unanswered or unread.
    pub(super) fn may_go_on(&self) -> bool {
        !self.blocked
            && !self.held
            && !self.quits
            && self.through.is_none()
            && self.awaited.is_empty()
            && self.unanswered < MOST_BYTES
            && self.slots.len() * self.usual_reply.max(SMALL_REPLY) < MOST_BYTES
            && self.line.unsent() < MOST_BYTES
    }

    /// Whether it was left and what it was left for is over.
    pub(super) fn may_go_on_again(&self) -> bool {
        self.stalled && self.may_go_on() && (!self.wants_idle || self.is_idle())
    }

    /// A request of so many bytes is on its way; its number.
    pub(super) fn ask(&mut self, bytes: usize) -> u64 {
        self.push(bytes, Slot::Waiting { bytes })
    }

    /// As [`ask`](Self::ask), for one in parts.
    pub(super) fn ask_in_parts(&mut self, bytes: usize, joined: Joined) -> u64 {
        let joined = Box::new(joined);
        self.push(bytes, Slot::Joined { bytes, joined })
    }

    /// As [`ask`](Self::ask), for a SCAN of one host among several.
    pub(super) fn ask_to_scan(&mut self, bytes: usize, place: u64, hosts: u64) -> u64 {
        self.push(
            bytes,
            Slot::Scan {
                bytes,
                place,
                hosts,
            },
        )
    }

    fn push(&mut self, bytes: usize, slot: Slot) -> u64 {
        self.unanswered += bytes;
        self.slots.push_back(slot);
        self.first + self.slots.len() as u64 - 1
    }

    /// Answers the request that was just read.
    pub(super) fn answer_now(&mut self, reply: &[u8]) {
        match self.slots.is_empty() {
            true => self.line.output.extend_from_slice(reply),
            false => self.slots.push_back(Slot::Ready {
                bytes: 0,
                reply: reply.to_vec(),
            }),
        }
    }

    /// Takes a reply, or that to a part.
    pub(super) fn answer(&mut self, request: u64, part: u32, frame: &[u8]) {
        let Some(index) = request.checked_sub(self.first) else {
            return;
        };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.usual_reply = (self.usual_reply * 7 + frame.len()) / 8;
        let (bytes, whole) = match self.slots.get_mut(index) {
            // The usual way: what stands first goes out at once.
            Some(Slot::Waiting { bytes }) if index == 0 => {
                self.unanswered -= *bytes;
                self.line.output.extend_from_slice(frame);
                self.slots.pop_front();
                self.first += 1;
                return self.answer_ready();
            }
            Some(Slot::Waiting { bytes }) => (*bytes, Some(frame.to_vec())),
            Some(Slot::Joined { bytes, joined }) => (*bytes, joined.take(part as usize, frame)),
            Some(Slot::Scan {
                bytes,
                place,
                hosts,
            }) => (*bytes, Some(scanned(frame, *place, *hosts))),
            Some(Slot::Ready { .. }) | None => return,
        };
        if let Some(reply) = whole {
            self.slots[index] = Slot::Ready { bytes, reply };
            self.answer_ready();
        }
    }

    fn answer_ready(&mut self) {
        while let Some(Slot::Ready { bytes, reply }) = self.slots.front() {
            self.unanswered -= bytes;
            self.line.output.extend_from_slice(reply);
            self.slots.pop_front();
            self.first += 1;
        }
        if self.slots.is_empty() {
            self.blocked = false;
            self.held = false;
            self.renews = false;
            self.waits_in = None;
        }
    }

    /// Takes back what it waits in, to be looked at once more.
    pub(super) fn begin_wait_anew(&mut self) {
        self.renews = false;
        if let Some(frame) = self.waits_in.take()
            && let Some(Slot::Waiting { bytes }) = self.slots.pop_back()
        {
            self.unanswered -= bytes;
            self.blocked = false;
            self.begun = None;
            self.line.input.put_back(&frame);
        }
    }
}

/// The answer to a SCAN with a cursor that leads on to the next host.
fn scanned(frame: &[u8], place: u64, hosts: u64) -> Vec<u8> {
    let Reply::Array(mut elements) = Reply::parse(frame) else {
        return frame.to_vec();
    };
    let cursor = elements.next().and_then(|cursor| cursor.bytes());
    let cursor = cursor.and_then(|bytes| std::str::from_utf8(bytes).ok()?.parse::<u64>().ok());
    let next = match cursor {
        Some(0) if place + 1 == hosts => Some(0),
        Some(0) => Some(place + 1),
        Some(own) => own
            .checked_mul(hosts)
            .and_then(|own| own.checked_add(place)),
        None => None,
    };
    let (Some(next), Some(Reply::Array(keys))) = (next, elements.next()) else {
        return error_reply("a host answers SCAN with something else");
    };
    let mut reply = b"*2\r\n".to_vec();
    write_bulk(&mut reply, next.to_string().as_bytes());
    reply.extend(format!("*{}\r\n", keys.len()).bytes());
    for key in keys {
        write_bulk(&mut reply, key.bytes().unwrap_or_default());
    }
    reply
}
