//! Publish/subscribe for its own sake: channels and patterns of any name.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use redis_ipc_core::resp::Reply;
use redis_ipc_core::session::{Incoming, Sequence};
use redis_ipc_core::write::TooLong;

use crate::connection::{Connection, Deadline, Next, write_command};
use crate::endpoint::Endpoint;
use crate::error::{Error, Outcome, ServerError};
use crate::options::Options;
use crate::retry::Retry;

/// Most messages that are set aside while the server is asked to subscribe.
const MOST_SET_ASIDE: usize = 1024;

/// Listens to channels and patterns, on a connection of its own.
///
/// Works the same under RESP3 and RESP2. When the connection breaks it is made anew, and every
/// subscription with it; what was published meanwhile is lost, and [`Heard::Gap`] says so.
///
/// A message that matches several subscriptions comes once for each, as the server sends it.
/// (Events of components come to [`Component::next`](crate::Component::next), each once.)
///
/// Messages are lent from the receive buffer; nothing is allocated for them, but for those that
/// arrive while [`subscribe`](Self::subscribe) waits for the server's word.
///
/// ```no_run
/// use std::time::Duration;
/// use redis_ipc::{Heard, Subscriber};
///
/// let mut news = Subscriber::open(&"/run/redis-ipc/socket".parse()?)?;
/// news.subscribe("weather")?;
/// news.psubscribe("sport.*")?;
/// match news.next(Some(Duration::from_secs(1)))? {
///     Some(Heard::Message(message)) => println!("{:?}: {:?}", message.channel, message.payload),
///     Some(Heard::Gap { lasted }) => println!("nothing was heard for {lasted:?}"),
///     Some(other) => println!("{other:?}"),
///     None => println!("nothing new"),
/// }
/// # Ok::<(), redis_ipc::Error>(())
/// ```
#[derive(Debug)]
pub struct Subscriber {
    connection: Connection,
    subscriptions: Vec<Subscription>,
    /// The connection on which they were asked for.
    generation: u32,
    retry: Retry,
    /// The request to let something go that has not been answered.
    leaving: Option<Sequence>,
    /// What came while the server was asked for something.
    aside: VecDeque<Own>,
    /// Of these, the one that is lent now.
    lent: Own,
}

/// Something that a subscriber hears.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heard<'s> {
    /// A message.
    Message(Message<'s>),
    /// The connection was gone and is back: messages may be missing.
    Gap {
        /// For how long nothing was heard.
        lasted: Duration,
    },
    /// A message that does not fit the receive buffer was dropped.
    Dropped(TooLong),
}

/// A published message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Message<'s> {
    /// Where it was published; any bytes.
    pub channel: &'s [u8],
    /// The pattern by which it came; `None` if by the channel's own name.
    pub pattern: Option<&'s [u8]>,
    /// What was published; any bytes.
    pub payload: &'s [u8],
}

#[derive(Debug)]
struct Subscription {
    kind: Kind,
    name: Vec<u8>,
    /// The request that asked for it and has not been answered.
    asked: Option<Sequence>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Channel,
    Pattern,
}

/// A message that is kept.
#[derive(Debug, Default)]
pub(crate) struct Own {
    channel: Vec<u8>,
    pattern: Option<Vec<u8>>,
    payload: Vec<u8>,
}

/// What one step came to.
enum Step {
    /// A message; it is the session's frame.
    Message,
    Gap(Duration),
    Dropped(TooLong),
    Late,
    Nothing,
}

impl Subscriber {
    /// Connects with the default [`Options`].
    ///
    /// # Errors
    /// [`Error::Connect`] if there is no server, [`Error::Server`] if it refuses us.
    pub fn open(endpoint: &Endpoint) -> Result<Self, Error> {
        Self::open_with(endpoint, Options::default())
    }

    /// Connects.
    ///
    /// # Errors
    /// [`Error::Connect`] if there is no server, [`Error::Server`] if it refuses us.
    pub fn open_with(endpoint: &Endpoint, options: Options) -> Result<Self, Error> {
        let mut subscriber = Self::lazy(endpoint, options);
        subscriber.connect()?;
        Ok(subscriber)
    }

    /// Connects when it is first needed; does no input or output now.
    #[must_use]
    pub fn lazy(endpoint: &Endpoint, options: Options) -> Self {
        Self {
            connection: Connection::closed(endpoint, options),
            subscriptions: Vec::new(),
            generation: 0,
            retry: Retry::of(endpoint),
            leaving: None,
            aside: VecDeque::new(),
            lent: Own::default(),
        }
    }

    /// Listens to a channel: SUBSCRIBE. Blocks until the server has confirmed it; whatever is
    /// published after that is heard.
    ///
    /// # Errors
    /// The server's error, [`NOPERM`](ServerError::code) for instance: then it is not listened
    /// to. What broke, or that there is no server: then it is, as soon as there is one.
    pub fn subscribe(&mut self, channel: impl AsRef<[u8]>) -> Result<(), Error> {
        self.add(Kind::Channel, channel.as_ref())
    }

