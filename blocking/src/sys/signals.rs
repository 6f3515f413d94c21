//! SIGTERM and SIGINT: counted while somebody heeds them, and what they were before where nobody
//! does, or where they come again.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::{io, mem, ptr};

use libc::{SIGINT, SIGTERM, sigaction, siginfo_t};

/// How many have come.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// How many places in the program heed them.
static HEEDED: AtomicU32 = AtomicU32::new(0);

/// Whether one has come since somebody was last interested in the next.
static CAME: AtomicBool = AtomicBool::new(false);

const SIGNALS: [c_int; 2] = [SIGTERM, SIGINT];

/// What was to be done about each of them before us.
static BEFORE: OnceLock<[Former; 2]> = OnceLock::new();

/// A handler that was there before ours, or what stands for none.
struct Former {
    handler: libc::sighandler_t,
    flags: c_int,
}

/// Has signals counted from now on, until as many have called [`stop_heeding`]. Handlers that were
/// there before are called as well.
///
/// # Errors
/// What the system says if it refuses the handlers.
pub(crate) fn heed() -> io::Result<()> {
    install()?;
    HEEDED.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Where nobody heeds signals any more, they do what they did without us.
pub(crate) fn stop_heeding() {
    HEEDED.fetch_sub(1, Ordering::Relaxed);
}

/// A number that is another one after each signal. Costs one read of memory.
pub(crate) fn count() -> u32 {
    COUNT.load(Ordering::Relaxed)
}

/// Has the next signal counted, though others have come. The one behind it ends the program, as
/// it would without us.
pub(crate) fn spare() {
    CAME.store(false, Ordering::Relaxed);
}

/// Sets our handlers, once and for all. Where others are set later, those have to call ours.
fn install() -> io::Result<()> {
    static INSTALLED: OnceLock<Result<(), c_int>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| {
        let before = [former(SIGTERM)?, former(SIGINT)?];
        // Known before ours can run, for it calls them.
        let _ = BEFORE.set(before);
        // SAFETY: a `sigaction` of zeros is valid: no flags, no signal blocked, the default action.
        let mut ours: sigaction = unsafe { mem::zeroed() };
        let handler: Handler = note;
        ours.sa_sigaction = handler as usize;
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        for signal in SIGNALS {
            set(signal, &ours)?;
        }
        Ok(())
    });
    installed.map_err(io::Error::from_raw_os_error)
}

/// How the system calls a handler that asks for all there is to know.
type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

fn former(signal: c_int) -> Result<Former, c_int> {
    // SAFETY: a `sigaction` of zeros is valid, and a place for another one.
    let (result, action) = unsafe {
        let mut action: sigaction = mem::zeroed();
        (
            libc::sigaction(signal, ptr::null(), &raw mut action),
            action,
        )
    };
    checked(result)?;
    Ok(Former {
        handler: action.sa_sigaction,
        flags: action.sa_flags,
    })
}

fn set(signal: c_int, action: &sigaction) -> Result<(), c_int> {
    // SAFETY: the action is a valid one, and our handler does only what is allowed at any time
    // (see `note`).
    checked(unsafe { libc::sigaction(signal, action, ptr::null_mut()) })
}

fn checked(result: c_int) -> Result<(), c_int> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or_default()),
    }
}

/// Atomic numbers, `sigaction` and `raise` are all that it touches itself, and all are allowed in
/// a handler.
extern "C" fn note(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let mut before = SIGNALS.iter().zip(BEFORE.get().into_iter().flatten());
    if let Some((_, former)) = before.find(|(known, _)| **known == signal) {
        call(former, signal, info, context);
    }
    COUNT.fetch_add(1, Ordering::Relaxed);
    if HEEDED.load(Ordering::Relaxed) == 0 || CAME.swap(true, Ordering::Relaxed) {
        end(signal);
    }
}

/// Calls a handler of whoever was there before us.
fn call(former: &Former, signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    if matches!(former.handler, libc::SIG_DFL | libc::SIG_IGN) {
        return;
    }
    // SAFETY: whoever set this handler gave the system leave to call it so at any time.
    unsafe {
        if former.flags & libc::SA_SIGINFO == 0 {
            mem::transmute::<usize, extern "C" fn(c_int)>(former.handler)(signal);
        } else {
            mem::transmute::<usize, Handler>(former.handler)(signal, info, context);
        }
    }
}

/// Ends the program by the signal at hand, once its handler returns.
fn end(signal: c_int) {
    // SAFETY: as in `install`, and `raise` takes any number.
    unsafe {
        let default = mem::zeroed();
        libc::sigaction(signal, &raw const default, ptr::null_mut());
        libc::raise(signal);
    }
}
