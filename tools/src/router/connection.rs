//! Connections to hosts for those who talk to one themselves.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use redis_ipc::Connection;

use super::cluster::Cluster;
use super::error::Error;
use super::layout::Node;

impl Cluster {
    /// A connection to a host, from its pool if there is one; it goes back on drop, and has to be
    /// left as it was found: in its database, without a subscription or a transaction.
    ///
    /// # Errors
    /// [`Error::NoHost`], or what connecting ended in.
    pub fn connection(&self, host: u32) -> Result<HostConnection, Error> {
        self.connection_within(host, self.options().connect_limit)
    }

    /// As [`connection`](Self::connection), with a limit if it is less than the cluster's.
    pub(super) fn connection_within(
        &self,
        host: u32,
        limit: Duration,
    ) -> Result<HostConnection, Error> {
        let node = self.layout().node(host)?.clone();
        let connection = node.connect(limit);
        let connection = connection.map_err(|error| node.failed(error))?;
        Ok(HostConnection {
            connection: Some(connection),
            node,
        })
    }
}

/// A connection to a host; it goes back to the host's pool on drop.
#[derive(Debug)]
pub struct HostConnection {
    /// There until it is dropped.
    connection: Option<Connection>,
    node: Arc<Node>,
}

impl Deref for HostConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("there until it is dropped")
    }
}

impl DerefMut for HostConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("there until it is dropped")
    }
}

impl Drop for HostConnection {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.node.give_back(connection);
        }
    }
}
