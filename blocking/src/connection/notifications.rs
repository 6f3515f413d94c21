//! Having the server tell of changed keys.

use super::Connection;
use crate::error::Error;

/// How often flags are added that somebody else has overwritten.
const ATTEMPTS: u32 = 10;

impl Connection {
    /// Adds flags to the server's `notify-keyspace-events`, keeping what is set. The server has no
    /// way to do that in one step: whoever does the same at the same moment may overwrite it, and
    /// so it is looked at again afterwards.
    pub(crate) fn add_notifications(&mut self, wanted: &str) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let present = self.config("notify-keyspace-events")?.unwrap_or_default();
            let missing: String = wanted
                .chars()
                .filter(|flag| !has_flag(&present, *flag))
                .collect();
            if missing.is_empty() {
                return Ok(());
            }
            let flags = present + &missing;
            self.command(&["CONFIG", "SET", "notify-keyspace-events", &flags])?;
        }
        Ok(())
    }
}

/// In the server's flags, `A` stands for all classes of events but `m` and `n`.
fn has_flag(flags: &str, flag: char) -> bool {
    let by_all = !matches!(flag, 'K' | 'E' | 'm' | 'n');
    flags
        .chars()
        .any(|set| set == flag || (set == 'A' && by_all))
}
