//! The table as text: a command a line.
//!
//! ```text
//! mset -3 write i1:r-1.2.0          keys from word 1 to the last, every second
//! xread -4 readonly,blocking kSTREAMS@1:r-1.1.2   behind STREAMS, the first half
//! eval -3 - i2:n0.1.1               word 2 counts the keys that follow it
//! ping -1 -                         no flag that matters, no keys
//! ```

use super::{Begin, Command, Find, Flags, Spec, Table};
use std::fmt::{self, Display};

impl Table {
    /// Reads what `Display` has written; lines that begin with `#` are skipped.
    ///
    /// # Errors
    /// The first line that cannot be read, with its number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut commands = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let command = read_line(line);
            commands.push(command.ok_or_else(|| format!("line {number} is no command: {line}"))?);
        }
        Ok(Self::new(commands))
    }
}

fn read_line(line: &str) -> Option<Command> {
    let mut words = line.split(' ');
    let name = words.next()?.to_owned();
    let arity = words.next()?.parse().ok()?;
    let mut flags = Flags::default();
    for name in words.next()?.split(',').filter(|name| *name != "-") {
        *flags.named(name)? = true;
    }
    let specs = words.map(read_spec).collect::<Option<_>>()?;
    Some(Command {
        name,
        arity,
        flags,
        specs,
    })
}

fn read_spec(text: &str) -> Option<Spec> {
    let (begin, find) = text.split_once(':')?;
    let begin = match begin.split_at_checked(1)? {
        ("i", index) => Begin::Index(index.parse().ok()?),
        ("k", keyword) => {
            let (word, from) = keyword.split_once('@')?;
            Begin::Keyword {
                word: word.to_owned(),
                from: from.parse().ok()?,
            }
        }
        _ => return None,
    };
    let (kind, numbers) = find.split_at_checked(1)?;
    let mut numbers = numbers.split('.').map(str::parse);
    let mut number = || numbers.next()?.ok();
    let (a, b, c) = (number()?, number()?, number()?);
    let find = match kind {
        "r" => Find::Range {
            last: a,
            step: b,
            limit: c,
        },
        "n" => Find::Count {
            count: a,
            first: b,
            step: c,
        },
        _ => return None,
    };
    Some(Spec { begin, find })
}

impl Flags {
    const NAMES: [&'static str; 6] = [
        "readonly",
        "write",
        "blocking",
        "pubsub",
        "movable",
        "container",
    ];

    /// The flag of that name.
    pub(super) fn named(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "readonly" => Some(&mut self.readonly),
            "write" => Some(&mut self.write),
            "blocking" => Some(&mut self.blocking),
            "pubsub" => Some(&mut self.pubsub),
            "movable" => Some(&mut self.movable),
            "container" => Some(&mut self.container),
            _ => None,
        }
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.commands
            .iter()
            .try_for_each(|command| writeln!(f, "{command}"))
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut flags = self.flags;
        let set = Flags::NAMES.into_iter();
        let set: Vec<_> = set
            .filter(|name| flags.named(name).is_some_and(|flag| *flag))
            .collect();
        let set = if set.is_empty() {
            "-".to_owned()
        } else {
            set.join(",")
        };
        write!(f, "{} {} {set}", self.name, self.arity)?;
        self.specs.iter().try_for_each(|spec| write!(f, " {spec}"))
    }
}

impl Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.begin {
            Begin::Index(index) => write!(f, "i{index}")?,
            Begin::Keyword { word, from } => write!(f, "k{word}@{from}")?,
        }
        match self.find {
            Find::Range { last, step, limit } => write!(f, ":r{last}.{step}.{limit}"),
            Find::Count { count, first, step } => write!(f, ":n{count}.{first}.{step}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_table_is_read_whole_and_written_as_it_was() {
        let table = Table::parse(super::super::BUNDLED).unwrap();
        assert!(table.len() > 300, "{}", table.len());
        let lines = super::super::BUNDLED.lines();
        let lines: Vec<_> = lines.filter(|line| !line.starts_with('#')).collect();
        assert_eq!(table.to_string().lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for line in [
            "get",
            "get two -",
            "get 2 odd",
            "get 2 - x1:r0.1.0",
            "get 2 - i1:r0.1",
        ] {
            let error = Table::parse(&format!("# head\n{line}\n")).unwrap_err();
            assert_eq!(error, format!("line 2 is no command: {line}"));
        }
    }
}
