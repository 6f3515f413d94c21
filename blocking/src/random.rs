//! Random numbers that tell calls and workers apart; not for secrets.

use std::hash::{BuildHasher, RandomState};

/// A number that has most likely not been here before.
pub(crate) fn number() -> u64 {
    // A hasher's keys are the randomness that the standard library has; each has other keys.
    RandomState::new().hash_one(0)
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
