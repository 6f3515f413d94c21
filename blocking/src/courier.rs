//! Whole messages, carried as they are.

use std::time::Duration;

use redis_ipc_core::dialect::redis_ipc::read_result;
use redis_ipc_core::key::Key;
use redis_ipc_core::resp::request;

use crate::component::arrive::UNREAD_RESULTS;
use crate::component::{CallError, Stop};
use crate::connection::{Connection, Deadline, FOREVER, Pair};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::exchange::{Answer, GRACE, Post, exchange_for, message_in, write_wait};
use crate::options::Options;
use crate::retry::Retry;
use crate::subscriber::{Heard, Message, Own, Subscriber};

/// Carries messages that a program composes itself, standard members and keys included: for a
/// gateway that passes on what others have signed, and for the drop-in for the original C
/// library, whose users see and make whole messages.
///
/// A [`Component`](crate::Component) signs its messages, names its keys, follows the settings of
/// redis-ipc and keeps its status over a restart of the server; a courier does none of that. What
/// it shares with one: calls are taken back when time is up and drop what answers other calls, a
/// server that goes away is connected to again, and what was subscribed to is then again. Keys
/// and channels are any text of up to 127 bytes, messages any bytes.
///
/// It has one connection for work, on which pops wait too, and a second one once it listens.
///
/// ```no_run
/// use std::time::Duration;
/// use redis_ipc::{Courier, Endpoint, Letter, Options};
///
/// let mut courier = Courier::open(&Endpoint::from_environment()?, Options::default())?;
/// let command = br#"{"file":"a","results_queue":"queues.results.web.7","command_id":"web-7-1"}"#;
/// let answer = courier.call(&Letter {
///     queue: "queues.commands.printer.print",
///     results: "queues.results.web.7",
///     id: "web-7-1",
///     message: command,
///     timeout: Some(Duration::from_secs(30)),
/// })?;
/// assert!(answer.starts_with(b"{"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Courier {
    work: Connection,
    ears: Subscriber,
    retry: Retry,
    /// The result that is looked at.
    copy: Vec<u8>,
    /// The connection on which the server was asked for notifications, if it was to be.
    notified: Option<u32>,
    stale_results: u64,
    /// A stop that nobody asks for.
    never: Stop,
    /// The message that was heard last.
    heard: Own,
}

/// A command on its way, and where its answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letter<'l> {
    /// The list it is pushed to.
    pub queue: &'l str,
    /// The list that its result is popped from; the command has to name it.
    pub results: &'l str,
    /// Its id; the command has to bear it, and so does the result.
    pub id: &'l str,
    /// The command itself: one JSON object.
    pub message: &'l [u8],
    /// How long to wait for the result; `None` for ever.
    pub timeout: Option<Duration>,
}

