//! Where the keys of every command stand.
//!
//! A server tells it of each of its commands (COMMAND). What redis-server 7.0 told is kept in
//! `commands.txt`, so that no server has to be asked; [`Table::from_server`] asks one, for
//! commands of its modules and of later versions.

mod keys;
mod read;
mod refusal;
mod sort;
mod text;
mod waiting;

use std::sync::OnceLock;

pub use keys::Positions;
pub use refusal::Refusal;
pub(crate) use waiting::Patience;

/// The table in `commands.txt`.
const BUNDLED: &str = include_str!("commands.txt");

/// Bytes that the name of a command may have, with that of its subcommand.
const LONGEST_NAME: usize = 64;

/// Commands and where their keys stand.
///
/// ```
/// use redis_ipc_tools::router::commands::Table;
///
/// let table = Table::bundled();
/// let keys = table.keys(&["MSET", "a", "1", "b", "2"])?;
/// assert!(keys.eq([1, 3]));
/// let error = table.keys(&["PING"]).unwrap_err();
/// assert!(error.to_string().contains("does not operate on a key"));
/// # Ok::<(), redis_ipc_tools::router::commands::Refusal>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Sorted by name.
    commands: Vec<Command>,
}

/// What is known of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// In lower case; a subcommand as `object|encoding`.
    pub(crate) name: String,
    /// Words it has, its name included; at least so many if negative.
    pub(crate) arity: i32,
    pub(crate) flags: Flags,
    pub(crate) specs: Vec<Spec>,
}

/// What matters of a command's flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags {
    pub(crate) readonly: bool,
    pub(crate) write: bool,
    pub(crate) blocking: bool,
    pub(crate) pubsub: bool,
    /// It has keys that the positions below do not show.
    pub(crate) movable: bool,
    /// It is only a first word: the second one names the command.
    pub(crate) container: bool,
}

/// One way to find keys among the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) begin: Begin,
    pub(crate) find: Find,
}

/// Where to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Begin {
    /// At this word; 0 is the command's name.
    Index(i32),
    /// Behind this word, looked for from that position on, from the end if negative.
    Keyword { word: String, from: i32 },
}

/// How to go on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Find {
    /// Every `step`th word up to the one `last` behind the first, or `last` from the end if it is
    /// negative; with a `limit` of 2 or more, only that part of the words.
    Range { last: i32, step: i32, limit: i32 },
    /// A word says how many keys there are.
    Count { count: i32, first: i32, step: i32 },
}

impl Table {
    /// The table that comes with the library.
    ///
    /// # Panics
    /// Never: the table is checked by a test.
    pub fn bundled() -> &'static Self {
        static TABLE: OnceLock<Table> = OnceLock::new();
        TABLE.get_or_init(|| Self::parse(BUNDLED).unwrap_or_default())
    }

    /// Of two commands with one name the first counts.
    pub(crate) fn new(mut commands: Vec<Command>) -> Self {
        commands.sort_by(|a, b| a.name.cmp(&b.name));
        commands.dedup_by(|later, earlier| later.name == earlier.name);
        Self { commands }
    }

    /// These commands, and of others those that have other names.
    pub(crate) fn over(&self, others: &Self) -> Self {
        let commands = self.commands.iter().chain(&others.commands);
        Self::new(commands.cloned().collect())
    }

    /// How many commands there are, subcommands included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// The positions of the keys among the words of a command; there is at least one.
    ///
    /// # Errors
    /// [`Refusal`] if the command is not known, has too few or too many words, no key, or keys
    /// that cannot be told from its words.
    pub fn keys<W: AsRef<[u8]>>(&self, words: &[W]) -> Result<Positions, Refusal> {
        self.command(words)?.keys(words)
    }

    /// What is known of the command that begins with these words.
    ///
    /// # Errors
    /// [`Refusal::Unknown`].
    pub(crate) fn command<W: AsRef<[u8]>>(&self, words: &[W]) -> Result<&Command, Refusal> {
        let name = words.first().map_or(&b""[..], AsRef::as_ref);
        let command = self.find(&[name]);
        let command = match (command, words.get(1)) {
            (Some(command), Some(sub)) if command.flags.container => {
                self.find(&[name, b"|", sub.as_ref()]).or(Some(command))
            }
            _ => command,
        };
        command.ok_or_else(|| Refusal::Unknown(String::from_utf8_lossy(name).into_owned()))
    }

    /// Whether a command may change a key: scripts may, and so may what is not known.
    pub(crate) fn may_write<W: AsRef<[u8]>>(&self, words: &[W]) -> bool {
        let is_script = |name: &str| matches!(name, "eval" | "evalsha" | "fcall");
        let command = self.command(words);
        command.map_or(true, |own| own.flags.write || is_script(&own.name))
    }

    /// `parts` together are the name, in capitals or not.
    fn find(&self, parts: &[&[u8]]) -> Option<&Command> {
        let mut room = [0; LONGEST_NAME];
        let mut length = 0;
        for part in parts {
            let end = length + part.len();
            let lower = room.get_mut(length..end)?;
            lower.copy_from_slice(part);
            lower.make_ascii_lowercase();
            length = end;
        }
        let wanted = &room[..length];
        let commands = &self.commands;
        let found = commands.binary_search_by(|command| command.name.as_bytes().cmp(wanted));
        found.ok().and_then(|at| commands.get(at))
    }
}

