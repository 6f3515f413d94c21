//! The one thing that a system offers and rustix does not: word of a `fork()`.

#![expect(unsafe_code, reason = "pthread_atfork has no safe wrapper anywhere")]

use std::ffi::c_int;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many forks lie between the process that first asked to be told and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> c_int;
}

/// Has every `fork()` from now on counted in its child.
///
/// A process made by a bare system call (`clone`, `vfork`) is not counted: it must not use what
/// its parent has opened, but to close it.
///
/// # Errors
/// What the system says if it has no memory for that.
pub(crate) fn watch_forks() -> io::Result<()> {
    static WATCHED: OnceLock<c_int> = OnceLock::new();
    let watched = WATCHED.get_or_init(|| {
        // SAFETY: the handler is a function without captures that lives as long as this code is
        // loaded (the C library forgets handlers of a library that is unloaded), and in a child
        // it does nothing but add to an atomic number, which is allowed after any fork.
        unsafe { pthread_atfork(None, None, Some(count_fork)) }
    });
    match *watched {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// A number that is another one in each process that came of a `fork()`. Costs one read of memory.
#[inline]
pub(crate) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

extern "C" fn count_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}
