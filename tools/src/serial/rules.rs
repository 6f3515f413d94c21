//! What a board may do.
//!
//! A rule names a command and patterns; every key of a request, or its channel, has to be one of
//! the command's patterns. Whatever is not named is refused. Nothing can be allowed whose keys cannot
//! be told from its words, or that has more or less than one reply: scripts, transactions,
//! subscriptions, MONITOR.

use redis_ipc_core::name::{Component, NameError};

use crate::router::commands::Table;

/// Commands with keys that do more than their keys tell, or that a reply does not end.
const NEVER: [&str; 11] = [
    "eval",
    "eval_ro",
    "evalsha",
    "evalsha_ro",
    "fcall",
    "fcall_ro",
    "watch",
    "move",
    "copy",
    "migrate",
    "restore",
];

/// What every board may say, for it concerns nobody but its own connection.
const OWN_CONNECTION: [&str; 7] = [
    "ping",
    "time",
    "reset",
    "hello",
    "client|setname",
    "client|getname",
    "client|id",
];

/// What a component may do: command, and what its keys or its channel may be, `%` for its name.
const OF_A_COMPONENT: [(&str, &[&str]); 19] = [
    (
        "lpop",
        &[
            "queues.commands.%",
            "queues.commands.%.*",
            "queues.results.%.*",
        ],
    ),
    (
        "blpop",
        &[
            "queues.commands.%",
            "queues.commands.%.*",
            "queues.results.%.*",
        ],
    ),
    (
        "llen",
        &[
            "queues.commands.%",
            "queues.commands.%.*",
            "queues.results.%.*",
        ],
    ),
    ("rpush", &["queues.results.*"]),
    ("expire", &["queues.results.*", "status.%"]),
    ("pexpire", &["queues.results.*", "status.%"]),
    ("del", &["status.%", "queues.results.%.*"]),
    ("hget", &["settings.%", "status.%"]),
    ("hmget", &["settings.%", "status.%"]),
    ("hgetall", &["settings.%", "status.%"]),
    ("hexists", &["settings.%", "status.%"]),
    ("hkeys", &["settings.%", "status.%"]),
    ("hlen", &["settings.%", "status.%"]),
    ("hset", &["status.%"]),
    ("hmset", &["status.%"]),
    ("hsetnx", &["status.%"]),
    ("hincrby", &["status.%"]),
    ("hdel", &["status.%"]),
    (
        "publish",
        &["channel.events.%", "channel.events.%.*", "channel.debug.%"],
    ),
];

/// The allow-list.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    /// In lower case, a subcommand as `object|encoding`.
    command: String,
    patterns: Vec<Pattern>,
}

/// Text in which `*` stands for any bytes, also none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern(String);

impl Rules {
    /// Allows what a component does by itself.
    pub(crate) fn allow_component(&mut self, name: &str) -> Result<(), NameError> {
        let name = Component::parse(name)?;
        for (command, patterns) in OF_A_COMPONENT {
            let patterns = patterns
                .iter()
                .map(|pattern| Pattern(pattern.replace('%', name.as_str())));
            self.rules.push(Rule {
                command: command.to_owned(),
                patterns: patterns.collect(),
            });
        }
        Ok(())
    }

    /// Allows what a text such as `RPUSH queues.commands.printer*` says: a command and patterns.
    /// The error is a sentence.
    pub(crate) fn allow(&mut self, text: &str) -> Result<(), String> {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let known = Table::bundled().command(&words);
        let command = known.map_err(|_| format!("there is no command {text:?}"))?;
        let name = command.name.clone();
        words.drain(..1 + name.matches('|').count());
        if let Some(why) = never(&name) {
            return Err(format!("{} cannot be allowed: {why}", shown(&name)));
        }
        if words.is_empty() {
            return Err(format!(
                "{}: on which keys? A pattern is missing",
                shown(&name)
            ));
        }
        let patterns = words.into_iter().map(|word| Pattern(word.to_owned()));
        self.rules.push(Rule {
            command: name,
            patterns: patterns.collect(),
        });
        Ok(())
    }

    /// Whether a request may go to the server. The error is what stands behind `NOPERM`.
    pub(crate) fn judge(&self, words: &[Vec<u8>]) -> Result<(), String> {
        let refused = |what: &[u8]| {
            let what = what.get(..64).unwrap_or(what).escape_ascii();
            format!("this board may not use '{what}'")
        };
        let first = words.first().map_or(&b""[..], Vec::as_slice);
        let Ok(command) = Table::bundled().command(words) else {
            return Err(refused(first));
        };
        let name = command.name.as_str();
        if OWN_CONNECTION.contains(&name) {
            return greeting(name, words).map_err(|()| refused(b"HELLO with AUTH"));
        }
        if name == "client|tracking" {
            return self.tracking(&words[2..]).map_err(|what| refused(&what));
        }
        if never(name).is_some() || !self.rules.iter().any(|rule| rule.command == name) {
            return Err(refused(shown(name).as_bytes()));
        }
        let Some(targets) = targets(name, words) else {
            return Err(refused(shown(name).as_bytes()));
        };
        match targets.iter().find(|target| !self.allows(name, target)) {
            Some(target) => {
                let target = target.get(..64).unwrap_or(target).escape_ascii();
                Err(format!(
                    "this board may not use {} on '{target}'",
                    shown(name)
                ))
            }
            None => Ok(()),
        }
    }

