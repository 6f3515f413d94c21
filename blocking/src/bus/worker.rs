//! A worker as closures: one a command, one for the timer, one each for start and end.

mod run;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use redis_ipc_core::dialect::redisbus::worker_id;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::desk::Desk;
use super::logs::Logger;
use super::request::Request;
use crate::component::{Failure, Stop};
use crate::error::Error;
use crate::random;
pub(crate) use run::panic_text;

type OnCommand<'w> = Box<dyn FnMut(&mut Request<'_>) -> Result<(), Error> + 'w>;
type OnTick<'w> = Box<dyn FnMut(&mut Desk, Duration) -> Result<(), Failure> + 'w>;
type Hook<'w> = Box<dyn FnOnce(&mut Desk) -> Result<(), Failure> + 'w>;

/// The interval of the original's timer.
const INTERVAL: Duration = Duration::from_millis(400);

/// What a worker does, as closures; [`run`](Self::run) does it on one thread until it is stopped.
///
/// Every worker also knows the commands `ping` (replies with its data), `info` (its record and
/// its commands), `stop`, `update_spawner`, `download` and `download_dir`; a closure of that name
/// takes their place.
///
/// ```no_run
/// use redis_ipc::{Endpoint, Options, bus::Worker};
///
/// Worker::new("local", "counter")
///     .on_stream("count", |to: u32, request| {
///         for number in 0..to {
///             request.send(&number)?;
///         }
///         Ok(())
///     })
///     .run(&Endpoint::from_environment()?, Options::default())?;
/// # Ok::<(), redis_ipc::Error>(())
/// ```
pub struct Worker<'w> {
    site: String,
    worker_type: String,
    id: String,
    class: String,
    interval: Duration,
    path: Option<PathBuf>,
    spawner: Option<String>,
    downloads: bool,
    more: Map<String, Value>,
    commands: BTreeMap<String, OnCommand<'w>>,
    fallback: Option<OnCommand<'w>>,
    tick: Option<OnTick<'w>>,
    start: Option<Hook<'w>>,
    end: Option<Hook<'w>>,
    stop: Option<Stop>,
    logger: Logger,
}

impl<'w> Worker<'w> {
    /// A worker of a type at a site; both are names of 1 to 64 of `A-Z a-z 0-9 _ -`. Its id is
    /// made of this machine's address, the process id and a random number, as the original makes
    /// it.
    #[must_use]
    pub fn new(site: &str, worker_type: &str) -> Self {
        let id = worker_id(own_address(), std::process::id(), random::number());
        Self {
            site: site.to_owned(),
            worker_type: worker_type.to_owned(),
            class: "Worker".to_owned(),
            interval: INTERVAL,
            path: None,
            spawner: None,
            downloads: false,
            more: Map::new(),
            commands: BTreeMap::new(),
            fallback: None,
            tick: None,
            start: None,
            end: None,
            stop: None,
            logger: Logger::new(&id),
            id: id.as_str().to_owned(),
        }
    }

