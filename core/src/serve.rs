//! Serving: commands popped from queues in order of priority, results pushed back.
//!
//! The machine asks for the next command with one BLPOP over all queues, so the first queue that
//! has something wins, and it sends a result and the next BLPOP in one write. It knows nothing of
//! JSON: a popped message is handed over as it is, to be read in place.
//!
//! A component with a single line that must never wait has the machine in [`woken`] instead.

use core::time::Duration;

use crate::key::Key;
use crate::resp::{ErrorReply, Reply, request};
use crate::session::{Incoming, Sequence, Session, Storage};
use crate::write::{TooLong, Writer};

mod pop;
pub mod woken;

pub use pop::{MOVE_SCRIPT, Pop};

/// What follows a result in the same write.
#[derive(Debug, Clone, Copy, Default)]
pub struct Then<'k> {
    /// The list of what is at work, and the command in it that is done.
    pub done: Option<(&'k Key, &'k [u8])>,
    /// How long the result is kept if nobody takes it, in whole seconds; for ever if not told.
    pub life: Option<Duration>,
    /// How the next command is asked for.
    pub pop: Option<Pop<'k>>,
}

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
    /// How many seconds a pop waits; 0 is for ever.
    patience: u8,
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
            patience: 0,
        }
    }

    /// Has pops wait for so many seconds instead of for ever, which is 0: for a line on which the
    /// server may not be asked to end a pop before its time.
    pub fn set_patience(&mut self, seconds: u8) {
        self.patience = seconds;
    }

    /// Whether a pop is in flight.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.pop.is_some()
    }

    /// Forgets what was in flight: the line is a new one.
    pub fn reset(&mut self) {
        self.pop = None;
        self.push = None;
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
        self.ask_for(session, Pop::Take(queues))
    }

    /// Asks for the next command.
    ///
    /// # Errors
    /// [`TooLong`] if the outbox has no room.
    pub fn ask_for<S: Storage>(
        &mut self,
        session: &mut Session<S>,
        pop: Pop<'_>,
    ) -> Result<(), TooLong> {
        let sequence = session.request(|w| {
            pop.write(w, self.patience);
            Ok::<(), TooLong>(())
        })?;
        self.pop = Some(sequence);
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
        write: impl FnMut(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let then = Then {
            pop: queues.map(Pop::Take),
            ..Then::default()
        };
        self.answer_then(session, results, then, write)
    }

    /// Pushes a result, which `write` writes, and in the same write what is to follow.
    ///
    /// # Errors
    /// As with [`answer`](Self::answer).
    pub fn answer_then<S: Storage, E: From<TooLong>>(
        &mut self,
        session: &mut Session<S>,
        results: &Key,
        then: Then<'_>,
        mut write: impl FnMut(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let before_pop = 1 + u32::from(then.done.is_some()) + u32::from(then.life.is_some());
        let count = before_pop + u32::from(then.pop.is_some());
        let push = session.requests(count, |w| {
            request::array(w, 3);
            request::bulk(w, b"RPUSH");
            request::bulk(w, results.as_bytes());
            let mut written = Ok(());
            request::bulk_with(w, |w| written = write(w));
            written?;
            if let Some(life) = then.life {
                request::expire(w, results.as_bytes(), life);
            }
            if let Some((at_work, message)) = then.done {
                request::command(w, &[b"LREM", at_work.as_bytes(), b"1", message]);
            }
            if let Some(pop) = then.pop {
                pop.write(w, self.patience);
            }
            Ok::<(), E>(())
        })?;
        self.push = Some(push);
        if then.pop.is_some() {
            self.pop = Some(push.after(before_pop));
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
        Reply::Bulk(message) => {
            // BLMOVE has one queue and does not name it.
            let length = message.len();
            return Verdict::Item { queue: 0, length };
        }
        Reply::Array(item) => item,
        Reply::Error(_) => return Verdict::Refused,
        _ => return Verdict::OutOfStep,
    };
    let queue = match item.next() {
        Some(Reply::Integer(number)) => usize::try_from(number).ok(),
        Some(Reply::Bulk(key)) => queues.iter().position(|queue| queue.as_bytes() == key),
        _ => None,
    };
    let message = item.next().and_then(|message| message.bytes());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{Component, Subqueue, Thread};

    fn queue(name: &str) -> Key {
        let printer = Component::parse("printer").unwrap();
        Key::commands(printer, Some(Subqueue::parse(name).unwrap())).unwrap()
    }

    fn at_work(name: &str) -> Key {
        let printer = Component::parse("printer").unwrap();
        let subqueue = Subqueue::parse(name).unwrap();
        Key::at_work(Thread::parse("main").unwrap(), printer, Some(subqueue)).unwrap()
    }

    #[test]
    fn a_pop_waits_for_ever_or_as_long_as_it_is_told() {
        let queues = [queue("print")];
        let mut session = Session::new([0; 256], [0; 256]);
        let mut serve = Serve::new();
        for (patience, end) in [(0, &b"$1\r\n0\r\n"[..]), (7, b"$1\r\n7\r\n")] {
            serve.set_patience(patience);
            serve.reset();
            serve.ask(&mut session, &queues).unwrap();
            assert!(session.outgoing().ends_with(end));
        }
    }

    #[test]
    fn a_command_is_understood_however_it_was_popped() {
        let queues = [queue("cancel"), queue("print")];
        for (reply, expected) in [
            (&b"$2\r\n{}\r\n"[..], 0),
            (b"*2\r\n:1\r\n$2\r\n{}\r\n", 1),
            (
                b"*2\r\n$28\r\nqueues.commands.printer.print\r\n$2\r\n{}\r\n",
                9,
            ),
            (
                b"*2\r\n$29\r\nqueues.commands.printer.print\r\n$2\r\n{}\r\n",
                1,
            ),
        ] {
            match look(Reply::parse(reply), &queues) {
                Verdict::Item { queue, length: 2 } => assert_eq!(queue, expected),
                _ => assert_eq!(expected, 9),
            }
        }
    }

    #[test]
    fn a_result_a_removal_and_the_next_pop_share_one_write() {
        let mut session = Session::new([0; 512], [0; 512]);
        let mut serve = Serve::new();
        let (queue, list) = (queue("print"), at_work("print"));
        let then = Then {
            done: Some((&list, b"the command")),
            pop: Some(Pop::Move {
                queue: &queue,
                at_work: &list,
            }),
            ..Then::default()
        };
        serve
            .answer_then(&mut session, &queue, then, |w| {
                w.put(b"{}");
                Ok::<(), TooLong>(())
            })
            .unwrap();
        let text = core::str::from_utf8(session.outgoing()).unwrap();
        let places = ["RPUSH", "LREM", "the command", "BLMOVE"].map(|word| text.find(word));
        assert!(
            places.iter().all(Option::is_some) && places.is_sorted(),
            "{text}"
        );
        assert_eq!(session.outstanding(), 3);
        assert!(serve.asked());
    }
}
