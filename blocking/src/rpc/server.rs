//! Functions that others call.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use redis_ipc_core::dialect::redisrpc::{
    RESPONSE_LIFE, Refused, Request, read_request, write_exception, write_return_value,
};
use redis_ipc_core::key::{Key, redisrpc};
use redis_ipc_core::name::Queue;
use redis_ipc_core::write::Writer;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::arguments::Arguments;
use crate::bus::panic_text;
use crate::component::{BusEvent, Failure, Stop};
use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::intake::{Arrival, Intake};
use crate::options::Options;

/// Reads the arguments, calls the function, writes what it returns into the buffer.
type Function<'f> = Box<dyn FnMut(&Arguments<'_>, &mut Vec<u8>) -> Result<(), Failure> + 'f>;

/// Under this name the server's messages go through the facade `log`.
const TARGET: &str = "redis_ipc::rpc";

/// How often the loop looks around at the latest.
const LOOK: Duration = Duration::from_secs(60);

/// What a server had to drop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Requests that were none, too long, or named a queue for the response that is none of this
    /// server's.
    pub requests_dropped: u64,
    /// Responses that could not be pushed.
    pub responses_lost: u64,
    /// Pops of which nobody knows whether they took a request, because the connection broke.
    pub pops_unknown: u64,
}

/// What a caller gets.
enum Response<'v> {
    /// JSON.
    Value(&'v [u8]),
    Exception(String),
}

/// Functions by name, served on one thread.
///
/// ```no_run
/// use redis_ipc::{Endpoint, Options, rpc::Server};
///
/// Server::new("calc")
///     .on("pair", &["a", "b"], |(a, b): (i64, i64)| Ok([a, b]))
///     .on("greet", &["name", "loud"], |(name, loud): (String, Option<bool>)| {
///         Ok(format!("hello {name}{}", if loud == Some(true) { "!" } else { "" }))
///     })
///     .run(&Endpoint::from_environment()?, Options::default())?;
/// # Ok::<(), redis_ipc::Error>(())
/// ```
pub struct Server<'f> {
    queue: String,
    functions: BTreeMap<String, Function<'f>>,
    others: Option<Function<'f>>,
    stop: Option<Stop>,
}

impl<'f> Server<'f> {
    /// Serves a queue: 1 to 64 of `A-Z a-z 0-9 _ - . :`. What waits there already is served too.
    #[must_use]
    pub fn new(queue: &str) -> Self {
        Self {
            queue: queue.to_owned(),
            functions: BTreeMap::new(),
            others: None,
            stop: None,
        }
    }

