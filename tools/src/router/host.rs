//! One server's database among several.

use std::fmt;

use redis_ipc::Endpoint;
use redis_ipc_core::shard::consistent::HostName;

/// A host: a number, an address and what its placement hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its number; those of a cluster run from 0 without gaps.
    pub id: u32,
    /// Where it is; the database is part of it.
    pub endpoint: Endpoint,
    /// What ketama, consistent and ring hash in its place; `None`: what rb or txredisapi would.
    pub name: Option<String>,
    /// Its share with ketama; 1 unless told otherwise.
    pub weight: u32,
}

impl Host {
    /// A host with nothing special.
    #[must_use]
    pub fn new(id: u32, endpoint: Endpoint) -> Self {
        Self {
            id,
            endpoint,
            name: None,
            weight: 1,
        }
    }

    /// The same with a name for its placement, as the Python of an existing deployment prints it.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The same with another share.
    #[must_use]
    pub fn weighing(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// `host:port`, or the path of the socket: its name with txredisapi, and with ketama here.
    #[must_use]
    pub fn short_name(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        match (self.endpoint.host(), self.endpoint.path()) {
            (Some((host, port)), _) => format!("{host}:{port}"),
            (None, path) => path.unwrap_or_else(|| "".as_ref()).display().to_string(),
        }
    }

    /// Its name with rb's consistent router: what Python prints for the same host there. A host
    /// with options of TLS (an authority's file, for instance) has to be named by hand for that
    /// placement: rb has other ones, and prints them.
    #[must_use]
    pub fn python_name(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let path = self.endpoint.path().map(|path| path.display().to_string());
        let (host, port) = self.endpoint.host().unwrap_or(("localhost", 6379));
        let name = HostName {
            port,
            db: self.endpoint.database(),
            password: self.endpoint.password(),
            ssl: self.endpoint.is_secure(),
            unix_socket_path: path.as_deref(),
            ..HostName::tcp(self.id, host)
        };
        name.to_string()
    }
}

impl Host {
    /// Whether [`python_name`](Self::python_name) is known to be what Python prints.
    pub(crate) fn has_python_name(&self) -> bool {
        #[cfg(feature = "tls")]
        if self.name.is_none() && self.endpoint.is_secure() {
            let plain = self.endpoint.clone().with_tls(redis_ipc::Tls::new());
            return plain == self.endpoint;
        }
        true
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {} ({})", self.id, self.endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_programs_unless_set_by_hand() {
        let tcp = Host::new(3, "redis://:it's@10.0.0.7:6380/2".parse().unwrap());
        let unix = Host::new(0, "unix:///tmp/s0".parse().unwrap());
        assert_eq!(tcp.short_name(), "10.0.0.7:6380");
        assert_eq!(unix.short_name(), "/tmp/s0");
        assert_eq!(
            tcp.python_name(),
            "<HostInfo db=2 host='10.0.0.7' host_id=3 password=\"it's\" port=6380 ssl=False \
             ssl_options=None unix_socket_path=None>"
        );
        assert_eq!(
            unix.python_name(),
            "<HostInfo db=0 host='localhost' host_id=0 password=None port=6379 ssl=False \
             ssl_options=None unix_socket_path='/tmp/s0'>"
        );
        let named = unix.named("old name");
        assert_eq!(
            [named.short_name(), named.python_name()],
            ["old name", "old name"]
        );
    }
}
