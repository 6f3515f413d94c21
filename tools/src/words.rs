//! The words of a command line, put into the order that argh takes them in.
//!
//! argh wants the options of all subcommands in front of the subcommand's name, takes `-` and
//! `-5` for options and knows no `--name=value`. People write all of these. What options there
//! are, argh itself tells.

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind};

use crate::nearest::nearest;

/// A command line in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// The names of the subcommand: `settings`, `get`.
    pub(crate) path: Vec<String>,
    /// Whether help is asked for instead.
    pub(crate) help: bool,
    /// Options that all subcommands have.
    general: Vec<String>,
    /// Options of each part of the path.
    own: Vec<Vec<String>>,
    /// All else.
    values: Vec<String>,
}

impl Words {
    /// Sorts words by what `tool` says of itself. The error is a sentence; the path is as far as
    /// it was understood then.
    pub(crate) fn sort(
        &mut self,
        words: impl IntoIterator<Item = String>,
        tool: &CommandInfoWithArgs,
    ) -> Result<(), String> {
        let sorted = self;
        let mut levels = vec![tool];
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            if word == "--" {
                sorted.values.extend(words);
                break;
            }
            let level = levels.last().copied().unwrap_or(tool);
            if matches!(&*word, "--help" | "-h") {
                sorted.help = true;
            } else if is_option(&word) {
                sorted.option(&word, &mut words, &levels)?;
            } else if level.commands.is_empty() {
                sorted.values.push(word);
            } else if word == "help" {
                sorted.help = true;
            } else {
                levels.push(subcommand(&word, level, &sorted.path)?);
                sorted.path.push(word);
                sorted.own.push(Vec::new());
            }
        }
        Ok(())
    }

    /// Puts an option with its value where it belongs: with the innermost part of the path that
    /// knows it. `_` in its name is as good as `-`.
    fn option(
        &mut self,
        word: &str,
        words: &mut impl Iterator<Item = String>,
        levels: &[&CommandInfoWithArgs],
    ) -> Result<(), String> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        let name = &name.replace('_', "-");
        let known = levels.iter().enumerate().rev();
        let mut found = known.filter_map(|(depth, level)| Some((depth, flag(level, name)?)));
        let (flag, place) = match found.next() {
            Some((0, flag)) => (flag, &mut self.general),
            Some((depth, flag)) => match self.own.get_mut(depth - 1) {
                Some(place) => (flag, place),
                None => return Err(format!("{name} stands too early")),
            },
            None => {
                let flags = levels.iter().rev().flat_map(|level| level.flags);
                let known = flags.map(|flag| flag.long);
                return Err(unknown("option", name, known, &self.path));
            }
        };
        place.push(name.to_owned());
        let takes_value = matches!(flag.kind, FlagInfoKind::Option { .. });
        match (takes_value, value) {
            (true, value) => match value.or_else(|| words.next()) {
                Some(value) => place.push(value),
                None => return Err(format!("the option {name} wants a value")),
            },
            (false, Some(_)) => return Err(format!("the option {name} takes no value")),
            (false, None) => {}
        }
        Ok(())
    }

    /// What argh is given.
    pub(crate) fn for_argh(&self) -> Vec<&str> {
        let mut words: Vec<&str> = Vec::new();
        words.extend(self.general.iter().map(String::as_str));
        for (name, own) in self.path.iter().zip(&self.own) {
            words.push(name);
            // A page of help is the same with and without them.
            let own = own.iter().filter(|_| !self.help);
            words.extend(own.map(String::as_str));
        }
        if self.help {
            words.push("--help");
            return words;
        }
        if !self.values.is_empty() {
            words.push("--");
            words.extend(self.values.iter().map(String::as_str));
        }
        words
    }
}

/// `-` stands for standard input, `-5` is a number.
fn is_option(word: &str) -> bool {
    let behind = word.strip_prefix('-').and_then(|rest| rest.chars().next());
    behind.is_some_and(|next| !next.is_ascii_digit() && next != '.')
}

fn flag(level: &CommandInfoWithArgs, name: &str) -> Option<&'static FlagInfo<'static>> {
    level.flags.iter().find(|flag| flag.long == name)
}

