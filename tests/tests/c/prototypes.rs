//! The functions of the header, as its text declares them.

use std::fs;

use crate::programs::root;

/// A function of the library.
#[derive(Debug)]
pub(crate) struct Prototype {
    pub(crate) returns: String,
    pub(crate) name: String,
    /// The types of what it takes.
    pub(crate) takes: Vec<String>,
}

impl Prototype {
    /// Whether it works on a handle that belongs to a thread.
    pub(crate) fn has_handle(&self) -> bool {
        self.takes.first().is_some_and(|first| first == "ripc *")
    }
}

/// All functions that the header declares.
pub(crate) fn prototypes() -> Vec<Prototype> {
    let header = fs::read_to_string(root().join("blocking/include/ripc.h")).unwrap();
    let code: String = header
        .lines()
        .filter(|line| !line.trim_start().starts_with("//") && !line.starts_with('#'))
        .collect::<Vec<_>>()
        .join(" ");
    // What is defined in the header itself is none of the library's.
    let code = code.split("static inline").next().unwrap();
    let statements = code
        .split(';')
        .map(|statement| match statement.rsplit_once(['{', '}']) {
            Some((_, behind)) if !statement.contains("typedef") => behind,
            _ => statement,
        });
    statements.filter_map(prototype).collect()
}

fn prototype(statement: &str) -> Option<Prototype> {
    let statement = statement.trim();
    let (head, takes) = statement.strip_suffix(')')?.split_once('(')?;
    if head.contains("typedef") {
        return None;
    }
    let place = head.rfind("ripc_")?;
    let takes = takes.split(',').map(str::trim).filter(|one| *one != "void");
    Some(Prototype {
        returns: head[..place].trim().to_owned(),
        name: head[place..].to_owned(),
        takes: takes.map(type_of).collect(),
    })
}

/// A parameter without its name.
fn type_of(parameter: &str) -> String {
    let end = parameter.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
    end.trim().to_owned()
}
