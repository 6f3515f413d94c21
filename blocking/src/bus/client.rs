//! Calling workers.

use std::time::Duration;

use redis_ipc_core::address::Address;
use redis_ipc_core::dialect::redisbus::{
    Addressing, Correlation, MESSAGE_LIFE, failure_of, read_reply, write_message,
};
use redis_ipc_core::json::skip;
use redis_ipc_core::key::{Key, redisbus};
use redis_ipc_core::write::Writer;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::replies::{Ended, Replies, Waiting};
use crate::component::payload::{NoValue, Payload};
use crate::component::{CallError, Failure, Stop, Taken};
use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::exchange::{Answer, GRACE, Post, bind, exchange};
use crate::intake::push;
use crate::json::read;
use crate::options::Options;
use crate::random;

/// Calls workers, finds them, reads their logs and files, keeps documents.
///
/// Addresses are those of [`redis_ipc_core::address::Address`]: `worker:ID`, `group:SITE/TYPE`,
/// `multicast:SITE/TYPE/GLOB`, `broadcast:SITE`.
///
/// ```no_run
/// use std::time::Duration;
/// use redis_ipc::bus::Client;
///
/// let mut client = Client::connect()?;
/// for reply in client.ask("broadcast:local", "ping", &"hello", Duration::from_secs(1))? {
///     let reply = reply?;
///     println!("{} is there", reply.worker);
/// }
/// # Ok::<(), redis_ipc::Error>(())
/// ```
#[derive(Debug)]
pub struct Client {
    pub(super) connection: Connection,
    sender: String,
    pub(super) stop: Stop,
    malformed: u64,
}

impl Client {
    /// Connects to the server of this device: [`Endpoint::from_environment`].
    ///
    /// # Errors
    /// [`Error::Connect`] if there is no server, [`Error::Server`] if it refuses us.
    pub fn connect() -> Result<Self, Error> {
        Self::connect_to(&Endpoint::from_environment()?, Options::default())
    }

    /// Connects to a certain server.
    ///
    /// # Errors
    /// As with [`connect`](Self::connect).
    pub fn connect_to(endpoint: &Endpoint, options: Options) -> Result<Self, Error> {
        Ok(Self {
            connection: Connection::open_with(endpoint, options)?,
            sender: String::new(),
            stop: Stop::new(),
            malformed: 0,
        })
    }

    /// Has messages tell who sends them; by default they tell nothing.
    #[must_use]
    pub fn sender(mut self, id: &str) -> Self {
        id.clone_into(&mut self.sender);
        self
    }

    /// Gives up waiting once `stop` is requested, by a signal on this thread for instance; the
    /// message is taken back as if time were up.
    #[must_use]
    pub fn until(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// The connection, for whatever redisbus has no word for.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// How many replies were dropped because they were none.
    #[must_use]
    pub fn malformed_replies(&self) -> u64 {
        self.malformed
    }

    /// Sends a command and waits for one reply: of a worker, of whichever worker of a group takes
    /// it, of the first of many. Of a stream it is the first element.
    ///
    /// Blocks for `within` at most, and some milliseconds more to take the command back.
    ///
    /// # Errors
    /// [`CallError::Failed`] with what the worker failed with, in the worker's words;
    /// [`CallError::TimedOut`], which says whether somebody took the command;
    /// [`CallError::WrongType`] if the reply is not an `R`; [`CallError::Bus`] for the rest.
    pub fn call<D, R>(
        &mut self,
        to: &str,
        command: &str,
        data: &D,
        within: Duration,
    ) -> Result<R, CallError>
    where
        D: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        self.exchange(to, command, &Payload::Value(data), within, |data| {
            read(data).map_err(|why| wrong_type(&why, data))
        })
    }

    /// As [`call`](Self::call), with JSON text instead of values.
    ///
    /// # Errors
    /// As with [`call`](Self::call), but for the type of the reply.
    pub fn call_text(
        &mut self,
        to: &str,
        command: &str,
        data: &str,
        within: Duration,
    ) -> Result<String, CallError> {
        let data = json(data)?;
        let payload = Payload::<NoValue>::Text(data);
        self.exchange(to, command, &payload, within, |data| Ok(data.to_owned()))
    }

