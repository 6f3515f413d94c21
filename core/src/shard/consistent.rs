//! rb's `ConsistentHashingRouter`: [ketama](super::ketama) whose nodes are named as Python prints
//! an rb host.
//!
//! ```
//! use redis_ipc_core::shard::Point;
//! use redis_ipc_core::shard::consistent::HostName;
//! use redis_ipc_core::shard::ketama::{Ketama, Node, points};
//!
//! let host = |id, port| Node::new(HostName { port, ..HostName::tcp(id, "127.0.0.1") });
//! let ketama = Ketama::new(&[host(0, 6379), host(1, 6380)], [Point::EMPTY; points(2)])?;
//! assert_eq!(ketama.node(b"foo"), 0);
//! # Ok::<(), redis_ipc_core::shard::CircleError>(())
//! ```

use core::fmt;

/// The name of a host in rb: every one of its settings, the password included.
///
/// `Display` writes it. A deployment whose name cannot be made this way (with `ssl_options`, for
/// one) takes the text that its own Python prints for the node's name instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostName<'a> {
    /// The host's number.
    pub host_id: u32,
    /// Its name or address; `localhost` in rb where nothing was said.
    pub host: &'a str,
    /// Its TCP port; 6379 where nothing was said, with a Unix socket too.
    pub port: u16,
    /// The number of the database.
    pub db: u32,
    /// Its password.
    pub password: Option<&'a str>,
    /// Whether TLS is spoken.
    pub ssl: bool,
    /// The path of its Unix socket.
    pub unix_socket_path: Option<&'a str>,
}

impl<'a> HostName<'a> {
    /// A host on TCP: port 6379, database 0, no password, no TLS.
    #[must_use]
    pub const fn tcp(host_id: u32, host: &'a str) -> Self {
        Self {
            host_id,
            host,
            port: 6379,
            db: 0,
            password: None,
            ssl: false,
            unix_socket_path: None,
        }
    }

    /// A host on a Unix socket: database 0, no password.
    #[must_use]
    pub const fn unix(host_id: u32, path: &'a str) -> Self {
        let mut name = Self::tcp(host_id, "localhost");
        name.unix_socket_path = Some(path);
        name
    }
}

impl fmt::Display for HostName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<HostInfo db={} host={}",
            self.db,
            Python(Some(self.host))
        )?;
        write!(
            f,
            " host_id={} password={}",
            self.host_id,
            Python(self.password)
        )?;
        let ssl = if self.ssl { "True" } else { "False" };
        write!(f, " port={} ssl={ssl} ssl_options=None", self.port)?;
        write!(f, " unix_socket_path={}>", Python(self.unix_socket_path))
    }
}

/// A text as Python's `repr` writes it, or `None`.
struct Python<'a>(Option<&'a str>);

impl fmt::Display for Python<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(text) = self.0 else {
            return f.write_str("None");
        };
        let quote = if text.contains('\'') && !text.contains('"') {
            '"'
        } else {
            '\''
        };
        write!(f, "{quote}")?;
        for letter in text.chars() {
            match letter {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\\' => f.write_str("\\\\")?,
                _ if letter == quote => write!(f, "\\{letter}")?,
                ' '..='~' => write!(f, "{letter}")?,
                _ if is_printable(letter) => write!(f, "{letter}")?,
                ..='\u{ff}' => write!(f, "\\x{:02x}", u32::from(letter))?,
                ..='\u{ffff}' => write!(f, "\\u{:04x}", u32::from(letter))?,
                _ => write!(f, "\\U{:08x}", u32::from(letter))?,
            }
        }
        write!(f, "{quote}")
    }
}

/// Whether Python prints a letter that is not ASCII as it is: it does not with what is unassigned,
/// for control or format, or a space.
///
/// Rust's own rule for messages is the same (`printable.py` of its library), but for letters that
/// combine with the one before, which it prints only where there is one.
fn is_printable(letter: char) -> bool {
    let mut room = [b'a'; 5];
    let length = 1 + letter.encode_utf8(&mut room[1..]).len();
    let text = room.get(..length).unwrap_or_default();
    let text = core::str::from_utf8(text).unwrap_or_default();
    text.escape_debug().nth(1) == Some(letter)
}

#[cfg(test)]
mod tests {
    use super::super::Point;
    use super::super::ketama::{Ketama, Node, points};
    use super::super::vectors;
    use super::*;
    use crate::STRIDE;
    use std::string::{String, ToString};
    use std::vec;
    use std::vec::Vec;

    fn hosts<'v>(section: &'v serde_json::Value) -> Vec<HostName<'v>> {
        let number = |value: &serde_json::Value| u32::try_from(value.as_u64().unwrap()).unwrap();
        let hosts = section["hosts"].as_object().unwrap();
        let name = |(id, host): (&String, &'v serde_json::Value)| {
            let id = id.parse().unwrap();
            match host["unix_socket_path"].as_str() {
                Some(path) => HostName {
                    db: number(&host["db"]),
                    ..HostName::unix(id, path)
                },
                None => HostName {
                    port: u16::try_from(number(&host["port"])).unwrap(),
                    ..HostName::tcp(id, host["host"].as_str().unwrap())
                },
            }
        };
        hosts.iter().map(name).collect()
    }

    #[test]
    fn names_and_nodes_are_those_of_rb() {
        let vectors = vectors::load();
        let sections = ["rb_consistent_router", "rb_consistent_router_unix"];
        for at in sections.into_iter().step_by(STRIDE) {
            let section = &vectors[at];
            let hosts = hosts(section);
            for (host, name) in hosts.iter().zip(section["node_names"].as_array().unwrap()) {
                assert_eq!(host.to_string(), *name);
            }
            let nodes: Vec<_> = hosts.into_iter().map(Node::new).collect();
            let ketama = Ketama::new(&nodes, vec![Point::EMPTY; points(nodes.len())]).unwrap();
            for (key, id) in vectors::keys(&vectors).zip(section["host_id"].as_array().unwrap()) {
                assert_eq!(
                    ketama.node(key.as_bytes()) as u64,
                    id.as_u64().unwrap(),
                    "{key:?}"
                );
            }
        }
    }

    #[test]
    fn texts_are_quoted_as_python_quotes_them() {
        for (text, python) in [
            ("plain", r"'plain'"),
            ("it's", r#""it's""#),
            (r#"it's "it""#, r#"'it\'s "it"'"#),
            ("a\\b\n\x01ü", r"'a\\b\n\x01ü'"),
            ("\x7f\u{85}\u{a0}\u{ad}", r"'\x7f\x85\xa0\xad'"),
            ("\u{200b}\u{2028}\u{e000}", r"'\u200b\u2028\ue000'"),
            ("\u{e0001}\u{10ffff}", r"'\U000e0001\U0010ffff'"),
            ("e\u{301}漢😀", "'e\u{301}漢😀'"),
        ] {
            assert_eq!(Python(Some(text)).to_string(), python);
        }
    }
}
