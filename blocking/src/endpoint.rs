//! Where a server is: a path, or a URL with user, password and database.

#[cfg(feature = "tcp")]
mod remote;
#[cfg(feature = "tls")]
mod tls;
mod url;

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
#[cfg(feature = "tcp")]
use std::sync::Arc;

#[cfg(feature = "tcp")]
pub(crate) use remote::{Host, Sentinels};

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
    #[cfg(feature = "tcp")]
    Tcp {
        host: String,
        port: u16,
    },
    #[cfg(feature = "tcp")]
    Sentinels(Arc<Sentinels>),
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
            #[cfg(feature = "tcp")]
            Place::Tcp { .. } | Place::Sentinels(_) => None,
        }
    }

    /// The host's name or address and the port, if it is on TCP and always the same.
    #[must_use]
    pub fn host(&self) -> Option<(&str, u16)> {
        match &self.place {
            #[cfg(feature = "tcp")]
            Place::Tcp { host, port } => Some((host, *port)),
            _ => None,
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
        match &self.place {
            Place::Unix(path) => {
                write!(f, "unix://{}{}", self.shown_login(), path.display())?;
                match self.database {
                    0 => Ok(()),
                    database => write!(f, "?db={database}"),
                }
            }
            #[cfg(feature = "tcp")]
            Place::Tcp { .. } | Place::Sentinels(_) => self.fmt_remote(f),
        }
    }
}

#[cfg(not(feature = "tls"))]
impl Endpoint {
    /// Whether TLS is spoken on the way there.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        false
    }
}

impl Endpoint {
    /// The user and that there is a password, as they stand before a host or a path.
    fn shown_login(&self) -> String {
        match (&self.user, &self.password) {
            (Some(user), _) => format!("{user}:***@"),
            (None, Some(_)) => ":***@".to_owned(),
            (None, None) => String::new(),
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
        let mut texts = vec!["unix://u:secret@/s?db=1"];
        if cfg!(feature = "tcp") {
            texts.extend(["redis://u:secret@h/1", "redis-sentinel://u:secret@h/bus"]);
        }
        for text in texts {
            let endpoint: Endpoint = text.parse().unwrap();
            assert!(!format!("{endpoint:?} {endpoint}").contains("secret"));
        }
    }
}
