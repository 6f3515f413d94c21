//! Handles are tokens, not addresses: a wrong one is found out without looking behind it.
//!
//! A token is odd, so it is no address of anything that a program may have allocated, and none is
//! given out twice. The table of those that are open is one of atomic numbers: it takes no lock,
//! so a child process that came of a `fork()` in the middle of an ripc_open() can use it, and a
//! signal handler can ask for a stop.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::code::{Fault, RIPC_ERR_CLOSED, RIPC_ERR_FULL, RIPC_ERR_HANDLE, RIPC_ERR_THREAD};
use crate::component::Stop;

/// A component, for one thread: opaque. It belongs to the thread that has opened it.
#[derive(Debug)]
pub struct ripc {
    _private: [u8; 0],
}

/// How many handles a process may have open.
const SLOTS: usize = 1024;

/// The first token. Far from the small numbers that programs mistake for pointers.
const FIRST: usize = 0x5269_7063 & (usize::MAX >> 1) | 1;

/// From one token to the next.
const STEP: usize = 2;

struct Slot {
    /// 0 where nothing is open.
    token: AtomicUsize,
    /// Made for the first handle of this slot, and kept for those that follow.
    stop: OnceLock<Stop>,
}

static OPEN: [Slot; SLOTS] = [const {
    Slot {
        token: AtomicUsize::new(0),
        stop: OnceLock::new(),
    }
}; SLOTS];

/// How many tokens were given out.
static ISSUED: AtomicUsize = AtomicUsize::new(0);

/// A token that is open, until this is dropped.
#[derive(Debug)]
pub(super) struct Token {
    number: usize,
    slot: usize,
}

impl Token {
    /// Gives out a token, and the stop that goes with it.
    pub(super) fn issue() -> Result<(Self, Stop), Fault> {
        let issued = ISSUED.fetch_add(1, Ordering::Relaxed);
        let number = FIRST.wrapping_add(issued.wrapping_mul(STEP));
        for offset in 0..SLOTS {
            let slot = issued.wrapping_add(offset) % SLOTS;
            let taken =
                OPEN[slot]
                    .token
                    .compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed);
            if taken.is_ok() {
                let stop = OPEN[slot].stop.get_or_init(Stop::new);
                stop.withdraw();
                return Ok((Self { number, slot }, stop.clone()));
            }
        }
        Err(Fault::plain(RIPC_ERR_FULL))
    }

    /// What C knows it by.
    pub(super) fn pointer(&self) -> *mut ripc {
        std::ptr::without_provenance_mut(self.number)
    }

    pub(super) fn is(&self, pointer: *mut ripc) -> bool {
        self.number == pointer.addr()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        OPEN[self.slot].token.store(0, Ordering::Relaxed);
    }
}

/// What is wrong with a pointer that is no handle of this thread.
pub(super) fn blame(pointer: *mut ripc) -> Fault {
    let number = pointer.addr();
    let offset = number.wrapping_sub(FIRST);
    let issued = offset % STEP == 0 && offset / STEP < ISSUED.load(Ordering::Relaxed);
    Fault::plain(match (issued, slot_of(number)) {
        (false, _) => RIPC_ERR_HANDLE,
        (true, Some(_)) => RIPC_ERR_THREAD,
        (true, None) => RIPC_ERR_CLOSED,
    })
}

/// Asks for the stop of an open handle, of whatever thread.
pub(super) fn stop(pointer: *mut ripc) -> Result<(), Fault> {
    let slot = slot_of(pointer.addr()).ok_or_else(|| blame(pointer))?;
    if let Some(stop) = slot.stop.get() {
        stop.request();
    }
    Ok(())
}

fn slot_of(number: usize) -> Option<&'static Slot> {
    let is_it = |slot: &&Slot| slot.token.load(Ordering::Relaxed) == number;
    OPEN.iter().filter(|_| number != 0).find(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_blamed_for_what_it_is() {
        let code = |pointer| blame(pointer).code;
        assert_eq!(code(std::ptr::null_mut()), RIPC_ERR_HANDLE);
        let garbage = [1, 2, 0xdead_beef, usize::MAX, FIRST - STEP, FIRST + 1];
        for number in garbage {
            let pointer = std::ptr::without_provenance_mut(number);
            assert_eq!(code(pointer), RIPC_ERR_HANDLE, "{number:#x}");
        }
        let (token, first) = Token::issue().unwrap();
        let pointer = token.pointer();
        assert!(token.is(pointer));
        assert_eq!(code(pointer), RIPC_ERR_THREAD);
        stop(pointer).unwrap();
        assert!(first.is_requested());
        drop(token);
        assert_eq!(code(pointer), RIPC_ERR_CLOSED);
        assert_eq!(stop(pointer).unwrap_err().code, RIPC_ERR_CLOSED);
        let (next, _) = Token::issue().unwrap();
        assert!(!next.is(pointer));
        assert_eq!(code(pointer), RIPC_ERR_CLOSED);
    }
}
