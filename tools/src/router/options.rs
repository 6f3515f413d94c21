//! How long hosts are waited for, and how much is held.

use std::time::Duration;

/// Longest default wait for connecting and for a reply.
const LIMIT: Duration = Duration::from_secs(5);

/// How long to wait and how much to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long connecting to a host may take; by default 5 s.
    pub connect_limit: Duration,
    /// How long one command may take; by default 5 s.
    pub reply_limit: Duration,
    /// How large one request and one reply may be, in bytes; by default 513 MiB, which the largest
    /// value that a server takes fits into. Memory is taken as it is needed.
    pub message_limit: usize,
    /// Connections that are kept for each host while nobody uses them; by default 8.
    pub idle_connections: usize,
    /// Hosts that a map or a fanout works on at the same time; by default 64.
    pub hosts_in_flight: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_limit: LIMIT,
            reply_limit: LIMIT,
            message_limit: 513 * 1024 * 1024,
            idle_connections: 8,
            hosts_in_flight: 64,
        }
    }
}