    /// Listens to all channels whose names match a glob: PSUBSCRIBE. As
    /// [`subscribe`](Self::subscribe) otherwise.
    ///
    /// # Errors
    /// As with [`subscribe`](Self::subscribe).
    pub fn psubscribe(&mut self, pattern: impl AsRef<[u8]>) -> Result<(), Error> {
        self.add(Kind::Pattern, pattern.as_ref())
    }

    /// Lets go of a channel: UNSUBSCRIBE. Blocks until the server has confirmed it; messages
    /// that came before may still be handed out.
    ///
    /// # Errors
    /// What broke; it is let go all the same.
    pub fn unsubscribe(&mut self, channel: impl AsRef<[u8]>) -> Result<(), Error> {
        self.remove(Kind::Channel, channel.as_ref())
    }

    /// Lets go of a pattern: PUNSUBSCRIBE. As [`unsubscribe`](Self::unsubscribe) otherwise.
    ///
    /// # Errors
    /// As with [`unsubscribe`](Self::unsubscribe).
    pub fn punsubscribe(&mut self, pattern: impl AsRef<[u8]>) -> Result<(), Error> {
        self.remove(Kind::Pattern, pattern.as_ref())
    }

    /// Whether it can hear now, as far as it has noticed.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connection.is_connected() && self.generation == self.connection.generation()
    }

    /// Waits for the next message; `None` says that `timeout` passed, which loses nothing.
    /// Without a time-out it waits for ever. While there is no server it tries to connect,
    /// again and again with growing pauses, until `timeout`; a server that accepts connections and
    /// then stands still may take the [connect limit](Options::connect_limit) more.
    ///
    /// # Errors
    /// That there still is no server when `timeout` has passed; that the server refuses us or a
    /// subscription for good.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Heard<'_>>, Error> {
        if let Some(own) = self.aside.pop_front() {
            self.lent = own;
            return Ok(Some(Heard::Message(self.lent.lend())));
        }
        let deadline = timeout.map(Deadline::after);
        loop {
            match self.step(deadline)? {
                Step::Nothing => {}
                Step::Late => return Ok(None),
                Step::Gap(lasted) => return Ok(Some(Heard::Gap { lasted })),
                Step::Dropped(sizes) => return Ok(Some(Heard::Dropped(sizes))),
                Step::Message => break,
            }
        }
        let message = Message::of(&self.connection.session().frame());
        Ok(message.map(Heard::Message))
    }

    fn step(&mut self, deadline: Option<Deadline>) -> Result<Step, Error> {
        self.retry.pause(deadline)?;
        match self.listen(deadline) {
            Err(error) if error.is_temporary() => {
                self.retry.failed(error);
                Ok(Step::Nothing)
            }
            outcome => outcome,
        }
    }

    fn listen(&mut self, deadline: Option<Deadline>) -> Result<Step, Error> {
        self.connect()?;
        if self.is_settled() {
            if let Some(lasted) = self.retry.ended() {
                return Ok(Step::Gap(lasted));
            }
        }
        let next = self.connection.next(deadline)?;
        let late = deadline.is_some_and(|deadline| Instant::now() >= deadline.at);
        match next {
            Next::Message(incoming) => self.sort(incoming),
            Next::Late | Next::Interrupted if late => Ok(Step::Late),
            Next::Late | Next::Interrupted => Ok(Step::Nothing),
        }
    }

    /// Finds out what came.
    fn sort(&mut self, incoming: Incoming) -> Result<Step, Error> {
        let of = match incoming {
            Incoming::Push => {
                let message = Message::of(&self.connection.session().frame()).is_some();
                return Ok(if message {
                    Step::Message
                } else {
                    Step::Nothing
                });
            }
            Incoming::TooLong { of: None, error } => return Ok(Step::Dropped(error)),
            Incoming::TooLong { .. } => return Ok(Step::Nothing),
            Incoming::Reply(of) => of,
        };
        if self.leaving == Some(of) {
            self.leaving = None;
            return Ok(Step::Nothing);
        }
        let place = self.subscriptions.iter().position(|s| s.asked == Some(of));
        let Some(place) = place else {
            return Ok(Step::Nothing);
        };
        if let Reply::Error(error) = self.connection.session().frame() {
            let error = ServerError::new(&error);
            if error.is_temporary() {
                self.connection.disconnect();
            } else {
                self.subscriptions.remove(place);
            }
            return Err(error.into());
        }
        self.subscriptions[place].asked = None;
        Ok(Step::Nothing)
    }

    /// Connects if need be, and asks a new connection for all that is to be heard.
    fn connect(&mut self) -> Result<(), Error> {
        self.connection.ensure_connected()?;
        if self.generation != self.connection.generation() {
            let server = self.connection.server();
            let resp2 = server.protocol() < 3;
            let session = self.connection.session();
            session.set_resp2_listener(resp2);
            self.leaving = None;
            for subscription in &mut self.subscriptions {
                let parts = [subscription.kind.subscribe(), &subscription.name];
                subscription.asked = Some(session.request(|w| {
                    write_command(w, &parts);
                    Ok::<(), TooLong>(())
                })?);
            }
            self.generation = self.connection.generation();
        }
        if self.connection.session().outgoing().is_empty() {
            return Ok(());
        }
        let limit = self.connection.options().reply_limit;
        self.connection.flush(Deadline::after(limit))
    }

    fn is_settled(&self) -> bool {
        self.leaving.is_none() && self.subscriptions.iter().all(|s| s.asked.is_none())
    }

    fn add(&mut self, kind: Kind, name: &[u8]) -> Result<(), Error> {
        if self.find(kind, name).is_none() {
            self.subscriptions.push(Subscription {
                kind,
                name: name.to_vec(),
                asked: None,
            });
            if self.is_connected() {
                let asked = self.ask(kind.subscribe(), name);
                let asked = asked.inspect_err(|_| drop(self.subscriptions.pop()))?;
                if let Some(subscription) = self.subscriptions.last_mut() {
                    subscription.asked = Some(asked);
                }
            }
        }
        self.settle()
    }

    fn remove(&mut self, kind: Kind, name: &[u8]) -> Result<(), Error> {
        let Some(place) = self.find(kind, name) else {
            return Ok(());
        };
        self.subscriptions.remove(place);
        if !self.is_connected() {
            return Ok(());
        }
        self.leaving = Some(self.ask(kind.unsubscribe(), name)?);
        self.settle()
    }

    fn find(&self, kind: Kind, name: &[u8]) -> Option<usize> {
        let mut all = self.subscriptions.iter();
        all.position(|s| s.kind == kind && s.name == name)
    }

    fn ask(&mut self, command: &[u8], name: &[u8]) -> Result<Sequence, TooLong> {
        self.connection.session().request(|w| {
            write_command(w, &[command, name]);
            Ok(())
        })
    }

    /// Has the server answer all that it was asked. A connection that turns out to be dead is
    /// made anew once: to subscribe twice does no harm.
    fn settle(&mut self) -> Result<(), Error> {
        let settled = match self.await_answers() {
            Err(Error::Disconnected { .. }) => {
                self.retry.lost();
                self.await_answers()
            }
            outcome => outcome,
        };
        if settled.as_ref().is_err_and(Error::is_temporary) {
            self.retry.lost();
        }
        settled
    }

    /// Waits for the answers; messages are set aside.
    fn await_answers(&mut self) -> Result<(), Error> {
        let deadline = Deadline::after(self.connection.options().reply_limit);
        self.connect()?;
        while !self.is_settled() {
            let step = match self.connection.next(Some(deadline))? {
                Next::Message(incoming) => self.sort(incoming)?,
                Next::Late => return Err(self.connection.late(Outcome::Unknown, deadline)),
                Next::Interrupted => continue,
            };
            if let Step::Message = step {
                self.set_aside();
            }
        }
        Ok(())
    }

    /// Keeps a message for later. When there are too many, the connection is given up, as a
    /// server gives up on a subscriber that does not read: a gap that is told.
    fn set_aside(&mut self) {
        if self.aside.len() >= MOST_SET_ASIDE {
            self.connection.disconnect();
            return;
        }
        if let Some(message) = Message::of(&self.connection.session().frame()) {
            let mut own = Own::default();
            own.set(&message);
            self.aside.push_back(own);
        }
    }
}

