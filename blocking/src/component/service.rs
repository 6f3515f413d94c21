//! A component as closures: one a command, one an event, one for the timer.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::payload::Payload;
use super::{
    BusEvent, Command, Component, DebugMessage, Delivery, Event, Failure, Stop, Turn, Watched,
};
use crate::error::Error;

type OnCommand<'s> = Box<dyn FnMut(&mut Command<'_>) -> Result<(), Error> + 's>;
type OnEvent<'s> = Box<dyn FnMut(&Event) + 's>;
type OnDebug<'s> = Box<dyn FnMut(&DebugMessage) + 's>;
type OnChange<'s> = Box<dyn FnMut(&Watched) + 's>;
type OnBus<'s> = Box<dyn FnMut(&BusEvent) + 's>;
type OnTick<'s> = Box<dyn FnMut(&mut Component) -> Result<(), Error> + 's>;

/// What a component does, as closures; [`run`](Self::run) does it until a signal or a
/// [`Stop`] ends it.
///
/// ```no_run
/// use redis_ipc::{Component, Service};
///
/// #[derive(serde::Deserialize)]
/// struct Print { file: String, copies: u32 }
///
/// #[derive(serde::Serialize)]
/// struct Printed { pages: u32 }
///
/// let mut printer = Component::connect("printer", "main")?;
/// Service::new()
///     .on("cancel", |job: Print, _| Ok(Printed { pages: 0 }))
///     .on("print", |job: Print, _| {
///         std::fs::metadata(&job.file)?;
///         Ok(Printed { pages: job.copies })
///     })
///     .run(&mut printer)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct Service<'s> {
    main: Option<OnCommand<'s>>,
    subqueues: Vec<(String, OnCommand<'s>)>,
    events: Option<OnEvent<'s>>,
    debug: Option<OnDebug<'s>>,
    changes: Option<OnChange<'s>>,
    bus: Option<OnBus<'s>>,
    tick: Option<(Duration, OnTick<'s>)>,
    stop: Option<Stop>,
    delivery: Option<Delivery>,
}

impl<'s> Service<'s> {
    /// Does nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers the commands of a subqueue. Subqueues are looked at in the order in which they
    /// are named here, the most urgent first.
    ///
    /// What the closure returns is the answer; a [`Failure`] reaches the caller as an error, and
    /// so does a payload that is not a `P`. The closure may [keep the job](Command::take_job), to
    /// have it answered later; what it returns is then left alone. If it panics, the caller gets
    /// the error `unanswered` and the panic goes on through [`run`](Self::run).
    #[must_use]
    pub fn on<P, R>(
        mut self,
        subqueue: &str,
        handler: impl FnMut(P, &mut Command<'_>) -> Result<R, Failure> + 's,
    ) -> Self
    where
        P: DeserializeOwned,
        R: Serialize,
    {
        self.subqueues
            .push((subqueue.to_owned(), answering(handler)));
        self
    }

    /// Answers the commands of a component that has no subqueues.
    #[must_use]
    pub fn on_command<P, R>(
        mut self,
        handler: impl FnMut(P, &mut Command<'_>) -> Result<R, Failure> + 's,
    ) -> Self
    where
        P: DeserializeOwned,
        R: Serialize,
    {
        self.main = Some(answering(handler));
        self
    }

    /// Hears the events that the component [subscribed to](Component::subscribe_events).
    #[must_use]
    pub fn on_event(mut self, handler: impl FnMut(&Event) + 's) -> Self {
        self.events = Some(Box::new(handler));
        self
    }

    /// Hears the debug messages that the component [subscribed to](Component::subscribe_debug).
    #[must_use]
    pub fn on_debug(mut self, handler: impl FnMut(&DebugMessage) + 's) -> Self {
        self.debug = Some(Box::new(handler));
        self
    }

    /// Follows the settings of this component, and whatever else it
    /// [watches](Component::watch_settings): the present state first, then each change.
    #[must_use]
    pub fn on_change(mut self, handler: impl FnMut(&Watched) + 's) -> Self {
        self.changes = Some(Box::new(handler));
        self
    }

    /// Hears of the bus going away and coming back.
    #[must_use]
    pub fn on_bus(mut self, handler: impl FnMut(&BusEvent) + 's) -> Self {
        self.bus = Some(Box::new(handler));
        self
    }

    /// Does something at an interval, between commands. An error ends the service, unless it is
    /// one of the bus that [passes by itself](Error::is_temporary).
    #[must_use]
    pub fn every(
        mut self,
        interval: Duration,
        handler: impl FnMut(&mut Component) -> Result<(), Error> + 's,
    ) -> Self {
        self.tick = Some((interval, Box::new(handler)));
        self
    }

    /// Has each command served at least once: see [`Delivery::AtLeastOnce`].
    #[must_use]
    pub fn at_least_once(mut self, tries: u32) -> Self {
        self.delivery = Some(Delivery::AtLeastOnce { tries });
        self
    }

    /// Ends when `stop` is requested, and not by signals.
    #[must_use]
    pub fn until(mut self, stop: Stop) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Serves until it is stopped: by SIGTERM or Ctrl-C, or by the [`Stop`] of
    /// [`until`](Self::until). The job at hand is finished first, and no command is lost: one
    /// that was popped in the last moment goes back to the head of its queue.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is a handler for the main queue and some for subqueues, else
    /// what broke.
    pub fn run(mut self, component: &mut Component) -> Result<(), Error> {
        component.set_stop(match self.stop.take() {
            Some(stop) => stop,
            None => Stop::on_signals().map_err(|error| Error::Value(error.to_string()))?,
        });
        if self.changes.is_some() {
            let name = component.name().to_owned();
            component.watch_settings(&name)?;
        }
        if let Some((interval, _)) = &self.tick {
            component.set_tick(*interval);
        }
        if let Some(delivery) = self.delivery {
            component.set_delivery(delivery);
        }
        self.serve_queues(component)?;
        while self.turn(component)? {}
        Ok(())
    }

    fn serve_queues(&self, component: &mut Component) -> Result<(), Error> {
        let names: Vec<_> = self
            .subqueues
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        match (&self.main, names.is_empty()) {
            (Some(_), false) => Err(Error::Usage(
                "a component has either one main queue or subqueues",
            )),
            (Some(_), true) => component.serve_main(),
            (None, _) => component.serve(&names),
        }
    }

    /// Does the next thing; says whether to go on.
    fn turn(&mut self, component: &mut Component) -> Result<bool, Error> {
        let ticked = match component.next(None)? {
            Some(Turn::Stop) => return Ok(false),
            Some(Turn::Tick) => true,
            Some(turn) => {
                self.take(turn)?;
                false
            }
            None => false,
        };
        match &mut self.tick {
            Some((_, handler)) if ticked => match handler(component) {
                // The loop will notice the same, and see to it.
                Err(error) if error.is_temporary() => component.lost_bus(&error),
                outcome => outcome?,
            },
            _ => {}
        }
        Ok(true)
    }

    fn take(&mut self, turn: Turn<'_>) -> Result<(), Error> {
        match turn {
            Turn::Command(mut command) => return self.command(&mut command),
            Turn::Event(event) => {
                if let Some(handler) = &mut self.events {
                    handler(event);
                }
            }
            Turn::Debug(message) => {
                if let Some(handler) = &mut self.debug {
                    handler(message);
                }
            }
            Turn::Changed(watched) => {
                if let Some(handler) = &mut self.changes {
                    handler(watched);
                }
            }
            Turn::Bus(event) => {
                if let Some(handler) = &mut self.bus {
                    handler(&event);
                }
            }
            Turn::Tick | Turn::Stop => {}
        }
        Ok(())
    }

    fn command(&mut self, command: &mut Command<'_>) -> Result<(), Error> {
        let handler = match command.subqueue() {
            None => self.main.as_mut(),
            Some(name) => self
                .subqueues
                .iter_mut()
                .find(|(subqueue, _)| subqueue == name)
                .map(|(_, handler)| handler),
        };
        match handler {
            Some(handler) => handler(command),
            None => command.finish_failed(&Failure::new("no-handler", "nobody handles this queue")),
        }
    }
}

/// Wraps a handler so that what it returns becomes the answer.
fn answering<'s, P, R>(
    mut handler: impl FnMut(P, &mut Command<'_>) -> Result<R, Failure> + 's,
) -> OnCommand<'s>
where
    P: DeserializeOwned,
    R: Serialize,
{
    Box::new(move |command| {
        let outcome = command
            .payload()
            .and_then(|payload| handler(payload, command));
        if !command.is_open() {
            return Ok(());
        }
        let sent = match outcome {
            Ok(result) => command.finish(&Payload::Value(&result)),
            Err(failure) => command.finish_failed(&failure),
        };
        match sent {
            // The caller was told that there is no result; the loop goes on.
            Err(Error::Value(_) | Error::TooLong { .. }) => Ok(()),
            sent => command.bear(sent),
        }
    })
}

impl fmt::Debug for Service<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subqueues: Vec<_> = self.subqueues.iter().map(|(name, _)| name).collect();
        f.debug_struct("Service")
            .field("main", &self.main.is_some())
            .field("subqueues", &subqueues)
            .finish_non_exhaustive()
    }
}
