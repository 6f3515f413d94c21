//! Calling other components.

use std::ffi::{c_char, c_int};
use std::time::Duration;

use super::code::{Fault, RIPC_ERR_USAGE};
use super::entry::enter;
use super::handle::is_true;
use super::text::{Out, name, ripc_text, text};
use super::token::ripc;
use crate::component::{Failure, Stop};

/// Sends a command to a component ("scanner") or to one of its subqueues ("printer.print"), and
/// waits for the answer.
///
/// json is one JSON object of length bytes, or up to its NUL if length is RIPC_NUL_TERMINATED;
/// the answer, likewise one object, is lent until the next call on this handle.
///
/// Blocks for timeout_ms at most, which is not negative, and a tenth of a second more to take the
/// command back; 1.2 s more with a server that does not answer at all. Answers to earlier calls
/// that timed out are dropped and do not prolong the wait.
///
/// RIPC_ERR_FAILED if the component answers with an error: see ripc_failure();
/// RIPC_ERR_NOT_TAKEN, RIPC_ERR_LATE, RIPC_ERR_OVERLOADED; RIPC_ERR_NO_SERVER,
/// RIPC_ERR_NOT_SENT, RIPC_ERR_REJECTED if it was not executed; RIPC_ERR_UNKNOWN if it may have
/// been.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_call(
    handle: *mut ripc,
    recipient: *const c_char,
    json: *const c_char,
    length: usize,
    timeout_ms: i64,
    answer: *mut ripc_text,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, recipient, payload) = unsafe {
            (
                Out::new(answer, ripc_text::ABSENT)?,
                name(recipient)?,
                text(json, length)?,
            )
        };
        let timeout = duration(timeout_ms)
            .ok_or_else(|| Fault::new(RIPC_ERR_USAGE, "a call takes a time-out"))?;
        let answer = handle.component.call_text(recipient, payload, timeout)?;
        let [lent] = handle.results.fill([Some(answer)]);
        out.set(lent);
        Ok(())
    })
}

/// The error that the called component has answered with, after RIPC_ERR_FAILED: a word for
/// programs and a sentence for people; each place may be NULL. They are that of the last call
/// that failed so, absent if none has, and stay until the next call on this handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_failure(
    handle: *mut ripc,
    code: *mut ripc_text,
    message: *mut ripc_text,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or may be written to.
        let (code, message) = unsafe {
            (
                Out::optional(code, ripc_text::ABSENT),
                Out::optional(message, ripc_text::ABSENT),
            )
        };
        let failure = handle.failure.as_ref();
        let words = [failure.map(Failure::code), failure.map(Failure::message)];
        let [own_code, own_message] = handle.results.fill(words);
        code.set(own_code);
        message.set(own_message);
        Ok(())
    })
}

/// How many commands may wait in a queue before ripc_call() takes its own back and reports
/// RIPC_ERR_OVERLOADED: 1024 if nothing else is said.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_set_queue_limit(handle: *mut ripc, commands: u64) -> c_int {
    enter(handle, |handle| {
        handle.component.set_queue_limit(commands);
        Ok(())
    })
}

/// Has commands say when their caller stops waiting (wanted is not 0), so that a component of
/// this library which takes one later drops it instead of executing it. By the clock of the one
/// who serves. Off if nothing is said.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_set_command_deadlines(handle: *mut ripc, wanted: c_int) -> c_int {
    enter(handle, |handle| {
        handle.component.set_command_deadlines(is_true(wanted));
        Ok(())
    })
}

/// Has ripc_stop() end calls too (wanted is not 0), as if their time had passed. Off if nothing
/// is said: then a call waits for its time-out, whatever is asked of the handle.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_set_call_stop(handle: *mut ripc, wanted: c_int) -> c_int {
    enter(handle, |handle| {
        let stop = match is_true(wanted) {
            true => handle.stop.clone(),
            false => Stop::new(),
        };
        handle.component.set_call_stop(stop);
        Ok(())
    })
}

/// A time-out; `None` for one that is negative.
pub(super) fn duration(milliseconds: i64) -> Option<Duration> {
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}