impl Command {
    /// As [`Table::keys`], for words that begin with this command's.
    pub(crate) fn keys<W: AsRef<[u8]>>(&self, words: &[W]) -> Result<Positions, Refusal> {
        let name = || self.name.to_uppercase().replace('|', " ");
        if self.flags.container {
            let sub = words.get(1).map_or(&b""[..], AsRef::as_ref);
            let whole = format!("{} {}", name(), String::from_utf8_lossy(sub));
            return Err(Refusal::Unknown(whole.trim_end().to_owned()));
        }
        if !self.has_arity(words.len()) {
            return Err(Refusal::Arity(name()));
        }
        if self.flags.movable {
            let keys = match self.name.as_str() {
                "sort" | "sort_ro" => sort::keys(words),
                _ => None,
            };
            return keys.ok_or_else(|| Refusal::Movable(name()));
        }
        let positions = match self.name.as_str() {
            "xreadgroup" => Positions::of_group(words),
            _ => Positions::find(&self.specs, words),
        };
        let positions = positions.ok_or_else(|| Refusal::Syntax(name()))?;
        if positions.len() == 0 {
            return Err(Refusal::NoKey(name()));
        }
        Ok(positions)
    }

    fn has_arity(&self, words: usize) -> bool {
        let words = i32::try_from(words).unwrap_or(i32::MAX);
        match self.arity {
            arity if arity < 0 => words >= -arity,
            arity => words == arity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(line: &str) -> Result<Vec<usize>, Refusal> {
        let words: Vec<_> = line.split(' ').collect();
        Table::bundled().keys(&words).map(Iterator::collect)
    }

    #[test]
    fn keys_are_found_wherever_they_stand() {
        for (line, positions) in [
            ("GET a", &[1][..]),
            ("get a", &[1]),
            ("MGET a b c", &[1, 2, 3]),
            ("MSET a 1 b 2", &[1, 3]),
            ("BLPOP a b 0", &[1, 2]),
            ("BITOP AND d a b", &[2, 3, 4]),
            ("OBJECT ENCODING a", &[2]),
            ("object freq a", &[2]),
            ("XGROUP CREATE a g $", &[2]),
            ("EVAL x 2 a b c", &[3, 4]),
            ("ZUNIONSTORE d 2 a b WEIGHTS 1 2", &[1, 3, 4]),
            ("XREAD COUNT 2 STREAMS a b 0 0", &[4, 5]),
            ("XREADGROUP GROUP g c STREAMS a >", &[5]),
            ("XREADGROUP GROUP streams c STREAMS a b > >", &[5, 6]),
            ("XREADGROUP COUNT 1 GROUP g streams STREAMS a >", &[7]),
            ("XREAD STREAMS streams 0", &[2]),
            ("GEORADIUS a 0 0 1 km STORE store", &[1, 7]),
            ("GEORADIUS a 0 0 1 km STORE b STOREDIST c", &[1, 7, 9]),
            ("LMPOP 2 a b LEFT", &[2, 3]),
            ("LMOVE a b LEFT RIGHT", &[1, 2]),
            ("MEMORY USAGE a", &[2]),
            ("COPY a b", &[1, 2]),
            ("SORT a", &[1]),
            ("SORT_RO a LIMIT 0 5 desc alpha", &[1]),
            ("SORT a BY nosort GET # STORE b", &[1, 7]),
        ] {
            assert_eq!(keys(line).as_deref(), Ok(positions), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_sent_to_one_host_is_refused_in_words() {
        for (line, words) in [
            ("PING", "does not operate on a key, consider a fanout"),
            ("FLUSHDB", "does not operate on a key, consider a fanout"),
            ("EVAL x 0", "does not operate on a key, consider a fanout"),
            ("SORT a BY w_*", "keys are movable"),
            ("SORT a STORE b GET w_*", "keys are movable"),
            ("SORT a LIMIT", "keys are movable"),
            ("OBJECT FOO a", "\"OBJECT FOO\" is not known"),
            ("MIGRATE h 1 k 0 9", "keys are movable"),
            ("GETT a", "\"GETT\" is not known"),
            ("OBJECT", "OBJECT"),
            ("GET", "wrong number of words for GET"),
            ("GET a b", "wrong number of words for GET"),
            ("GEORADIUS a 0 0 1 km STORE b STORE c", "GEORADIUS"),
            ("XREADGROUP GROUP g c STREAMS", "XREADGROUP"),
            ("XREADGROUP GROUP g c COUNT 1 x", "XREADGROUP"),
            ("EVAL x 5 a", "EVAL"),
            ("EVAL x -1 a", "EVAL"),
            ("EVAL x two a", "EVAL"),
        ] {
            let error = keys(line).unwrap_err().to_string();
            assert!(error.contains(words), "{line}: {error}");
        }
    }
}