    /// Takes another id: 1 to 64 of `A-Z a-z 0-9 _ - . :`. No two workers may share one. To be
    /// set before [`logger`](Self::logger) is asked for.
    #[must_use]
    pub fn with_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self.logger = Logger::new(id);
        self
    }

    /// The worker's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the record shows as the class that the worker is made of; by default `Worker`.
    #[must_use]
    pub fn class(mut self, class: &str) -> Self {
        class.clone_into(&mut self.class);
        self
    }

    /// The folder that files are served from, by default the working folder.
    #[must_use]
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Who started this worker.
    #[must_use]
    pub fn spawner(mut self, id: &str) -> Self {
        self.spawner = Some(id.to_owned());
        self
    }

    /// Lets callers read the files below [`path`](Self::path). Links are never followed.
    #[must_use]
    pub fn allow_downloads(mut self) -> Self {
        self.downloads = true;
        self
    }

    /// Has the worker's record tell something more.
    #[must_use]
    pub fn tell(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// Answers a command. `D` is read from the command's data; what the closure returns is the
    /// reply, `()` for one that says that all went well. A [`Failure`] reaches the caller as
    /// `{"success": false, "msg": …}`, and so do data that are not a `D`, and a panic.
    #[must_use]
    pub fn on<D, R>(
        mut self,
        command: &str,
        mut handler: impl FnMut(D, &mut Request<'_>) -> Result<R, Failure> + 'w,
    ) -> Self
    where
        D: DeserializeOwned,
        R: Serialize,
    {
        let handler = move |request: &mut Request<'_>| {
            let outcome = request.data().and_then(|data| handler(data, request));
            match outcome {
                Ok(result) if request.is_open() => request.reply(&result),
                Ok(_) => request.end(),
                Err(failure) => request.fail(&failure),
            }
        };
        self.commands.insert(command.to_owned(), Box::new(handler));
        self
    }

    /// Answers a command with any number of replies, which the closure
    /// [sends](Request::send); the stream ends when it returns. A failure is its last element.
    #[must_use]
    pub fn on_stream<D: DeserializeOwned>(
        self,
        command: &str,
        mut handler: impl FnMut(D, &mut Request<'_>) -> Result<(), Failure> + 'w,
    ) -> Self {
        self.on(command, move |data: D, request: &mut Request<'_>| {
            request.stream();
            handler(data, request)
        })
    }

    /// Answers all commands that nothing else answers. The closure replies through the
    /// [`Request`]; if it does not, the reply says that all went well.
    #[must_use]
    pub fn on_others(
        mut self,
        mut handler: impl FnMut(&mut Request<'_>) -> Result<(), Failure> + 'w,
    ) -> Self {
        self.fallback = Some(Box::new(move |request| {
            let outcome = handler(request);
            match outcome {
                Ok(()) if request.is_open() => request.reply(&()),
                Ok(()) => request.end(),
                Err(failure) => request.fail(&failure),
            }
        }));
        self
    }

    /// Does something at an interval, between commands; the closure is told how long ago the
    /// last time was. A failure is logged, and so is a panic.
    #[must_use]
    pub fn every(
        mut self,
        interval: Duration,
        handler: impl FnMut(&mut Desk, Duration) -> Result<(), Failure> + 'w,
    ) -> Self {
        self.interval = interval;
        self.tick = Some(Box::new(handler));
        self
    }

    /// Does something before the first command, and before others can find the worker. A failure
    /// ends it.
    #[must_use]
    pub fn on_start(mut self, hook: impl FnOnce(&mut Desk) -> Result<(), Failure> + 'w) -> Self {
        self.start = Some(Box::new(hook));
        self
    }

    /// Does something after the last command, when others can no longer find the worker.
    #[must_use]
    pub fn on_shutdown(mut self, hook: impl FnOnce(&mut Desk) -> Result<(), Failure> + 'w) -> Self {
        self.end = Some(Box::new(hook));
        self
    }

    /// Ends when `stop` is requested, and not by signals.
    #[must_use]
    pub fn until(mut self, stop: Stop) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Takes what the program logs to this worker's log: to be installed with
    /// [`log::set_boxed_logger`]. The worker's own messages are there in any case.
    #[must_use]
    pub fn logger(&self) -> Logger {
        self.logger.clone()
    }
}

/// The address that this machine has for others, with which the ids of its workers begin; nothing
/// is sent to find out.
///
/// ```
/// assert!(!redis_ipc::bus::own_address().is_unspecified());
/// ```
#[must_use]
pub fn own_address() -> IpAddr {
    let find = || -> std::io::Result<IpAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // An address for documentation (RFC 5737): only the route to it is looked up.
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        Ok(socket.local_addr()?.ip())
    };
    find().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

impl fmt::Debug for Worker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("site", &self.site)
            .field("type", &self.worker_type)
            .field("id", &self.id)
            .field("commands", &self.commands.keys())
            .finish_non_exhaustive()
    }
}
