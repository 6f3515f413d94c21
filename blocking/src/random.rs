//! Random numbers that tell calls and workers apart; not for secrets.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::process;

use crate::sys;

/// A number that has most likely not been here before, in this process or another.
pub(crate) fn number() -> u64 {
    // A hasher's keys are the randomness that the standard library has; each has other keys. But a
    // child has its parent's: there, the process makes the difference.
    RandomState::new().hash_one(process_id())
}

/// The number of this process. The system is asked once, and again after a fork.
fn process_id() -> u32 {
    thread_local! {
        static KNOWN: Cell<Option<(u32, u32)>> = const { Cell::new(None) };
    }
    let forks = sys::forks();
    match KNOWN.get() {
        Some((id, known)) if known == forks => id,
        _ => {
            let id = process::id();
            KNOWN.set(Some((id, forks)));
            id
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn numbers_do_not_come_again() {
        let numbers: HashSet<u64> = (0..1000)
            .map(|_| super::number() & 0xffff_ffff_ffff)
            .collect();
        assert_eq!(numbers.len(), 1000);
    }
}
