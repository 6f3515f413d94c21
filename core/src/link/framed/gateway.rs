//! The end at the host.

use super::flow::Flow;
use super::frame::{Head, Kind};
use super::wire::Wire;
use super::{Buffers, Count, Milliseconds, has_come};

/// The end that accepts sessions: bytes and the time go in, bytes come out; see the
/// [module](super) and [`Board`](super::Board).
#[derive(Debug)]
pub struct Gateway<'b> {
    wire: Wire<'b>,
    flow: Flow<'b>,
    session: Option<u32>,
    /// The last board that asked and was not accepted yet.
    asked: Option<Asked>,
    /// What it was offered.
    offer: Option<Offer>,
    accept_due: bool,
    close_due: Option<u32>,
    changed: bool,
    pause: Milliseconds,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    nonce: u32,
    room: u16,
}

#[derive(Debug, Clone, Copy)]
struct Offer {
    to: Asked,
    session: u32,
}

impl<'b> Gateway<'b> {
    /// Without a session yet. `pause` is how long an acknowledgement may take, at least a few
    /// frames each way: 100 ms at 115,200 baud.
    pub fn new<const IN: usize, const OUT: usize>(
        buffers: &'b mut Buffers<IN, OUT>,
        pause: Milliseconds,
    ) -> Self {
        let (wire, flow) = buffers.parts();
        Self {
            wire,
            flow,
            session: None,
            asked: None,
            offer: None,
            accept_due: false,
            close_due: None,
            changed: false,
            pause,
        }
    }

    /// Takes what came over the line, up to where a session begins: then
    /// [`has_changed`](Self::has_changed) says so, and the rest has to be handed in again. How many
    /// bytes it took.
    pub fn receive(&mut self, bytes: &[u8]) -> usize {
        for (index, byte) in bytes.iter().enumerate() {
            if self.changed {
                return index;
            }
            self.take(*byte);
        }
        bytes.len()
    }

    fn take(&mut self, byte: u8) {
        let Some((head, payload)) = self.wire.take(byte) else {
            return;
        };
        match head.kind {
            Kind::Open => {
                let asked = Asked {
                    nonce: head.session,
                    room: head.room,
                };
                match &self.offer {
                    Some(offer) if offer.to.nonce == asked.nonce => self.accept_due = true,
                    _ => self.asked = Some(asked),
                }
            }
            Kind::Data | Kind::Acknowledgement => {
                let taken_up = |offer: &mut Offer| offer.session == head.session;
                if let Some(offer) = self.offer.take_if(taken_up) {
                    self.session = Some(head.session);
                    self.changed = true;
                    self.accept_due = false;
                    self.flow.begin(offer.to.room);
                }
                if self.session == Some(head.session) {
                    self.flow.take(&head, payload);
                } else if head.kind == Kind::Data {
                    self.close_due = Some(head.session);
                }
            }
            Kind::Accept | Kind::Close => {}
        }
    }

    /// Whether a board asks for a session.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// Offers a session to the board that [asked](Self::is_asked). `session` is a number that no
    /// other session has had for as long as frames of it may be about, also before this program
    /// began: a random one. The present session goes on until the board takes the offer up.
    pub fn accept(&mut self, session: u32) {
        if let Some(to) = self.asked.take() {
            self.offer = Some(Offer { to, session });
            self.accept_due = true;
        }
    }

    /// Ends the session, which the board is told of; it will ask for another one. Takes back what
    /// was offered and not taken up.
    pub fn close(&mut self) {
        self.close_due = self.session.take().or(self.close_due);
        self.offer = None;
        self.asked = None;
        self.accept_due = false;
    }

    /// What the line has to send now; tell of what it took with [`sent`](Self::sent).
    pub fn outgoing(&mut self, now: Milliseconds) -> &[u8] {
        if self.wire.is_free() {
            self.put_next(now);
        }
        self.wire.outgoing()
    }

    /// How long from now on nothing is [outgoing](Self::outgoing) unless something comes or is
    /// written; `None` if that is for ever. To be asked when nothing is outgoing.
    #[must_use]
    pub fn idle_for(&self, now: Milliseconds) -> Option<Milliseconds> {
        let at = self.session.and_then(|_| self.flow.due_at())?;
        Some(if has_come(at, now) {
            0
        } else {
            at.wrapping_sub(now)
        })
    }

    /// Notes that the line took `count` bytes of what was [outgoing](Self::outgoing).
    pub fn sent(&mut self, count: usize) {
        self.wire.sent(count);
    }

    fn put_next(&mut self, now: Milliseconds) {
        let room = self.flow.received.capacity();
        let room = u16::try_from(room).unwrap_or(u16::MAX);
        let mut head = Head {
            kind: Kind::Close,
            session: 0,
            at: 0,
            acknowledged: 0,
            room,
        };
        if let Some(session) = self.close_due.take() {
            head.session = session;
            return self.wire.put(&head, &self.flow.to_send, 0, 0);
        }
        if let Some(offer) = self.offer.filter(|_| self.accept_due) {
            self.accept_due = false;
            head.kind = Kind::Accept;
            head.session = offer.session;
            head.at = offer.to.nonce;
            return self.wire.put(&head, &self.flow.to_send, 0, 0);
        }
        let Some(session) = self.session else {
            return;
        };
        if let Some(mut due) = self.flow.next(now, self.pause) {
            due.head.session = session;
            let stream = &self.flow.to_send;
            self.wire.put(&due.head, stream, due.from, due.length);
        }
    }

    /// Whether there is a session.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.session.is_some()
    }

    /// Whether a session has begun since this was asked last: what comes and what is written
    /// belongs to another stream.
    pub fn has_changed(&mut self) -> bool {
        core::mem::take(&mut self.changed)
    }

    /// Takes bytes to be sent, as many as there is room for; none while there is no session.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        match self.session {
            Some(_) => self.flow.to_send.put(bytes),
            None => 0,
        }
    }

    /// How many bytes [`write`](Self::write) would take.
    #[must_use]
    pub fn writable(&self) -> usize {
        match self.session {
            Some(_) => self.flow.to_send.free(),
            None => 0,
        }
    }

    /// How many bytes were written and not acknowledged yet.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.flow.to_send.len()
    }

    /// Hands out bytes that came; how many. What is not read is not acknowledged as room: the
    /// board has to wait.
    pub fn read(&mut self, room: &mut [u8]) -> usize {
        self.flow.read(room)
    }

    /// How many frames came, and how many of them damaged.
    #[must_use]
    pub fn count(&self) -> Count {
        self.wire.count
    }
}
