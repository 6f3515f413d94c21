//! A cluster from a TOML file.

mod text;
mod written;

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use redis_ipc::Endpoint;
use toml::Spanned;

use super::cluster::Cluster;
use super::error::HostsError;
use super::host::Host;
use super::options::Options;
use super::placement::Placement;
use text::line_behind;
use written::{Entry, Login, Written};

pub use text::ConfigError;
pub(super) use text::{text, unreadable};

impl Cluster {
    /// Reads a cluster from a TOML file; see [`from_toml`](Self::from_toml).
    ///
    /// # Errors
    /// [`ConfigError`] with the line.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
        Self::from_toml(&name, &text(&name, file)?)
    }

    /// Reads a cluster from the text of a TOML file; `file` is its name for messages.
    ///
    /// ```
    /// use redis_ipc_tools::router::Cluster;
    ///
    /// let cluster = Cluster::from_toml("hosts.toml", r#"
    ///     placement = "ketama"        # partition (default), ketama, consistent, ring, slots
    ///     reply_limit_s = 2.5         # default 5; also connect_limit_s
    ///     idle_connections = 4        # of each host; also hosts_in_flight, message_limit_bytes
    ///
    ///     [defaults]                  # for hosts that do not say otherwise
    ///     password = "secret"         # also user, database
    ///
    ///     [[host]]
    ///     id = 0
    ///     address = "/run/redis/a"    # or unix:///path?db=N, redis://host:port/N, redis-sentinel://h,h/name
    ///
    ///     [[host]]
    ///     id = 1
    ///     address = "redis://10.0.0.2"
    ///     database = 3                # also user, password
    ///     weight = 2                  # of ketama
    ///     name = "10.0.0.2:6379"      # what ketama, consistent and ring hash
    /// "#)?;
    /// assert_eq!(cluster.hosts().len(), 2);
    ///
    /// // A Redis Cluster has these lines in the place of the hosts (feature `redis`):
    /// // redis_cluster = ["redis://10.0.0.1:7000", "redis://10.0.0.2:7000"]
    ///
    /// let error = Cluster::from_toml("hosts.toml", "[[hosst]]\nid = 0\n").unwrap_err();
    /// assert!(error.to_string().starts_with("hosts.toml:1: unknown field `hosst`"));
    /// # Ok::<(), redis_ipc_tools::router::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] with the line.
    pub fn from_toml(file: &str, text: &str) -> Result<Self, ConfigError> {
        let reader = Reader { file, text };
        reader.read()
    }
}

struct Reader<'t> {
    file: &'t str,
    text: &'t str,
}

