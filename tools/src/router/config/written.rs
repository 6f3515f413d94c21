//! A file of hosts as it is written.

use serde::Deserialize;
use toml::Spanned;

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) placement: Option<Spanned<String>>,
    pub(super) connect_limit_s: Option<Spanned<f64>>,
    pub(super) reply_limit_s: Option<Spanned<f64>>,
    pub(super) message_limit_bytes: Option<usize>,
    pub(super) idle_connections: Option<usize>,
    pub(super) hosts_in_flight: Option<usize>,
    #[serde(default)]
    pub(super) defaults: Login,
    /// Nodes of a Redis Cluster, in the place of hosts.
    pub(super) redis_cluster: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    pub(super) host: Vec<Spanned<Entry>>,
    /// Hosts to which keys are on their way.
    #[serde(default)]
    pub(super) joining: Vec<Spanned<Entry>>,
}

/// What hosts have that do not say otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    pub(super) database: Option<u32>,
    pub(super) user: Option<Spanned<String>>,
    pub(super) password: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) id: Spanned<u32>,
    pub(super) address: Spanned<String>,
    pub(super) database: Option<u32>,
    pub(super) user: Option<Spanned<String>>,
    pub(super) password: Option<String>,
    pub(super) name: Option<String>,
    pub(super) weight: Option<u32>,
}

impl Entry {
    /// Whether its address says which database, be it 0, which an address that says nothing has too.
    pub(super) fn names_database(&self) -> bool {
        let (scheme, rest) = self.address.get_ref().split_once("://").unwrap_or_default();
        let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let is_database = |path: &str| matches!(scheme, "redis" | "rediss") && !path.is_empty();
        place
            .split_once('/')
            .is_some_and(|(_, path)| is_database(path))
            || parameters.split('&').any(|pair| pair.starts_with("db="))
    }
}
