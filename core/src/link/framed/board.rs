//! The board's end.

use super::flow::Flow;
use super::frame::{Head, Kind};
use super::wire::Wire;
use super::{Buffers, Count, MOST_DOUBLINGS, Milliseconds, has_come};

/// The end that opens sessions: bytes and the time go in, bytes come out; see the
/// [module](super).
///
/// ```
/// use redis_ipc_core::link::framed::{Board, Buffers, Gateway};
///
/// let (mut on_board, mut at_host) = (Buffers::<256, 256>::new(), Buffers::<1024, 1024>::new());
/// let mut board = Board::new(&mut on_board, 1, 100);
/// let mut gateway = Gateway::new(&mut at_host, 100);
/// let mut exchange = |board: &mut Board<'_>, gateway: &mut Gateway<'_>| {
///     let count = gateway.receive(board.outgoing(0));
///     board.sent(count);
///     let count = board.receive(gateway.outgoing(0));
///     gateway.sent(count);
/// };
///
/// exchange(&mut board, &mut gateway);
/// assert!(gateway.is_asked());
/// gateway.accept(0x5EED);
/// exchange(&mut board, &mut gateway);
/// assert!(board.is_open() && board.has_changed());
///
/// assert_eq!(board.write(b"PING\r\n"), 6);
/// exchange(&mut board, &mut gateway);
/// exchange(&mut board, &mut gateway);
/// let mut room = [0; 16];
/// assert_eq!(gateway.read(&mut room), 6);
/// ```
#[derive(Debug)]
pub struct Board<'b> {
    wire: Wire<'b>,
    flow: Flow<'b>,
    nonce: u32,
    session: Option<u32>,
    changed: bool,
    pause: Milliseconds,
    /// When to ask for a session again; at once if not set.
    open_at: Option<Milliseconds>,
    doublings: u32,
}

impl<'b> Board<'b> {
    /// Without a session yet. `pause` is how long an answer may take, at least a few frames each
    /// way: 100 ms at 115,200 baud.
    pub fn new<const IN: usize, const OUT: usize>(
        buffers: &'b mut Buffers<IN, OUT>,
        nonce: u32,
        pause: Milliseconds,
    ) -> Self {
        let (wire, flow) = buffers.parts();
        Self {
            wire,
            flow,
            nonce,
            session: None,
            changed: false,
            pause,
            open_at: None,
            doublings: 0,
        }
    }

    /// Takes what came over the line; all of it, always.
    pub fn receive(&mut self, bytes: &[u8]) -> usize {
        for byte in bytes {
            self.take(*byte);
        }
        bytes.len()
    }

    fn take(&mut self, byte: u8) {
        let Some((head, payload)) = self.wire.take(byte) else {
            return;
        };
        match head.kind {
            Kind::Accept if self.session.is_none() && head.at == self.nonce => {
                self.session = Some(head.session);
                self.changed = true;
                self.flow.begin(head.room);
            }
            Kind::Data | Kind::Acknowledgement if self.session == Some(head.session) => {
                self.flow.take(&head, payload);
            }
            Kind::Close if self.session == Some(head.session) => self.hang_up(),
            _ => {}
        }
    }

    /// What the line has to send now; tell of what it took with [`sent`](Self::sent).
    pub fn outgoing(&mut self, now: Milliseconds) -> &[u8] {
        if self.wire.is_free() {
            self.put_next(now);
        }
        self.wire.outgoing()
    }

    /// Notes that the line took `count` bytes of what was [outgoing](Self::outgoing).
    pub fn sent(&mut self, count: usize) {
        self.wire.sent(count);
    }

    fn put_next(&mut self, now: Milliseconds) {
        let Some(session) = self.session else {
            return self.put_open(now);
        };
        if let Some(mut due) = self.flow.next(now, self.pause) {
            due.head.session = session;
            let stream = &self.flow.to_send;
            self.wire.put(&due.head, stream, due.from, due.length);
        }
    }

    fn put_open(&mut self, now: Milliseconds) {
        if self.open_at.is_some_and(|at| !has_come(at, now)) {
            return;
        }
        self.open_at = Some(now.wrapping_add(self.pause << self.doublings));
        self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
        let head = Head {
            kind: Kind::Open,
            session: self.nonce,
            at: 0,
            acknowledged: 0,
            room: self.flow.room(),
        };
        self.wire.put(&head, &self.flow.to_send, 0, 0);
    }

    /// Ends the session and asks for another one; does nothing while there is none. Bytes that
    /// were not acknowledged may have come or not.
    pub fn hang_up(&mut self) {
        if self.session.take().is_none() {
            return;
        }
        self.nonce = self.nonce.wrapping_add(1);
        self.changed = true;
        self.open_at = None;
        self.doublings = 0;
        self.flow.begin(0);
    }

    /// Whether there is a session: what is written comes to the other end, or the session ends.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.session.is_some()
    }

    /// Whether a session has begun or ended since this was asked last: what comes and what is
    /// written belongs to another stream.
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

    /// Hands out bytes that came; how many.
    pub fn read(&mut self, room: &mut [u8]) -> usize {
        self.flow.read(room)
    }

    /// How many bytes [`read`](Self::read) could hand out.
    #[must_use]
    pub fn readable(&self) -> usize {
        self.flow.received.len()
    }

    /// How many frames came, and how many of them damaged.
    #[must_use]
    pub fn count(&self) -> Count {
        self.wire.count
    }
}
