//! Calling functions that live elsewhere.

use std::time::Duration;

use redis_ipc_core::dialect::redisrpc::{Response, read_response, write_exception, write_request};
use redis_ipc_core::json::skip;
use redis_ipc_core::key::{Key, redisrpc};
use redis_ipc_core::name::Queue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::component::{CallError, Failure, Stop, Taken};
use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::exchange::{Answer, Post, exchange};
use crate::intake::push;
use crate::json::read;
use crate::options::Options;
use crate::random;

/// How long a call waits if it is not told otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long a response that comes too late is kept.
const LATE_RESPONSE_LIFE: Duration = Duration::from_secs(3600);

/// Calls the functions of one server.
///
/// ```no_run
/// use redis_ipc::rpc::Client;
///
/// let mut calc = Client::connect("calc")?;
/// let five: f64 = calc.call("add", (5,), ())?;
/// let pair: [i64; 2] = calc.call("pair", (), serde_json::json!({"a": 4, "b": 5}))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    name: String,
    queue: Key,
    timeout: Duration,
    stop: Stop,
    /// Positional and named arguments as JSON, while a call is made.
    args: Vec<u8>,
    kwargs: Vec<u8>,
}

impl Client {
    /// Connects to the server of this device: [`Endpoint::from_environment`].
    ///
    /// # Errors
    /// [`Error::Name`] if the queue's name is none, [`Error::Connect`] if there is no
    /// redis-server, [`Error::Server`] if it refuses us.
    pub fn connect(queue: &str) -> Result<Self, Error> {
        Self::connect_to(&Endpoint::from_environment()?, queue, Options::default())
    }

    /// Connects to a certain redis-server.
    ///
    /// # Errors
    /// As with [`connect`](Self::connect).
    pub fn connect_to(endpoint: &Endpoint, queue: &str, options: Options) -> Result<Self, Error> {
        let name = Queue::parse(queue).map_err(|why| Error::Name {
            text: queue.to_owned(),
            why,
        })?;
        // The longest key of a call has to fit as well.
        redisrpc::response(name, 0)?;
        Ok(Self {
            queue: redisrpc::requests(name)?,
            name: queue.to_owned(),
            connection: Connection::open_with(endpoint, options)?,
            timeout: TIMEOUT,
            stop: Stop::new(),
            args: Vec::new(),
            kwargs: Vec::new(),
        })
    }

    /// How long a call waits for its response; by default 5 s.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Gives up waiting once `stop` is requested, by a signal on this thread for instance; the
    /// request is taken back as if time were up.
    #[must_use]
    pub fn until(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Calls a function: `args` are its arguments by position, a tuple or a sequence, `kwargs`
    /// those by name, a map or a struct; `()` for none.
    ///
    /// A request that nobody took until time was up is taken back; the response to one that was
    /// taken expires.
    ///
    /// # Errors
    /// [`CallError::Failed`] with the exception's text; [`CallError::TimedOut`], which says
    /// whether somebody took the request; [`CallError::WrongType`] if the return value is not an
    /// `R`; [`CallError::Bus`] for the rest, arguments that are no list and no map included.
    pub fn call<A, K, R>(&mut self, function: &str, args: A, kwargs: K) -> Result<R, CallError>
    where
        A: Serialize,
        K: Serialize,
        R: DeserializeOwned,
    {
        put(&mut self.args, &args)?;
        put(&mut self.kwargs, &kwargs)?;
        self.exchange(function, |value| {
            read(value).map_err(|why| CallError::WrongType {
                why: why.to_string(),
                answer: value.to_owned(),
            })
        })
    }

    /// As [`call`](Self::call), with JSON text: an array, an object; returns JSON text.
    ///
    /// # Errors
    /// As with [`call`](Self::call), but for the type of the return value.
    pub fn call_text(
        &mut self,
        function: &str,
        args: &str,
        kwargs: &str,
    ) -> Result<String, CallError> {
        for (place, text) in [(&mut self.args, args), (&mut self.kwargs, kwargs)] {
            let text = text.trim();
            if skip::value(text.as_bytes(), 0) != Ok(text.len()) {
                return Err(Error::Value(format!("{text:?} is not JSON")).into());
            }
            place.clear();
            place.extend_from_slice(text.as_bytes());
        }
        self.exchange(function, |value| Ok(value.to_owned()))
    }

    fn exchange<R>(
        &mut self,
        function: &str,
        take: impl FnOnce(&str) -> Result<R, CallError>,
    ) -> Result<R, CallError> {
        let args = container(&self.args, b'[', "positional arguments are a list")?;
        let kwargs = container(&self.kwargs, b'{', "named arguments are a map")?;
        let name = Queue::parse(&self.name).map_err(|why| Error::Name {
            text: self.name.clone(),
            why,
        })?;
        let responses = redisrpc::response(name, random::number()).map_err(Error::from)?;
        let post = Post {
            queue: &self.queue,
            replies: &responses,
            life: None,
            timeout: self.timeout,
            stop: &self.stop,
        };
        let answer = exchange(&mut self.connection, &post, |w| {
            write_request(w, function, args, kwargs, responses.as_str());
            Ok(())
        })?;
        let length = match answer {
            Answer::Message(length) => length,
            Answer::TimedOut(taken) => {
                if taken == Taken::Yes {
                    self.expire_late_response(&responses);
                }
                return Err(CallError::TimedOut {
                    recipient: self.name.clone(),
                    timeout: self.timeout,
                    taken,
                });
            }
        };
        let message = self.connection.session().last_bulk_mut(length);
        take(return_value(message)?)
    }

    /// Nobody will ever read this queue. The original lets a response stay for ever: one that comes
    /// late must find a queue that expires. If this fails, so be it.
    #[cold]
    fn expire_late_response(&mut self, responses: &Key) {
        let _ = push(&mut self.connection, responses, LATE_RESPONSE_LIFE, |w| {
            write_exception(w, "nobody waits for this response any more");
        });
    }
}

/// What the function returned, unless it failed.
fn return_value(message: &mut [u8]) -> Result<&str, CallError> {
    match read_response(message) {
        Ok(Response::ReturnValue(value)) => Ok(value),
        Ok(Response::Exception(text)) => Err(CallError::Failed(Failure::new("exception", text))),
        Err(why) => Err(CallError::Bus(Error::Unexpected(format!(
            "the response is none: {why}"
        )))),
    }
}

fn put(place: &mut Vec<u8>, value: &impl Serialize) -> Result<(), Error> {
    place.clear();
    serde_json::to_writer(place, value)
        .map_err(|error| Error::Value(format!("an argument cannot be put into JSON: {error}")))
}

/// JSON that is a container, or null for none.
fn container<'j>(json: &'j [u8], opening: u8, wanted: &'static str) -> Result<&'j str, Error> {
    if json != b"null" && json.first() != Some(&opening) {
        return Err(Error::Usage(wanted));
    }
    std::str::from_utf8(json).map_err(|_| Error::Usage(wanted))
}
