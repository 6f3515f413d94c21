//! Addresses as text: a path or a URL.

#[cfg(feature = "tcp")]
mod remote;

use std::borrow::Cow;
use std::str::FromStr;

use super::{Endpoint, EndpointError};

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let mut endpoint = parse(text);
        if let Err(EndpointError::Malformed { text: shown, .. }) = &mut endpoint {
            *shown = without_password(text);
        }
        endpoint
    }
}

fn parse(text: &str) -> Result<Endpoint, EndpointError> {
    let Some((scheme, rest)) = split_scheme(text) else {
        return match text {
            "" => Err(malformed("it is empty")),
            text if is_host_and_port(text) => Err(malformed(
                "a host and its port need redis:// before them, and a path with a : a /",
            )),
            path => Endpoint::unix(path),
        };
    };
    match scheme {
        "unix" | "redis+unix" => unix_url(rest),
        #[cfg(feature = "tcp")]
        _ => remote::url(scheme, rest),
        #[cfg(not(feature = "tcp"))]
        _ => Err(malformed(
            "this program knows the scheme unix only: for others there is the feature `tcp` of \
             redis-ipc",
        )),
    }
}

/// `scheme://rest`
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    Some((scheme, rest.strip_prefix("//")?))
}

/// An error whose text is filled in where all of it is at hand.
fn malformed(why: &'static str) -> EndpointError {
    EndpointError::Malformed {
        text: String::new(),
        why,
    }
}

/// Whether somebody has left out the scheme: taken for a path, it would be looked for as a file.
fn is_host_and_port(text: &str) -> bool {
    let port = text.rsplit_once(':').map(|(_, port)| port);
    !text.as_bytes().contains(&b'/') && port.is_some_and(|port| port.parse::<u32>().is_ok())
}

const UNKNOWN_PARAMETER: &str = "it has a parameter that is not known here";

/// `[user:password@]/path[?db=N]`
fn unix_url(rest: &str) -> Result<Endpoint, EndpointError> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (login, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => return Err(malformed("the path must begin with /")),
    };
    let mut endpoint = Endpoint::unix(decode(path)?.into_owned())?;
    endpoint.login(login.strip_suffix('@'))?;
    if !login.is_empty() && !login.ends_with('@') {
        return Err(malformed("the path must begin with /"));
    }
    endpoint.query(query)?;
    Ok(endpoint)
}

impl Endpoint {
    fn login(&mut self, login: Option<&str>) -> Result<(), EndpointError> {
        let Some(login) = login else { return Ok(()) };
        let (user, password) = login
            .split_once(':')
            .ok_or_else(|| malformed("before the @ stands user:password"))?;
        if !user.is_empty() {
            self.user = Some(decode(user)?.into_owned());
        }
        self.password = Some(decode(password)?.into_owned());
        Ok(())
    }

    fn query(&mut self, query: &str) -> Result<(), EndpointError> {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("db", value) => self.database = number(value)?,
                #[cfg(feature = "tcp")]
                (name, value) => self.remote_parameter(name, value)?,
                #[cfg(not(feature = "tcp"))]
                _ => return Err(malformed(UNKNOWN_PARAMETER)),
            }
        }
        Ok(())
    }
}

fn number(text: &str) -> Result<u32, EndpointError> {
    text.parse()
        .map_err(|_| malformed("the database is not a number"))
}

/// Undoes `%20` and the like.
fn decode(text: &str) -> Result<Cow<'_, str>, EndpointError> {
    if !text.as_bytes().contains(&b'%') {
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

/// The text with what stands between `:` and `@`, and behind a password's `=`, left out, for
/// error messages.
fn without_password(text: &str) -> String {
    let mut shown = text.to_owned();
    if let Some((before, behind)) = text.rsplit_once('@') {
        let login = split_scheme(before).map_or(before, |(_, login)| login);
        if let Some((_, password)) = login.split_once(':') {
            let user = before.strip_suffix(password).unwrap_or_default();
            shown = format!("{user}***@{behind}");
        }
    }
    let Some((address, query)) = shown.split_once('?') else {
        return shown;
    };
    // A name that is misspelt may be one of these, too.
    let is_secret = |name: &str| name.as_bytes().windows(8).any(|part| part == b"password");
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}=***"),
        _ => pair.to_owned(),
    });
    format!("{address}?{}", pairs.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn urls_carry_user_password_and_database() {
        let unix: Endpoint = "unix:///tmp/my%20dir/s?db=3".parse().unwrap();
        assert_eq!(unix.path(), Some(Path::new("/tmp/my dir/s")));
        assert_eq!(unix.database, 3);

        let default_user: Endpoint = "unix://:secret@/tmp/s".parse().unwrap();
        assert_eq!(
            (default_user.user, default_user.password.as_deref()),
            (None, Some("secret"))
        );
    }

    #[test]
    fn a_malformed_address_is_named_with_the_forms_that_work_and_without_its_password() {
        for text in [
            "",
            "http://host",
            "127.0.0.1:6379",
            "u:secret@host:6379",
            "redis://",
            "redis://:6379",
            "redis://host:port",
            "redis://host:0",
            "redis://host/x",
            "redis://user@host",
            "unix://tmp/s",
            "unix:///s?db=x",
            "unix:///s?timeout=3",
            "unix:///s?sentinel_user=u",
            "redis-sentinel://host:26379",
            "redis-sentinel://host:26379/",
            "redis-sentinel:///name",
            "redis-sentinel://host,,host/name",
            "redis-sentinel://host:0/name",
            "redis-sentinel://u:secret@host:x/name?sentinel_password=secret",
            "redis://u:secret@host:port",
            "redis://u:%zz@h",
            "redis://u:secret?secret@h:port",
            "redis-sentinel://host/name?sentinel_passwords=secret",
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
