//! Asking a component to stop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

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
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// A stop that nobody has asked for yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A stop that SIGTERM and SIGINT (Ctrl-C) ask for. The second such signal ends the program
    /// at once, as it would without us.
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
        for signal in [SIGTERM, SIGINT] {
            // In this order: a signal that finds the flag set already is not only noted.
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&self.0))?;
            signal_hook::flag::register(signal, Arc::clone(&self.0))?;
        }
        Ok(())
    }

    /// Takes the request back, for one who goes on after all.
    pub fn withdraw(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Asks for the stop. Allowed in a signal handler.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody has asked.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
