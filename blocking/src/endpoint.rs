//! Where a server is: a path, or a URL with user, password and database.

#[cfg(feature = "tls")]
mod tls;
mod url;

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(feature = "tls")]
pub use tls::Tls;

/// Longest path of a Unix socket, in bytes: `sockaddr_un` holds 108 with the NUL at its end.
pub const MAX_SOCKET_PATH_BYTES: usize = 107;

/// A server's address and what it takes to be let in.
///
/// ```
/// use redis_ipc::Endpoint;
///
/// let local: Endpoint = "/run/redis-ipc/socket".parse()?;
/// let remote: Endpoint = "redis://panel:secret@10.0.0.7:6380/2".parse()?;
/// assert_eq!(local.to_string(), "unix:///run/redis-ipc/socket");
/// assert_eq!(remote.to_string(), "redis://panel:***@10.0.0.7:6380/2");
/// # Ok::<(), redis_ipc::EndpointError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub(crate) place: Place,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) database: u32,
    /// For a place on TCP, or the ones that Sentinels name and they themselves.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Arc<Tls>>,
}

/// The kind of socket and its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Unix(PathBuf),
    Tcp { host: String, port: u16 },
    Sentinels(Arc<Sentinels>),
}

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

/// Why a text is not an endpoint. As [`Debug`](fmt::Debug) it shows its sentence, too.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// A Unix socket's path is longer than a socket address can hold.
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length in bytes; at most [`MAX_SOCKET_PATH_BYTES`] fit.
        bytes: usize,
    },
    /// The text is no path and no URL that is understood.
    Malformed {
        /// The text, without its password.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl fmt::Debug for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PathTooLong { path, bytes } => write!(
                f,
                "the socket path {} has {bytes} bytes, but a Unix socket's path has at most \
                 {MAX_SOCKET_PATH_BYTES}: use a shorter one",
                path.display()
            ),
            Self::Malformed { text, why } => write!(
                f,
                "{text:?} is not a server's address ({why}): give a path, \
                 unix:///path?db=N, redis://[user:password@]host[:port][/db] or \
                 redis-sentinel://[user:password@]host[:port],…/name[?db=N]; with TLS \
                 rediss://… or rediss-sentinel://…"
            ),
        }
    }
}

impl std::error::Error for EndpointError {}

impl Endpoint {
    /// A server on a Unix socket, no password, database 0.
    ///
    /// # Errors
    /// [`EndpointError::PathTooLong`] for a path of more than 107 bytes.
    pub fn unix(path: impl Into<PathBuf>) -> Result<Self, EndpointError> {
        let path = path.into();
        let bytes = path.as_os_str().len();
        if bytes > MAX_SOCKET_PATH_BYTES {
            return Err(EndpointError::PathTooLong { path, bytes });
        }
        Ok(Self::at(Place::Unix(path)))
    }

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

    fn at(place: Place) -> Self {
        Self {
            place,
            user: None,
            password: None,
            database: 0,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// The same server with another database.
    #[must_use]
    pub fn with_database(mut self, database: u32) -> Self {
        self.database = database;
        self
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

    /// The same server with a user and a password; without a user, the server's default one.
    #[must_use]
    pub fn with_password(mut self, user: Option<&str>, password: &str) -> Self {
        self.user = user.map(str::to_owned);
        self.password = Some(password.to_owned());
        self
    }

    /// The same server through TLS, or the same Sentinels and their master. Without meaning for
    /// a Unix socket.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(Arc::new(tls));
        self
    }

    /// The path, if it is a Unix socket.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Unix(path) => Some(path),
            Place::Tcp { .. } | Place::Sentinels(_) => None,
        }
    }

    /// The host's name or address and the port, if it is on TCP and always the same.
    #[must_use]
    pub fn host(&self) -> Option<(&str, u16)> {
        match &self.place {
            Place::Unix(_) | Place::Sentinels(_) => None,
            Place::Tcp { host, port } => Some((host, *port)),
        }
    }

