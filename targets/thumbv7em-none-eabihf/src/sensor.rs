//! The sensor: what it measures, the commands it knows, its settings and its status. It knows of
//! no line and no clock.

use redis_ipc_core::json::{object::Members, string};
use redis_ipc_core::link::{Failure, Payload};
use redis_ipc_core::write::Writer;

use crate::clock::Milliseconds;

/// How often it may publish, in milliseconds.
const RATES: core::ops::RangeInclusive<u32> = 10..=3_600_000;

/// What a sensor is set to, and what it counts.
pub(crate) struct Sensor {
    /// Milliseconds from one event to the next.
    rate: u32,
    /// The rate in the settings when they were read last: a command counts until that changes.
    setting: Option<u32>,
    /// Added to what is measured, in hundredths of a degree.
    offset: i32,
    /// Commands that were answered.
    pub(crate) served: u32,
    /// Messages in the queue that were no commands.
    pub(crate) dropped: u32,
    /// Pops of which it is not known whether they took a command.
    pub(crate) lost: u32,
    /// How often it got into step with a server.
    pub(crate) greeted: u32,
    /// Refusals of the server.
    pub(crate) refused: u32,
}

/// What a command is answered with.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Temperature(i32),
    Rate(u32),
    Failure(Failure<'static>),
}

impl Sensor {
    pub(crate) const fn new() -> Self {
        Self {
            rate: 1000,
            setting: None,
            offset: 0,
            served: 0,
            dropped: 0,
            lost: 0,
            greeted: 0,
            refused: 0,
        }
    }

    /// Time from one event to the next.
    pub(crate) fn pause(&self) -> Milliseconds {
        self.rate.into()
    }

    /// The temperature in hundredths of a degree. An MPS2 has no sensor: it goes from 20 to 25
    /// degrees and back in ten seconds.
    pub(crate) fn temperature(&self, now: Milliseconds) -> i32 {
        // Ten seconds in hundredths; it leaps once in 49 days.
        #[expect(clippy::cast_possible_truncation, reason = "that leap")]
        let place = now as u32 / 10 % 1000;
        let place = i32::try_from(place).unwrap_or_default();
        let rise = place.min(1000 - place);
        (2000 + rise).saturating_add(self.offset)
    }

    /// Executes a command, the sender's members of it.
    pub(crate) fn execute(&mut self, payload: &str, now: Milliseconds) -> Answer {
        let Some(method) = text(payload, "method") else {
            return failure("no-method", "the command names no method");
        };
        if string::same(method.as_bytes(), "read") {
            return Answer::Temperature(self.temperature(now));
        }
        if string::same(method.as_bytes(), "set-rate") {
            return self.set_rate(member(payload, "milliseconds").unwrap_or_default());
        }
        failure("unknown-method", "the methods are read and set-rate")
    }

    fn set_rate(&mut self, milliseconds: &str) -> Answer {
        match number(milliseconds.as_bytes()) {
            Some(rate) if RATES.contains(&rate) => {
                self.rate = rate;
                Answer::Rate(rate)
            }
            _ => failure("range", "milliseconds must be a number from 10 to 3600000"),
        }
    }

    /// Follows a setting; one that it does not know, or a value that cannot be, changes nothing.
    pub(crate) fn follow(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"rate" => {
                let setting = number(value).filter(|rate| RATES.contains(rate));
                if setting != self.setting {
                    self.rate = setting.unwrap_or(self.rate);
                    self.setting = setting;
                }
            }
            b"offset" => {
                if let Some(offset) = signed(value) {
                    self.offset = offset;
                }
            }
            _ => {}
        }
    }

    /// The fields of its status, name and number in turn.
    pub(crate) fn status(&self) -> [(&'static [u8], u32); 6] {
        [
            (b"rate", self.rate),
            (b"served", self.served),
            (b"dropped", self.dropped),
            (b"lost", self.lost),
            (b"greeted", self.greeted),
            (b"refused", self.refused),
        ]
    }
}

impl Answer {
    /// Writes the object that the caller gets.
    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        match *self {
            Self::Temperature(hundredths) => write_temperature(w, hundredths),
            Self::Rate(rate) => {
                w.put(b"{\"rate\":");
                w.put_decimal(rate.into());
                w.put_byte(b'}');
            }
            // A text is always written.
            Self::Failure(failure) => failure.write(w).unwrap_or_default(),
        }
    }
}

/// Writes `{"temperature":21.57}`.
pub(crate) fn write_temperature(w: &mut Writer<'_>, hundredths: i32) {
    w.put(b"{\"temperature\":");
    if hundredths < 0 {
        w.put_byte(b'-');
    }
    let magnitude = hundredths.unsigned_abs();
    w.put_decimal((magnitude / 100).into());
    w.put_byte(b'.');
    w.put(&redis_ipc_core::write::decimal::pair(magnitude % 100));
    w.put_byte(b'}');
}

const fn failure(code: &'static str, message: &'static str) -> Answer {
    Answer::Failure(Failure { code, message })
}

/// The last member of an object with this name, as it stands there.
fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let members = Members::new(object.as_bytes()).ok()?.flatten();
    let mut found = None;
    for member in members {
        if string::same(object.get(member.name)?.as_bytes(), name) {
            found = object.get(member.value);
        }
    }
    found
}

/// The same without its quotes, if it is a text.
fn text<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    member(object, name)?.strip_prefix('"')?.strip_suffix('"')
}

/// A number in decimal digits.
pub(crate) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0, |number: u32, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

fn signed(text: &[u8]) -> Option<i32> {
    match text.strip_prefix(b"-") {
        Some(digits) => i32::try_from(number(digits)?).ok()?.checked_neg(),
        None => i32::try_from(number(text)?).ok(),
    }
}
