//! Addresses as text: a path or a URL.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;

use super::{Endpoint, EndpointError, Place};

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
            "redis" | "tcp" => tcp_url(rest, Security::None, malformed),
            "rediss" => tcp_url(rest, Security::Tls, malformed),
            "redis-sentinel" => sentinel_url(rest, Security::None, malformed),
            "rediss-sentinel" => sentinel_url(rest, Security::Tls, malformed),
            _ => Err(malformed("the scheme is not known")),
        }
    }
}

/// Whether a URL's scheme asks for TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    None,
    Tls,
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

/// `[user:password@]host[:port][/db]`, with TLS also
/// `[?ca=FILE&cert=FILE&key=FILE&server_name=NAME]`
fn tcp_url(
    rest: &str,
    security: Security,
    malformed: impl Fn(&'static str) -> EndpointError,
) -> Result<Endpoint, EndpointError> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, host_port) = match authority.rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (None, authority),
    };
    let (host, port) = host_and_port(host_port, 6379, &malformed)?;
    let mut endpoint = Endpoint::tcp(host, port);
    endpoint.secure(security, &malformed)?;
    endpoint.login(login, &malformed)?;
    if !database.is_empty() {
        endpoint.database = number(database, &malformed)?;
    }
    endpoint.query(query, &malformed)?;
    Ok(endpoint)
}

/// `[user:password@]host[:port],host[:port]…/master[?db=N&sentinel_user=…&sentinel_password=…]`
fn sentinel_url(
    rest: &str,
    security: Security,
    malformed: impl Fn(&'static str) -> EndpointError,
) -> Result<Endpoint, EndpointError> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, master) = rest.split_once('/').unwrap_or((rest, ""));
    if master.is_empty() || master.contains('/') {
        return Err(malformed(
            "behind the sentinels stands / and the master's name",
        ));
    }
    let (login, nodes) = match authority.rsplit_once('@') {
        Some((login, nodes)) => (Some(login), nodes),
        None => (None, authority),
    };
    let nodes = nodes.split(',');
    let nodes = nodes.map(|node| host_and_port(node, 26379, &malformed));
    let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
    let mut endpoint = Endpoint::sentinels(&nodes, &decode(master, &malformed)?);
    endpoint.secure(security, &malformed)?;
    endpoint.login(login, &malformed)?;
    endpoint.query(query, &malformed)?;
    Ok(endpoint)
}

fn host_and_port<'t>(
    text: &'t str,
    default: u16,
    malformed: &impl Fn(&'static str) -> EndpointError,
) -> Result<(&'t str, u16), EndpointError> {
    let (host, port) = split_port(text);
    if host.is_empty() {
        return Err(malformed("the host is missing"));
    }
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0),
        None => Some(default),
    };
    let port = port.ok_or_else(|| malformed("the port is not a number from 1 to 65535"))?;
    Ok((host, port))
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
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.parameter(name, value, malformed)?;
        }
        self.complete(malformed)
    }

    fn parameter(
        &mut self,
        name: &str,
        value: &str,
        malformed: &impl Fn(&'static str) -> EndpointError,
    ) -> Result<(), EndpointError> {
        let text = || decode(value, malformed).map(Cow::into_owned);
        match (name, &mut self.place) {
            ("db", _) => self.database = number(value, malformed)?,
            ("sentinel_user", Place::Sentinels(s)) => Arc::make_mut(s).user = Some(text()?),
            ("sentinel_password", Place::Sentinels(s)) => {
                Arc::make_mut(s).password = Some(text()?);
            }
            #[cfg(feature = "tls")]
            ("ca" | "cert" | "key" | "server_name", _) if self.tls.is_some() => {
                self.tls_parameter(name, text()?);
            }
            _ => return Err(malformed("it has a parameter that is not known here")),
        }
        Ok(())
    }
}

