//! Debug messages.

use std::ffi::{c_char, c_int};

use super::code::{Fault, RIPC_ERR_USAGE};
use super::entry::enter;
use super::text::{Out, bytes, optional_name};
use super::token::ripc;
use crate::component::Level;

/// Sends a debug message, of a level from 0 (an error) to 5 (a detail), if the bus's
/// debug_verbosity lets it pass; a text of more than 1023 bytes is cut and ends with [TRUNC].
/// What is not UTF-8 in it becomes U+FFFD. See ripc_debug() for one that formats.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_debug_text(
    handle: *mut ripc,
    level: c_int,
    message: *const c_char,
    length: usize,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or leads to such a text.
        let message = String::from_utf8_lossy(unsafe { bytes(message, length) }?);
        handle.component.debug(level_of(level)?, &message)?;
        Ok(())
    })
}

/// Whether a debug message of this level would be sent (*enabled is 1, else 0), for one that
/// costs much to make. Asks nobody.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_debug_enabled(
    handle: *mut ripc,
    level: c_int,
    enabled: *mut c_int,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or may be written to.
        let out = unsafe { Out::new(enabled, 0) }?;
        let level = i64::from(level_of(level)?.number());
        out.set(c_int::from(level <= handle.component.debug_verbosity()));
        Ok(())
    })
}

fn level_of(level: c_int) -> Result<Level, Fault> {
    let level = u8::try_from(level)
        .ok()
        .and_then(|level| Level::new(level).ok());
    level.ok_or_else(|| {
        let text = "a debug level is a number from 0 (error) to 5 (detail)";
        Fault::new(RIPC_ERR_USAGE, text)
    })
}

/// Listens to the debug messages of one component, or of all if that is NULL: they come by
/// ripc_next().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_subscribe_debug(
    handle: *mut ripc,
    component: *const c_char,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or ends with a NUL.
        let component = unsafe { optional_name(component) }?;
        Ok(handle.component.subscribe_debug(component)?)
    })
}

/// Ends ripc_subscribe_debug() with the same argument; the other subscriptions stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_unsubscribe_debug(
    handle: *mut ripc,
    component: *const c_char,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or ends with a NUL.
        let component = unsafe { optional_name(component) }?;
        Ok(handle.component.unsubscribe_debug(component)?)
    })
}