impl Reader<'_> {
    fn read(&self) -> Result<Cluster, ConfigError> {
        let file: Written = toml::from_str(self.text).map_err(|error| {
            let at = error.span().map(|span| span.start);
            let text = at.and_then(|at| self.text.get(at..)).unwrap_or_default();
            match ["[host]", "[joining]"]
                .iter()
                .find(|head| text.starts_with(**head))
            {
                Some(head) => self.wrong(at, format!("each host begins with [{head}]")),
                None => self.wrong(at, error.message()),
            }
        })?;
        let placement = match &file.placement {
            Some(name) => {
                let placement = name.get_ref().parse();
                placement.map_err(|what: String| self.wrong(Some(name.span().start), what))?
            }
            None => Placement::default(),
        };
        let options = self.options(&file)?;
        if let Some(nodes) = &file.redis_cluster {
            return self.redis_cluster(&file, nodes, options);
        }
        let mut lines = HashMap::new();
        let mut hosts = Vec::new();
        for entry in file.host.iter().chain(&file.joining) {
            let host = self.host(&file.defaults, entry.get_ref())?;
            // The later of two is the one to be named.
            lines.insert(host.id, entry.get_ref().id.span().start);
            hosts.push(host);
        }
        let joining = hosts.split_off(file.host.len());
        Cluster::growing(hosts, &joining, placement, options).map_err(|error| {
            let at = culprit(&error, lines.keys()).and_then(|id| lines.get(&id).copied());
            self.wrong(at, error)
        })
    }

    /// Asks nodes of a Redis Cluster who the hosts are.
    fn redis_cluster(
        &self,
        file: &Written,
        nodes: &Spanned<Vec<Spanned<String>>>,
        options: Options,
    ) -> Result<Cluster, ConfigError> {
        let at = Some(nodes.span().start);
        if !(file.host.is_empty() && file.joining.is_empty() && file.placement.is_none()) {
            let what = "the hosts and the placement of a Redis Cluster are asked for, not listed; its slots \
                        are moved by redis-cli --cluster reshard";
            return Err(self.wrong(at, what));
        }
        if nodes.get_ref().is_empty() {
            return Err(self.wrong(at, "no node is listed that could be asked for the hosts"));
        }
        let login = &file.defaults;
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for node in nodes.get_ref() {
            let endpoint = node.get_ref().parse();
            let endpoint: Endpoint =
                endpoint.map_err(|error| self.wrong(Some(node.span().start), error))?;
            endpoints.push(match (&login.password, endpoint.password()) {
                (Some(password), None) => {
                    let user = login.user.as_ref().map(|user| user.get_ref().as_str());
                    endpoint.with_password(user, password)
                }
                (None, None) if let Some(user) = &login.user => return Err(self.lone_user(user)),
                _ => endpoint,
            });
        }
        #[cfg(feature = "redis")]
        return Cluster::of_redis_cluster(endpoints, options)
            .map_err(|error| self.wrong(at, error));
        #[cfg(not(feature = "redis"))]
        {
            let _ = options;
            let what = "a Redis Cluster takes a program that was built with the feature redis";
            Err(self.wrong(at, what))
        }
    }

    fn options(&self, file: &Written) -> Result<Options, ConfigError> {
        let own = Options::default();
        let seconds = |given: &Option<Spanned<f64>>, own| {
            let Some(given) = given else { return Ok(own) };
            let limit = Duration::try_from_secs_f64(*given.get_ref()).ok();
            let limit = limit.filter(|limit| !limit.is_zero());
            limit.ok_or_else(|| {
                self.wrong(
                    Some(given.span().start),
                    "a limit is a number of seconds above 0",
                )
            })
        };
        Ok(Options {
            connect_limit: seconds(&file.connect_limit_s, own.connect_limit)?,
            reply_limit: seconds(&file.reply_limit_s, own.reply_limit)?,
            message_limit: file.message_limit_bytes.unwrap_or(own.message_limit),
            idle_connections: file.idle_connections.unwrap_or(own.idle_connections),
            hosts_in_flight: file.hosts_in_flight.unwrap_or(own.hosts_in_flight),
        })
    }

    fn host(&self, defaults: &Login, entry: &Entry) -> Result<Host, ConfigError> {
        let id = *entry.id.get_ref();
        let endpoint = entry.address.get_ref().parse();
        let mut endpoint: Endpoint = endpoint.map_err(|error| {
            let at = Some(entry.address.span().start);
            self.wrong(at, format!("host {id}: {error}"))
        })?;
        if let Some(database) = entry.database {
            endpoint = endpoint.with_database(database);
        } else if let (false, Some(database)) = (entry.names_database(), defaults.database) {
            endpoint = endpoint.with_database(database);
        }
        let user = entry.user.as_ref().or(defaults.user.as_ref());
        let default = defaults
            .password
            .as_ref()
            .filter(|_| endpoint.password().is_none());
        if let Some(password) = entry.password.as_ref().or(default) {
            let own = endpoint.user().map(str::to_owned);
            let own = own.filter(|_| entry.user.is_none());
            let user = own.or_else(|| user.map(|user| user.get_ref().clone()));
            endpoint = endpoint.with_password(user.as_deref(), password);
        } else if let (Some(user), None) = (user, endpoint.password()) {
            return Err(self.lone_user(user));
        }
        Ok(Host {
            id,
            endpoint,
            name: entry.name.clone(),
            weight: entry.weight.unwrap_or(1),
        })
    }

    /// Without a password nobody is logged in, and what the default user may do is another matter.
    fn lone_user(&self, user: &Spanned<String>) -> ConfigError {
        let at = Some(user.span().start);
        self.wrong(at, format!("the user {} has no password", user.get_ref()))
    }

    fn wrong(&self, at: Option<usize>, what: impl fmt::Display) -> ConfigError {
        let line = |at: usize| {
            let bytes = self.text.as_bytes();
            line_behind(&bytes[..at.min(bytes.len())])
        };
        let what = what.to_string();
        ConfigError {
            file: self.file.to_owned(),
            line: at.map(line),
            what: what.replace('\n', " "),
        }
    }
}