    /// Sends a command and hands out its replies as they come: one of a worker or a group, one of
    /// each worker that a multicast or a broadcast reaches, any number of a stream. That time is
    /// up ends them, and is no error.
    ///
    /// # Errors
    /// [`Error::Value`] for what is no address of redisbus, or data that cannot be put into JSON;
    /// else what broke.
    pub fn ask<D: Serialize + ?Sized>(
        &mut self,
        to: &str,
        command: &str,
        data: &D,
        within: Duration,
    ) -> Result<Replies<'_>, Error> {
        let data = serde_json::to_string(data).map_err(|error| Error::Value(error.to_string()))?;
        self.ask_text(to, command, &data, within)
    }

    /// As [`ask`](Self::ask), with JSON text.
    ///
    /// # Errors
    /// As with [`ask`](Self::ask).
    pub fn ask_text(
        &mut self,
        to: &str,
        command: &str,
        data: &str,
        within: Duration,
    ) -> Result<Replies<'_>, Error> {
        let address = address(to)?;
        let correlation = Correlation::new(addressing(&address), random::number());
        let data = json(data)?;
        let mut room = vec![0; data.len() + 6 * (command.len() + self.sender.len()) + 64];
        let mut w = Writer::new(&mut room);
        write_message(&mut w, command, correlation.as_str(), &self.sender, |w| {
            w.put(data.as_bytes());
        });
        let message = w.finish()?.to_vec();
        let life = MESSAGE_LIFE.max(within);
        let waiting = Waiting::new(reply_key(&correlation)?, correlation, within);
        bind(&mut self.connection, within.saturating_add(GRACE));
        let sent = self.send(&address, message, life, waiting);
        self.connection.set_bound(None);
        Ok(Replies::new(self, sent?))
    }

    /// Sends a message; says for whom to wait.
    fn send(
        &mut self,
        to: &Address<'_>,
        message: Vec<u8>,
        life: Duration,
        waiting: Waiting,
    ) -> Result<Waiting, Error> {
        Ok(match to {
            Address::Worker(_) | Address::Group { .. } => {
                let queue = to.key()?;
                push(&mut self.connection, &queue, life, |w| w.put(&message))?;
                waiting.pushed(vec![queue], message)
            }
            Address::Multicast { .. } => {
                let queues = self.send_to_all(&to.key()?, &message, life)?;
                waiting.pushed(queues, message)
            }
            _ => {
                let heard = self.connection.publish(to.key()?, &message)?;
                waiting.published(heard)
            }
        })
    }

    pub(super) fn count_malformed(&mut self) {
        self.malformed += 1;
    }

    fn exchange<D: Serialize + ?Sized, R>(
        &mut self,
        to: &str,
        command: &str,
        data: &Payload<'_, D>,
        within: Duration,
        take: impl FnOnce(&str) -> Result<R, CallError>,
    ) -> Result<R, CallError> {
        let address = address(to)?;
        if !matches!(address, Address::Worker(_) | Address::Group { .. }) {
            return self.first_of_many(to, command, data, within, take);
        }
        let correlation = Correlation::new(Addressing::Call, random::number());
        let (queue, replies) = (
            address.key().map_err(Error::from)?,
            reply_key(&correlation)?,
        );
        let post = Post {
            queue: &queue,
            replies: &replies,
            life: Some(MESSAGE_LIFE.max(within)),
            timeout: within,
            stop: &self.stop,
        };
        let answer = exchange(&mut self.connection, &post, |w| {
            let mut written = Ok(());
            write_message(w, command, correlation.as_str(), &self.sender, |w| {
                written = data.write(w);
            });
            written
        })?;
        match answer {
            Answer::Message(length) => {
                let message = self.connection.session().last_bulk_mut(length);
                take(data_of_reply(message, &correlation)?)
            }
            Answer::TimedOut(taken) => Err(CallError::TimedOut {
                recipient: to.to_owned(),
                timeout: within,
                taken,
            }),
        }
    }

    #[cold]
    fn first_of_many<D: Serialize + ?Sized, R>(
        &mut self,
        to: &str,
        command: &str,
        data: &Payload<'_, D>,
        within: Duration,
        take: impl FnOnce(&str) -> Result<R, CallError>,
    ) -> Result<R, CallError> {
        let data = match data {
            Payload::Value(value) => {
                serde_json::to_string(value).map_err(|error| Error::Value(error.to_string()))?
            }
            Payload::Text(text) => (*text).to_owned(),
        };
        let mut replies = self.ask_text(to, command, &data, within)?;
        let reply = replies.next().transpose()?;
        let reply = reply.ok_or_else(|| CallError::TimedOut {
            recipient: to.to_owned(),
            timeout: within,
            taken: match replies.ended() {
                // There was nobody to take it.
                Some(Ended::Complete) => Taken::No,
                _ => replies.taken(),
            },
        })?;
        succeeded(&reply.data)?;
        take(&reply.data)
    }
}

/// The data of the reply to a call, unless the worker failed.
fn data_of_reply<'m>(
    message: &'m mut [u8],
    correlation: &Correlation,
) -> Result<&'m str, CallError> {
    let reply = read_reply(message).map_err(|why| malformed(&why))?;
    if reply.correlation != correlation.as_str() {
        return Err(malformed(&"it is marked as another call's"));
    }
    succeeded(reply.data)?;
    Ok(reply.data)
}

/// What a worker failed with.
pub(super) fn succeeded(data: &str) -> Result<(), CallError> {
    match failure_of(data) {
        None => Ok(()),
        Some(text) => Err(CallError::Failed(Failure::new("failed", text.to_string()))),
    }
}

pub(super) fn wrong_type(why: &serde_json::Error, answer: &str) -> CallError {
    CallError::WrongType {
        why: why.to_string(),
        answer: answer.to_owned(),
    }
}

fn malformed(why: &dyn std::fmt::Display) -> CallError {
    CallError::Bus(Error::Unexpected(format!("the reply is none: {why}")))
}

fn json(text: &str) -> Result<&str, Error> {
    let text = text.trim();
    if skip::value(text.as_bytes(), 0) != Ok(text.len()) {
        return Err(Error::Value(format!("{text:?} is not JSON")));
    }
    Ok(text)
}

fn address(text: &str) -> Result<Address<'_>, Error> {
    match Address::parse(text) {
        Ok(Address::Component(_) | Address::Rpc(_)) => Err(Error::Usage(
            "components and RPC servers are not on redisbus: a worker, a group, a multicast or a broadcast is",
        )),
        Ok(address) => Ok(address),
        Err(why) => Err(Error::Value(format!("{text:?} is no address: {why}"))),
    }
}

fn addressing(address: &Address<'_>) -> Addressing {
    match address {
        Address::Multicast { .. } => Addressing::Multicast,
        Address::Broadcast { .. } => Addressing::Broadcast,
        _ => Addressing::Call,
    }
}

fn reply_key(correlation: &Correlation) -> Result<Key, Error> {
    redisbus::reply(correlation.as_str()).ok_or(Error::Usage("a correlation makes a key"))
}
