//! One move at a time: each would take the other's for changes of clients, and its copies back.
//!
//! A move has a connection of a certain name to each host whose keys it moves, as long as it lasts.
//! When it is killed, its connections are gone with it.

use std::thread;
use std::time::{Duration, Instant};

use redis_ipc_core::resp::Reply;

use super::MoveError;
use crate::router::Cluster;
use crate::router::connection::HostConnection;

const NAME: &str = "ipc-tool:moving";

/// How long a server may take to notice that a move was killed.
const PATIENCE: Duration = Duration::from_secs(1);

const PAUSE: Duration = Duration::from_millis(5);

/// The right to move the keys of all hosts, until it is dropped.
#[derive(Debug)]
pub(super) struct Alone {
    connections: Vec<HostConnection>,
}

impl Alone {
    /// Takes it. Where a server does not tell of its clients, nobody is kept from anything.
    pub(super) fn on(cluster: &Cluster) -> Result<Self, MoveError> {
        let connections = Vec::new();
        let mut alone = Self { connections };
        for host in cluster.hosts() {
            let mut connection = cluster.connection(host.id)?;
            let named = connection.command(&["CLIENT", "SETNAME", NAME]).is_ok();
            alone.connections.push(connection);
            let until = Instant::now() + PATIENCE;
            let database = host.endpoint.database();
            while named && alone.has_company(database) {
                if Instant::now() > until {
                    let host = host.to_string();
                    return Err(MoveError::Another { host });
                }
                thread::sleep(PAUSE);
            }
        }
        Ok(alone)
    }

    /// Whether somebody else has a connection of that name to the last host, which is a database of
    /// that number.
    fn has_company(&mut self, database: u32) -> bool {
        let clients = self.connections.last_mut().map(|connection| {
            let clients = connection.command(&["CLIENT", "LIST"]);
            clients.map(|clients| count(&clients, database))
        });
        matches!(clients, Some(Ok(2..)))
    }
}

fn count(clients: &Reply<'_>, database: u32) -> usize {
    let clients = String::from_utf8_lossy(clients.bytes().unwrap_or_default());
    let fields = [format!("name={NAME}"), format!("db={database}")];
    let has = |line: &str, own: &String| line.split(' ').any(|field| field == own);
    let lines = clients.lines();
    lines
        .filter(|line| fields.iter().all(|own| has(line, own)))
        .count()
}

impl Drop for Alone {
    fn drop(&mut self) {
        for connection in &mut self.connections {
            // Others use it from now on.
            let _ = connection.command(&["CLIENT", "SETNAME", ""]);
        }
    }
}
