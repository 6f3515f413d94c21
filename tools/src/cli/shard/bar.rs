//! A bar for what takes its time.

use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr};

use super::bar;
use crate::output::Output;

/// A bar on standard error, if people look at that; gone with this.
#[derive(Debug)]
pub(super) struct Bar {
    shown: bool,
}

impl Bar {
    pub(super) fn new(output: Output) -> Self {
        let shown = output.is_for_people() && stderr().is_terminal();
        Self { shown }
    }

    /// Shows how much of all is done, with words behind it.
    pub(super) fn draw(&self, done: u64, all: u64, words: impl Display) {
        if !self.shown {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a bar has 40 columns")]
        let share = done as f64 / all.max(1) as f64;
        let text = format!("\r[{:40}] {words}", bar(share));
        let _ = stderr().write_all(text.as_bytes());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown {
            let _ = stderr().write_all(b"\r\x1b[K");
        }
    }
}
