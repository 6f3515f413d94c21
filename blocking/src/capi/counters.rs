//! What had to be dropped.

use std::ffi::c_int;
use std::ptr;

use super::entry::enter;
use super::text::Out;
use super::token::ripc;

/// What a component had to drop since it was opened. The library owns it; later versions may add
/// members at its end.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ripc_counters {
    /// Commands that were none, too long, or named somebody else's key for the result.
    pub commands_dropped: u64,
    /// Commands whose deadline had passed; they were not executed.
    pub commands_expired: u64,
    /// Results that could not be pushed.
    pub results_dropped: u64,
    /// Events and debug messages that were none or too long, or that nobody took up while too many
    /// were set aside.
    pub messages_dropped: u64,
    /// Results of calls that had timed out before.
    pub stale_results: u64,
    /// Pops of which nobody knows whether they took a command, because the connection broke.
    pub pops_unknown: u64,
}

/// What was dropped so far. *counters is lent until the next call on this handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_count(
    handle: *mut ripc,
    counters: *mut *const ripc_counters,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or may be written to.
        let out = unsafe { Out::new(counters, ptr::null()) }?;
        let counted = handle.component.counters();
        let lent = &mut handle.accounts.counters;
        lent.clear();
        lent.push(ripc_counters {
            commands_dropped: counted.commands_dropped,
            commands_expired: counted.commands_expired,
            results_dropped: counted.results_dropped,
            messages_dropped: counted.messages_dropped,
            stale_results: counted.stale_results,
            pops_unknown: counted.pops_unknown,
        });
        out.set(lent.as_ptr());
        Ok(())
    })
}
