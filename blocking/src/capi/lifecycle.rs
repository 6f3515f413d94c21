//! Opening and closing, and what is said about both.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::code::{Fault, RIPC_OK};
use super::entry::{admit, dismiss, enter, guard, last_error};
use super::handle::Handle;
use super::options::{self, ripc_options};
use super::text::{Out, name, ripc_text};
use super::token::{Token, ripc};
use crate::component::Component;

/// The version of the library that the program runs with, such as "0.1.0"; stays for ever.
/// RIPC_VERSION is the one that it was compiled with.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// Joins the bus as one thread of a component, and puts the handle into *handle.
///
/// Names are 1 to 64 of A-Z a-z 0-9 _ -. The results of this component's calls go into a queue
/// that bears both names, so no two handles that are open at the same time, in whatever process,
/// may have both in common. options may be NULL.
///
/// The handle belongs to the calling thread; when that ends, it is closed. A process can have
/// 1024 of them. Blocks until the server has answered, at most for the connect limit.
///
/// RIPC_ERR_NAME, RIPC_ERR_ADDRESS, RIPC_ERR_NO_SERVER, RIPC_ERR_REJECTED (the server wants a
/// password, for instance), RIPC_ERR_FULL; *handle is NULL then, and ripc_last_error(NULL) says
/// more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_open(
    component: *const c_char,
    thread: *const c_char,
    options: *const ripc_options,
    handle: *mut *mut ripc,
) -> c_int {
    guard(|| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, component, thread, (endpoint, options)) = unsafe {
            let out = Out::new(handle, ptr::null_mut())?;
            (
                out,
                name(component)?,
                name(thread)?,
                options::read(options)?,
            )
        };
        let (token, stop) = Token::issue()?;
        let mut component = Component::connect_to(&endpoint, component, thread, options)?;
        component.set_stop(stop.clone());
        let opened = admit(token, Handle::new(component, stop))?;
        out.set(opened);
        Ok(RIPC_OK)
    })
}

/// Leaves the bus. A command that was popped and not handed out goes back to the head of its
/// queue, and one that was handed out and not answered is answered with the error "unanswered".
/// All that the handle has lent is gone. Blocks for the reply limit at most.
///
/// In a child process it leaves the parent's connections alone and succeeds. A handler may close
/// its own handle, and must not use it or the message afterwards.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_close(handle: *mut ripc) -> c_int {
    guard(|| {
        let handle = dismiss(handle)?;
        drop(handle);
        Ok(RIPC_OK)
    })
}

/// What failed last on this handle, in words, for people; "" if nothing has. A success does not
/// clear it. With NULL, or with anything that is no handle of this thread: what failed last on
/// this thread where there was no handle, ripc_open() above all. Never NULL.
///
/// Stays until the next function of the same handle (or without a handle) is called.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_last_error(handle: *mut ripc) -> *const c_char {
    last_error(handle)
}

/// The names that the handle was opened with; each place may be NULL. They stay until the next
/// call on this handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_own_names(
    handle: *mut ripc,
    component: *mut ripc_text,
    thread: *mut ripc_text,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or may be written to.
        let (component, thread) = unsafe {
            (
                Out::optional(component, ripc_text::ABSENT),
                Out::optional(thread, ripc_text::ABSENT),
            )
        };
        let names = [handle.component.name(), handle.component.thread()];
        let [own, own_thread] = handle.results.fill(names.map(Some));
        component.set(own);
        thread.set(own_thread);
        Ok::<(), Fault>(())
    })
}