impl Kind {
    fn subscribe(self) -> &'static [u8] {
        match self {
            Self::Channel => b"SUBSCRIBE",
            Self::Pattern => b"PSUBSCRIBE",
        }
    }

    fn unsubscribe(self) -> &'static [u8] {
        match self {
            Self::Channel => b"UNSUBSCRIBE",
            Self::Pattern => b"PUNSUBSCRIBE",
        }
    }
}

impl Own {
    pub(crate) fn set(&mut self, message: &Message<'_>) {
        let keep = |place: &mut Vec<u8>, bytes: &[u8]| {
            place.clear();
            place.extend_from_slice(bytes);
        };
        keep(&mut self.channel, message.channel);
        keep(&mut self.payload, message.payload);
        match (&mut self.pattern, message.pattern) {
            (Some(pattern), Some(bytes)) => keep(pattern, bytes),
            (pattern, bytes) => *pattern = bytes.map(<[u8]>::to_vec),
        }
    }

    pub(crate) fn lend(&self) -> Message<'_> {
        Message {
            channel: &self.channel,
            pattern: self.pattern.as_deref(),
            payload: &self.payload,
        }
    }
}

impl<'s> Message<'s> {
    /// `message channel payload` or `pmessage pattern channel payload`; anything else is none.
    fn of(frame: &Reply<'s>) -> Option<Self> {
        let mut parts = frame.elements()?;
        let mut next = || parts.next()?.bytes();
        let pattern = match next()? {
            b"message" => None,
            b"pmessage" => Some(next()?),
            _ => return None,
        };
        Some(Self {
            channel: next()?,
            pattern,
            payload: next()?,
        })
    }
}

/// As text, with escapes for what is none.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        f.debug_struct("Message")
            .field("channel", &text(self.channel))
            .field("pattern", &self.pattern.map(text))
            .field("payload", &text(self.payload))
            .finish()
    }
}
