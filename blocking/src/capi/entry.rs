//! The way in: finds the handle, lets no panic out, keeps what failed.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::code::{
    Fault, RIPC_ERR_BUSY, RIPC_ERR_CLOSED, RIPC_ERR_FORKED, RIPC_ERR_INTERNAL, RIPC_OK,
};
use super::handle::Handle;
use super::text::Shelf;
use super::token::{Token, blame, ripc};

/// A handle of this thread.
struct Entry {
    token: Token,
    handle: Rc<RefCell<Handle>>,
}

thread_local! {
    /// The handles of this thread; they are closed when it ends.
    static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    /// What failed last where there was no handle to keep it.
    static ORPHAN: RefCell<LastError> = RefCell::default();
}

/// The words of what failed last.
#[derive(Debug, Default)]
pub(super) struct LastError {
    shelf: Shelf,
    text: Option<*const c_char>,
}

impl LastError {
    pub(super) fn set(&mut self, text: &str) {
        let [lent] = self.shelf.fill([Some(text)]);
        self.text = Some(lent.data);
    }

    pub(super) fn text(&self) -> *const c_char {
        self.text.unwrap_or(c"".as_ptr())
    }
}

/// Does `work` for C; what fails without a handle is kept for this thread.
pub(super) fn guard(work: impl FnOnce() -> Result<c_int, Fault>) -> c_int {
    let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(broken(&*panic)));
    outcome.unwrap_or_else(|fault| {
        // A thread that is ending has nobody who asks.
        let _ = ORPHAN.try_with(|orphan| {
            if let Ok(mut orphan) = orphan.try_borrow_mut() {
                orphan.set(&fault.text);
            }
        });
        fault.code
    })
}

/// Does `work` with a handle for C.
pub(super) fn enter(
    pointer: *mut ripc,
    work: impl FnOnce(&mut Handle) -> Result<(), Fault>,
) -> c_int {
    guard(|| with(pointer, work).map(|()| RIPC_OK))
}

/// Does `work` with a handle, which keeps what failed.
pub(super) fn with<T>(
    pointer: *mut ripc,
    work: impl FnOnce(&mut Handle) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let handle = find(pointer)?;
    let mut handle = handle
        .try_borrow_mut()
        .map_err(|_| Fault::plain(RIPC_ERR_BUSY))?;
    let handle = &mut *handle;
    if handle.component.is_inherited() {
        return Err(Fault::plain(RIPC_ERR_FORKED));
    }
    let outcome = match handle.is_broken {
        true => Err(Fault::new(
            RIPC_ERR_INTERNAL,
            "an earlier fault of the library has broken this handle",
        )),
        false => catch_unwind(AssertUnwindSafe(|| {
            work(handle).and_then(|done| handle.renew_readiness().map(|()| done))
        }))
        .unwrap_or_else(|panic| Err(broken(&*panic))),
    };
    outcome.inspect_err(|fault| handle.note(fault))
}

fn find(pointer: *mut ripc) -> Result<Rc<RefCell<Handle>>, Fault> {
    let found = ENTRIES.try_with(|entries| {
        let entries = entries.try_borrow().ok()?;
        let entry = entries.iter().find(|entry| entry.token.is(pointer))?;
        Some(Rc::clone(&entry.handle))
    });
    found.ok().flatten().ok_or_else(|| blame(pointer))
}

/// Makes a handle known.
pub(super) fn admit(token: Token, handle: Handle) -> Result<*mut ripc, Fault> {
    let pointer = token.pointer();
    let entry = Entry {
        token,
        handle: Rc::new(RefCell::new(handle)),
    };
    ENTRIES
        .try_with(|entries| {
            let mut entries = entries.try_borrow_mut().ok()?;
            entries.push(entry);
            Some(pointer)
        })
        .ok()
        .flatten()
        .ok_or_else(|| Fault::new(RIPC_ERR_CLOSED, "this thread is ending"))
}

/// Takes a handle out, to be dropped.
pub(super) fn dismiss(pointer: *mut ripc) -> Result<Rc<RefCell<Handle>>, Fault> {
    let handle = find(pointer)?;
    if handle.try_borrow_mut().is_err() {
        return Err(Fault::plain(RIPC_ERR_BUSY));
    }
    let _ = ENTRIES.try_with(|entries| {
        if let Ok(mut entries) = entries.try_borrow_mut() {
            entries.retain(|entry| !entry.token.is(pointer));
        }
    });
    Ok(handle)
}

/// What failed last on a handle, or on this thread if it is none.
pub(super) fn last_error(pointer: *mut ripc) -> *const c_char {
    let of_handle = find(pointer).ok().and_then(|handle| {
        let handle = handle.try_borrow().ok()?;
        Some(handle.last_error.text())
    });
    of_handle.unwrap_or_else(last_error_of_thread)
}

/// What failed last on this thread where there was no handle.
pub(super) fn last_error_of_thread() -> *const c_char {
    let text = ORPHAN.try_with(|orphan| orphan.try_borrow().map(|orphan| orphan.text()));
    text.ok().and_then(Result::ok).unwrap_or(c"".as_ptr())
}

pub(super) fn broken(panic: &(dyn Any + Send)) -> Fault {
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let words = words.unwrap_or("no words");
    Fault::new(
        RIPC_ERR_INTERNAL,
        format!("a fault of the library: {words}"),
    )
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "the text is lent as C gets it")]
    fn a_panic_ends_at_the_border_and_says_what_it_said() {
        let words = String::from("the third drawer is missing");
        assert_eq!(guard(|| panic!("{words}")), RIPC_ERR_INTERNAL);
        // SAFETY: the text is this thread's until its next failure.
        let text = unsafe { CStr::from_ptr(last_error_of_thread()) };
        assert_eq!(
            text.to_str(),
            Ok("a fault of the library: the third drawer is missing")
        );
        assert_eq!(guard(|| panic!("in short")), RIPC_ERR_INTERNAL);
        assert_eq!(guard(|| Ok(RIPC_OK)), RIPC_OK, "others go on");
    }
}
