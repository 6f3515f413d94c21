//! Watching settings and status.

use std::ffi::{c_char, c_int};

use super::code::{Fault, RIPC_ERR_USAGE};
use super::entry::enter;
use super::message::ripc_detail::{RIPC_SETTINGS, RIPC_STATUS};
use super::text::{Out, name, optional_name, ripc_text};
use super::token::ripc;
use crate::component::HashKind;

/// Watches the settings of a component, of this one if that is NULL: ripc_next() hands out their
/// present state first and then the latest state after each change, as RIPC_CHANGED. Changes that
/// come quickly after each other may be seen as one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_watch_settings(handle: *mut ripc, component: *const c_char) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or ends with a NUL.
        let component = unsafe { optional_name(component) }?;
        let component = handle.whose(component);
        Ok(handle.component.watch_settings(&component)?)
    })
}

/// Watches the status of a component. As ripc_watch_settings().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_watch_status(handle: *mut ripc, component: *const c_char) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or ends with a NUL.
        let component = unsafe { optional_name(component) }?;
        let component = handle.whose(component);
        Ok(handle.component.watch_status(&component)?)
    })
}

/// A field of settings (kind RIPC_SETTINGS) or of a status (RIPC_STATUS) that is watched, as of
/// the last ripc_next(), ripc_dispatch() or turn of ripc_run(), without asking the server; of this
/// component if that is NULL. *known is 1, and *value is lent until the next call on this handle,
/// absent if there is no such field. *known is 0 if it is not watched, was not read yet, has
/// changed since, or if the connection is gone that would tell.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_cached(
    handle: *mut ripc,
    kind: c_int,
    component: *const c_char,
    field: *const c_char,
    value: *mut ripc_text,
    known: *mut c_int,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, known, component, field) = unsafe {
            let (out, known) = (Out::new(value, ripc_text::ABSENT)?, Out::new(known, 0)?);
            (out, known, optional_name(component)?, name(field)?)
        };
        let kind = match kind {
            kind if kind == RIPC_SETTINGS as c_int => HashKind::Settings,
            kind if kind == RIPC_STATUS as c_int => HashKind::Status,
            _ => return Err(Fault::new(RIPC_ERR_USAGE, "there is no such kind of hash")),
        };
        let component = component.unwrap_or(handle.component.name());
        if let Some(state) = handle.component.cached(kind, component) {
            let [lent] = handle.results.fill([state.field(field)]);
            out.set(lent);
            known.set(1);
        }
        Ok(())
    })
}
