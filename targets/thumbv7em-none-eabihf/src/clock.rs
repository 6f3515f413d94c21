//! Time since reset, from the processor's own timer.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::register::Register;

/// What the timer counts with: the processor's clock on an MPS2.
const HERTZ: u32 = 25_000_000;
const TICKS_PER_SECOND: u32 = 1000;

/// Counted by the interrupt; begins anew after 49 days.
static TICKS: AtomicU32 = AtomicU32::new(0);

pub(crate) extern "C" fn tick() {
    // Nobody else writes: no need for an atomic addition.
    let ticks = TICKS.load(Ordering::Relaxed);
    TICKS.store(ticks.wrapping_add(1), Ordering::Relaxed);
}

/// A time since reset, or a length of time.
pub(crate) type Milliseconds = u64;

/// A clock that does not begin anew.
pub(crate) struct Clock {
    seen: u32,
    now: Milliseconds,
}

impl Clock {
    /// Starts the timer.
    pub(crate) fn start() -> Self {
        Register::TimerReload.write(HERTZ / TICKS_PER_SECOND - 1);
        Register::TimerCurrent.write(0);
        // Counts the processor's clock, interrupts at zero, runs.
        Register::TimerControl.write(0b111);
        Self { seen: 0, now: 0 }
    }

    /// Time since the start; to be asked for every few days at least.
    pub(crate) fn now(&mut self) -> Milliseconds {
        let ticks = TICKS.load(Ordering::Relaxed);
        let passed = ticks.wrapping_sub(self.seen);
        self.seen = ticks;
        self.now += Milliseconds::from(passed);
        self.now
    }
}
