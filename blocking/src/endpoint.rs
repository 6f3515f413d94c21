//! Where a server is: a path, or a URL with user, password and database.

use std::borrow::Cow;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

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
}

/// The kind of socket and its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Unix(PathBuf),
    Tcp { host: String, port: u16 },
}

/// Why a text is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
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
                 unix:///path?db=N or redis://[user:password@]host[:port][/db]"
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

    fn at(place: Place) -> Self {
        Self {
            place,
            user: None,
            password: None,
            database: 0,
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

    /// The path, if it is a Unix socket.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Unix(path) => Some(path),
            Place::Tcp { .. } => None,
        }
    }

    /// The host's name or address and the port, if it is on TCP.
    #[must_use]
    pub fn host(&self) -> Option<(&str, u16)> {
        match &self.place {
            Place::Unix(_) => None,
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

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let malformed = |why| EndpointError::Malformed {
            text: without_password(text),
            why,
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text {
                "" => Err(malformed("it is empty")),
                path => Self::unix(path),
            };
        };
        match scheme {
            "unix" | "redis+unix" => unix_url(rest, malformed),
            "redis" | "tcp" => tcp_url(rest, malformed),
            _ => Err(malformed("the scheme is not known")),
        }
    }
}

/// `[user:password@]/path[?db=N]`
fn unix_url(
    rest: &str,
    malformed: impl Fn(&'static str) -> EndpointError,
) -> Result<Endpoint, EndpointError> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (login, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => return Err(malformed("the path must begin with /")),
    };
    let mut endpoint = Endpoint::unix(decode(path, &malformed)?.into_owned())?;
    endpoint.login(login.strip_suffix('@'), &malformed)?;
    if !login.is_empty() && !login.ends_with('@') {
        return Err(malformed("the path must begin with /"));
    }
    endpoint.query(query, &malformed)?;
    Ok(endpoint)
}

/// `[user:password@]host[:port][/db]`
fn tcp_url(
    rest: &str,
    malformed: impl Fn(&'static str) -> EndpointError,
) -> Result<Endpoint, EndpointError> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, host_port) = match authority.rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (None, authority),
    };
    let (host, port) = split_port(host_port);
    if host.is_empty() {
        return Err(malformed("the host is missing"));
    }
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0),
        None => Some(6379),
    };
    let port = port.ok_or_else(|| malformed("the port is not a number from 1 to 65535"))?;
    let mut endpoint = Endpoint::tcp(host, port);
    endpoint.login(login, &malformed)?;
    if !database.is_empty() {
        endpoint.database = number(database, &malformed)?;
    }
    endpoint.query(query, &malformed)?;
    Ok(endpoint)
}

/// Splits `host:port`; an IPv6 address stands in brackets.
fn split_port(text: &str) -> (&str, Option<&str>) {
    if let Some((host, behind)) = text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        return (host, behind.strip_prefix(':'));
    }
    match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    }
}

impl Endpoint {
    fn login(
        &mut self,
        login: Option<&str>,
        malformed: &impl Fn(&'static str) -> EndpointError,
    ) -> Result<(), EndpointError> {
        let Some(login) = login else { return Ok(()) };
        let (user, password) = login
            .split_once(':')
            .ok_or_else(|| malformed("before the @ stands user:password"))?;
        if !user.is_empty() {
            self.user = Some(decode(user, malformed)?.into_owned());
        }
        self.password = Some(decode(password, malformed)?.into_owned());
        Ok(())
    }

    fn query(
        &mut self,
        query: &str,
        malformed: &impl Fn(&'static str) -> EndpointError,
    ) -> Result<(), EndpointError> {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("db", database)) => self.database = number(database, malformed)?,
                _ => return Err(malformed("the only parameter that is known is db=N")),
            }
        }
        Ok(())
    }
}

