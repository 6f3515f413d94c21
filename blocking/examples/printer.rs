//! A printer: a component with two queues, settings, a status and events.
//!
//! It prints text files on paper that is not there, page by page. Whoever wants to see it at work
//! runs `make demo`; by hand it goes like this:
//!
//! ```sh
//! eval "$(ipc-tool up)"
//! cargo run -p redis-ipc --example printer &
//! ipc-tool call printer.print '{"file": "README.md"}'
//! ipc-tool status watch printer
//! ```

use std::fs;
use std::thread;
use std::time::Duration;

use redis_ipc::{Command, Component, Error, Failure, Level, Stop, Turn, Watched};
use serde::{Deserialize, Serialize};

/// From so many sheets on, the printer warns.
const FEW_SHEETS: u32 = 10;

/// The payload of a command in the queue `print`.
#[derive(Debug, Deserialize)]
struct Print {
    file: String,
}

/// The answer to it.
#[derive(Debug, Serialize)]
struct Printed {
    pages: usize,
    lines: usize,
}

/// The answer to a command in the queue `cancel`, whose payload does not matter.
#[derive(Debug, Serialize)]
struct Cancelled<'j> {
    file: &'j str,
    page: usize,
}

/// What others may set; what is not set is as in [`Settings::default`].
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default)]
struct Settings {
    lines_per_page: usize,
    milliseconds_per_page: u64,
    /// Whoever puts paper into the tray says here how many sheets there are now.
    sheets: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lines_per_page: 60,
            milliseconds_per_page: 100,
            sheets: 25,
        }
    }
}

/// What the printer tells of itself; fields that are `None` are deleted.
#[derive(Debug, Serialize)]
struct Status<'j> {
    state: &'static str,
    file: Option<&'j str>,
    page: Option<usize>,
    pages: Option<usize>,
    sheets: u32,
}

/// The payload of an event.
#[derive(Debug, Serialize)]
struct Warning {
    code: &'static str,
    sheets: u32,
}

fn main() -> Result<(), Error> {
    let mut component = Component::connect("printer", "main")?;
    let stop = Stop::on_signals().map_err(|error| Error::Value(error.to_string()))?;
    component.set_stop(stop);
    component.watch_settings("printer")?;
    // The most urgent queue first.
    component.serve(&["cancel", "print"])?;

    let mut printer = Printer::new();
    printer.tell_idle(&mut component)?;
    loop {
        let changed = match component.next(None)? {
            Some(Turn::Command(command)) => {
                printer.obey(command)?;
                continue;
            }
            Some(Turn::Changed(settings)) => printer.go_by(settings),
            Some(Turn::Stop) => break,
            // The bus went away or came back; what there is to do about it is done already.
            _ => continue,
        };
        if let Err(wrong) = changed {
            component.debug(Level::WARNING, &wrong.to_string())?;
        }
        printer.tell_idle(&mut component)?;
    }
    component.status()?.clear()?;
    Ok(())
}

struct Printer {
    settings: Settings,
    sheets: u32,
}

/// How the printing of a file ended, if it did not fail.
enum End {
    Printed(Printed),
    /// Somebody asked the program to stop.
    Unfinished,
}

impl Printer {
    fn new() -> Self {
        let settings = Settings::default();
        Self {
            settings,
            sheets: settings.sheets,
        }
    }

    /// Takes over changed settings; the next file is printed by them.
    fn go_by(&mut self, changed: &Watched) -> Result<(), Error> {
        let settings: Settings = changed.read()?;
        if settings.sheets != self.settings.sheets {
            self.sheets = settings.sheets;
        }
        self.settings = settings;
        Ok(())
    }

    /// Does what a command says. One that is not finished goes back into its queue, for the next
    /// time that this program runs.
    fn obey(&mut self, mut command: Command<'_>) -> Result<(), Error> {
        if command.subqueue() == Some("cancel") {
            return command.fail(&Failure::new("idle", "nothing is being printed"));
        }
        let outcome = command
            .payload()
            .and_then(|job| self.print(&job, &mut command));
        self.tell_idle(command.component())?;
        match outcome {
            Ok(End::Printed(printed)) => command.answer(&printed),
            Ok(End::Unfinished) => command.put_back(),
            Err(failure) => command.fail(&failure),
        }
    }

    /// Prints a file, and looks after each page whether somebody wants to cancel it.
    ///
    /// A [`Failure`] reaches the caller as it is; any other error becomes one by `?`.
    fn print(&mut self, job: &Print, command: &mut Command<'_>) -> Result<End, Failure> {
        let text = fs::read_to_string(&job.file)
            .map_err(|error| Failure::new("no-file", format!("{}: {error}", job.file)))?;
        let lines: Vec<_> = text.lines().collect();
        let pages = lines.chunks(self.settings.lines_per_page.max(1));
        let count = pages.len();
        for (page, lines) in (1..).zip(pages) {
            if command.stop_requested() {
                return Ok(End::Unfinished);
            }
            self.feed(command.component())?;
            let status = Status {
                state: "printing",
                file: Some(&job.file),
                page: Some(page),
                pages: Some(count),
                sheets: self.sheets,
            };
            command.component().status()?.write(&status)?;
            self.put_on_paper(lines);
            if let Some(cancel) = command.look("cancel")? {
                let file = &job.file;
                let answer = Cancelled { file, page };
                command.component().answer(cancel, &answer)?;
                let message = format!("somebody cancelled {file} at page {page} of {count}");
                return Err(Failure::new("cancelled", message));
            }
        }
        Ok(End::Printed(Printed {
            pages: count,
            lines: lines.len(),
        }))
    }

    /// Takes a sheet from the tray.
    fn feed(&mut self, component: &mut Component) -> Result<(), Failure> {
        if self.sheets == 0 {
            return Err(Failure::new("out-of-paper", "the tray is empty"));
        }
        self.sheets -= 1;
        let code = match self.sheets {
            0 => "OUT-OF-PAPER",
            FEW_SHEETS => "LOW-ON-PAPER",
            _ => return Ok(()),
        };
        let sheets = self.sheets;
        component.publish(Some("warnings"), &Warning { code, sheets })?;
        Ok(())
    }

    /// Stands for the mechanism, which takes its time.
    fn put_on_paper(&self, _lines: &[&str]) {
        thread::sleep(Duration::from_millis(self.settings.milliseconds_per_page));
    }

    fn tell_idle(&self, component: &mut Component) -> Result<(), Error> {
        component.status()?.write(&Status {
            state: "idle",
            file: None,
            page: None,
            pages: None,
            sheets: self.sheets,
        })
    }
}
