//! Which hosts a command is for; commands of many keys in parts, and the parts' answers in one.

use std::collections::HashMap;

use super::commands::{Command, Positions, Refusal, Table};
use super::error::{Cause, Error};
use super::layout::Layout;
use super::value::Value;

/// Where a command goes.
pub(crate) enum Route {
    /// To one host: that of the word at this place, which is a key.
    One(usize),
    /// In parts to several.
    Several(Parts),
}

/// A command in parts.
pub(crate) struct Parts {
    pub(crate) join: Join,
    /// How many keys there are in all.
    pub(crate) keys: usize,
    pub(crate) parts: Vec<Part>,
}

/// What one host gets of a command; in a Redis Cluster, what it gets for one slot.
pub(crate) struct Part {
    /// The host's place.
    pub(crate) host: usize,
    /// Which of the keys, counted from 0.
    pub(crate) keys: Vec<usize>,
}

/// How the answers of the parts make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    /// The elements of arrays, each at its key's place.
    Places,
    /// The sum of numbers.
    Sum,
    /// OK if all are.
    Ok,
}

/// A command that can be split: how its answers are joined, and how many words a key takes.
fn splittable(name: &[u8]) -> Option<(Join, usize)> {
    const SPLITTABLE: [(&str, Join, usize); 6] = [
        ("MGET", Join::Places, 1),
        ("MSET", Join::Ok, 2),
        ("DEL", Join::Sum, 1),
        ("EXISTS", Join::Sum, 1),
        ("UNLINK", Join::Sum, 1),
        ("TOUCH", Join::Sum, 1),
    ];
    let mut all = SPLITTABLE.into_iter();
    let found = all.find(|(own, _, _)| name.eq_ignore_ascii_case(own.as_bytes()));
    found.map(|(_, join, stride)| (join, stride))
}

/// Finds the hosts of a command's keys.
pub(crate) fn route<W: AsRef<[u8]>>(
    table: &Table,
    layout: &Layout,
    words: &[W],
) -> Result<Route, Error> {
    route_command(table.command(words)?, layout, words)
}

/// As [`route`], for a command that was looked up.
pub(crate) fn route_command<W: AsRef<[u8]>>(
    command: &Command,
    layout: &Layout,
    words: &[W],
) -> Result<Route, Error> {
    let positions = keys_of(command, words)?;
    let name = words[0].as_ref();
    let split = splittable(name);
    let unit = |position: usize| layout.rule.unit(words[position].as_ref());
    let mut rest = positions.clone();
    // There is at least one key.
    let key = rest.next().unwrap_or_default();
    let mut units = rest.map(unit);
    let first = unit(key);
    if units.all(|unit| unit == first) {
        return Ok(Route::One(key));
    }
    let keys = positions.len();
    let Some((join, _)) = split else {
        let name = String::from_utf8_lossy(name).to_uppercase();
        return Err(layout.several(&name, positions.map(unit).collect()).into());
    };
    let mut parts: Vec<Part> = Vec::new();
    let mut part_of = HashMap::new();
    for (key, unit) in positions.map(unit).enumerate() {
        let part = *part_of.entry(unit).or_insert(parts.len());
        if part == parts.len() {
            parts.push(Part {
                host: layout.rule.host_of_unit(unit),
                keys: Vec::new(),
            });
        }
        parts[part].keys.push(key);
    }
    Ok(Route::Several(Parts { join, keys, parts }))
}

/// The positions of the keys among the words of a command that may be sent over a connection that
/// others use, too.
pub(crate) fn keys<W: AsRef<[u8]>>(table: &Table, words: &[W]) -> Result<Positions, Refusal> {
    keys_of(table.command(words)?, words)
}