    /// Registers a function. `parameters` are the names of its arguments, which arrive as a tuple
    /// in that order, however the caller gave them; one that is an `Option` may be absent. What
    /// it returns is the return value; a [`Failure`] is an exception for the caller, and so are
    /// wrong arguments and a panic.
    #[must_use]
    pub fn on<A, R>(
        self,
        name: &str,
        parameters: &[&'f str],
        mut function: impl FnMut(A) -> Result<R, Failure> + 'f,
    ) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
    {
        let parameters = parameters.to_vec();
        self.on_any(name, move |arguments| {
            arguments.bind(&parameters).and_then(&mut function)
        })
    }

    /// Registers a function that takes its arguments as they come.
    #[must_use]
    pub fn on_any<R: Serialize>(
        mut self,
        name: &str,
        function: impl FnMut(&Arguments<'_>) -> Result<R, Failure> + 'f,
    ) -> Self {
        self.functions.insert(name.to_owned(), returning(function));
        self
    }

    /// Serves all functions that are not registered by name.
    #[must_use]
    pub fn on_others<R: Serialize>(
        mut self,
        function: impl FnMut(&Arguments<'_>) -> Result<R, Failure> + 'f,
    ) -> Self {
        self.others = Some(returning(function));
        self
    }

    /// Ends when `stop` is requested, and not by signals.
    #[must_use]
    pub fn until(mut self, stop: Stop) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Serves until it is stopped: by SIGTERM or Ctrl-C, or by the [`Stop`] of
    /// [`until`](Self::until). The request at hand is finished first; one that was popped in the
    /// last moment goes back to the head of the queue.
    ///
    /// Why a request is dropped, and that the bus is gone, goes through the facade `log` as a
    /// warning, under the target `redis_ipc::rpc`.
    ///
    /// # Errors
    /// [`Error::Name`] if the queue's name is none, else what broke and does not pass by itself.
    /// A server that goes away is waited for.
    pub fn run(mut self, endpoint: &Endpoint, options: Options) -> Result<Counters, Error> {
        let name = std::mem::take(&mut self.queue);
        let queue = Queue::parse(&name).map_err(|why| Error::Name {
            text: name.clone(),
            why,
        })?;
        let options = options.name(&name);
        let mut work = Connection::open_with(endpoint, options.clone())?;
        let queues = vec![redisrpc::requests(queue)?];
        let mut intake = Intake::new(endpoint, options, queues, None);
        intake.stop = match self.stop.take() {
            Some(stop) => stop,
            None => Stop::on_signals().map_err(|error| Error::Value(error.to_string()))?,
        };
        let mut dropped = 0;
        let outcome = self.serve(queue, &mut intake, &mut work, &mut dropped);
        outcome.map(|()| Counters {
            requests_dropped: dropped,
            responses_lost: intake.answers_lost,
            pops_unknown: intake.pops_unknown,
        })
    }

    fn serve(
        &mut self,
        queue: Queue<'_>,
        intake: &mut Intake,
        work: &mut Connection,
        dropped: &mut u64,
    ) -> Result<(), Error> {
        let mut value = Vec::new();
        let mut drop_request = |why: &dyn fmt::Display| {
            *dropped += 1;
            log::warn!(target: TARGET, "{queue}: dropped a request: {why}");
        };
        loop {
            match intake.next(work, Instant::now() + LOOK)? {
                Arrival::Stop => return Ok(()),
                Arrival::TooLong(sizes) => drop_request(&sizes),
                Arrival::Message(_) => {
                    let mut message = std::mem::take(&mut intake.message);
                    match self.respond(queue, &mut message, &mut value) {
                        Ok((to, response)) => send(intake, work, &to, &response)?,
                        Err(why) => drop_request(&why),
                    }
                    intake.message = message;
                }
                Arrival::Bus(BusEvent::Disconnected { why } | BusEvent::Refused { why }) => {
                    log::warn!(target: TARGET, "{queue}: {why}");
                }
                _ => {}
            }
        }
    }

    /// Serves a request; says what to respond, and where to, or why there is nobody to respond to.
    fn respond<'v>(
        &mut self,
        queue: Queue<'_>,
        message: &mut [u8],
        value: &'v mut Vec<u8>,
    ) -> Result<(Key, Response<'v>), String> {
        match read_request(message) {
            Ok(request) => {
                let to = redisrpc::response_of_peer(queue, request.response_queue)
                    .ok_or("its response queue is none of this server's")?;
                let response = match self.call(&request, value) {
                    Ok(()) => Response::Value(value),
                    Err(failure) => Response::Exception(text_of(&failure)),
                };
                Ok((to, response))
            }
            Err(refused) => {
                let why = refused.why.to_string();
                match whom_to_tell(queue, &refused) {
                    Some(to) => Ok((to, Response::Exception(why))),
                    None => Err(why),
                }
            }
        }
    }

    /// Calls a function and leaves its return value in `value`.
    fn call(&mut self, request: &Request<'_>, value: &mut Vec<u8>) -> Result<(), Failure> {
        let function = self.functions.get_mut(request.name);
        let function = function.or(self.others.as_mut()).ok_or_else(|| {
            Failure::new("AttributeError", format!("no function {:?}", request.name))
        })?;
        let arguments = Arguments::new(request.name, request.args, request.kwargs);
        value.clear();
        let called = catch_unwind(AssertUnwindSafe(|| function(&arguments, value)));
        called.unwrap_or_else(|panic| {
            let text = format!("{}() panicked: {}", request.name, panic_text(&*panic));
            Err(Failure::new("failed", text))
        })
    }
}

/// The response queue of a request that cannot be served, if it names one.
fn whom_to_tell(queue: Queue<'_>, refused: &Refused<'_>) -> Option<Key> {
    // In a pickle, what stands before the name may look like a part of it.
    let named = refused.response_queue?;
    let from = named.rfind(&format!("{queue}:rpc:"))?;
    redisrpc::response_of_peer(queue, named.get(from..)?)
}

fn returning<'f, R: Serialize>(
    mut function: impl FnMut(&Arguments<'_>) -> Result<R, Failure> + 'f,
) -> Function<'f> {
    Box::new(move |arguments, response| {
        let value = function(arguments)?;
        serde_json::to_writer(response, &value).map_err(|error| {
            Failure::new("failed", format!("the return value is no JSON: {error}"))
        })
    })
}

fn send(
    intake: &mut Intake,
    work: &mut Connection,
    to: &Key,
    response: &Response<'_>,
) -> Result<(), Error> {
    match intake.answer(work, to, RESPONSE_LIFE, |w| response.write(w)) {
        Err(Error::TooLong { sizes, .. }) => {
            let instead = Response::Exception(format!("the return value is too long: {sizes}"));
            intake.answer(work, to, RESPONSE_LIFE, |w| instead.write(w))
        }
        sent => sent,
    }
}

impl Response<'_> {
    fn write(&self, w: &mut Writer<'_>) {
        match self {
            Self::Value(value) => write_return_value(w, |w| w.put(value)),
            Self::Exception(text) => write_exception(w, text),
        }
    }
}

/// What a failure is to people: redisrpc has one text for it.
fn text_of(failure: &Failure) -> String {
    match failure.code() {
        "failed" => failure.message().to_owned(),
        code => format!("{code}: {}", failure.message()),
    }
}

impl fmt::Debug for Server<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("queue", &self.queue)
            .field("functions", &self.functions.keys())
            .finish_non_exhaustive()
    }
}
