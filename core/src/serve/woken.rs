//! Serving on a line that has to stay free: woken by invalidations, then popped with LPOP.
//!
//! A component with one line and no second one cannot wait in BLPOP: what it sends behind it, an
//! event or its status, would wait as well. So it has the server track its queues
//! ([`tracking::track`](crate::tracking::track)), and the push that tells of a change is what makes it pop. An LPOP that finds
//! something is followed by another one, until one finds nothing.
//!
//! A pop changes its queue too and so comes back as a push, which costs one LPOP in vain. Tracking
//! with NOLOOP would spare it and lose commands: of two changes in one turn of the server it only
//! remembers who made the first.

use super::{Turn, delivered};
use crate::key::Key;
use crate::resp::{Reply, request};
use crate::session::{Incoming, Sequence, Session, Storage};
use crate::tracking::Invalidated;
use crate::write::{TooLong, Writer};

/// Queues that one machine can serve: it has a bit for each.
pub const MAX_QUEUES: usize = 32;

/// The serving side of a session whose line must never wait; see the [module](self).
///
/// It does what [`Serve`](super::Serve) does and has the same [`Turn`]s. Of more than
/// [`MAX_QUEUES`] queues only the first are served.
///
/// ```
/// use redis_ipc_core::{key::Key, name::Component, session::Session};
/// use redis_ipc_core::serve::{Turn, woken::Woken};
///
/// let queues = [Key::commands(Component::parse("sensor")?, None)?];
/// let mut session = Session::new([0; 256], [0; 256]);
/// let mut woken = Woken::new();
/// woken.ask(&mut session, &queues)?;
/// assert_eq!(session.outgoing(), b"*2\r\n$4\r\nLPOP\r\n$22\r\nqueues.commands.sensor\r\n");
/// # let mut say = |session: &mut Session<_>, text: &[u8]| {
/// #     session.space()[..text.len()].copy_from_slice(text);
/// #     session.received(text.len());
/// #     session.poll().unwrap().unwrap()
/// # };
///
/// let incoming = say(&mut session, b"_\r\n");
/// assert!(matches!(woken.handle(&mut session, incoming, &queues), Turn::Nothing));
/// assert!(!woken.ask(&mut session, &queues)?);
///
/// let incoming = say(&mut session, b">2\r\n+invalidate\r\n*1\r\n$22\r\nqueues.commands.sensor\r\n");
/// woken.handle(&mut session, incoming, &queues);
/// assert!(woken.ask(&mut session, &queues)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Woken {
    /// A bit for each queue that may hold something.
    due: u32,
    pop: Option<Pop>,
    push: Option<Sequence>,
}

#[derive(Debug, Clone, Copy)]
struct Pop {
    sequence: Sequence,
    queue: usize,
}

impl Default for Woken {
    fn default() -> Self {
        Self::new()
    }
}

