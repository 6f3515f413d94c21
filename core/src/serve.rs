//! Serving: commands popped from queues in order of priority, results pushed back.
//!
//! The machine asks for the next command with one BLPOP over all queues, so the first queue that
//! has something wins, and it sends a result and the next BLPOP in one write. It knows nothing of
//! JSON: a popped message is handed over as it is, to be read in place.

use crate::key::Key;
use crate::resp::{ErrorReply, Reply, request};
use crate::session::{Incoming, Sequence, Session, Storage};
use crate::write::{TooLong, Writer};

/// What a message was to the one who serves.
#[derive(Debug)]
pub enum Turn<'s> {
    /// Not for this machine.
    Foreign,
    /// A command, off the queue and not yet looked at.
    Item {
        /// Which of the queues it came from, counted from 0.
        queue: usize,
        /// The message, to be read in place.
        message: &'s mut [u8],
    },
    /// A command that does not fit the inbox; it is off the queue and gone.
    ItemTooLong(TooLong),
    /// The wait ended without a command.
    Nothing,
    /// The server refused to pop.
    PopRefused(ErrorReply<'s>),
    /// The result was pushed.
    Delivered {
        /// How many results now wait in that queue. With a caller waiting it is 1; more says that
        /// nobody reads them.
        waiting: u64,
    },
    /// The server refused to take the result.
    ResultRefused(ErrorReply<'s>),
    /// A reply of a type that the request cannot have: the line is out of step.
    OutOfStep,
}

/// The serving side of one session; see the [module](self).
///
/// ```
/// use redis_ipc_core::{key::Key, name::Component, serve::{Serve, Turn}, session::Session};
///
/// let queues = [Key::commands(Component::parse("printer")?, None)?];
/// let mut session = Session::new([0; 128], [0; 128]);
/// let mut serve = Serve::new();
/// serve.ask(&mut session, &queues)?;
/// assert_eq!(
///     session.outgoing(),
///     b"*3\r\n$5\r\nBLPOP\r\n$23\r\nqueues.commands.printer\r\n$1\r\n0\r\n"
/// );
///
/// let reply = b"*2\r\n$23\r\nqueues.commands.printer\r\n$2\r\n{}\r\n";
/// session.space()[..reply.len()].copy_from_slice(reply);
/// session.received(reply.len());
/// let incoming = session.poll()?.expect("a whole reply");
/// assert!(matches!(
///     serve.handle(&mut session, incoming, &queues),
///     Turn::Item { queue: 0, message } if message == b"{}"
/// ));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Serve {
    pop: Option<Sequence>,
    push: Option<Sequence>,
}

enum Verdict {
    Item { queue: usize, length: usize },
    Nothing,
    Refused,
    OutOfStep,
}

impl Serve {
    /// Serves nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            pop: None,
            push: None,
        }
    }

    /// Whether a pop is in flight.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.pop.is_some()
    }

    /// Forgets what was in flight: the line is a new one.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// Asks for the next command of `queues`, the first of them first; waits for ever.
    ///
    /// # Errors
    /// [`TooLong`] if the outbox has no room.
    pub fn ask<S: Storage>(
        &mut self,
        session: &mut Session<S>,
        queues: &[Key],
    ) -> Result<(), TooLong> {
        let pop = session.request(|w| {
            write_pop(w, queues);
            Ok::<(), TooLong>(())
        })?;
        self.pop = Some(pop);
        Ok(())
    }

    /// Pushes a result, which `write` writes, and asks for the next command in the same write.
    /// Without `queues` it asks for nothing more.
    ///
    /// # Errors
    /// What `write` returns, or [`TooLong`] if the outbox cannot hold the result; nothing was
    /// sent then.
    pub fn answer<S: Storage, E: From<TooLong>>(
        &mut self,
        session: &mut Session<S>,
        results: &Key,
        queues: Option<&[Key]>,
        mut write: impl FnMut(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let count = if queues.is_some() { 2 } else { 1 };
        let push = session.requests(count, |w| {
            request::array(w, 3);
            request::bulk(w, b"RPUSH");
            request::bulk(w, results.as_bytes());
            let mut written = Ok(());
            request::bulk_with(w, |w| written = write(w));
            written?;
            if let Some(queues) = queues {
                write_pop(w, queues);
            }
            Ok::<(), E>(())
        })?;
        self.push = Some(push);
        if queues.is_some() {
            self.pop = Some(push.after(1));
        }
        Ok(())
    }

    /// Whether a message is for this machine.
    #[must_use]
    pub fn expects(&self, incoming: Incoming) -> bool {
        match incoming {
            Incoming::Reply(of) => self.pop == Some(of) || self.push == Some(of),
            Incoming::TooLong { of, .. } => of.is_some() && self.pop == of,
            Incoming::Push => false,
        }
    }

    /// Looks at what the session found.
    pub fn handle<'s, S: Storage>(
        &mut self,
        session: &'s mut Session<S>,
        incoming: Incoming,
        queues: &[Key],
    ) -> Turn<'s> {
        match incoming {
            Incoming::Reply(of) if self.pop == Some(of) => {
                self.pop = None;
                popped(session, queues)
            }
            Incoming::TooLong { of, error } if of.is_some() && self.pop == of => {
                self.pop = None;
                Turn::ItemTooLong(error)
            }
            Incoming::Reply(of) if self.push == Some(of) => {
                self.push = None;
                delivered(session.frame())
            }
            _ => Turn::Foreign,
        }
    }
}

fn popped<'s, S: Storage>(session: &'s mut Session<S>, queues: &[Key]) -> Turn<'s> {
    match look(session.frame(), queues) {
        Verdict::Item { queue, length } => Turn::Item {
            queue,
            message: session.last_bulk_mut(length),
        },
        Verdict::Nothing => Turn::Nothing,
        Verdict::Refused => match session.frame() {
            Reply::Error(error) => Turn::PopRefused(error),
            _ => Turn::OutOfStep,
        },
        Verdict::OutOfStep => Turn::OutOfStep,
    }
}

fn look(reply: Reply<'_>, queues: &[Key]) -> Verdict {
    let mut item = match reply {
        Reply::Null => return Verdict::Nothing,
        Reply::Array(item) => item,
        Reply::Error(_) => return Verdict::Refused,
        _ => return Verdict::OutOfStep,
    };
    let key = item.next().and_then(|key| key.bytes());
    let message = item.next().and_then(|message| message.bytes());
    let queue = queues
        .iter()
        .position(|queue| Some(queue.as_bytes()) == key);
    match (queue, message) {
        (Some(queue), Some(message)) => Verdict::Item {
            queue,
            length: message.len(),
        },
        _ => Verdict::OutOfStep,
    }
}

fn delivered(reply: Reply<'_>) -> Turn<'_> {
    match reply {
        Reply::Integer(waiting) => Turn::Delivered {
            waiting: u64::try_from(waiting).unwrap_or_default(),
        },
        Reply::Error(error) => Turn::ResultRefused(error),
        _ => Turn::OutOfStep,
    }
}

/// `BLPOP queue… 0`.
fn write_pop(w: &mut Writer<'_>, queues: &[Key]) {
    request::array(w, queues.len() + 2);
    request::bulk(w, b"BLPOP");
    for queue in queues {
        request::bulk(w, queue.as_bytes());
    }
    request::bulk(w, b"0");
}
