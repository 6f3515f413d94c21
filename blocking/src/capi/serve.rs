//! Commands: taken, answered, given back.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::call::duration;
use super::code::Fault;
use super::entry::enter;
use super::handle::Handle;
use super::handlers::Handlers;
use super::message::ripc_message;
use super::text::{Out, name, names, optional_name, text};
use super::token::ripc;
use crate::component::{Delivery, Failure, Turn};

/// Serves this component's subqueues in order of priority: whenever the component is free, the
/// first that has a command wins. With a count of 0 it serves the one queue of a component that
/// has no subqueues. Commands then come by ripc_next(), ripc_run() or ripc_dispatch(). What was
/// served before is replaced. Blocks for the reply limit at most.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_serve(
    handle: *mut ripc,
    subqueues: *const *const c_char,
    count: usize,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's array is null or holds so many texts.
        let subqueues = unsafe { names(subqueues, count) }?;
        match subqueues.is_empty() {
            true => handle.component.serve_main()?,
            false => handle.component.serve(&subqueues)?,
        }
        Ok(())
    })
}

/// Has each command served at least once instead of at most once: one that was taken and not
/// answered, because the component or the server died, is served again, until it was begun as
/// many times as tries says; then it is given up and put into the list queues.dead.<component>.
/// 0 goes back to at most once. Holds from the next ripc_serve() or ripc_on_command().
#[unsafe(no_mangle)]
pub extern "C" fn ripc_set_delivery(handle: *mut ripc, tries: u32) -> c_int {
    enter(handle, |handle| {
        handle.component.set_delivery(match tries {
            0 => Delivery::AtMostOnce,
            tries => Delivery::AtLeastOnce { tries },
        });
        Ok(())
    })
}

/// Waits for the next message: a command of a queue that is served, an event or a debug message
/// that was subscribed to, a change of what is watched, the timer, news of the bus, a stop.
///
/// *message is lent until the next ripc_next(), ripc_dispatch() or ripc_run() on this handle;
/// other functions leave it alone. It is NULL if timeout_ms passed without one; a negative
/// time-out is for ever, and one of 0 does not wait. Nothing is lost by a time-out.
///
/// A command is to be answered, now or later, by ripc_answer() or ripc_fail(), or to be put back
/// by ripc_put_back(). Before the next message is waited for is best: the answer then goes out in
/// one write with the request for the next command.
///
/// A bus that goes away comes back by itself, with all that was served, subscribed to and
/// watched; RIPC_BUS tells of it. Only what does not pass by itself is an error: a wrong password,
/// a missing permission.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_next(
    handle: *mut ripc,
    timeout_ms: i64,
    message: *mut *const ripc_message,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or may be written to.
        let out = unsafe { Out::new(message, ptr::null()) }?;
        if handle.next(timeout_ms, |_, _| ())?.is_some() {
            out.set(handle.turn.message());
        }
        Ok(())
    })
}

impl Handle {
    /// Waits for the next message, and leaves it in the turn's letter; hands out what `look` makes
    /// of it first.
    pub(super) fn next<T>(
        &mut self,
        timeout_ms: i64,
        look: impl FnOnce(&Handlers, &Turn<'_>) -> T,
    ) -> Result<Option<T>, Fault> {
        let Some(turn) = self.component.next(duration(timeout_ms))? else {
            return Ok(None);
        };
        if matches!(turn, Turn::Stop) {
            // Who asked for it is heard now.
            self.stop.withdraw();
        }
        let looked = look(&self.handlers, &turn);
        self.turn.write_turn(turn, &mut self.jobs);
        Ok(Some(looked))
    }

    fn answer(&mut self, job: u64, json: &str) -> Result<(), Fault> {
        let job = self.jobs.take(job)?;
        let job = match self.component.take_up(job) {
            Ok(command) => return Ok(command.answer_text(json)?),
            Err(job) => job,
        };
        Ok(self.component.answer_text(job, json)?)
    }

    pub(super) fn fail(&mut self, job: u64, failure: &Failure) -> Result<(), Fault> {
        let job = self.jobs.take(job)?;
        let job = match self.component.take_up(job) {
            Ok(command) => return Ok(command.fail(failure)?),
            Err(job) => job,
        };
        Ok(self.component.fail(job, failure)?)
    }
}

/// Answers a command with one JSON object: job is that member of its message. Commands may be
/// answered in any order and at any time; their messages need not be there any more.
///
/// RIPC_ERR_JOB if there is no such job. After RIPC_ERR_JSON and RIPC_ERR_TOO_LONG the caller has
/// got the error "bad-result" instead; after anything else he has got nothing, and the command
/// comes again where commands are served at least once. The job is gone in any case, but for
/// RIPC_ERR_USAGE and RIPC_ERR_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_answer(
    handle: *mut ripc,
    job: u64,
    json: *const c_char,
    length: usize,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or leads to such a text.
        let json = unsafe { text(json, length) }?;
        handle.answer(job, json)
    })
}