    fn allows(&self, command: &str, target: &[u8]) -> bool {
        let rules = self.rules.iter().filter(|rule| rule.command == command);
        rules
            .flat_map(|rule| &rule.patterns)
            .any(|pattern| pattern.matches(target))
    }

    /// `CLIENT TRACKING ON BCAST PREFIX …`: tells the names of changed keys, so each prefix has to
    /// be one of keys that may be read. Hands over what is wrong.
    fn tracking(&self, words: &[Vec<u8>]) -> Result<(), Vec<u8>> {
        let mut words = words.iter();
        let (mut broadcast, mut prefixes) = (false, 0);
        while let Some(word) = words.next() {
            match word.to_ascii_lowercase().as_slice() {
                b"on" | b"off" | b"noloop" | b"optin" | b"optout" => {}
                b"bcast" => broadcast = true,
                b"prefix" => {
                    let prefix = words.next().ok_or(b"PREFIX".to_vec())?;
                    if !self.may_watch(prefix) {
                        return Err([b"PREFIX ", prefix.as_slice()].concat());
                    }
                    prefixes += 1;
                }
                _ => return Err([b"CLIENT TRACKING ", word.as_slice()].concat()),
            }
        }
        // Without a prefix it would be told of every key there is.
        match broadcast && prefixes == 0 {
            true => Err(b"CLIENT TRACKING BCAST without PREFIX".to_vec()),
            false => Ok(()),
        }
    }

    fn may_watch(&self, prefix: &[u8]) -> bool {
        let reads = |name: &str| {
            let known = Table::bundled().command(&[name]);
            name.ends_with("pop") || known.is_ok_and(|command| command.flags.readonly)
        };
        let rules = self.rules.iter().filter(|rule| reads(&rule.command));
        rules
            .flat_map(|rule| &rule.patterns)
            .any(|pattern| !pattern.head().is_empty() && prefix.starts_with(pattern.head()))
    }
}

impl Pattern {
    /// What stands before the first `*`.
    fn head(&self) -> &[u8] {
        self.0.split('*').next().unwrap_or_default().as_bytes()
    }

    fn matches(&self, target: &[u8]) -> bool {
        let mut parts = self.0.split('*').map(str::as_bytes);
        let Some(mut rest) = target.strip_prefix(parts.next().unwrap_or_default()) else {
            return false;
        };
        let mut parts = parts.peekable();
        if parts.peek().is_none() {
            return rest.is_empty();
        }
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return rest.ends_with(part);
            }
            // The first place is the best one: it leaves most for what follows.
            let found = (0..=rest.len()).find(|at| rest[*at..].starts_with(part));
            let Some(at) = found else { return false };
            rest = &rest[at + part.len()..];
        }
        true
    }
}

/// Why a command can be allowed to nobody.
fn never(name: &str) -> Option<&'static str> {
    if NEVER.contains(&name) {
        return Some("it does more than its keys tell");
    }
    if name == "publish" || name == "spublish" {
        return None;
    }
    let words: Vec<&str> = name.split('|').collect();
    match Table::bundled().command(&words) {
        Ok(command) if command.flags.movable => Some("its keys cannot be told from its words"),
        Ok(command) if command.specs.is_empty() || command.flags.pubsub => {
            Some("it has no keys by which it could be judged")
        }
        Ok(_) => None,
        Err(_) => Some("it is not known"),
    }
}

/// The keys of a request, or its channel; `None` if they cannot be told.
fn targets<'w>(name: &str, words: &'w [Vec<u8>]) -> Option<Vec<&'w [u8]>> {
    if name == "publish" || name == "spublish" {
        return match words {
            [_, channel, _] => Some(vec![channel]),
            _ => None,
        };
    }
    let keys = Table::bundled().keys(words).ok()?;
    keys.map(|at| words.get(at).map(Vec::as_slice)).collect()
}

/// A board does not log in: the gateway has done it, as whom it was told to.
fn greeting(name: &str, words: &[Vec<u8>]) -> Result<(), ()> {
    if name != "hello" {
        return Ok(());
    }
    match words.get(2..) {
        None | Some([]) => Ok(()),
        Some([option, _]) if option.eq_ignore_ascii_case(b"setname") => Ok(()),
        Some(_) => Err(()),
    }
}