impl Woken {
    /// On a fresh line: every queue has to be looked at once.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            due: u32::MAX,
            pop: None,
            push: None,
        }
    }

    /// Forgets what was in flight: the line is a new one. Returns whether a pop was, whose command,
    /// if there was one, is lost.
    pub fn reset(&mut self) -> bool {
        let lost = self.asked();
        *self = Self::new();
        lost
    }

    /// Whether a pop is in flight.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.pop.is_some()
    }

    /// Has every queue looked at, whatever was pushed: to be done now and then, for an invalidation
    /// may be lost together with the line that carried it.
    pub fn wake(&mut self) {
        self.due = u32::MAX;
    }

    /// Asks for the next command of the first queue that may hold one. Does nothing while a pop is
    /// in flight, or when no queue is due; says whether it asked.
    ///
    /// # Errors
    /// [`TooLong`] if the outbox has no room; the queue stays due.
    pub fn ask<S: Storage>(
        &mut self,
        session: &mut Session<S>,
        queues: &[Key],
    ) -> Result<bool, TooLong> {
        let Some((queue, key)) = self.next(queues) else {
            return Ok(false);
        };
        let sequence = session.request(|w| {
            write_pop(w, key);
            Ok::<(), TooLong>(())
        })?;
        self.popping(queue, sequence);
        Ok(true)
    }

    /// Pushes a result, which `write` writes, and asks for the next command in the same write if a
    /// queue is due.
    ///
    /// # Errors
    /// What `write` returns, or [`TooLong`] if the outbox cannot hold the result; nothing was
    /// sent then.
    pub fn answer<S: Storage, E: From<TooLong>>(
        &mut self,
        session: &mut Session<S>,
        results: &Key,
        queues: &[Key],
        mut write: impl FnMut(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let next = self.next(queues);
        let count = if next.is_some() { 2 } else { 1 };
        let push = session.requests(count, |w| {
            request::array(w, 3);
            request::bulk(w, b"RPUSH");
            request::bulk(w, results.as_bytes());
            let mut written = Ok(());
            request::bulk_with(w, |w| written = write(w));
            written?;
            if let Some((_, key)) = next {
                write_pop(w, key);
            }
            Ok::<(), E>(())
        })?;
        self.push = Some(push);
        if let Some((queue, _)) = next {
            self.popping(queue, push.after(1));
        }
        Ok(())
    }

    /// Whether a reply is for this machine. Pushes are shown to all machines: an invalidation may
    /// concern more than one.
    #[must_use]
    pub fn expects(&self, incoming: Incoming) -> bool {
        match incoming {
            Incoming::Reply(of) => self.pops(of) || self.push == Some(of),
            Incoming::TooLong { of, .. } => of.is_some_and(|of| self.pops(of)),
            Incoming::Push => false,
        }
    }

    /// Looks at what the session found. An invalidation is [`Turn::Foreign`] as well: it may
    /// concern others too.
    pub fn handle<'s, S: Storage>(
        &mut self,
        session: &'s mut Session<S>,
        incoming: Incoming,
        queues: &[Key],
    ) -> Turn<'s> {
        match incoming {
            Incoming::Push => self.pushed(session.frame(), queues),
            // Which keys it told of is not known any more.
            Incoming::TooLong { of: None, .. } => self.wake(),
            Incoming::TooLong {
                of: Some(of),
                error,
            } if self.pops(of) => {
                self.again();
                return Turn::ItemTooLong(error);
            }
            Incoming::Reply(of) if self.pops(of) => return self.popped(session),
            Incoming::Reply(of) if self.push == Some(of) => {
                self.push = None;
                return delivered(session.frame());
            }
            _ => {}
        }
        Turn::Foreign
    }

    fn next<'q>(&self, queues: &'q [Key]) -> Option<(usize, &'q Key)> {
        if self.asked() {
            return None;
        }
        let queue = self.due.trailing_zeros() as usize;
        queues.get(queue).map(|key| (queue, key))
    }

    fn popping(&mut self, queue: usize, sequence: Sequence) {
        // Set again by what is pushed from now on.
        self.due &= !bit(queue);
        self.pop = Some(Pop { sequence, queue });
    }

    fn pops(&self, of: Sequence) -> bool {
        self.pop.is_some_and(|pop| pop.sequence == of)
    }

    /// The pop that was in flight found something: there may be more. Returns its queue.
    fn again(&mut self) -> usize {
        let queue = self.pop.take().map_or(0, |pop| pop.queue);
        self.due |= bit(queue);
        queue
    }

    fn popped<'s, S: Storage>(&mut self, session: &'s mut Session<S>) -> Turn<'s> {
        let length = match session.frame() {
            Reply::Bulk(message) => message.len(),
            other => {
                self.pop = None;
                // Asked anew, for the borrow of what is returned ends the one above.
                return match other {
                    Reply::Null => Turn::Nothing,
                    Reply::Error(_) => refused(session.frame()),
                    _ => Turn::OutOfStep,
                };
            }
        };
        Turn::Item {
            queue: self.again(),
            message: session.last_bulk_mut(length),
        }
    }

    fn pushed(&mut self, frame: Reply<'_>, queues: &[Key]) {
        let Some(changed) = Invalidated::of(frame) else {
            return;
        };
        for (queue, key) in queues.iter().enumerate().take(MAX_QUEUES) {
            if changed.tells_of(key) {
                self.due |= bit(queue);
            }
        }
    }
}

fn write_pop(w: &mut Writer<'_>, queue: &Key) {
    request::command(w, &[b"LPOP", queue.as_bytes()]);
}

fn refused(reply: Reply<'_>) -> Turn<'_> {
    match reply {
        Reply::Error(error) => Turn::PopRefused(error),
        _ => Turn::OutOfStep,
    }
}

const fn bit(queue: usize) -> u32 {
    match queue {
        0..MAX_QUEUES => 1 << queue,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
