//! Functions of the program that are called when something arrives.

use std::ffi::{c_char, c_int, c_void};
use std::time::Duration;

use super::code::{Fault, RIPC_ERR_USAGE};
use super::entry::enter;
use super::handle::Handle;
use super::message::ripc_message;
use super::text::{name, optional_name};
use super::token::ripc;
use crate::component::{HashKind, Turn};

/// A function that is called when something arrives. message is lent while it runs, also if it
/// uses the handle, which it may do with every function but ripc_run(), ripc_dispatch() and
/// ripc_next(). It must not throw a C++ exception or jump out.
///
/// What it returns, for a command: RIPC_OK if it has answered it; RIPC_LATER if it will do so
/// later; anything else has the caller get the error "failed". A command that was not answered
/// then is answered with the error "unanswered". For everything else: RIPC_OK; anything else ends
/// ripc_run() or ripc_dispatch(), which return it.
pub type ripc_handler = Option<
    unsafe extern "C" fn(
        handle: *mut ripc,
        message: *const ripc_message,
        user: *mut c_void,
    ) -> c_int,
>;

/// What a handler is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Purpose {
    Command {
        subqueue: Option<String>,
    },
    Event {
        component: Option<String>,
        subchannel: Option<String>,
    },
    Debug {
        component: Option<String>,
    },
    Change {
        kind: HashKind,
        component: String,
    },
    Bus,
    Tick,
}

#[derive(Debug)]
struct Handler {
    purpose: Purpose,
    call: Call,
}

/// What to call, and the program's own pointer that it gets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    function: unsafe extern "C" fn(*mut ripc, *const ripc_message, *mut c_void) -> c_int,
    user: *mut c_void,
}

impl Call {
    fn new(function: ripc_handler, user: *mut c_void) -> Result<Self, Fault> {
        match function {
            Some(function) => Ok(Self { function, user }),
            None => Err(Fault::new(RIPC_ERR_USAGE, "the handler is NULL")),
        }
    }

    /// Calls it.
    pub(super) fn run(self, handle: *mut ripc, message: *const ripc_message) -> c_int {
        // SAFETY: whoever registered it has promised that it is such a function and that `user`
        // is what it takes; `message` is lent by the handle, on which no borrow is open now.
        unsafe { (self.function)(handle, message, self.user) }
    }
}

#[derive(Debug, Default)]
pub(super) struct Handlers {
    all: Vec<Handler>,
}

impl Handlers {
    /// Who is to be called for this turn.
    pub(super) fn of(&self, turn: &Turn<'_>) -> Vec<Call> {
        let meant = |handler: &&Handler| handler.purpose.is_meant_by(turn);
        let meant = self.all.iter().filter(meant);
        meant.map(|handler| handler.call).collect()
    }

    /// Adds a handler, in the place of one for the same purpose.
    fn add(&mut self, purpose: Purpose, call: Call) {
        match self.all.iter_mut().find(|known| known.purpose == purpose) {
            Some(known) => known.call = call,
            None => self.all.push(Handler { purpose, call }),
        }
    }

    /// The subqueues that have handlers, in order; one of them may be the main queue.
    fn queues(&self) -> impl Iterator<Item = Option<&str>> {
        self.all
            .iter()
            .filter_map(|handler| match &handler.purpose {
                Purpose::Command { subqueue } => Some(subqueue.as_deref()),
                _ => None,
            })
    }
}

impl Purpose {
    fn is_meant_by(&self, turn: &Turn<'_>) -> bool {
        let any_or = |wanted: &Option<String>, name: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == name
        };
        match (self, turn) {
            (Self::Command { subqueue }, Turn::Command(command)) => {
                subqueue.as_deref() == command.subqueue()
            }
            (
                Self::Event {
                    component,
                    subchannel,
                },
                Turn::Event(event),
            ) => {
                any_or(component, Some(event.component())) && any_or(subchannel, event.subchannel())
            }
            (Self::Debug { component }, Turn::Debug(debug)) => {
                any_or(component, Some(debug.component()))
            }
            (Self::Change { kind, component }, Turn::Changed(watched)) => {
                *kind == watched.kind() && component == watched.component()
            }
            (Self::Bus, Turn::Bus(_)) | (Self::Tick, Turn::Tick) => true,
            _ => false,
        }
    }
}

/// Has commands of a subqueue handled, and serves it: subqueues are looked at in the order in
/// which they are named here, the most urgent first. subqueue NULL is the queue of a component
/// that has no subqueues; such a component has no others. Blocks for the reply limit at most.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_on_command(
    handle: *mut ripc,
    subqueue: *const c_char,
    handler: ripc_handler,
    user: *mut c_void,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or ends with a NUL.
        let subqueue = unsafe { optional_name(subqueue) }?;
        let call = Call::new(handler, user)?;
        handle.serve_also(subqueue)?;
        let subqueue = subqueue.map(str::to_owned);
        handle.handlers.add(Purpose::Command { subqueue }, call);
        Ok(())
    })
}

