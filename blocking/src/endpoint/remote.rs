//! Servers on the other side of a network: hosts and ports, and the Sentinels that name one.

use std::fmt;
use std::sync::Arc;

use super::{Endpoint, Place};

/// Those who know which server is the master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sentinels {
    /// Their hosts and ports; at least one.
    pub(crate) nodes: Vec<(String, u16)>,
    /// What they call the master.
    pub(crate) master: String,
    /// The login that they want themselves.
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

impl Endpoint {
    /// A server on TCP, no password, database 0.
    #[must_use]
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::at(Place::Tcp {
            host: host.into(),
            port,
        })
    }

    /// The server that is the master called `master` for the time being, by the word of
    /// Sentinels at these hosts and ports. They are asked in turn, whenever a connection is
    /// made; what they name must say itself that it is the master.
    ///
    /// ```
    /// use redis_ipc::Endpoint;
    ///
    /// let sentinels = Endpoint::sentinels(&[("10.0.0.7", 26379), ("10.0.0.8", 26379)], "bus");
    /// assert_eq!(sentinels.to_string(), "redis-sentinel://10.0.0.7:26379,10.0.0.8:26379/bus");
    /// ```
    #[must_use]
    pub fn sentinels(nodes: &[(&str, u16)], master: &str) -> Self {
        let nodes = nodes.iter().map(|(host, port)| ((*host).to_owned(), *port));
        Self::at(Place::Sentinels(Arc::new(Sentinels {
            nodes: nodes.collect(),
            master: master.to_owned(),
            user: None,
            password: None,
        })))
    }

    /// Another server on TCP, with the same login and the same TLS; database 0.
    ///
    /// ```
    /// use redis_ipc::Endpoint;
    ///
    /// let node: Endpoint = "redis://panel:secret@10.0.0.7:6380/2".parse()?;
    /// assert_eq!(node.with_host("10.0.0.8", 6380).to_string(), "redis://panel:***@10.0.0.8:6380");
    /// # Ok::<(), redis_ipc::EndpointError>(())
    /// ```
    #[must_use]
    pub fn with_host(mut self, host: impl Into<String>, port: u16) -> Self {
        self.place = Self::tcp(host, port).place;
        self.database = 0;
        self
    }

    /// As [`Display`](fmt::Display), of what is not on a Unix socket.
    pub(super) fn fmt_remote(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = self.shown_login();
        let secure = if self.is_secure() { "s" } else { "" };
        let mut parameters = self.tls_parameters();
        match &self.place {
            Place::Unix(_) => {}
            Place::Tcp { host, port } => {
                write!(f, "redis{secure}://{login}{}", Host(host, *port))?;
                if self.database != 0 {
                    write!(f, "/{}", self.database)?;
                }
            }
            Place::Sentinels(sentinels) => {
                let nodes = sentinels.nodes.iter();
                let nodes: Vec<_> = nodes.map(|(h, p)| Host(h, *p).to_string()).collect();
                let (nodes, master) = (nodes.join(","), &sentinels.master);
                write!(f, "redis{secure}-sentinel://{login}{nodes}/{master}")?;
                if self.database != 0 {
                    parameters.insert(0, ("db", self.database.to_string()));
                }
            }
        }
        for (number, (name, value)) in parameters.iter().enumerate() {
            let mark = if number == 0 { '?' } else { '&' };
            write!(f, "{mark}{name}={value}")?;
        }
        Ok(())
    }
}

#[cfg(feature = "tls")]
impl Endpoint {
    /// Whether TLS is spoken on the way there.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.tls.is_some() && !matches!(self.place, Place::Unix(_))
    }

    fn tls_parameters(&self) -> Vec<(&'static str, String)> {
        let tls = self.tls.iter().filter(|_| self.is_secure());
        tls.flat_map(|tls| tls.parameters()).collect()
    }
}

#[cfg(not(feature = "tls"))]
impl Endpoint {
    #[expect(clippy::unused_self, reason = "with the feature `tls` it has some")]
    fn tls_parameters(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// A host and its port; an IPv6 address stands in brackets.
pub(crate) struct Host<'h>(pub(crate) &'h str, pub(crate) u16);

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(host, port) = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}