/// Answers a command with an error: a word for programs ("no-paper") and a sentence for people.
/// The caller's ripc_call() returns RIPC_ERR_FAILED. Otherwise as ripc_answer().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_fail(
    handle: *mut ripc,
    job: u64,
    code: *const c_char,
    message: *const c_char,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or end with a NUL.
        let (code, message) = unsafe { (name(code)?, name(message)?) };
        handle.fail(job, &Failure::new(code, message))
    })
}

/// Puts a command back to the head of its queue, exactly as it came: for one that is not finished
/// when the program has to stop.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_put_back(handle: *mut ripc, job: u64) -> c_int {
    enter(handle, |handle| {
        let job = handle.jobs.take(job)?;
        handle.component.put_back(job)?;
        Ok(())
    })
}

/// Takes the next command of one of this component's queues, if one is there; subqueue NULL is
/// the queue of a component without subqueues. Does not wait: for a look at "cancel" while a
/// "print" is at work. *message is NULL if there is none, else lent until the next ripc_take(),
/// ripc_receive() or ripc_heard() on this handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_take(
    handle: *mut ripc,
    subqueue: *const c_char,
    message: *mut *const ripc_message,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, subqueue) =
            unsafe { (Out::new(message, ptr::null())?, optional_name(subqueue)?) };
        if let Some(job) = handle.component.take(subqueue)? {
            handle.aside.write_command(job, &mut handle.jobs);
            out.set(handle.aside.message());
        }
        Ok(())
    })
}

/// Waits for the next command of one of this component's queues, which is not among those that
/// are served: for programs that look at one queue now and at another one later, and that take
/// nothing while they do neither. Takes a round trip more than ripc_next(). *message as with
/// ripc_take(), timeout_ms as with ripc_next(); it may take a tenth of a second longer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_receive(
    handle: *mut ripc,
    subqueue: *const c_char,
    timeout_ms: i64,
    message: *mut *const ripc_message,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, subqueue) =
            unsafe { (Out::new(message, ptr::null())?, optional_name(subqueue)?) };
        let timeout = duration(timeout_ms);
        if let Some(job) = handle.component.receive(subqueue, timeout)? {
            handle.aside.write_command(job, &mut handle.jobs);
            out.set(handle.aside.message());
        }
        Ok(())
    })
}

/// The next event that has arrived. Does not wait and takes no command: for a look about while a
/// command is at work. *message as with ripc_take().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_heard(handle: *mut ripc, message: *mut *const ripc_message) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or may be written to.
        let out = unsafe { Out::new(message, ptr::null()) }?;
        if let Some(event) = handle.component.heard()? {
            handle.aside.write_event(event);
            out.set(handle.aside.message());
        }
        Ok(())
    })
}

/// Leaves nothing in flight: a command that was popped and not handed out goes back to the head
/// of its queue, for others of this component's name to take. ripc_next() asks for commands
/// again. Blocks for the reply limit at most.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_rest(handle: *mut ripc) -> c_int {
    enter(handle, |handle| Ok(handle.component.rest()?))
}

/// Whether somebody has asked for a stop (*stopped is 1, else 0), for a handler that takes long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_stop_requested(handle: *mut ripc, stopped: *mut c_int) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or may be written to.
        let out = unsafe { Out::new(stopped, 0) }?;
        out.set(c_int::from(handle.stop.is_requested()));
        Ok(())
    })
}
