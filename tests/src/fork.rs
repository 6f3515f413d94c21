//! Real children of this very process, made by `fork()`.

#![expect(unsafe_code, reason = "fork has no safe wrapper anywhere")]

use rustix::process::{Pid, WaitOptions, waitpid};
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

unsafe extern "C" {
    fn fork() -> c_int;
    fn _exit(status: c_int) -> !;
}

/// A child at work.
#[derive(Debug)]
#[must_use = "its work is to be checked"]
pub struct Child {
    pid: Pid,
}

/// Has a child do `work`; it ends after that, and runs nothing else of this
/// process, its destructors included.
///
/// # Panics
/// If the system has no process to spare.
pub fn in_child(work: impl FnOnce()) -> Child {
    // SAFETY: the child goes on in this function only and leaves by `_exit`. What it finds of
    // other threads' locks is the point of the tests; the C library sees to its own.
    let pid = unsafe { fork() };
    if pid == 0 {
        let failed = catch_unwind(AssertUnwindSafe(work)).is_err();
        // SAFETY: always allowed, and does not return.
        unsafe { _exit(c_int::from(failed)) };
    }
    let pid = Pid::from_raw(pid).expect("a process to spare");
    Child { pid }
}

impl Child {
    /// Waits for its end.
    ///
    /// # Panics
    /// If its work has panicked.
    #[track_caller]
    pub fn join(self) {
        let status = waitpid(Some(self.pid), WaitOptions::empty());
        let (_, status) = status.expect("a child").expect("its end");
        assert_eq!(status.exit_status(), Some(0), "the child has failed");
    }

    /// Waits for its end by a signal, and says by which.
    ///
    /// # Panics
    /// If it ended otherwise.
    #[track_caller]
    #[must_use]
    pub fn killed_by(self) -> i32 {
        let status = waitpid(Some(self.pid), WaitOptions::empty());
        let (_, status) = status.expect("a child").expect("its end");
        status.terminating_signal().expect("a signal")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_of_a_child_is_done_elsewhere() {
        let mut number = 1;
        in_child(|| {
            number += 1;
            assert_eq!(number, 2);
        })
        .join();
        assert_eq!(number, 1);
    }

    #[test]
    #[should_panic(expected = "the child has failed")]
    fn a_panic_in_a_child_is_seen() {
        in_child(|| panic!("as meant")).join();
    }
}