fn shown(name: &str) -> String {
    name.to_uppercase().replace('|', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(extra: &[&str]) -> Rules {
        let mut rules = Rules::default();
        rules.allow_component("sensor").unwrap();
        for text in extra {
            rules.allow(text).unwrap();
        }
        rules
    }

    fn judge(rules: &Rules, line: &str) -> Result<(), String> {
        let words: Vec<Vec<u8>> = line
            .split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect();
        rules.judge(&words)
    }

    #[test]
    fn a_component_may_do_what_it_does_by_itself() {
        let rules = rules(&[]);
        for line in [
            "HELLO 3 SETNAME sensor-1",
            "hello",
            "RESET",
            "TIME",
            "CLIENT GETNAME",
            "CLIENT TRACKING ON BCAST PREFIX queues.commands.sensor PREFIX settings.sensor",
            "LPOP queues.commands.sensor",
            "blpop queues.commands.sensor.urgent queues.commands.sensor 0",
            "RPUSH queues.results.desk.main x",
            "PEXPIRE queues.results.desk.main 1000",
            "HGETALL settings.sensor",
            "HSET status.sensor a 1",
            "PUBLISH channel.events.sensor x",
            "PUBLISH channel.events.sensor.alarm x",
        ] {
            assert_eq!(judge(&rules, line), Ok(()), "{line}");
        }
    }

    #[test]
    fn nobody_else_is_within_reach() {
        let rules = rules(&[]);
        for line in [
            "FLUSHALL",
            "CONFIG GET *",
            "EVAL x 1 status.sensor",
            "EVAL x 0",
            "MULTI",
            "EXEC",
            "MONITOR",
            "SUBSCRIBE channel.events.sensor",
            "AUTH x",
            "SELECT 1",
            "QUIT",
            "CLIENT KILL TYPE normal",
            "CLIENT REPLY OFF",
            "CLIENT LIST",
            "CLIENT TRACKING ON BCAST",
            "CLIENT TRACKING ON REDIRECT 7",
            "CLIENT TRACKING ON BCAST PREFIX queues.",
            "CLIENT TRACKING ON BCAST PREFIX ",
            "HELLO 3 AUTH default secret",
            "HELLO 3 SETNAME a AUTH b c",
            "LPOP queues.commands.printer",
            "LPOP queues.commands.sensors",
            "LPOP queues.commands.",
            "BLPOP queues.commands.sensor queues.commands.printer 0",
            "RPUSH queues.commands.printer x",
            "HSET settings.sensor rate 1",
            "HSET status.printer a 1",
            "HGETALL settings.printer",
            "DEL status.sensor status.printer",
            "PUBLISH channel.events.printer x",
            "PUBLISH channel.events.sensor",
            "LMOVE queues.commands.sensor status.sensor LEFT LEFT",
            "SORT status.sensor STORE settings.printer",
            "GETT x",
            "",
        ] {
            assert!(judge(&rules, line).is_err(), "{line}");
        }
    }

    #[test]
    fn more_is_allowed_by_naming_it() {
        let rules = rules(&["RPUSH queues.commands.printer*", "object encoding a*z b"]);
        assert_eq!(
            judge(&rules, "RPUSH queues.commands.printer.urgent x"),
            Ok(())
        );
        assert_eq!(judge(&rules, "OBJECT ENCODING abcz"), Ok(()));
        assert_eq!(judge(&rules, "OBJECT ENCODING b"), Ok(()));
        assert!(judge(&rules, "OBJECT ENCODING ab").is_err());
        assert!(judge(&rules, "OBJECT FREQ b").is_err());
    }

    #[test]
    fn what_no_rule_can_bound_is_refused_as_a_rule() {
        for text in [
            "EVAL *",
            "MULTI *",
            "CONFIG *",
            "SUBSCRIBE *",
            "MONITOR *",
            "SORT *",
            "KEYS *",
            "FLUSHALL *",
            "GETT *",
            "GET",
            "",
            "CLIENT KILL *",
            "SCRIPT LOAD *",
            "MIGRATE *",
            "WATCH *",
            "SCAN *",
            "COPY *",
            "PSUBSCRIBE *",
            "SELECT *",
            "FCALL *",
        ] {
            assert!(Rules::default().allow(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_refusal_is_one_line_whatever_is_refused() {
        let rules = rules(&[]);
        for words in [
            vec![b"a\r\n+OK\r\n".to_vec()],
            vec![b"HGETALL".to_vec(), b"x\r\n+OK\r\n".repeat(100)],
            vec![b"CLIENT".to_vec(), b"TRACKING".to_vec(), b"\n".to_vec()],
        ] {
            let why = rules.judge(&words).unwrap_err();
            assert!(!why.contains(['\r', '\n']) && why.len() < 400, "{why}");
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, target, expected) in [
            ("a*c", "abbc", true),
            ("a*c", "ac", true),
            ("a*c", "ab", false),
            ("*", "", true),
            ("a*b*c", "aXbYbc", true),
            ("a*b*c", "aXc", false),
            ("ab*ba", "aba", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("*.x", "y.x", true),
        ] {
            let matches = Pattern(pattern.to_owned()).matches(target.as_bytes());
            assert_eq!(matches, expected, "{pattern} {target}");
        }
    }
}
