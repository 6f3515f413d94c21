//! Whether all hosts are there, and no two of them are one.

use std::fmt;
use std::time::Duration;

use super::cluster::Cluster;
use super::error::{Error, HostsError};
use super::host::Host;
use super::value::Value;

/// What [`Cluster::check`] has found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CheckError {
    /// A host does not answer.
    Host(Error),
    /// The hosts are no cluster.
    Hosts(HostsError),
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(error) => error.fmt(f),
            Self::Hosts(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CheckError {}

impl Cluster {
    /// Connects to every host and compares: no two hosts may be one database of one server.
    ///
    /// # Errors
    /// [`HostsError::SameServer`], or the first host that does not answer.
    pub fn check(&self) -> Result<(), CheckError> {
        let faults = self.faults();
        let no_cluster = |(_, error): &&(u32, CheckError)| matches!(error, CheckError::Hosts(_));
        let worst = faults.iter().find(no_cluster).or(faults.first());
        worst.map_or(Ok(()), |(_, error)| Err(error.clone()))
    }

    /// Connects to every host, and compares those that are there within `limit`: no two of them may
    /// be one database of one server. One that is away is left out. The nodes of a Redis Cluster, which
    /// know each other, are not asked.
    ///
    /// # Errors
    /// [`HostsError::SameServer`].
    pub fn check_twins(&self, limit: Duration) -> Result<(), HostsError> {
        if self.is_redis_cluster() {
            return Ok(());
        }
        let faults = self.faults_within(limit).into_iter();
        let mut twins = faults.filter_map(|(_, error)| match error {
            CheckError::Hosts(error) => Some(error),
            CheckError::Host(_) => None,
        });
        twins.next().map_or(Ok(()), Err)
    }

    /// All that [`check`](Self::check) finds, by the numbers of the hosts.
    #[must_use]
    pub fn faults(&self) -> Vec<(u32, CheckError)> {
        self.faults_within(self.options().reply_limit)
    }

    fn faults_within(&self, limit: Duration) -> Vec<(u32, CheckError)> {
        let answers = self.fanout().within(limit).command(&["PING"]);
        let hosts = self.hosts().into_iter().zip(answers);
        let fault = |(host, (_, answer)): (Host, (u32, Result<Value, Error>))| {
            let error = answer.err()?;
            let id = host.id;
            let Some(other) = self.identities().twin(&host) else {
                return Some((id, CheckError::Host(error)));
            };
            // They are asked at once, and either may have been the first.
            let mut both = [other, host];
            both.sort_by_key(|host| host.id);
            let error = HostsError::SameServer {
                addresses: both.each_ref().map(|host| host.endpoint.to_string()),
                ids: both.map(|host| host.id),
            };
            Some((id, CheckError::Hosts(error)))
        };
        hosts.filter_map(fault).collect()
    }
}
