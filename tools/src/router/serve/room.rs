//! How many descriptors clients may take: those that hosts need are kept for them, or clients would
//! be let in for nothing.

use std::fs::File;
use std::os::fd::AsRawFd;

use rustix::process::{Resource, getrlimit};

use super::hub::Hub;

/// Descriptors that a host needs: a connection in each protocol.
const OF_A_HOST: usize = 2;

/// Descriptors of those who look for hosts elsewhere.
const OF_SEEKERS: usize = 2;

/// What the process had open when it began.
#[derive(Debug, Default)]
pub(super) struct Room {
    others: usize,
}

impl Room {
    pub(super) fn look() -> Self {
        // A file gets the lowest number that is free.
        let next = File::open("/dev/null").map(|file| file.as_raw_fd());
        let others = next.ok().and_then(|next| usize::try_from(next).ok());
        Self {
            others: others.unwrap_or_default(),
        }
    }
}

impl Hub {
    /// Whether clients and connections of their own have all that may be theirs; one client may
    /// always come.
    pub(super) fn is_full(&self) -> bool {
        let limit = getrlimit(Resource::Nofile).current;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        let seekers = if self.seeks() { OF_SEEKERS } else { 0 };
        let kept = self.room.others + OF_A_HOST * self.hosts.len() + seekers;
        let most = limit.unwrap_or(usize::MAX).saturating_sub(kept).max(1);
        let clients = self.clients.iter().flatten().count();
        let upstreams = self.upstreams.iter().flatten();
        let own = upstreams
            .filter(|upstream| upstream.owner.is_some())
            .count();
        clients + own >= most
    }
}
