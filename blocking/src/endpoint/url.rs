//! Addresses as text: a path or a URL.

use std::borrow::Cow;
use std::str::FromStr;

use super::{Endpoint, EndpointError};

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

#[cfg(test)]
mod tests {
    use super::super::Place;
    use super::*;
    use std::path::Path;

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
}