impl Handle {
    fn serve_also(&mut self, subqueue: Option<&str>) -> Result<(), Fault> {
        let known: Vec<_> = self.handlers.queues().collect();
        let subqueues: Vec<_> = known.iter().copied().chain([subqueue]).flatten().collect();
        match (known.contains(&subqueue), known.contains(&None), subqueue) {
            (true, ..) => {}
            (_, true, _) => return Err(one_or_the_other()),
            (_, _, None) if !known.is_empty() => return Err(one_or_the_other()),
            (_, _, None) => self.component.serve_main()?,
            _ => self.component.serve(&subqueues)?,
        }
        Ok(())
    }

    fn listen(
        &mut self,
        purpose: Purpose,
        function: ripc_handler,
        user: *mut c_void,
        subscribe: impl FnOnce(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let call = Call::new(function, user)?;
        subscribe(self)?;
        self.handlers.add(purpose, call);
        Ok(())
    }
}

fn one_or_the_other() -> Fault {
    Fault::new(
        RIPC_ERR_USAGE,
        "a component has either one main queue or subqueues",
    )
}

/// Listens to events as ripc_subscribe_events() does, and has them handled. An event that several
/// handlers are for goes to each of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_on_event(
    handle: *mut ripc,
    component: *const c_char,
    subchannel: *const c_char,
    handler: ripc_handler,
    user: *mut c_void,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or end with a NUL.
        let (component, subchannel) =
            unsafe { (optional_name(component)?, optional_name(subchannel)?) };
        let purpose = Purpose::Event {
            component: component.map(str::to_owned),
            subchannel: subchannel.map(str::to_owned),
        };
        handle.listen(purpose, handler, user, |handle| {
            Ok(handle.component.subscribe_events(component, subchannel)?)
        })
    })
}

/// Listens to debug messages as ripc_subscribe_debug() does, and has them handled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_on_debug(
    handle: *mut ripc,
    component: *const c_char,
    handler: ripc_handler,
    user: *mut c_void,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or ends with a NUL.
        let component = unsafe { optional_name(component) }?;
        let purpose = Purpose::Debug {
            component: component.map(str::to_owned),
        };
        handle.listen(purpose, handler, user, |handle| {
            Ok(handle.component.subscribe_debug(component)?)
        })
    })
}

/// Watches settings as ripc_watch_settings() does, and has them handled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_on_settings(
    handle: *mut ripc,
    component: *const c_char,
    handler: ripc_handler,
    user: *mut c_void,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or ends with a NUL.
        let component = unsafe { optional_name(component) }?;
        let component = handle.whose(component);
        let purpose = Purpose::Change {
            kind: HashKind::Settings,
            component: component.clone(),
        };
        handle.listen(purpose, handler, user, |handle| {
            Ok(handle.component.watch_settings(&component)?)
        })
    })
}

/// Watches a status as ripc_watch_status() does, and has it handled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_on_status(
    handle: *mut ripc,
    component: *const c_char,
    handler: ripc_handler,
    user: *mut c_void,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or ends with a NUL.
        let component = unsafe { name(component) }?.to_owned();
        let purpose = Purpose::Change {
            kind: HashKind::Status,
            component: component.clone(),
        };
        handle.listen(purpose, handler, user, |handle| {
            Ok(handle.component.watch_status(&component)?)
        })
    })
}

/// Has news of the bus handled: RIPC_BUS.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_on_bus(
    handle: *mut ripc,
    handler: ripc_handler,
    user: *mut c_void,
) -> c_int {
    enter(handle, |handle| {
        handle.listen(Purpose::Bus, handler, user, |_| Ok(()))
    })
}

/// Sets the timer as ripc_set_tick() does, and has it handled.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_on_tick(
    handle: *mut ripc,
    interval_ms: u32,
    handler: ripc_handler,
    user: *mut c_void,
) -> c_int {
    enter(handle, |handle| {
        handle.listen(Purpose::Tick, handler, user, |handle| {
            let interval = Duration::from_millis(interval_ms.into());
            handle.component.set_tick(interval);
            Ok(())
        })
    })
}

/// Has ripc_next() return RIPC_TICK at this interval, or ripc_run() call the handler of the
/// timer; an interval of 0 ends it. Ticks that were missed come once.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_set_tick(handle: *mut ripc, interval_ms: u32) -> c_int {
    enter(handle, |handle| {
        let interval = Duration::from_millis(interval_ms.into());
        handle.component.set_tick(interval);
        Ok(())
    })
}
