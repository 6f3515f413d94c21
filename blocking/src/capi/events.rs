//! Events.

use std::ffi::{c_char, c_int};

use super::entry::enter;
use super::text::{Out, optional_name, text};
use super::token::ripc;

/// Publishes an event of this component, on one of its subchannels, or outside any if that is
/// NULL: one JSON object of length bytes, or up to its NUL if length is RIPC_NUL_TERMINATED. Puts
/// into *listeners, which may be NULL, how many the server told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_publish(
    handle: *mut ripc,
    subchannel: *const c_char,
    json: *const c_char,
    length: usize,
    listeners: *mut u64,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, subchannel, json) = unsafe {
            let out = Out::optional(listeners, 0);
            (out, optional_name(subchannel)?, text(json, length)?)
        };
        out.set(handle.component.publish_text(subchannel, json)?);
        Ok(())
    })
}

/// Listens to the events of one component, or of all if that is NULL; to those on one subchannel,
/// or to all if that is NULL. From the moment this returns, what is published is heard, by
/// ripc_next(). An event that is meant by several subscriptions is heard once. There can be 64
/// subscriptions, what is watched included.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_subscribe_events(
    handle: *mut ripc,
    component: *const c_char,
    subchannel: *const c_char,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or end with a NUL.
        let (component, subchannel) =
            unsafe { (optional_name(component)?, optional_name(subchannel)?) };
        Ok(handle.component.subscribe_events(component, subchannel)?)
    })
}

/// Ends ripc_subscribe_events() with the same arguments; the other subscriptions stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_unsubscribe_events(
    handle: *mut ripc,
    component: *const c_char,
    subchannel: *const c_char,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or end with a NUL.
        let (component, subchannel) =
            unsafe { (optional_name(component)?, optional_name(subchannel)?) };
        Ok(handle.component.unsubscribe_events(component, subchannel)?)
    })
}
