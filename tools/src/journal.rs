//! What the library logs while it serves, on standard error.

use log::{LevelFilter, Log, Metadata, Record};

use crate::output::Output;

/// Passes on what the library logs.
struct Journal(Output);

/// Notes what the library logs, up to a level.
pub(crate) fn keep(output: Output, most: LevelFilter) {
    // Whoever else keeps one already keeps this one, too.
    if log::set_boxed_logger(Box::new(Journal(output))).is_ok() {
        log::set_max_level(most);
    }
}

impl Log for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("redis_ipc")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.note(&record.args().to_string());
        }
    }

    fn flush(&self) {}
}
