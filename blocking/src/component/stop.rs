//! Asking a component to stop.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use signal_hook::SigId;
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
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    requested: Arc<AtomicBool>,
    signals: OnceLock<Heeding>,
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
        if self.0.signals.get().is_none() {
            let heeding = Heeding::begin(&self.0.requested)?;
            // Should a clone have been quicker, its handlers do.
            let _ = self.0.signals.set(heeding);
        }
        Ok(())
    }

    /// Takes the request back, for one who goes on after all.
    pub fn withdraw(&self) {
        self.0.requested.store(false, Ordering::Relaxed);
        if self.0.signals.get().is_some() {
            shared().spare();
        }
    }

    /// Asks for the stop. Allowed in a signal handler.
    pub fn request(&self) {
        self.0.requested.store(true, Ordering::Relaxed);
    }

    /// Whether somebody has asked.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::Relaxed)
    }
}

/// The handlers of one stop; gone with it.
#[derive(Debug)]
struct Heeding([SigId; 2]);

/// What all stops of this process that heed signals have in common.
struct Shared {
    /// Whether the next signal ends the program; `None` before the first of them.
    fatal: Option<Arc<AtomicBool>>,
    /// How many there are.
    heeding: usize,
}

static SHARED: Mutex<Shared> = Mutex::new(Shared {
    fatal: None,
    heeding: 0,
});

fn shared() -> MutexGuard<'static, Shared> {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Has the next signal ask for stops only.
    fn spare(&self) {
        self.set_fatal(false);
    }

    fn set_fatal(&self, value: bool) {
        if let Some(fatal) = &self.fatal {
            fatal.store(value, Ordering::Relaxed);
        }
    }
}

impl Heeding {
    fn begin(requested: &Arc<AtomicBool>) -> io::Result<Self> {
        let mut shared = shared();
        if shared.fatal.is_none() {
            shared.fatal = Some(fatal_when_repeated()?);
        }
        // Whoever waits now is to end in order, whatever signals others have had before.
        shared.spare();
        let ids = [
            signal_hook::flag::register(SIGTERM, Arc::clone(requested))?,
            signal_hook::flag::register(SIGINT, Arc::clone(requested))?,
        ];
        shared.heeding += 1;
        Ok(Self(ids))
    }
}

impl Drop for Heeding {
    fn drop(&mut self) {
        let mut shared = shared();
        for id in self.0 {
            signal_hook::low_level::unregister(id);
        }
        shared.heeding -= 1;
        // Where nobody heeds signals any more, they do what they did without us.
        if shared.heeding == 0 {
            shared.set_fatal(true);
        }
    }
}

/// Handlers for all of the process: a signal that finds the flag set ends the program, and every
/// signal sets it.
fn fatal_when_repeated() -> io::Result<Arc<AtomicBool>> {
    let fatal = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // In this order: a signal that finds the flag set already is not only noted.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&fatal))?;
        signal_hook::flag::register(signal, Arc::clone(&fatal))?;
    }
    Ok(fatal)
}
