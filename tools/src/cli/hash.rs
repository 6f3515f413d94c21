//! What can be done with settings and with status alike.

use argh::{ArgsInfo, FromArgs};
use redis_ipc::{Component, Error, Hash, HashKind, Limitation, Turn};
use serde_json::{Map, Value};

use super::watching::watch;
use crate::bus::Bus;
use crate::output::Output;
use crate::problem::Problem;

#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand)]
pub(crate) enum Action {
    Get(Get),
    Set(Set),
    Del(Del),
    Watch(Watch),
}

/// Print all fields, or the value of one.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand, name = "get", help_triggers("--help", "-h"))]
pub(crate) struct Get {
    /// whose
    #[argh(positional)]
    component: String,

    /// one field; its value is printed exactly as it is
    #[argh(positional)]
    field: Option<String>,
}

/// Set one field or several, all at once; the others stay.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand, name = "set", help_triggers("--help", "-h"))]
pub(crate) struct Set {
    /// whose
    #[argh(positional)]
    component: String,

    /// a field and its value, as often as you like
    #[argh(positional, arg_name = "field value")]
    pairs: Vec<String>,
}

/// Delete some fields, or all.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand, name = "del", help_triggers("--help", "-h"))]
pub(crate) struct Del {
    /// whose
    #[argh(positional)]
    component: String,

    /// the fields; without any, everything is deleted
    #[argh(positional, arg_name = "field")]
    fields: Vec<String>,
}

/// Print the present state, then the state after each change, until Ctrl-C. Changes that come
/// quickly after each other may be seen as one.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand, name = "watch", help_triggers("--help", "-h"))]
pub(crate) struct Watch {
    /// whose; several are watched together
    #[argh(positional, arg_name = "component")]
    components: Vec<String>,
}

impl Action {
    pub(crate) fn run(self, kind: HashKind, bus: &Bus, output: Output) -> Result<(), Problem> {
        match self {
            Self::Get(get) => get.run(kind, bus, output),
            Self::Set(set) => set.run(kind, bus, output),
            Self::Del(del) => del.run(kind, bus, output),
            Self::Watch(watch) => watch.run(kind, bus, output),
        }
    }
}

impl Get {
    fn run(&self, kind: HashKind, bus: &Bus, output: Output) -> Result<(), Problem> {
        let name = &self.component;
        let mut component = bus.join()?;
        let mut hash = open(&mut component, kind, name)?;
        let Some(field) = &self.field else {
            return match hash.pairs()? {
                fields if fields.is_empty() => {
                    Err(Problem::failed(format!("{name} has no {}", word(kind))))
                }
                fields => output.fields(name, &fields),
            };
        };
        match hash.get::<String>(field)? {
            Some(value) => output.field(name, field, &value),
            None => Err(Problem::failed(format!(
                "the {} of {name} have no field {field}",
                word(kind)
            ))),
        }
    }
}

impl Set {
    fn run(&self, kind: HashKind, bus: &Bus, output: Output) -> Result<(), Problem> {
        let (pairs, rest) = self.pairs.as_chunks::<2>();
        match (pairs, rest) {
            ([], []) => return Err(Problem::usage("give a field and its value")),
            (_, [field, ..]) => {
                return Err(Problem::usage(format!("the value of {field} is missing")));
            }
            _ => {}
        }
        let fields: Map<String, Value> = pairs
            .iter()
            .map(|[field, value]| (field.clone(), Value::from(value.as_str())))
            .collect();
        let mut component = bus.join()?;
        let mut hash = open(&mut component, kind, &self.component)?;
        hash.write(&fields)
            .map_err(|error| forbidden(error, kind, &self.component))?;
        if kind == HashKind::Settings {
            note_limits(&component, output);
        }
        output.written(&self.component, "set", count(fields.len()))
    }
}

impl Del {
    fn run(&self, kind: HashKind, bus: &Bus, output: Output) -> Result<(), Problem> {
        let mut component = bus.join()?;
        let mut hash = open(&mut component, kind, &self.component)?;
        let deleted = match self.fields.as_slice() {
            [] => hash.pairs().and_then(|fields| {
                let cleared = hash.clear()?;
                Ok(if cleared { count(fields.len()) } else { 0 })
            }),
            fields => hash.delete(fields),
        };
        let deleted = deleted.map_err(|error| forbidden(error, kind, &self.component))?;
        output.written(&self.component, "deleted", deleted)
    }
}

impl Watch {
    fn run(&self, kind: HashKind, bus: &Bus, output: Output) -> Result<(), Problem> {
        if self.components.is_empty() {
            return Err(Problem::usage("whose? give at least one component"));
        }
        let mut component = bus.join()?;
        for name in &self.components {
            match kind {
                HashKind::Settings => component.watch_settings(name)?,
                HashKind::Status => component.watch_status(name)?,
            }
        }
        note_limits(&component, output);
        watch(&mut component, output, |turn| match turn {
            Turn::Changed(watched) => output.state(watched),
            _ => Ok(()),
        })
    }
}

fn open<'c>(component: &'c mut Component, kind: HashKind, name: &str) -> Result<Hash<'c>, Error> {
    match kind {
        HashKind::Settings => component.settings(name),
        HashKind::Status => component.status_of(name),
    }
}

fn word(kind: HashKind) -> &'static str {
    match kind {
        HashKind::Settings => "settings",
        HashKind::Status => "status",
    }
}

/// What is refused, with the way to do it.
fn forbidden(error: Error, kind: HashKind, component: &str) -> Problem {
    match (error, kind) {
        (Error::Usage(_), HashKind::Status) => Problem::failed(format!(
            "the status of {component} is written by {component} itself only: \
             write --as {component}"
        )),
        (error, _) => error.into(),
    }
}

/// Says what the server keeps from those who want to hear of changes.
fn note_limits(component: &Component, output: Output) {
    for limitation in component.limitations() {
        if !matches!(limitation, Limitation::Resp3) {
            output.note(&limitation.to_string());
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
