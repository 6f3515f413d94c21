//! What a function is called with: by position, by name, or some of each.

use redis_ipc_core::json::{object::Members, skip, string::RawText};
use serde::de::DeserializeOwned;

use crate::component::Failure;
use crate::json::read;

/// The arguments of a call.
#[derive(Debug, Clone, Copy)]
pub struct Arguments<'a> {
    name: &'a str,
    args: &'a str,
    kwargs: &'a str,
}

impl<'a> Arguments<'a> {
    pub(super) fn new(name: &'a str, args: &'a str, kwargs: &'a str) -> Self {
        Self { name, args, kwargs }
    }

    /// The function's name.
    #[must_use]
    pub fn function(&self) -> &'a str {
        self.name
    }

    /// The arguments by position: a JSON array.
    #[must_use]
    pub fn positional(&self) -> &'a str {
        self.args
    }

    /// The arguments by name: a JSON object.
    #[must_use]
    pub fn named(&self) -> &'a str {
        self.kwargs
    }

    /// All arguments as a tuple in the order of the parameters; one that is not given is null,
    /// which an `Option` takes. Without parameters, `()`.
    ///
    /// # Errors
    /// A [`Failure`] for the caller: too many, one given twice, one of no such name, one missing,
    /// one of a wrong type.
    pub fn bind<A: DeserializeOwned>(&self, parameters: &[&str]) -> Result<A, Failure> {
        if parameters.is_empty() {
            self.fits(0)?;
            return self
                .all_named(&[], &mut [])
                .and_then(|()| self.read("null", &[]));
        }
        let mut given = vec![None; parameters.len()];
        let positional = elements(self.args);
        self.fits_in(positional.len(), parameters.len())?;
        for (place, value) in given.iter_mut().zip(positional) {
            *place = Some(value);
        }
        self.all_named(parameters, &mut given)?;
        let missing: Vec<&str> = given
            .iter()
            .zip(parameters)
            .filter_map(|(value, name)| value.is_none().then_some(*name))
            .collect();
        let values: Vec<&str> = given.into_iter().map(|v| v.unwrap_or("null")).collect();
        self.read(&format!("[{}]", values.join(",")), &missing)
    }

    fn read<A: DeserializeOwned>(&self, text: &str, missing: &[&str]) -> Result<A, Failure> {
        let name = self.name;
        read(text).map_err(|error| match missing {
            [] => failure(format!("{name}() got a wrong argument: {error}")),
            missing => failure(format!("{name}() is missing {}", missing.join(", "))),
        })
    }

    fn fits(&self, parameters: usize) -> Result<(), Failure> {
        self.fits_in(elements(self.args).len(), parameters)
    }

    fn fits_in(&self, given: usize, parameters: usize) -> Result<(), Failure> {
        if given > parameters {
            let name = self.name;
            return Err(failure(format!(
                "{name}() takes {parameters} arguments but {given} were given"
            )));
        }
        Ok(())
    }

    /// Puts the arguments by name where they belong.
    fn all_named(&self, parameters: &[&str], given: &mut [Option<&'a str>]) -> Result<(), Failure> {
        let function = self.name;
        let Ok(members) = Members::new(self.kwargs.as_bytes()) else {
            return Ok(());
        };
        let positional = given.iter().filter(|value| value.is_some()).count();
        for member in members.flatten() {
            let name = self.kwargs.get(member.name).unwrap_or_default();
            let name = RawText::new(name);
            let place = parameters.iter().position(|parameter| name == **parameter);
            let Some(place) = place else {
                return Err(failure(format!("{function}() has no argument {name}")));
            };
            if place < positional {
                return Err(failure(format!("{function}() got {name} twice")));
            }
            if let Some(value) = given.get_mut(place) {
                *value = self.kwargs.get(member.value);
            }
        }
        Ok(())
    }
}

/// The elements of a JSON array that was checked.
fn elements(array: &str) -> Vec<&str> {
    let text = array.as_bytes();
    let mut elements = Vec::new();
    let mut at = skip::blanks(text, 1);
    while let Ok(end) = skip::value(text, at) {
        elements.extend(array.get(at..end));
        at = skip::blanks(text, skip::blanks(text, end) + 1);
    }
    elements
}

fn failure(text: String) -> Failure {
    Failure::new("TypeError", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind<A: DeserializeOwned>(
        args: &str,
        kwargs: &str,
        parameters: &[&str],
    ) -> Result<A, String> {
        let arguments = Arguments::new("f", args, kwargs);
        arguments
            .bind(parameters)
            .map_err(|failure| failure.message().to_owned())
    }

    #[test]
    fn arguments_come_by_position_by_name_and_mixed() {
        let names = ["a", "b"];
        for (args, kwargs) in [
            ("[1, \"x\"]", "{}"),
            ("[1]", r#"{"b": "x"}"#),
            ("[]", r#"{"\u0062":"x","a":1}"#),
            ("[ 1 , \"x\" ]", "{ }"),
        ] {
            let bound = bind::<(i32, String)>(args, kwargs, &names);
            assert_eq!(bound, Ok((1, "x".to_owned())), "{args} {kwargs}");
        }
        assert_eq!(bind::<()>("[]", "{}", &[]), Ok(()));
        assert_eq!(
            bind::<(Vec<i32>,)>("[[1,2]]", "{}", &["a"]),
            Ok((vec![1, 2],))
        );
        assert_eq!(
            bind::<(i32, Option<i32>)>("[1]", "{}", &names),
            Ok((1, None))
        );
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let names = ["a", "b"];
        let wrong = |args, kwargs| bind::<(i32, i32)>(args, kwargs, &names).unwrap_err();
        assert_eq!(
            wrong("[1,2,3]", "{}"),
            "f() takes 2 arguments but 3 were given"
        );
        assert_eq!(wrong("[1]", r#"{"a":1}"#), "f() got a twice");
        assert_eq!(wrong("[1,2]", r#"{"c":1}"#), "f() has no argument c");
        assert_eq!(wrong("[1]", "{}"), "f() is missing b");
        assert!(wrong("[1,\"2\"]", "{}").starts_with("f() got a wrong argument: "));
        assert_eq!(
            bind::<()>("[1]", "{}", &[]).unwrap_err(),
            "f() takes 0 arguments but 1 were given"
        );
        assert_eq!(
            bind::<()>("[]", r#"{"x":1}"#, &[]).unwrap_err(),
            "f() has no argument x"
        );
    }
}
