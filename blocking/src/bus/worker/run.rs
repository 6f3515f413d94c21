//! The loop of a worker: one thread for its queues, its channel and its timer.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use log::Level;
use redis_ipc_core::dialect::redisbus::{Message, read_message_or_correlation};
use redis_ipc_core::key::redisbus;
use redis_ipc_core::name::{NameError, Site, WorkerId, WorkerType};

use super::super::builtin;
use super::super::desk::{Counters, Desk, Names};
use super::super::record::Record;
use super::super::request::{Request, text_of};
use super::{OnCommand, Worker};
use crate::component::line::Tick;
use crate::component::{BusEvent, Failure, Stop};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::intake::Arrival;
use crate::options::Options;

impl Worker<'_> {
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
        let Some(handler) = &mut self.tick else {
            return;
        };
        let text = match catch_unwind(AssertUnwindSafe(|| handler(desk, elapsed))) {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => text_of(&failure),
            Err(panic) => format!("the timer's handler panicked: {}", panic_text(&*panic)),
        };
        desk.log(Level::Error, &text);
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