/// The host of all these numbers that a person should look at.
fn culprit<'i>(error: &HostsError, all: impl Iterator<Item = &'i u32>) -> Option<u32> {
    match error {
        HostsError::Duplicate { id, .. } | HostsError::Unnamed { id } => Some(*id),
        HostsError::Gap { missing, .. } => all.filter(|id| *id > missing).min().copied(),
        HostsError::SameAddress { ids, .. }
        | HostsError::SameServer { ids, .. }
        | HostsError::SameName { ids, .. } => Some(ids[1]),
        // Of all of them, the first.
        HostsError::Circle(_) => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Cluster::from_toml("hosts.toml", text)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, words) in [
            ("", "hosts.toml: there is no host"),
            (
                "placement = \"rign\"",
                "hosts.toml:1: \"rign\" is no placement",
            ),
            (
                "\n\nplacment = \"ring\"",
                "hosts.toml:3: unknown field `placment`",
            ),
            (
                "[[host]]\nid = 0\n",
                "hosts.toml:1: missing field `address`",
            ),
            ("[[host]]\nid = \"x\"\n", "hosts.toml:2: invalid type"),
            (
                "[[host]]\nid = 0\naddress = \"http://a\"",
                "hosts.toml:3: host 0: \"http://a\"",
            ),
            (
                "[[host]]\nid = 0\naddress = \"/a\"\n[[host]]\nid = 0\naddress = \"/b\"",
                "hosts.toml:5: two hosts have the number 0",
            ),
            (
                "[[host]]\nid = 0\naddress = \"/a\"\n[[host]]\nid = 2\naddress = \"/b\"",
                "hosts.toml:5: host 1 is missing",
            ),
            (
                "[[host]]\nid = 0\naddress = \"/a\"\n[[host]]\nid = 1\naddress = \"unix:///a\"",
                "hosts.toml:5: hosts 0 and 1 have one address",
            ),
            (
                "placement = \"ring\"\n[[host]]\nid = 0\naddress = \"/a\"\n[[host]]\nid = 1\n\
                 address = \"unix:///a?db=1\"",
                "hosts.toml:6: hosts 0 and 1 have one name, /a",
            ),
            (
                "reply_limit_s = 0.0\n",
                "hosts.toml:1: a limit is a number of seconds above 0",
            ),
            (
                "[[host]]\nid = 0\naddress = \"/a\"\n[[host]]\nid = 7\naddress = \"/b\"",
                "hosts.toml:5: host 1 is missing",
            ),
            (
                "[[host]]\nid = 4294967295\naddress = \"/a\"",
                "hosts.toml:2: host 0 is missing",
            ),
            (
                "[[host]]\nid = 0\naddress = \"redis://:a@h\"\n[[host]]\nid = 1\n\
                 address = \"redis://u:b@h\"",
                "hosts.toml:5: hosts 0 and 1 have one address: redis://:***@h:6379",
            ),
            (
                "[[host]]\nid = 0\naddress = \"/a\"\nuser = \"u\"",
                "hosts.toml:4: the user u has no password",
            ),
            (
                "[defaults]\nuser = \"u\"\n[[host]]\nid = 0\naddress = \"/a\"",
                "hosts.toml:2: the user u has no password",
            ),
            (
                "placement = \"ketama\"\n[[host]]\nid = 0\naddress = \"/a\"\nweight = 0",
                "hosts.toml:3: no node has a weight above 0",
            ),
            ("[[host]\n", "hosts.toml:1: "),
            (
                "[host]\nid = 0\naddress = \"/a\"\n",
                "hosts.toml:1: each host begins with [[host]]",
            ),
            (
                "[[host]]\nid = 0\naddress = \"localhost:6379\"\n",
                "hosts.toml:3: host 0: \"localhost:6379\" is not a server's address (a host and its port need redis://",
            ),
            ("\nredis_cluster = []\n", "hosts.toml:2: no node is listed"),
            (
                "placement = \"slots\"\nredis_cluster = [\"redis://a\"]",
                "hosts.toml:2: the hosts and the placement of a Redis Cluster are asked for",
            ),
            (
                "redis_cluster = [\n\"redis://a\",\n\"http://b\"]",
                "hosts.toml:3: \"http://b\"",
            ),
        ] {
            let error = error(text);
            assert!(error.starts_with(words), "{error} instead of {words}");
        }
    }

    #[test]
    fn hosts_have_what_is_common_unless_they_say_otherwise() {
        let text = "[defaults]\ndatabase = 2\nuser = \"u\"\npassword = \"p\"\n\
            [[host]]\nid = 1\naddress = \"/b\"\n\
            [[host]]\nid = 0\naddress = \"unix://:q@/a?db=5\"\nname = \"n\"\nweight = 3\n";
        let hosts = Cluster::from_toml("hosts.toml", text).unwrap().hosts();
        let shown: Vec<_> = hosts.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "host 0 (unix://:***@/a?db=5)",
                "host 1 (unix://u:***@/b?db=2)"
            ]
        );
        assert_eq!(hosts[0].endpoint.password(), Some("q"));
        let text = "[[host]]\nid = 0\naddress = \"redis://own:old@h\"\npassword = \"new\"\n";
        let own = &Cluster::from_toml("hosts.toml", text).unwrap().hosts()[0].endpoint;
        assert_eq!((own.user(), own.password()), (Some("own"), Some("new")));
        for (address, database) in [
            ("/db=0", 2),
            ("unix:///a", 2),
            ("unix:///a?db=0", 0),
            ("redis://h:1", 2),
            ("redis://h/", 2),
            ("redis://h:1/0", 0),
            ("redis://u:p@h/3", 3),
            ("redis-sentinel://h:1,i:2/m", 2),
            ("redis-sentinel://h:1,i:2/m?db=0", 0),
        ] {
            let text =
                format!("defaults.database = 2\n[[host]]\nid = 0\naddress = \"{address}\"\n");
            let own = &Cluster::from_toml("hosts.toml", &text).unwrap().hosts()[0].endpoint;
            assert_eq!(own.database(), database, "{address}");
        }
        assert_eq!((hosts[0].weight, hosts[0].name.as_deref()), (3, Some("n")));
    }
}
