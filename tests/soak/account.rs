//! What became of every command, as its caller was told and as those who serve have seen it.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize};

use redis_ipc::{CallError, Outcome, Taken};

pub(crate) const CALLERS: usize = 4;
/// How many commands a caller can send.
pub(crate) const COMMANDS: usize = 1_500_000;

/// What a caller was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Told {
    Nothing,
    Answered,
    NotSent,
    Rejected,
    TakenBack,
    TakenNotAnswered,
    Unknown,
}

pub(crate) const TOLD: [Told; 6] = [
    Told::Answered,
    Told::NotSent,
    Told::Rejected,
    Told::TakenBack,
    Told::TakenNotAnswered,
    Told::Unknown,
];

impl Told {
    pub(crate) fn of(error: &CallError) -> Self {
        match error {
            CallError::Overloaded { .. }
            | CallError::TimedOut {
                taken: Taken::No, ..
            } => Self::TakenBack,
            CallError::TimedOut { .. } => Self::TakenNotAnswered,
            error => match error.outcome() {
                Some(Outcome::NotSent) => Self::NotSent,
                Some(Outcome::Rejected) => Self::Rejected,
                _ => Self::Unknown,
            },
        }
    }
}

/// One command: what the caller was told in the low bits, how often it was executed above.
pub(crate) struct Account {
    commands: Vec<AtomicU8>,
    pub(crate) sent: [AtomicUsize; CALLERS],
    pub(crate) wrong_answers: AtomicU64,
    /// Commands that were executed again by those who serve at most once.
    pub(crate) repeated: AtomicU64,
    pub(crate) wrong_errors: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) events_out_of_order: AtomicU64,
    pub(crate) reconnections: AtomicU64,
    pub(crate) restarts_told: AtomicU64,
    pub(crate) slowest_call_over_millis: AtomicU64,
}

const TOLD_BITS: u8 = 0b111;
const ONCE: u8 = 0b1000;

impl Account {
    pub(crate) fn new() -> Self {
        Self::with_room(CALLERS * COMMANDS)
    }

    fn with_room(commands: usize) -> Self {
        // Touched here, so that it does not look like a leak later.
        let commands = (0..commands).map(|_| AtomicU8::new(0));
        Self {
            commands: commands.collect(),
            sent: Default::default(),
            wrong_answers: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            wrong_errors: AtomicU64::new(0),
            events: AtomicU64::new(0),
            events_out_of_order: AtomicU64::new(0),
            reconnections: AtomicU64::new(0),
            restarts_told: AtomicU64::new(0),
            slowest_call_over_millis: AtomicU64::new(0),
        }
    }

    /// One that nothing is put down in.
    pub(crate) fn empty() -> Self {
        Self::with_room(0)
    }

    /// The number of a caller's next command.
    pub(crate) fn next(&self, caller: usize) -> Option<usize> {
        let n = self.sent[caller].fetch_add(1, Relaxed);
        (n < COMMANDS).then_some(caller * COMMANDS + n)
    }

    pub(crate) fn tell(&self, command: usize, told: Told) {
        self.commands[command].fetch_or(told as u8, Relaxed);
    }

    pub(crate) fn executed(&self, command: usize, at_least_once: bool) {
        let place = &self.commands[command];
        let seen = place.load(Relaxed);
        let repeated = !at_least_once && seen >= ONCE;
        self.repeated.fetch_add(u64::from(repeated), Relaxed);
        if seen < u8::MAX - ONCE {
            place.fetch_add(ONCE, Relaxed);
        }
    }

    /// Takes in what a killed child has noted of what it executed.
    pub(crate) fn note_child(&self, lines: &str) {
        for line in lines.lines() {
            if let Ok(command) = line.parse() {
                self.executed(command, true);
            }
        }
    }

    /// How many commands were told so and executed so often: never, once, more than once.
    pub(crate) fn table(&self) -> Vec<(Told, [u64; 3])> {
        let mut rows: Vec<_> = TOLD.iter().map(|told| (*told, [0; 3])).collect();
        for place in &self.commands {
            let seen = place.load(Relaxed);
            let row = rows
                .iter_mut()
                .find(|(told, _)| *told as u8 == seen & TOLD_BITS);
            if let Some((_, counts)) = row {
                counts[usize::from(seen / ONCE).min(2)] += 1;
            }
        }
        rows
    }

    /// Commands that were sent and of which no caller was told anything, or that were executed
    /// and never sent.
    pub(crate) fn unaccounted(&self) -> u64 {
        let mut unaccounted = 0;
        for (n, place) in self.commands.iter().enumerate() {
            let seen = place.load(Relaxed);
            let sent = n % COMMANDS < self.sent[n / COMMANDS].load(Relaxed);
            let told = seen & TOLD_BITS != Told::Nothing as u8;
            unaccounted += u64::from(sent != told || (!sent && seen != 0));
        }
        unaccounted
    }
}
