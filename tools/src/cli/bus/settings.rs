//! What the command line does not say: taken from the environment, then from a file.

use std::env;
use std::path::Path;

use redis_ipc::Endpoint;

use crate::bus::Bus;
use crate::problem::Problem;

/// The file that is read if it is there and no other is named.
const FILE: &str = ".worker_config";

/// Settings, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) hostname: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) db: Option<u32>,
    pub(crate) site: Option<String>,
    pub(crate) worker: Option<String>,
    pub(crate) worker_path: Option<String>,
    pub(crate) verbose: bool,
}

impl Settings {
    /// With what the environment and the file have to add.
    pub(crate) fn completed(self, file: Option<&str>) -> Result<Self, Problem> {
        let settings = self.or(Self::from_environment(|name| env::var(name).ok())?);
        Ok(settings.or(Self::from_file(file)?))
    }

    /// The server: the one that `--server` names, else a host or a port of ours, else the
    /// device's own.
    pub(crate) fn endpoint(&self, bus: &Bus) -> Result<Endpoint, Problem> {
        let here = bus.server.is_none() && (self.hostname.is_some() || self.port.is_some());
        let endpoint = match here {
            true => Endpoint::tcp(
                self.hostname.as_deref().unwrap_or("localhost"),
                self.port.unwrap_or(6379),
            ),
            false => bus.endpoint()?,
        };
        Ok(match self.db {
            Some(db) => endpoint.with_database(db),
            None => endpoint,
        })
    }

    fn or(self, other: Self) -> Self {
        Self {
            hostname: self.hostname.or(other.hostname),
            port: self.port.or(other.port),
            db: self.db.or(other.db),
            site: self.site.or(other.site),
            worker: self.worker.or(other.worker),
            worker_path: self.worker_path.or(other.worker_path),
            verbose: self.verbose || other.verbose,
        }
    }

    fn from_environment(get: impl Fn(&str) -> Option<String>) -> Result<Self, Problem> {
        let mut settings = Self::default();
        for (variable, name) in [
            ("REDIS_HOSTNAME", "redis_hostname"),
            ("REDIS_PORT", "redis_port"),
            ("REDIS_DB", "redis_db"),
            ("SITE", "site"),
        ] {
            let value = get(variable).filter(|value| !value.is_empty());
            if let Some(value) = value {
                settings.set(name, &value, variable)?;
            }
        }
        Ok(settings)
    }

    fn from_file(named: Option<&str>) -> Result<Self, Problem> {
        let path = Path::new(named.unwrap_or(FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_text(&text, &path.display().to_string()),
            Err(_) if named.is_none() => Ok(Self::default()),
            Err(error) => Err(Problem::failed(format!(
                "cannot read {}: {error}",
                path.display()
            ))),
        }
    }

    /// Lines `name = value`, with or without quotes. Other lines are passed over, for the file
    /// may serve other programs as well. Compat: the original's file is a Python program; of its
    /// dictionary the lines `'name': value,` are understood, and nothing is executed.
    fn from_text(text: &str, file: &str) -> Result<Self, Problem> {
        let mut settings = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.starts_with(['#', ';', '[']) {
                continue;
            }
            if let Some((name, value)) = line.split_once(['=', ':']) {
                let name = name.trim().trim_matches(QUOTES);
                let place = format!("{file}, line {number}");
                settings.set(name, plain(value), &place)?;
            }
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str, place: &str) -> Result<(), Problem> {
        let no_number = |_| Problem::usage(format!("{place}: {value:?} is no number for {name}"));
        let text = || Some(value.to_owned());
        if value.is_empty() {
            return Ok(());
        }
        match name {
            "redis_hostname" => self.hostname = text(),
            "redis_port" => self.port = Some(value.parse().map_err(no_number)?),
            "redis_db" => self.db = Some(value.parse().map_err(no_number)?),
            "site" => self.site = text(),
            "worker" => self.worker = text(),
            "worker_path" => self.worker_path = text(),
            _ => {}
        }
        Ok(())
    }
}

const QUOTES: [char; 2] = ['"', '\''];

/// A value without its quotes, and without what may follow it.
fn plain(value: &str) -> &str {
    let value = value.trim();
    if let Some(quote) = value.chars().next().filter(|first| QUOTES.contains(first)) {
        let within = value.strip_prefix(quote).unwrap_or(value);
        return within.split_once(quote).map_or(within, |(text, _)| text);
    }
    let value = value.split_once(" #").map_or(value, |(value, _)| value);
    value.trim_end().trim_end_matches(',')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# ours\n[globals]\nredis_hostname = 'box'\nredis_port=7000\n\
        site = \"plant\"\nworker_path = /srv\nother = 5\n";

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
        let line = Settings {
            port: Some(1),
            ..Settings::default()
        };
        let variables = |name: &str| match name {
            "REDIS_PORT" => Some("2".to_owned()),
            "SITE" => Some("city".to_owned()),
            "REDIS_DB" => Some(String::new()),
            _ => None,
        };
        let environment = Settings::from_environment(variables).unwrap();
        let file = Settings::from_text(TEXT, "f").unwrap();
        let settings = line.or(environment).or(file);
        let expected = Settings {
            hostname: Some("box".to_owned()),
            port: Some(1),
            site: Some("city".to_owned()),
            worker_path: Some("/srv".to_owned()),
            ..Settings::default()
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn the_file_of_the_original_is_understood_as_far_as_it_says_something_of_ours() {
        let text = "import os\nglobal_config = {\n    'redis_hostname': 'box',  # here: there\n    \
            \"redis_port\" : 7000, # a port\n    'site':\"plant=1\",\n    'worker_path': '',\n}\n\
            worker_config = {}\ngame_config = {}\n";
        let settings = Settings::from_text(text, "f").unwrap();
        let expected = Settings {
            hostname: Some("box".to_owned()),
            port: Some(7000),
            site: Some("plant=1".to_owned()),
            ..Settings::default()
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn what_is_no_number_is_refused_with_its_place() {
        let refused = Settings::from_text("\nredis_port = many", "f").unwrap_err();
        match refused {
            Problem::Told(told) => assert!(told.message.contains("f, line 2"), "{}", told.message),
            Problem::Closed => panic!(),
        }
    }

    #[test]
    fn a_host_or_a_port_means_tcp_and_a_database_goes_with_any_server() {
        let bus = |server: Option<&str>| Bus {
            server: server.map(str::to_owned),
            name: None,
        };
        let endpoint =
            |settings: &Settings, server| settings.endpoint(&bus(server)).unwrap().to_string();
        let mut settings = Settings {
            db: Some(3),
            ..Settings::default()
        };
        assert_eq!(endpoint(&settings, Some("/s")), "unix:///s?db=3");
        settings.hostname = Some("box".to_owned());
        assert_eq!(endpoint(&settings, None), "redis://box:6379/3");
        assert_eq!(endpoint(&settings, Some("/s")), "unix:///s?db=3");
    }
}
