//! One connection's bytes: what waits to be sent, what came and was not read yet, and which reply
//! belongs to which request.
//!
//! A session does no input or output. The one who owns the line takes [`Session::outgoing`] to
//! the wire and what arrives into [`Session::space`]; the machines in [`crate::call`],
//! [`crate::serve`] and [`crate::subscription`] write requests and look at what
//! [`Session::poll`] finds. Several of them can share a session: every request has a
//! [`Sequence`] number, and a reply carries the number of the request it answers.
//!
//! Redis answers in order; pushes come in between. In RESP3 they have a type of their own. In
//! RESP2 they look like replies, and a connection that has subscribed gets nothing else but the
//! confirmations of (un)subscribing, so such a session is told with
//! [`Session::set_resp2_listener`].

mod inbox;
mod outbox;

pub use outbox::Kept;

use crate::resp::{Limits, ProtocolError, Reply};
use crate::write::{TooLong, Writer};
use inbox::{Arrived, Inbox};
use outbox::Outbox;

/// Where a session keeps bytes: an array, a slice, or something that can grow.
pub trait Storage {
    /// All of it.
    fn bytes(&self) -> &[u8];
    /// All of it, to be written.
    fn bytes_mut(&mut self) -> &mut [u8];
    /// Tries to become at least `needed` bytes long, keeping what it holds; says whether it is.
    fn grow(&mut self, needed: usize) -> bool {
        self.bytes().len() >= needed
    }
    /// How many bytes it can have at most, for errors to name.
    fn limit(&self) -> usize {
        self.bytes().len()
    }
}

impl<const N: usize> Storage for [u8; N] {
    fn bytes(&self) -> &[u8] {
        self
    }
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl Storage for &mut [u8] {
    fn bytes(&self) -> &[u8] {
        self
    }
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

/// The number of a request on its session, in the order in which they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence(u32);

impl Sequence {
    /// The number `count` requests later.
    #[must_use]
    pub const fn after(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }
}

/// What [`Session::poll`] found; the bytes are in [`Session::frame`] until the next poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming {
    /// The reply to a request.
    Reply(Sequence),
    /// Something the server sent unasked: a published message, an invalidation.
    Push,
    /// A message that the inbox cannot hold. It was taken off the line and dropped; the session
    /// goes on behind it.
    TooLong {
        /// The request it answered; `None` if it was a push.
        of: Option<Sequence>,
        /// Its size and the inbox's.
        error: TooLong,
    },
}

/// The bytes and the order of one connection; see the [module](self).
///
/// ```
/// use redis_ipc_core::session::{Incoming, Session};
/// use redis_ipc_core::resp::{request, Reply};
///
/// let mut session = Session::new([0; 64], [0; 64]);
/// let ping = session.request(|w| {
///     request::command(w, &[b"PING"]);
///     Ok::<(), redis_ipc_core::write::TooLong>(())
/// })?;
/// assert_eq!(session.outgoing(), b"*1\r\n$4\r\nPING\r\n");
/// session.sent(14);
///
/// session.space()[..7].copy_from_slice(b"+PONG\r\n");
/// session.received(7);
/// assert_eq!(session.poll()?, Some(Incoming::Reply(ping)));
/// assert_eq!(session.frame(), Reply::Simple(b"PONG"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Session<S> {
    inbox: Inbox<S>,
    outbox: Outbox<S>,
    /// Number of the next request.
    next_request: u32,
    /// Number of the request whose reply comes next.
    next_reply: u32,
    resp2_listener: bool,
}

impl<S: Storage> Session<S> {
    /// A session on a fresh connection. The inbox must hold at least 64 bytes to get through
    /// messages that it cannot keep.
    pub fn new(inbox: S, outbox: S) -> Self {
        Self::with_limits(inbox, outbox, Limits::default())
    }

    /// As [`new`](Self::new), with limits of your own on what a peer may announce.
    pub fn with_limits(inbox: S, outbox: S, limits: Limits) -> Self {
        Self {
            inbox: Inbox::new(inbox, limits),
            outbox: Outbox::new(outbox),
            next_request: 0,
            next_reply: 0,
            resp2_listener: false,
        }
    }

    /// Forgets all that belongs to the connection so far, but not what was
    /// [kept](Self::keep): the line is a new one.
    pub fn reset(&mut self) {
        self.inbox.reset();
        self.outbox.reset();
        self.next_reply = self.next_request;
        self.resp2_listener = false;
    }

    /// Says that this session has subscribed under RESP2: arrays that begin with the name of a
    /// push are pushes from now on.
    pub fn set_resp2_listener(&mut self, listens: bool) {
        self.resp2_listener = listens;
    }