impl Courier {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::Connect`] if there is no server, [`Error::Server`] if it refuses us.
    pub fn open(endpoint: &Endpoint, options: Options) -> Result<Self, Error> {
        let work = Connection::open_with(endpoint, options.clone());
        Ok(Self {
            work: work.map_err(|error| error.while_connecting(endpoint))?,
            ears: Subscriber::lazy(endpoint, options),
            retry: Retry::of(endpoint),
            copy: Vec::new(),
            notified: None,
            stale_results: 0,
            never: Stop::new(),
            heard: Own::default(),
        })
    }

    /// Whether it was opened before a `fork()`, by the parent of this process.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        self.work.is_inherited()
    }

    /// Sends a command and waits for its result, which stays readable until the next request.
    ///
    /// Blocks as [`Component::call`](crate::Component::call) does. Results with another id, or
    /// with none, are dropped and counted and do not prolong the wait.
    ///
    /// # Errors
    /// [`CallError::TimedOut`], which says whether somebody took the command; [`CallError::Bus`]
    /// for the rest.
    pub fn call(&mut self, letter: &Letter<'_>) -> Result<&[u8], CallError> {
        let (queue, results) = (key(letter.queue)?, key(letter.results)?);
        self.look_after_notifications()?;
        let post = Post {
            queue: &queue,
            replies: &results,
            life: None,
            timeout: letter.timeout.map_or(FOREVER, |limit| limit.min(FOREVER)),
            stop: &self.never,
        };
        let (scratch, stale) = (&mut self.copy, &mut self.stale_results);
        let write = |w: &mut redis_ipc_core::write::Writer<'_>| {
            w.put(letter.message);
            Ok(())
        };
        let answer = exchange_for(&mut self.work, &post, write, |message| {
            let ours = bears(message, letter.id, scratch);
            *stale += u64::from(!ours);
            ours
        })?;
        match answer {
            Answer::Message(length) => Ok(self.work.session().last_bulk_mut(length)),
            Answer::TimedOut(taken) => Err(CallError::TimedOut {
                recipient: letter.queue.to_owned(),
                timeout: post.timeout,
                taken,
            }),
        }
    }

    /// How many results were dropped because they answered no call that was waiting.
    #[must_use]
    pub fn stale_results(&self) -> u64 {
        self.stale_results
    }

    /// Pops the next message of a list, and waits for one if there is none; `None` says that
    /// `timeout` passed. Nothing is popped any more once this has returned. While there is no
    /// server it tries to connect, again and again with growing pauses, until `timeout`.
    ///
    /// # Errors
    /// That there is no server when `timeout` has passed; that the server refuses.
    pub fn take(&mut self, queue: &str, timeout: Option<Duration>) -> Result<Option<&[u8]>, Error> {
        let queue = key(queue)?;
        let deadline = timeout.map(Deadline::after);
        let mut limit = timeout.map_or(FOREVER, |limit| limit.min(FOREVER));
        let length = loop {
            self.retry.pause(deadline)?;
            let popped = self.pop(&queue, limit);
            match popped {
                Err(error) if error.is_temporary() => self.retry.failed(error),
                popped => {
                    self.retry.ended();
                    break popped?;
                }
            }
            limit = deadline.map_or(FOREVER, Deadline::left);
        };
        Ok(length.map(|length| &*self.work.session().last_bulk_mut(length)))
    }

    fn pop(&mut self, queue: &Key, limit: Duration) -> Result<Option<usize>, Error> {
        self.look_after_notifications()?;
        let patience = limit.saturating_add(GRACE);
        let reply = self
            .work
            .ask_within(patience, |w| write_wait(w, queue, limit))?;
        Ok(message_in(&reply))
    }

    /// Pushes a result to the list that the command named. Results that nobody pops are gone
    /// five minutes later.
    ///
    /// # Errors
    /// [`Error::Usage`] if the list is no results queue, else the server's error or what broke.
    pub fn answer(&mut self, results: &str, message: &[u8]) -> Result<(), Error> {
        let Some(results) = Key::results_of_peer(results) else {
            return Err(Error::Usage(
                "results go to a key that begins with queues.results.",
            ));
        };
        self.look_after_notifications()?;
        if self.work.rpush(&results, message)? > 1 {
            self.work.expire(&results, UNREAD_RESULTS)?;
        }
        Ok(())
    }

    /// Publishes a message; says how many listeners the server told.
    ///
    /// # Errors
    /// The server's error or what broke; a publication whose outcome is unknown is not repeated.
    pub fn publish(&mut self, channel: &str, message: &[u8]) -> Result<u64, Error> {
        let channel = key(channel)?;
        self.look_after_notifications()?;
        self.work.publish(&channel, message)
    }

    /// Sets fields of a hash, all at once: HMSET, as the C library writes it.
    ///
    /// # Errors
    /// The server's error, which it has for no fields too, or what broke.
    pub fn write<A: AsRef<[u8]>>(&mut self, hash: &str, fields: &[(A, A)]) -> Result<(), Error> {
        let hash = key(hash)?;
        self.look_after_notifications()?;
        self.work
            .ask(|w| {
                request::array(w, fields.len() * 2 + 2);
                request::bulk(w, b"HMSET");
                request::bulk(w, hash.as_bytes());
                for (name, value) in fields {
                    request::bulk(w, name.as_ref());
                    request::bulk(w, value.as_ref());
                }
            })
            .map(drop)
    }

    /// Sets one field of a hash: HSET.
    ///
    /// # Errors
    /// The server's error or what broke.
    pub fn set(&mut self, hash: &str, field: &[u8], value: &[u8]) -> Result<(), Error> {
        let hash = key(hash)?;
        self.look_after_notifications()?;
        self.work.hset(&hash, field, value).map(drop)
    }

    /// A whole hash in the server's order; empty if it is not there.
    ///
    /// # Errors
    /// The server's error or what broke.
    pub fn read(&mut self, hash: &str) -> Result<Vec<Pair>, Error> {
        let hash = key(hash)?;
        self.look_after_notifications()?;
        self.work.hgetall(&hash)
    }

    /// One field of a hash; `None` if it is not there.
    ///
    /// # Errors
    /// The server's error or what broke.
    pub fn field(&mut self, hash: &str, field: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let hash = key(hash)?;
        self.look_after_notifications()?;
        self.work.hget(&hash, field)
    }

    /// Has the server tell of changed hashes on the channels `__keyspace@<database>__:<hash>`,
    /// now and whenever it was started anew. What it tells besides is left as it is.
    ///
    /// # Errors
    /// The server's error, if it lets nobody do that for instance; then it is not tried again.
    pub fn notify(&mut self) -> Result<(), Error> {
        self.work.ensure_alive()?;
        self.notified = Some(self.work.generation());
        let added = self.work.add_notifications("Kh");
        if matches!(added, Err(Error::Server(_))) {
            self.notified = None;
        }
        added
    }

    /// A new connection may go to a new server.
    fn look_after_notifications(&mut self) -> Result<(), Error> {
        let Some(known) = self.notified else {
            return Ok(());
        };
        self.work.ensure_alive()?;
        if known == self.work.generation() {
            return Ok(());
        }
        match self.notify() {
            Err(Error::Server(_)) => Ok(()),
            notified => notified,
        }
    }

    /// Listens to all channels whose names match a glob. Blocks until the server has confirmed
    /// it; what is published after that is heard, once for each glob that it matches.
    ///
    /// # Errors
    /// As with [`Subscriber::psubscribe`].
    pub fn subscribe(&mut self, glob: &str) -> Result<(), Error> {
        self.ears.psubscribe(glob)
    }

    /// Ends [`subscribe`](Self::subscribe) with the same glob.
    ///
    /// # Errors
    /// What broke; it is let go all the same.
    pub fn unsubscribe(&mut self, glob: &str) -> Result<(), Error> {
        self.ears.punsubscribe(glob)
    }

    /// Waits for the next message; `None` says that `timeout` passed, which loses nothing. While
    /// there is no server it tries to connect, as [`take`](Self::take) does; what is published
    /// meanwhile is not heard.
    ///
    /// # Errors
    /// As with [`Subscriber::next`].
    pub fn hear(&mut self, timeout: Option<Duration>) -> Result<Option<Message<'_>>, Error> {
        let deadline = timeout.map(Deadline::after);
        loop {
            match self.ears.next(deadline.map(Deadline::left))? {
                None => return Ok(None),
                Some(Heard::Message(message)) => {
                    self.heard.set(&message);
                    return Ok(Some(self.heard.lend()));
                }
                // If this fails, the next request tries again.
                Some(Heard::Gap { .. }) => drop(self.look_after_notifications()),
                Some(Heard::Dropped(_)) => {}
            }
        }
    }
}

fn key(text: &str) -> Result<Key, Error> {
    Ok(Key::verbatim(text)?)
}

/// Whether a result is the one for this command. It is read in a copy, for reading takes it to
/// pieces.
fn bears(message: &[u8], id: &str, copy: &mut Vec<u8>) -> bool {
    copy.clear();
    copy.extend_from_slice(message);
    read_result(copy).is_ok_and(|result| result.command_id == id)
}