#[cfg(feature = "tls")]
impl Endpoint {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "without the feature `tls` it fails"
    )]
    fn secure(
        &mut self,
        security: Security,
        _: &impl Fn(&'static str) -> EndpointError,
    ) -> Result<(), EndpointError> {
        if security == Security::Tls {
            self.tls = Some(Arc::default());
        }
        Ok(())
    }

    fn tls_parameter(&mut self, name: &str, value: String) {
        let Some(tls) = self.tls.as_mut().map(Arc::make_mut) else {
            return;
        };
        match name {
            "ca" => tls.ca = Some(value.into()),
            "cert" => tls.certificate = Some(value.into()),
            "key" => tls.key = Some(value.into()),
            _ => tls.server_name = Some(value),
        }
    }

    /// Sees to what is left out.
    fn complete(
        &mut self,
        malformed: &impl Fn(&'static str) -> EndpointError,
    ) -> Result<(), EndpointError> {
        let Some(tls) = self.tls.as_mut().map(Arc::make_mut) else {
            return Ok(());
        };
        match (&tls.certificate, &tls.key) {
            (None, Some(_)) => Err(malformed("a key=FILE goes with a cert=FILE")),
            (Some(both), None) => {
                tls.key = Some(both.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(not(feature = "tls"))]
impl Endpoint {
    #[expect(
        clippy::unused_self,
        reason = "with the feature `tls` it is kept there"
    )]
    fn secure(
        &mut self,
        security: Security,
        malformed: &impl Fn(&'static str) -> EndpointError,
    ) -> Result<(), EndpointError> {
        match security {
            Security::None => Ok(()),
            Security::Tls => Err(malformed(
                "this program was built without TLS: the feature `tls` of redis-ipc",
            )),
        }
    }

    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "with the feature `tls` there is more to see to"
    )]
    fn complete(
        &mut self,
        _: &impl Fn(&'static str) -> EndpointError,
    ) -> Result<(), EndpointError> {
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

/// The text with what stands between `:` and `@`, and behind a password's `=`, left out, for
/// error messages.
fn without_password(text: &str) -> String {
    let mut shown = text.to_owned();
    if let Some((before, behind)) = text.rsplit_once('@') {
        let login = before.find("://").map_or(0, |scheme| scheme + 3);
        let colon = before.get(login..).and_then(|login| login.find(':'));
        if let Some(user) = colon.and_then(|colon| before.get(..login + colon)) {
            shown = format!("{user}:***@{behind}");
        }
    }
    let Some((address, query)) = shown.split_once('?') else {
        return shown;
    };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if name.contains("password") => format!("{name}=***"),
        _ => pair.to_owned(),
    });
    format!("{address}?{}", pairs.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[cfg(feature = "tls")]
    #[test]
    fn what_tls_needs_stands_in_the_query() {
        let text = "rediss://:p@host:6380/2?ca=/a b&cert=/c&key=/k&server_name=n";
        let endpoint: Endpoint = text.replace(' ', "%20").parse().unwrap();
        assert_eq!(endpoint.to_string(), text.replace(":p@", ":***@"));
        let sentinels: Endpoint = "rediss-sentinel://one/bus?db=3&ca=/a".parse().unwrap();
        let shown = "rediss-sentinel://one:26379/bus?db=3&ca=/a";
        assert_eq!(sentinels.to_string(), shown);
        let both: Endpoint = "rediss://host?cert=/both".parse().unwrap();
        let both = both.tls.unwrap();
        assert_eq!(both.key, both.certificate);
        for text in [
            "rediss://host?key=/k",
            "redis://host?ca=/a",
            "unix:///s?ca=/a",
        ] {
            text.parse::<Endpoint>().unwrap_err();
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn an_address_with_tls_is_refused_where_there_is_none() {
        for text in ["rediss://host", "rediss-sentinel://host/bus"] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains("built without TLS"), "{error}");
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
    fn sentinels_are_named_in_a_row_with_the_master_behind_them() {
        let text = "redis-sentinel://u:p@one:1,[::1]:2,three/bus?db=2&sentinel_password=s%26";
        let endpoint: Endpoint = text.parse().unwrap();
        assert_eq!(
            endpoint.to_string(),
            "redis-sentinel://u:***@one:1,[::1]:2,three:26379/bus?db=2"
        );
        assert_eq!(endpoint.password.as_deref(), Some("p"));
        match &endpoint.place {
            Place::Sentinels(s) => assert_eq!(
                (s.user.as_deref(), s.password.as_deref()),
                (None, Some("s&"))
            ),
            other => panic!("{other:?}"),
        }
        assert_eq!((endpoint.host(), endpoint.path()), (None, None));
    }
}