fn number(
    text: &str,
    malformed: &impl Fn(&'static str) -> EndpointError,
) -> Result<u32, EndpointError> {
    text.parse()
        .map_err(|_| malformed("the database is not a number"))
}

/// Undoes `%20` and the like.
fn decode<'t>(
    text: &'t str,
    malformed: &impl Fn(&'static str) -> EndpointError,
) -> Result<Cow<'t, str>, EndpointError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = (rest.next().and_then(hex), rest.next().and_then(hex));
        match digits {
            (Some(high), Some(low)) => bytes.push(high * 16 + low),
            _ => return Err(malformed("behind a % stand two hexadecimal digits")),
        }
    }
    String::from_utf8(bytes)
        .map(Cow::Owned)
        .map_err(|_| malformed("it is not UTF-8"))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// The text with what stands between `:` and `@` left out, for error messages.
fn without_password(text: &str) -> String {
    let Some((before, behind)) = text.rsplit_once('@') else {
        return text.to_owned();
    };
    let login = before.find("://").map_or(0, |scheme| scheme + 3);
    let colon = before.get(login..).and_then(|login| login.find(':'));
    match colon.and_then(|colon| before.get(..login + colon)) {
        Some(user) => format!("{user}:***@{behind}"),
        None => text.to_owned(),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = match (&self.user, &self.password) {
            (Some(user), _) => format!("{user}:***@"),
            (None, Some(_)) => ":***@".to_owned(),
            (None, None) => String::new(),
        };
        match &self.place {
            Place::Unix(path) => write!(f, "unix://{login}{}", path.display())?,
            Place::Tcp { host, port } if host.contains(':') => {
                write!(f, "redis://{login}[{host}]:{port}")?;
            }
            Place::Tcp { host, port } => write!(f, "redis://{login}{host}:{port}")?,
        }
        match (&self.place, self.database) {
            (_, 0) => Ok(()),
            (Place::Unix(_), database) => write!(f, "?db={database}"),
            (Place::Tcp { .. }, database) => write!(f, "/{database}"),
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
    fn urls_carry_user_password_and_database() {
        let unix: Endpoint = "unix:///tmp/my%20dir/s?db=3".parse().unwrap();
        assert_eq!(unix.path(), Some(Path::new("/tmp/my dir/s")));
        assert_eq!(unix.database, 3);

        let tcp: Endpoint = "redis://panel:p%40ss:w@host:6380/2".parse().unwrap();
        assert_eq!(tcp.user.as_deref(), Some("panel"));
        assert_eq!(tcp.password.as_deref(), Some("p@ss:w"));
        assert_eq!(tcp.database, 2);
        assert_eq!(
            tcp.place,
            Place::Tcp {
                host: "host".into(),
                port: 6380
            }
        );

        let default_user: Endpoint = "unix://:secret@/tmp/s".parse().unwrap();
        assert_eq!(
            (default_user.user, default_user.password.as_deref()),
            (None, Some("secret"))
        );

        let v6: Endpoint = "redis://[::1]:7000".parse().unwrap();
        assert_eq!(v6.to_string(), "redis://[::1]:7000");
    }

    #[test]
    fn a_malformed_address_is_named_with_the_forms_that_work_and_without_its_password() {
        for text in [
            "",
            "http://host",
            "redis://",
            "redis://:6379",
            "redis://host:port",
            "redis://host:0",
            "redis://host/x",
            "redis://user@host",
            "unix://tmp/s",
            "unix:///s?db=x",
            "unix:///s?timeout=3",
            "redis://u:secret@host:port",
            "redis://u:%zz@h",
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains("unix:///path?db=N"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_path_that_no_socket_address_holds_is_refused_with_its_length() {
        let path = format!("/{}", "x".repeat(107));
        let error = path.parse::<Endpoint>().unwrap_err().to_string();
        assert!(
            error.contains("108 bytes") && error.contains("107"),
            "{error}"
        );
        assert!(path[..107].parse::<Endpoint>().is_ok());
    }

    #[test]
    fn a_password_never_shows() {
        let endpoint: Endpoint = "redis://u:secret@h/1".parse().unwrap();
        assert!(!format!("{endpoint:?} {endpoint}").contains("secret"));
    }
}
