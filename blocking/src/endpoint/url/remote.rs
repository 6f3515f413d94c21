//! URLs of servers on TCP and of Sentinels.

use std::borrow::Cow;
use std::sync::Arc;

use super::{UNKNOWN_PARAMETER, decode, malformed, number};
use crate::endpoint::{Endpoint, EndpointError, Place};

/// Whether a URL's scheme asks for TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    None,
    Tls,
}

/// What stands behind `scheme://`.
pub(super) fn url(scheme: &str, rest: &str) -> Result<Endpoint, EndpointError> {
    match scheme {
        "redis" | "tcp" => tcp_url(rest, Security::None),
        "rediss" => tcp_url(rest, Security::Tls),
        "redis-sentinel" => sentinel_url(rest, Security::None),
        "rediss-sentinel" => sentinel_url(rest, Security::Tls),
        _ => Err(malformed("the scheme is not known")),
    }
}

/// `[user:password@]host[:port][/db]`, with TLS also
/// `[?ca=FILE&cert=FILE&key=FILE&server_name=NAME]`
fn tcp_url(rest: &str, security: Security) -> Result<Endpoint, EndpointError> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, host_port) = match authority.rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (None, authority),
    };
    let (host, port) = host_and_port(host_port, 6379)?;
    let mut endpoint = Endpoint::tcp(host, port);
    endpoint.secure(security)?;
    endpoint.login(login)?;
    if !database.is_empty() {
        endpoint.database = number(database)?;
    }
    endpoint.query(query)?;
    endpoint.complete()?;
    Ok(endpoint)
}

/// `[user:password@]host[:port],host[:port]…/master[?db=N&sentinel_user=…&sentinel_password=…]`
fn sentinel_url(rest: &str, security: Security) -> Result<Endpoint, EndpointError> {
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
    let nodes = nodes.map(|node| host_and_port(node, 26379));
    let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
    let mut endpoint = Endpoint::sentinels(&nodes, &decode(master)?);
    endpoint.secure(security)?;
    endpoint.login(login)?;
    endpoint.query(query)?;
    endpoint.complete()?;
    Ok(endpoint)
}

fn host_and_port(text: &str, default: u16) -> Result<(&str, u16), EndpointError> {
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
    pub(super) fn remote_parameter(
        &mut self,
        name: &str,
        value: &str,
    ) -> Result<(), EndpointError> {
        let text = || decode(value).map(Cow::into_owned);
        match (name, &mut self.place) {
            ("sentinel_user", Place::Sentinels(s)) => Arc::make_mut(s).user = Some(text()?),
            ("sentinel_password", Place::Sentinels(s)) => {
                Arc::make_mut(s).password = Some(text()?);
            }
            #[cfg(feature = "tls")]
            ("ca" | "cert" | "key" | "server_name", _) if self.tls.is_some() => {
                self.tls_parameter(name, text()?);
            }
            _ => return Err(malformed(UNKNOWN_PARAMETER)),
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
    fn secure(&mut self, security: Security) -> Result<(), EndpointError> {
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
    fn complete(&mut self) -> Result<(), EndpointError> {
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
    fn secure(&mut self, security: Security) -> Result<(), EndpointError> {
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
    fn complete(&mut self) -> Result<(), EndpointError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn urls_carry_host_port_user_password_and_database() {
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

        let v6: Endpoint = "redis://[::1]:7000".parse().unwrap();
        assert_eq!(v6.to_string(), "redis://[::1]:7000");
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
