//! The text of a file of hosts, and what is said of it.

use std::fmt;
use std::io::{self, ErrorKind, Read};

/// Bytes that a file may have: more than the hosts of the largest cluster take.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file's path, or what the caller calls the text.
    pub file: String,
    /// The line, counted from 1; `None` if it is the whole.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

impl std::error::Error for ConfigError {}

/// The text of a file, which is called `name`; it has an end, and is no longer than some MiB.
pub(in crate::router) fn text(name: &str, file: impl Read) -> Result<String, ConfigError> {
    let mut bytes = Vec::new();
    let read = file.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    let read = read.map_err(|error| unreadable(name, &error))?;
    if read as u64 > MOST_BYTES {
        return Err(unreadable(name, &ErrorKind::FileTooLarge.into()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        ConfigError {
            file: name.to_owned(),
            line: Some(line_behind(before)),
            what: "this is not UTF-8".to_owned(),
        }
    })
}

/// A file that cannot be read.
pub(in crate::router) fn unreadable(name: &str, error: &io::Error) -> ConfigError {
    ConfigError {
        file: name.to_owned(),
        line: None,
        what: format!("cannot be read: {error}"),
    }
}

/// The number of the line in which these bytes end.
pub(super) fn line_behind(bytes: &[u8]) -> usize {
    1 + bytes.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use crate::router::Cluster;

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Cluster::from_file("/no/such/hosts.toml")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("/no/such/hosts.toml: cannot be read"),
            "{error}"
        );
    }

    #[test]
    fn a_file_without_an_end_is_not_read_for_ever() {
        let error = Cluster::from_file("/dev/zero").unwrap_err().to_string();
        assert!(error.starts_with("/dev/zero: cannot be read"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_text_is_named_with_its_line() {
        let path = std::env::temp_dir().join(format!("hosts-{}.toml", std::process::id()));
        std::fs::write(&path, b"[[host]]\nid = 0\naddress = \"\xff\"\n").unwrap();
        let error = Cluster::from_file(&path).unwrap_err().to_string();
        std::fs::remove_file(&path).unwrap();
        assert!(error.ends_with("toml:3: this is not UTF-8"), "{error}");
    }
}