    /// Writes one request. `write` may be called again if the outbox can grow, so it must write
    /// the same each time.
    ///
    /// # Errors
    /// What `write` returns, or [`TooLong`] if there is no room; nothing of it is sent then.
    pub fn request<E: From<TooLong>>(
        &mut self,
        write: impl FnMut(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<Sequence, E> {
        self.requests(1, write)
    }

    /// Writes `count` requests of which all or none are sent; returns the number of the first.
    ///
    /// # Errors
    /// As with [`request`](Self::request).
    pub fn requests<E: From<TooLong>>(
        &mut self,
        count: u32,
        write: impl FnMut(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<Sequence, E> {
        self.outbox.write(write)?;
        Ok(self.number(count))
    }

    fn number(&mut self, count: u32) -> Sequence {
        let first = Sequence(self.next_request);
        self.next_request = first.after(count).0;
        first
    }

    /// The number that the next request will have.
    #[must_use]
    pub fn upcoming(&self) -> Sequence {
        Sequence(self.next_request)
    }

    /// How many replies are still to come.
    #[must_use]
    pub fn outstanding(&self) -> u32 {
        self.next_request.wrapping_sub(self.next_reply)
    }

    /// Whether the reply to `request` is still to come.
    #[must_use]
    pub fn awaits(&self, request: Sequence) -> bool {
        let behind = request.0.wrapping_sub(self.next_reply);
        behind < self.outstanding()
    }

    /// Bytes that its storage holds now, in both directions; storage that grows has more than it
    /// had at first.
    #[must_use]
    pub fn storage_bytes(&self) -> usize {
        self.inbox.room() + self.outbox.room()
    }

    /// What waits to be sent.
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        self.outbox.outgoing()
    }

    /// The line took the first `count` bytes of [`outgoing`](Self::outgoing).
    pub fn sent(&mut self, count: usize) {
        self.outbox.sent(count);
    }

    /// Takes back all requests of which no byte was sent yet, the whole outbox that is; only
    /// right if the line took nothing since the first of them was written.
    pub fn withdraw_unsent(&mut self, count: u32) {
        self.outbox.reset();
        self.next_request = self.next_request.wrapping_sub(count);
    }

    /// Room for what arrives; never empty. To be asked for only after [`poll`](Self::poll) has
    /// found nothing more: a message that is too long for the inbox begins to be dropped here.
    /// What the last poll found is no longer readable afterwards.
    pub fn space(&mut self) -> &mut [u8] {
        self.inbox.space()
    }

    /// Room for what arrives while messages still wait to be polled; `None` if the inbox is full
    /// of them. What the last poll found is no longer readable afterwards.
    pub fn spare(&mut self) -> Option<&mut [u8]> {
        self.inbox.spare()
    }

    /// The line put `count` bytes into [`space`](Self::space).
    pub fn received(&mut self, count: usize) {
        self.inbox.received(count);
    }

    /// Looks for the next complete message.
    ///
    /// # Errors
    /// [`ProtocolError`]: what came is not RESP. Nothing behind it can be understood, the
    /// connection must be given up.
    #[inline]
    pub fn poll(&mut self) -> Result<Option<Incoming>, ProtocolError> {
        let Some(arrived) = self.inbox.next()? else {
            return Ok(None);
        };
        Ok(Some(match arrived {
            Arrived::Frame if self.is_push(self.inbox.frame()) => Incoming::Push,
            Arrived::Frame => Incoming::Reply(self.answered()),
            Arrived::TooLong { head, error } => {
                let of = (!self.is_push(&head)).then(|| self.answered());
                Incoming::TooLong { of, error }
            }
        }))
    }

    fn answered(&mut self) -> Sequence {
        let of = Sequence(self.next_reply);
        if self.outstanding() > 0 {
            self.next_reply = of.after(1).0;
        }
        of
    }

    /// Whether a frame, of which the beginning is enough, was sent unasked. The confirmations of
    /// (un)subscribing are pushes on the wire, but they are the answers to our requests.
    fn is_push(&self, frame: &[u8]) -> bool {
        match frame.first() {
            Some(b'>') => !self.is_confirmation(frame),
            Some(b'|') if matches!(Reply::parse(frame), Reply::Push(_)) => {
                !self.is_confirmation(frame)
            }
            Some(b'*') if self.resp2_listener => name(frame).is_some_and(is_push_name),
            _ => false,
        }
    }

    fn is_confirmation(&self, frame: &[u8]) -> bool {
        self.outstanding() > 0 && name(frame).is_some_and(is_confirmation_name)
    }

    /// The message that the last [`poll`](Self::poll) found.
    #[must_use]
    pub fn frame(&self) -> Reply<'_> {
        Reply::parse(self.inbox.frame())
    }

    /// The last `length` bytes of text in the frame, to be read in place: when the frame ends
    /// with a bulk of that length, that bulk.
    pub fn last_bulk_mut(&mut self, length: usize) -> &mut [u8] {
        self.inbox.last_bulk_mut(length)
    }

    /// Keeps what the last [`requests`](Self::requests) wrote readable after it was sent, so that
    /// [`resend`](Self::resend) can send `body`, a part of it, again. One keeper at a time.
    pub fn keep(&mut self, body: core::ops::Range<usize>) -> Kept {
        self.outbox.keep(body)
    }

    /// Lets go of what was kept.
    pub fn release(&mut self) {
        self.outbox.release();
    }

    /// Sends the kept bytes once more behind another header, as one request, and behind all that
    /// still waits to be sent. Where nothing waits that takes as much room as the first time, and
    /// what the header is longer.
    ///
    /// # Errors
    /// [`TooLong`] if there is no room.
    pub fn resend(
        &mut self,
        kept: &mut Kept,
        header: impl FnMut(&mut Writer<'_>),
    ) -> Result<Sequence, TooLong> {
        self.outbox.resend(kept, header)?;
        Ok(self.number(1))
    }
}

/// What the frame of a push calls itself.
fn name(frame: &[u8]) -> Option<&[u8]> {
    Reply::parse(frame).elements()?.next()?.bytes()
}

fn is_push_name(name: &[u8]) -> bool {
    matches!(name, b"message" | b"pmessage" | b"smessage")
}

fn is_confirmation_name(name: &[u8]) -> bool {
    matches!(
        name,
        b"subscribe"
            | b"psubscribe"
            | b"ssubscribe"
            | b"unsubscribe"
            | b"punsubscribe"
            | b"sunsubscribe"
    )
}
