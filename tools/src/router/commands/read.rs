//! The table as a server tells it (COMMAND).

use super::{Begin, Command, Find, Flags, Spec, Table};
use crate::router::Value;
use redis_ipc::{Connection, Error};

impl Table {
    /// Asks a server for its commands. Servers before 7.0 tell less: of commands with movable keys
    /// only that they are such, and of subcommands nothing; what the bundled table knows of them is
    /// taken from there.
    ///
    /// # Errors
    /// What asking ended in, or [`Error::Unexpected`] for an answer that is no table.
    pub fn from_server(server: &mut Connection) -> Result<Self, Error> {
        let reply = server.command(&["COMMAND"])?;
        Self::told(&Value::from(&reply)).map_err(Error::Unexpected)
    }

    /// What a server has answered to COMMAND. The error is a sentence.
    pub(crate) fn told(answer: &Value) -> Result<Self, String> {
        let mut commands = Vec::new();
        for entry in answer.elements().unwrap_or_default() {
            let command = read_command(entry, &mut commands);
            let command =
                command.ok_or_else(|| format!("the server describes a command as {entry}"))?;
            commands.push(command);
        }
        Ok(Self::new(commands))
    }
}

/// Reads a command; its subcommands are added to `others`.
fn read_command(entry: &Value, others: &mut Vec<Command>) -> Option<Command> {
    let fields = entry.elements()?;
    let name = text(fields.first()?)?.to_lowercase();
    let arity = number(fields.get(1)?)?;
    let mut flags = read_flags(fields.get(2)?)?;
    let subcommands = fields.get(9).and_then(Value::elements).unwrap_or_default();
    for entry in subcommands {
        let subcommand = read_command(entry, others)?;
        others.push(subcommand);
    }
    flags.container = !subcommands.is_empty() && arity < -1;
    let Some(specs) = fields.get(8).and_then(Value::elements) else {
        return Some(without_specs(name, arity, flags, fields, others));
    };
    let read: Vec<_> = specs.iter().map(read_spec).collect();
    // What cannot be found by rule makes the keys movable; a server's own flag says only that
    // first, last and step do not tell.
    flags.movable = read.iter().any(Option::is_none);
    let specs = read.into_iter().flatten().collect();
    Some(Command {
        name,
        arity,
        flags,
        specs,
    })
}

/// Redis before 7.0: first key, last key, step; and nothing of subcommands.
fn without_specs(
    name: String,
    arity: i32,
    flags: Flags,
    fields: &[Value],
    others: &mut Vec<Command>,
) -> Command {
    let known = Table::bundled();
    if let Some(own) = known.find(&[name.as_bytes()])
        && (flags.movable || own.flags.container)
    {
        let prefix = format!("{name}|");
        let subcommands = known.commands.iter();
        others.extend(
            subcommands
                .filter(|own| own.name.starts_with(&prefix))
                .cloned(),
        );
        return own.clone();
    }
    let field = |at| fields.get(at).and_then(number).unwrap_or_default();
    let (first, last, step) = (field(3), field(4), field(5));
    let last = if last >= 0 { last - first } else { last };
    let find = Find::Range {
        last,
        step,
        limit: 0,
    };
    let begin = Begin::Index(first);
    let specs = match first {
        0 => Vec::new(),
        _ => vec![Spec { begin, find }],
    };
    Command {
        name,
        arity,
        flags,
        specs,
    }
}

fn read_flags(value: &Value) -> Option<Flags> {
    let mut flags = Flags::default();
    for flag in value.elements()? {
        let name = match text(flag)? {
            "movablekeys" => "movable",
            name => name,
        };
        if let Some(flag) = flags.named(name) {
            *flag = true;
        }
    }
    Some(flags)
}

/// `None` if the server says that not all such keys are found this way.
fn read_spec(value: &Value) -> Option<Spec> {
    let incomplete = member(value, "flags")?.elements()?.iter();
    if incomplete.filter_map(text).any(|flag| flag == "incomplete") {
        return None;
    }
    let (begin, how) = search(value, "begin_search")?;
    let begin = match begin {
        "index" => Begin::Index(number(member(how, "index")?)?),
        "keyword" => Begin::Keyword {
            word: text(member(how, "keyword")?)?.to_owned(),
            from: number(member(how, "startfrom")?)?,
        },
        _ => return None,
    };
    let (find, how) = search(value, "find_keys")?;
    let field = |name| member(how, name).and_then(number);
    let find = match find {
        "range" => Find::Range {
            last: field("lastkey")?,
            step: field("keystep")?,
            limit: field("limit")?,
        },
        "keynum" => Find::Count {
            count: field("keynumidx")?,
            first: field("firstkey")?,
            step: field("keystep")?,
        },
        _ => return None,
    };
    Some(Spec { begin, find })
}

/// The type and the details of one half of a specification.
fn search<'v>(value: &'v Value, name: &str) -> Option<(&'v str, &'v Value)> {
    let half = member(value, name)?;
    Some((text(member(half, "type")?)?, member(half, "spec")?))
}

/// A member of a map; RESP2 writes a map as a list of names and values by turns.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Map(pairs) => {
            let pair = pairs.iter().find(|(key, _)| text(key) == Some(name));
            pair.map(|(_, value)| value)
        }
        Value::Array(list) => {
            let mut pairs = list.chunks_exact(2);
            let pair = pairs.find(|pair| text(&pair[0]) == Some(name));
            pair.map(|pair| &pair[1])
        }
        _ => None,
    }
}

fn text(value: &Value) -> Option<&str> {
    std::str::from_utf8(value.bytes()?).ok()
}

fn number(value: &Value) -> Option<i32> {
    i32::try_from(value.integer()?).ok()
}
