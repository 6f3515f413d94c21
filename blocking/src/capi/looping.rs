//! The loop: the library's own, or a part of the program's.

use std::ffi::c_int;
use std::os::fd::AsRawFd;

use super::code::{Fault, RIPC_LATER, RIPC_OK, RIPC_STOPPED};
use super::entry::{enter, guard, with};
use super::handle::Handle;
use super::handlers::Call;
use super::message::ripc_message;
use super::text::Out;
use super::token::{self, ripc};
use crate::component::{Failure, Turn};

/// A message that was found, and who is to be called for it.
struct Found {
    message: *const ripc_message,
    /// The command's number, if it is one.
    job: Option<u64>,
    is_stop: bool,
    calls: Vec<Call>,
}

/// How a step of the loop ended.
enum Step {
    Nothing,
    Handled,
    Stopped,
    /// A handler does not want to go on.
    Ended(c_int),
}

/// Waits for messages and calls their handlers, until somebody asks for a stop: RIPC_OK then,
/// with nothing in flight. A command without a handler is answered with the error "no-handler";
/// other messages without one are dropped. Ends with what a handler returns that is not RIPC_OK,
/// where the message was no command, and with what does not pass by itself.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_run(handle: *mut ripc) -> c_int {
    guard(|| {
        loop {
            match step(handle, -1)? {
                Step::Nothing | Step::Handled => {}
                Step::Stopped => return Ok(RIPC_OK),
                Step::Ended(code) => return Ok(code),
            }
        }
    })
}

/// A file descriptor that can be read from when ripc_dispatch() has something to do: for epoll,
/// poll, select, GLib or libuv, level-triggered. Negative is an error.
///
/// It stays the same until ripc_close(), which closes it. Watch it, and do nothing else with it.
/// It stands for both connections and for all timers; whatever else the program does with the
/// handle, it is up to date when the function returns. It may be readable without need.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_fd(handle: *mut ripc) -> c_int {
    guard(|| {
        with(handle, |handle| {
            handle.is_polled = true;
            Ok(handle.component.poll_fd()?.as_raw_fd())
        })
    })
}

/// Calls the handlers of what has arrived; does not wait for anything to arrive. Handles limit
/// messages at most, all if that is 0, and puts into *handled, which may be NULL, how many there
/// were. The descriptor stays readable for those that are left.
///
/// RIPC_STOPPED if somebody has asked for a stop; else as ripc_run().
///
/// What it may wait for is the server: to read a hash that has changed, or to connect again. A
/// local server takes less than a millisecond for that, and one that is gone none at all; one
/// that stands still takes the reply limit or the connect limit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_dispatch(
    handle: *mut ripc,
    limit: usize,
    handled: *mut usize,
) -> c_int {
    guard(|| {
        // SAFETY: the caller's pointer is null or may be written to.
        let out = unsafe { Out::optional(handled, 0) };
        let mut count = 0;
        loop {
            match step(handle, 0)? {
                Step::Nothing => return Ok(RIPC_OK),
                Step::Stopped => return Ok(RIPC_STOPPED),
                Step::Ended(code) => return Ok(code),
                Step::Handled => count += 1,
            }
            out.set(count);
            if count == limit {
                return Ok(RIPC_OK);
            }
        }
    })
}

/// Asks for a stop: ripc_run() returns, ripc_next() hands out RIPC_STOP, ripc_dispatch() returns
/// RIPC_STOPPED, each once. From any thread, and from a signal handler. A thread that waits
/// notices at once if a signal arrives on it, else within a second; a loop of the program's own
/// has to be woken by the program.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_stop(handle: *mut ripc) -> c_int {
    match token::stop(handle) {
        Ok(()) => RIPC_OK,
        Err(fault) => fault.code,
    }
}

/// Has SIGTERM and SIGINT (Ctrl-C) ask for a stop of this handle. A second such signal ends the
/// program at once, as it would without this. Signals are the program's own business if this is
/// not called.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_stop_on_signals(handle: *mut ripc) -> c_int {
    enter(handle, |handle| {
        let heeded = handle.stop.heed_signals();
        Ok(heeded.map_err(crate::Error::System)?)
    })
}

/// Waits for one message and calls its handlers. No borrow is open while one runs: it may use the
/// handle, or close it.
fn step(handle: *mut ripc, timeout_ms: i64) -> Result<Step, Fault> {
    let Some(found) = with(handle, |handle| handle.find(timeout_ms))? else {
        return Ok(Step::Nothing);
    };
    if found.is_stop {
        return Ok(Step::Stopped);
    }
    if let Some(job) = found.job {
        let failure = match found.calls.first() {
            Some(call) => verdict(call.run(handle, found.message)),
            None => Some(Failure::new("no-handler", "nobody handles this queue")),
        };
        let finish = |failure| with(handle, |handle| handle.finish(job, &failure));
        failure.map_or(Ok(()), finish)?;
        return Ok(Step::Handled);
    }
    for call in &found.calls {
        let code = call.run(handle, found.message);
        if code != RIPC_OK {
            return Ok(Step::Ended(code));
        }
    }
    Ok(Step::Handled)
}

/// What a command is answered with if its handler, which returned `code`, has not answered it.
fn verdict(code: c_int) -> Option<Failure> {
    if code == RIPC_LATER {
        return None;
    }
    Some(match code == RIPC_OK {
        true => Failure::new("unanswered", "the component did not answer this command"),
        false => Failure::new("failed", format!("the handler returned {code}")),
    })
}

impl Handle {
    fn find(&mut self, timeout_ms: i64) -> Result<Option<Found>, Fault> {
        let looked = self.next(timeout_ms, |handlers, turn| {
            let is_command = matches!(turn, Turn::Command(_));
            (is_command, matches!(turn, Turn::Stop), handlers.of(turn))
        })?;
        Ok(looked.map(|(is_command, is_stop, calls)| Found {
            message: self.turn.message(),
            job: is_command.then(|| self.jobs.last()),
            is_stop,
            calls,
        }))
    }

    /// Answers a command with a failure, if its handler has not answered it.
    fn finish(&mut self, job: u64, failure: &Failure) -> Result<(), Fault> {
        match self.jobs.has(job) {
            true => self.bear(job, failure),
            false => Ok(()),
        }
    }

    /// A failure that cannot be sent because the bus is gone: the loop, which will notice the
    /// same, goes on.
    fn bear(&mut self, job: u64, failure: &Failure) -> Result<(), Fault> {
        match self.fail(job, failure) {
            Err(fault) if fault.is_temporary => Ok(()),
            sent => sent,
        }
    }
}
