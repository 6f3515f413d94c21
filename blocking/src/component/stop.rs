//! Asking a component to stop.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use crate::sys::signals;

/// Asks a component to stop; clones of it ask the same.
///
/// A component that waits notices at once when a signal arrives on its thread, else within a
/// second.
///
/// ```
/// use redis_ipc::Stop;
///
/// let stop = Stop::new();
/// let button = stop.clone();
/// std::thread::spawn(move || button.request()).join().unwrap();
/// assert!(stop.is_requested());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    requested: AtomicBool,
    heeding: OnceLock<Heeding>,
}

impl Stop {
    /// A stop that nobody has asked for yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A stop that SIGTERM and SIGINT (Ctrl-C) ask for. The second such signal ends the program
    /// at once, as it would without us, unless another such stop was made in between; and so
    /// does the first once all such stops are dropped.
    ///
    /// # Errors
    /// What the system says if it refuses the handlers.
    pub fn on_signals() -> io::Result<Self> {
        let stop = Self::new();
        stop.heed_signals()?;
        Ok(stop)
    }

    /// Has SIGTERM and SIGINT ask for this stop too, as for one of [`on_signals`](Self::on_signals).
    ///
    /// # Errors
    /// What the system says if it refuses the handlers.
    pub fn heed_signals(&self) -> io::Result<()> {
        if self.0.heeding.get().is_none() {
            // Should a clone have been quicker, its count does.
            let _ = self.0.heeding.set(Heeding::begin()?);
        }
        Ok(())
    }

    /// Takes the request back, for one who goes on after all.
    pub fn withdraw(&self) {
        self.0.requested.store(false, Ordering::Relaxed);
        if let Some(heeding) = self.0.heeding.get() {
            heeding.forget();
        }
    }

    /// Asks for the stop. Allowed in a signal handler.
    pub fn request(&self) {
        self.0.requested.store(true, Ordering::Relaxed);
    }

    /// Whether somebody has asked.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        let signalled = || self.0.heeding.get().is_some_and(Heeding::has_come);
        self.0.requested.load(Ordering::Relaxed) || signalled()
    }
}

/// A stop heeds signals, until this is dropped.
#[derive(Debug)]
struct Heeding {
    /// How many signals are none of its business.
    seen: AtomicU32,
}

impl Heeding {
    fn begin() -> io::Result<Self> {
        signals::heed()?;
        let heeding = Self {
            seen: AtomicU32::new(0),
        };
        // Whoever waits now is to end in order, whatever signals others have had before.
        heeding.forget();
        Ok(heeding)
    }

    /// Takes no account of the signals that have come so far.
    fn forget(&self) {
        self.seen.store(signals::count(), Ordering::Relaxed);
        signals::spare();
    }

    fn has_come(&self) -> bool {
        signals::count() != self.seen.load(Ordering::Relaxed)
    }
}

impl Drop for Heeding {
    fn drop(&mut self) {
        signals::stop_heeding();
    }
}
