//! A worker as closures: one a command, one for the timer, one each for start and end.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use log::Level;
use redis_ipc_core::dialect::redisbus::{Message, read_message_or_correlation, worker_id};
use redis_ipc_core::key::redisbus;
use redis_ipc_core::name::{NameError, Site, WorkerId, WorkerType};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::builtin;
use super::desk::{Counters, Desk, Names};
use super::logs::Logger;
use super::record::Record;
use super::request::{Request, text_of};
use crate::component::line::Tick;
use crate::component::{BusEvent, Failure, Stop};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::intake::Arrival;
use crate::options::Options;
use crate::random;

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
    /// last time was. A failure is logged.
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

    /// Serves until it is stopped: by the command `stop`, by SIGTERM or Ctrl-C, or by the
    /// [`Stop`] of [`until`](Self::until). The command at hand is finished first; one that was
    /// popped in the last moment goes back to the head of its queue.
    ///
    /// # Errors
    /// [`Error::Name`] for a name that is none, [`Error::Value`] if the start-up hook fails, else
    /// what broke and does not pass by itself. A bus that goes away is waited for.
    pub fn run(mut self, endpoint: &Endpoint, options: Options) -> Result<Counters, Error> {
        let mut desk = self.open(endpoint, options)?;
        let outcome = match self.begin(&mut desk) {
            Ok(()) => self.serve(&mut desk),
            Err(error) => Err(error),
        };
        desk.log(Level::Info, "worker_shutdown");
        match desk.leave() {
            // Without a server there is nothing to be removed.
            Err(error) if outcome.is_ok() && !error.is_temporary() => return Err(error),
            _ => {}
        }
        if let Some(hook) = self.end.take() {
            if let Err(failure) = hook(&mut desk) {
                desk.log(Level::Error, &text_of(&failure));
                let _ = desk.keep_log();
            }
        }
        outcome.map(|()| desk.counters())
    }

    fn open(&mut self, endpoint: &Endpoint, options: Options) -> Result<Desk, Error> {
        let (record, path) = self.record();
        let (site, worker_type, id) = (&self.site, &self.worker_type, &self.id);
        let names = Names {
            site: Site::parse(site).map_err(|why| name_error(site, why))?,
            worker_type: WorkerType::parse(worker_type)
                .map_err(|why| name_error(worker_type, why))?,
            id: WorkerId::parse(id).map_err(|why| name_error(id, why))?,
        };
        let stop = match self.stop.take() {
            Some(stop) => stop,
            None => Stop::on_signals().map_err(|error| Error::Value(error.to_string()))?,
        };
        let mut desk = Desk::open(endpoint, options, names, record, self.logger.clone())?;
        desk.path = path;
        desk.downloads = self.downloads;
        desk.intake.stop = stop;
        Ok(desk)
    }

    fn record(&mut self) -> (Record, PathBuf) {
        let cwd = std::env::current_dir().unwrap_or_default();
        let path = self.path.take().unwrap_or_else(|| cwd.clone());
        let record = Record {
            site: self.site.clone(),
            id: self.id.clone(),
            class: std::mem::take(&mut self.class),
            worker: self.worker_type.clone(),
            path: Some(path.to_string_lossy().into_owned()),
            spawner: self.spawner.take(),
            cwd: cwd.to_string_lossy().into_owned(),
            username: std::env::var("USER").ok(),
            interval: self.interval.as_secs_f64(),
            more: std::mem::take(&mut self.more),
            ..Record::default()
        };
        (record, path)
    }

    fn begin(&mut self, desk: &mut Desk) -> Result<(), Error> {
        if let Some(hook) = self.start.take() {
            hook(desk).map_err(|failure| {
                Error::Value(format!("the worker does not start: {}", text_of(&failure)))
            })?;
        }
        if self.tick.is_some() && !self.interval.is_zero() {
            desk.intake.tick = Some(Tick::every(self.interval));
        }
        desk.log(Level::Info, "worker_startup complete");
        desk.keep_alive()
    }

    fn serve(&mut self, desk: &mut Desk) -> Result<(), Error> {
        let mut ticked = Instant::now();
        while desk.active {
            if desk.intake.is_well() {
                match desk.keep_alive() {
                    Err(error) if error.is_temporary() => desk.intake.lost(&error),
                    // Somebody's key stands in the way: no reason not to serve.
                    Err(Error::Server(refused)) => desk.log(Level::Warn, &refused.to_string()),
                    kept => kept?,
                }
            }
            let wake = desk.renewal();
            match desk.intake.next(&mut desk.work, wake)? {
                Arrival::Stop => return Ok(()),
                Arrival::Look => {}
                Arrival::Bus(event) => self.bus(desk, &event),
                Arrival::TooLong(sizes) => desk.drop_message(&sizes.to_string()),
                Arrival::Message(_) => self.message(desk)?,
                Arrival::Tick => {
                    let elapsed = ticked.elapsed();
                    ticked = Instant::now();
                    self.tick(desk, elapsed);
                }
            }
        }
        desk.intake.end(&mut desk.work)
    }

    fn bus(&self, desk: &mut Desk, event: &BusEvent) {
        match event {
            BusEvent::Disconnected { why } | BusEvent::Refused { why } => {
                desk.log(Level::Warn, why);
            }
            // It may be another server, or one that has forgotten everything.
            _ => desk.renew_soon(),
        }
    }

    fn tick(&mut self, desk: &mut Desk, elapsed: Duration) {
        if let Some(handler) = &mut self.tick {
            if let Err(failure) = handler(desk, elapsed) {
                desk.log(Level::Error, &text_of(&failure));
            }
        }
    }

    fn message(&mut self, desk: &mut Desk) -> Result<(), Error> {
        let mut bytes = std::mem::take(&mut desk.intake.message);
        let served = match read_message_or_correlation(&mut bytes) {
            Ok(message) => match redisbus::reply(message.correlation) {
                Some(replies) => self.command(Request::new(desk, message, replies)),
                None => {
                    desk.drop_message("its correlation makes no key to reply to");
                    Ok(())
                }
            },
            Err(refused) => {
                desk.drop_message(&refused.why.to_string());
                refuse(desk, refused.correlation, &refused.why.to_string())
            }
        };
        desk.intake.message = bytes;
        served
    }

    fn command(&mut self, mut request: Request<'_>) -> Result<(), Error> {
        let Some(handler) = self.commands.get_mut(request.command()) else {
            return self.other(&mut request);
        };
        guarded(handler, &mut request)
    }

    fn other(&mut self, request: &mut Request<'_>) -> Result<(), Error> {
        if let Some(served) = builtin::serve(request, &self.commands) {
            return served;
        }
        match &mut self.fallback {
            Some(handler) => guarded(handler, request),
            None => {
                let text = format!("unknown command {:?}", request.command());
                request.fail(&Failure::new("failed", text))
            }
        }
    }
}

/// Runs a handler; a panic in it fails the command and not the worker.
fn guarded(handler: &mut OnCommand<'_>, request: &mut Request<'_>) -> Result<(), Error> {
    match catch_unwind(AssertUnwindSafe(|| handler(request))) {
        Ok(served) => served,
        Err(panic) => {
            let text = format!("the handler panicked: {}", panic_text(&*panic));
            request.fail(&Failure::new("failed", text))
        }
    }
}

/// Tells a caller whose message cannot be served, if it says who it is.
fn refuse(desk: &mut Desk, correlation: Option<&str>, why: &str) -> Result<(), Error> {
    let Some(correlation) = correlation else {
        return Ok(());
    };
    let Some(replies) = redisbus::reply(correlation) else {
        return Ok(());
    };
    let message = Message {
        command: "",
        data: "null",
        correlation,
        sender: "",
    };
    Request::new(desk, message, replies).fail(&Failure::new("failed", why))
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}

fn name_error(text: &str, why: NameError) -> Error {
    Error::Name {
        text: text.to_owned(),
        why,
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