    /// The number of the database.
    #[must_use]
    pub fn database(&self) -> u32 {
        self.database
    }

    /// The user; without one, but with a password, the server's default user is meant.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password. [`Display`](fmt::Display) never shows it.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Where the device's bus is, unless somebody says otherwise. The first of:
    ///
    /// 1. `RIPC_SERVER_PATH`, a path or a URL (the C library's variable),
    /// 2. `$RIPC_RUNTIME_DIR/redis-ipc/socket` (the Python module's variable),
    /// 3. `/run/redis-ipc/socket`, if it exists,
    /// 4. `/tmp/redis-ipc/socket`.
    ///
    /// # Errors
    /// [`EndpointError`] if a variable holds what cannot be an address.
    pub fn from_environment() -> Result<Self, EndpointError> {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, EndpointError> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        if let Some(path) = set("RIPC_SERVER_PATH") {
            return path.parse();
        }
        if let Some(folder) = set("RIPC_RUNTIME_DIR") {
            return Self::unix(Path::new(&folder).join("redis-ipc/socket"));
        }
        let system = Path::new("/run/redis-ipc/socket");
        if system.exists() {
            return Self::unix(system);
        }
        Self::unix("/tmp/redis-ipc/socket")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = match (&self.user, &self.password) {
            (Some(user), _) => format!("{user}:***@"),
            (None, Some(_)) => ":***@".to_owned(),
            (None, None) => String::new(),
        };
        let secure = if self.is_secure() { "s" } else { "" };
        match &self.place {
            Place::Unix(path) => write!(f, "unix://{login}{}", path.display())?,
            Place::Tcp { host, port } => {
                write!(f, "redis{secure}://{login}{}", Host(host, *port))?;
            }
            Place::Sentinels(sentinels) => {
                let nodes = sentinels.nodes.iter();
                let nodes: Vec<_> = nodes.map(|(h, p)| Host(h, *p).to_string()).collect();
                let (nodes, master) = (nodes.join(","), &sentinels.master);
                write!(f, "redis{secure}-sentinel://{login}{nodes}/{master}")?;
            }
        }
        let mut parameters = self.parameters();
        match (&self.place, self.database) {
            (_, 0) => {}
            (Place::Tcp { .. }, database) => write!(f, "/{database}")?,
            (_, database) => parameters.insert(0, ("db", database.to_string())),
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

    fn parameters(&self) -> Vec<(&'static str, String)> {
        let tls = self.tls.iter().filter(|_| self.is_secure());
        tls.flat_map(|tls| tls.parameters()).collect()
    }
}

#[cfg(not(feature = "tls"))]
impl Endpoint {
    /// Whether TLS is spoken on the way there.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        false
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
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

impl fmt::Debug for Endpoint {
    /// As [`Display`](fmt::Display): the password is never shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables<'v>(pairs: &'v [(&'v str, &'v str)]) -> impl Fn(&str) -> Option<String> + 'v {
        move |name| {
            let pair = pairs.iter().find(|(n, _)| *n == name);
            pair.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn sources_are_taken_in_the_order_of_the_wire_document() {
        let both = [
            ("RIPC_SERVER_PATH", "/a"),
            ("RIPC_RUNTIME_DIR", "/run/user/1"),
        ];
        let from = |pairs: &[(&str, &str)]| Endpoint::from_variables(variables(pairs)).unwrap();
        assert_eq!(from(&both).path(), Some(Path::new("/a")));
        assert_eq!(
            from(&both[1..]).path(),
            Some(Path::new("/run/user/1/redis-ipc/socket"))
        );
        if !Path::new("/run/redis-ipc/socket").exists() {
            assert_eq!(from(&[]).path(), Some(Path::new("/tmp/redis-ipc/socket")));
        }
    }

    #[test]
    fn a_password_never_shows() {
        let endpoint: Endpoint = "redis://u:secret@h/1".parse().unwrap();
        assert!(!format!("{endpoint:?} {endpoint}").contains("secret"));
    }
}
