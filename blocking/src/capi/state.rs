//! How a component stands with its bus.

use std::ffi::c_int;
use std::ptr;

use super::counters::ripc_counters;
use super::entry::enter;
use super::letter::milliseconds;
use super::text::{Out, ripc_text};
use super::token::ripc;
use crate::component::State;

/// How a component stands with its bus.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ripc_connection {
    /// Connected, as far as it has noticed.
    RIPC_CONNECTED = 0,
    /// It tries to connect, again and again.
    RIPC_CONNECTING = 1,
    /// Connected, but the server refuses to work for now: its memory is full, for instance.
    RIPC_WAITING = 2,
}

/// How a component stands with its bus, in full. The library owns it; later versions may add
/// members at its end.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ripc_bus_state {
    /// A ripc_connection, or one that a later version has.
    pub connection: c_int,
    /// How often it was tried to mend it.
    pub attempts: u32,
    /// For how many milliseconds something is wrong.
    pub lasted_ms: i64,
    /// What the last attempt came to; absent if all is well.
    pub why: ripc_text,
}

/// What the functions about a component's state lend.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// One at most, each; what C holds is its address.
    state: Vec<ripc_bus_state>,
    pub(super) counters: Vec<ripc_counters>,
}

/// How this component stands with its bus, as far as its loop has noticed. Asks nobody. *state is
/// lent until the next call on this handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_state(handle: *mut ripc, state: *mut *const ripc_bus_state) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or may be written to.
        let out = unsafe { Out::new(state, ptr::null()) }?;
        let (connection, since, attempts, why) = match handle.component.state() {
            State::Connected => (ripc_connection::RIPC_CONNECTED, None, 0, None),
            State::Disconnected {
                since,
                attempts,
                why,
            } => (
                ripc_connection::RIPC_CONNECTING,
                Some(since),
                *attempts,
                Some(why),
            ),
            State::Refused {
                since,
                attempts,
                why,
            } => (
                ripc_connection::RIPC_WAITING,
                Some(since),
                *attempts,
                Some(why),
            ),
        };
        let [why] = handle.results.fill([why.map(String::as_str)]);
        handle.accounts.state.clear();
        handle.accounts.state.push(ripc_bus_state {
            connection: connection as c_int,
            attempts,
            lasted_ms: since.map_or(0, |since| milliseconds(since.elapsed())),
            why,
        });
        out.set(handle.accounts.state.as_ptr());
        Ok(())
    })
}

/// What this component cannot have from its server, in sentences for people, one a line; empty
/// where all is well. Lent until the next call on this handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_limitations(handle: *mut ripc, text: *mut ripc_text) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or may be written to.
        let out = unsafe { Out::new(text, ripc_text::ABSENT) }?;
        let limitations = handle.component.limitations().iter();
        let lines: Vec<_> = limitations.map(ToString::to_string).collect();
        out.set(handle.lend(Some(&lines.join("\n"))));
        Ok(())
    })
}