/// Refuses a command that changes the connection that it comes over: what others send over it
/// behind that would be done in another database, or not at all. No words are no command.
pub(crate) fn check_shared<W: AsRef<[u8]>>(words: &[W]) -> Result<(), Refusal> {
    if words.is_empty() {
        return Err(Refusal::Unknown(String::new()));
    }
    const CHANGING: [&str; 19] = [
        "SELECT",
        "MULTI",
        "EXEC",
        "DISCARD",
        "WATCH",
        "UNWATCH",
        "SUBSCRIBE",
        "PSUBSCRIBE",
        "SSUBSCRIBE",
        "UNSUBSCRIBE",
        "PUNSUBSCRIBE",
        "SUNSUBSCRIBE",
        "MONITOR",
        "HELLO",
        "AUTH",
        "RESET",
        "QUIT",
        // From here on it is a replica's.
        "SYNC",
        "PSYNC",
    ];
    let is = |at: usize, names: &[&str]| {
        let word = words.get(at).map_or(&b""[..], AsRef::as_ref);
        let mut names = names.iter().map(|name| name.as_bytes());
        names.any(|name| word.eq_ignore_ascii_case(name))
    };
    let of_client = || is(0, &["CLIENT"]) && is(1, &["REPLY", "TRACKING", "CACHING"]);
    let of_script = || is(0, &["SCRIPT"]) && is(1, &["DEBUG"]);
    match is(0, &CHANGING) || of_client() || of_script() {
        true => {
            let name = String::from_utf8_lossy(words[0].as_ref()).to_uppercase();
            Err(Refusal::Connection(name))
        }
        false => Ok(()),
    }
}

fn keys_of<W: AsRef<[u8]>>(command: &Command, words: &[W]) -> Result<Positions, Refusal> {
    let name = || command.name.to_uppercase();
    let database = |word: &W| word.as_ref().eq_ignore_ascii_case(b"DB");
    match command.name.as_str() {
        // Of those with keys, these go on when they are answered.
        "watch" | "ssubscribe" | "sunsubscribe" => Err(Refusal::Connection(name())),
        "move" => Err(Refusal::Database(name())),
        "copy" if words.iter().skip(3).any(database) => Err(Refusal::Database(name())),
        "mset" if words.len().is_multiple_of(2) => Err(Refusal::Arity(name())),
        _ => command.keys(words),
    }
}

impl Parts {
    /// How the answers of a command in parts are joined, if it can be split.
    pub(crate) fn join_of(name: &[u8]) -> Option<Join> {
        splittable(name).map(|(join, _)| join)
    }

    /// A part for each key, if the command can be split.
    pub(crate) fn of_each_key<W: AsRef<[u8]>>(layout: &Layout, words: &[W]) -> Option<Self> {
        let (join, stride) = splittable(words[0].as_ref())?;
        let part = |(number, key): (usize, &W)| Part {
            host: layout.rule.host(key.as_ref()),
            keys: vec![number],
        };
        let keys = words[1..].iter().step_by(stride);
        let parts: Vec<_> = keys.enumerate().map(part).collect();
        Some(Self {
            join,
            keys: parts.len(),
            parts,
        })
    }

    /// How many words a key takes.
    pub(crate) fn stride(&self) -> usize {
        match self.join {
            Join::Ok => 2,
            Join::Places | Join::Sum => 1,
        }
    }

    /// The words that a part has.
    pub(crate) fn words<'w, W: AsRef<[u8]>>(&self, part: &Part, words: &'w [W]) -> Vec<&'w [u8]> {
        let stride = self.stride();
        let mut own = vec![words[0].as_ref()];
        for key in &part.keys {
            let at = 1 + key * stride;
            own.extend(words[at..at + stride].iter().map(AsRef::as_ref));
        }
        own
    }
}

impl Join {
    /// Joins what the parts were answered; `keys` are the places of each part's keys.
    pub(crate) fn join(
        self,
        answers: Vec<(Vec<usize>, Value)>,
        keys: usize,
    ) -> Result<Value, Cause> {
        match self {
            Self::Ok => Ok(Value::Text("OK".to_owned())),
            Self::Sum => {
                let number = |(_, value): &(_, Value)| value.integer().ok_or_else(|| odd(value));
                let sum: Result<i64, _> = answers.iter().map(number).sum();
                sum.map(Value::Integer)
            }
            Self::Places => {
                let mut all = vec![Value::Null; keys];
                for (places, value) in answers {
                    let Value::Array(elements) = value else {
                        return Err(odd(&value));
                    };
                    for (place, element) in places.into_iter().zip(elements) {
                        all[place] = element;
                    }
                }
                Ok(Value::Array(all))
            }
        }
    }
}

fn odd(value: &Value) -> Cause {
    Cause::Unexpected(format!("a part of the command was answered with {value}"))
}