fn subcommand<'i>(
    word: &str,
    level: &'i CommandInfoWithArgs,
    path: &[String],
) -> Result<&'i CommandInfoWithArgs, String> {
    let known = level.commands.iter();
    match known.clone().find(|command| command.name == word) {
        Some(found) => Ok(&found.command),
        None => Err(unknown(
            "subcommand",
            word,
            known.map(|command| command.name),
            path,
        )),
    }
}

fn unknown<'c>(
    what: &str,
    word: &str,
    known: impl Iterator<Item = &'c str>,
    path: &[String],
) -> String {
    let path = path.join(" ");
    let of = if path.is_empty() { "" } else { " of " };
    match nearest(word, known) {
        Some(meant) => format!("{word} is no {what}{of}{path}; did you mean {meant}?"),
        None => format!("{word} is no {what}{of}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Arguments;
    use argh::ArgsInfo;

    fn sort(line: &[&str]) -> Result<Words, String> {
        let words = line.iter().map(|word| (*word).to_owned());
        let mut sorted = Words::default();
        sorted.sort(words, &Arguments::get_args_info())?;
        Ok(sorted)
    }

    fn sorted(line: &[&str]) -> String {
        sort(line).unwrap().for_argh().join(" ")
    }

    #[test]
    fn general_options_may_stand_anywhere() {
        let ordered = "--json --server /s call --timeout 3 -- printer {}";
        for line in [
            &[
                "--json",
                "--server",
                "/s",
                "call",
                "printer",
                "{}",
                "--timeout",
                "3",
            ][..],
            &[
                "call",
                "--timeout=3",
                "printer",
                "--json",
                "{}",
                "--server=/s",
            ],
        ] {
            assert_eq!(sorted(line), ordered);
        }
    }

    #[test]
    fn options_go_to_the_part_of_the_path_that_knows_them() {
        let ordered = "--json bus --site plant call --worker-id a:1 -- ping";
        for line in [
            &[
                "--json",
                "bus",
                "--site",
                "plant",
                "call",
                "--worker-id",
                "a:1",
                "ping",
            ][..],
            &[
                "bus",
                "call",
                "ping",
                "--worker_id=a:1",
                "--site=plant",
                "--json",
            ],
        ] {
            assert_eq!(sorted(line), ordered);
        }
    }

    #[test]
    fn a_dash_and_a_negative_number_are_values() {
        assert_eq!(sorted(&["call", "a", "-"]), "call -- a -");
        assert_eq!(
            sorted(&["settings", "set", "a", "b", "-5"]),
            "settings set -- a b -5"
        );
    }

    #[test]
    fn behind_two_dashes_and_as_a_value_everything_is_taken_as_it_is() {
        assert_eq!(
            sorted(&["debug", "send", "--", "--json"]),
            "debug send -- --json"
        );
        assert_eq!(
            sorted(&["serve", "a", "--exec", "--x=y"]),
            "serve --exec --x=y -- a"
        );
    }

    #[test]
    fn help_is_found_wherever_it_stands() {
        for line in [
            &["help", "settings", "get"][..],
            &["settings", "help", "get"],
            &["--help", "settings", "get"],
            &["settings", "get", "x", "-h"],
        ] {
            assert_eq!(sorted(line), "settings get --help");
        }
        assert_eq!(sorted(&["debug", "send", "help"]), "debug send -- help");
    }

    #[test]
    fn typing_errors_name_what_was_meant() {
        assert_eq!(
            sort(&["cal", "printer"]).unwrap_err(),
            "cal is no subcommand; did you mean call?"
        );
        assert_eq!(
            sort(&["settings", "gte"]).unwrap_err(),
            "gte is no subcommand of settings; did you mean get?"
        );
        assert_eq!(
            sort(&["call", "--timout", "3"]).unwrap_err(),
            "--timout is no option of call; did you mean --timeout?"
        );
        assert_eq!(
            sort(&["--json=yes"]).unwrap_err(),
            "the option --json takes no value"
        );
        assert_eq!(
            sort(&["call", "printer", "--timeout"]).unwrap_err(),
            "the option --timeout wants a value"
        );
    }
}
