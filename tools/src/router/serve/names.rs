//! The addresses of hosts that have names. They are looked up by threads: a name server that does
//! not answer must not hold up those who want other hosts.

use std::collections::{HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    known: Mutex<Known>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Known {
    /// The one to be tried next stands first.
    addresses: HashMap<String, Vec<IpAddr>>,
    /// Names that are being looked up.
    sought: HashSet<String>,
}

impl Names {
    /// Looks a name up, unless it is one or that is being done.
    pub(super) fn seek(&self, name: &str) {
        if name.parse::<IpAddr>().is_ok() || !self.known().sought.insert(name.to_owned()) {
            return;
        }
        let (names, own) = (self.clone(), name.to_owned());
        let look_up = move || {
            let found = (own.as_str(), 0).to_socket_addrs();
            names.found(&own, found.into_iter().flatten());
        };
        let thread = thread::Builder::new().name("name lookup".to_owned());
        if thread.spawn(look_up).is_err() {
            self.known().sought.remove(name);
        }
    }

    fn found(&self, name: &str, addresses: impl Iterator<Item = SocketAddr>) {
        let mut found: Vec<_> = addresses.map(|address| address.ip()).collect();
        // A server that was told nothing listens to these.
        found.sort_by_key(IpAddr::is_ipv6);
        found.dedup();
        let mut known = self.known();
        known.sought.remove(name);
        let before = known.addresses.entry(name.to_owned()).or_default();
        let same = before.len() == found.len() && before.iter().all(|ip| found.contains(ip));
        // Those that are known keep their order; a name that is unknown now may be known again.
        if !same && !found.is_empty() {
            *before = found;
        }
        drop(known);
        self.shared.changed.notify_all();
    }

    /// Waits until all that is being looked up is known, but not for longer than this.
    pub(super) fn wait(&self, limit: Duration) {
        let known = self.known();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(known, limit, |known| !known.sought.is_empty());
        drop(waited);
    }

    /// Where a host is, as far as it is known; if it is not, it is looked up for the next time.
    pub(super) fn address(&self, name: &str, port: u16) -> io::Result<SocketAddr> {
        if let Ok(address) = name.parse() {
            return Ok(SocketAddr::new(address, port));
        }
        let known = self.known().addresses.get(name).cloned();
        if let Some(address) = known.and_then(|known| known.first().copied()) {
            return Ok(SocketAddr::new(address, port));
        }
        self.seek(name);
        let text = format!("no address is known of {name}");
        Err(io::Error::new(ErrorKind::NotFound, text))
    }

    /// Nobody answers at the address of that name: another one is tried next, and it is looked up
    /// again.
    pub(super) fn failed(&self, name: &str) {
        if let Some(addresses) = self.known().addresses.get_mut(name)
            && !addresses.is_empty()
        {
            addresses.rotate_left(1);
        }
        self.seek(name);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        let known = self.shared.known.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_tried_in_turn_and_a_name_that_is_lost_keeps_them() {
        let names = Names::default();
        let socket = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 0);
        assert_eq!(names.address("10.0.0.7", 1).unwrap().port(), 1);
        let all = ["::1", "10.0.0.7", "10.0.0.8"];
        names.found("host", all.map(socket).into_iter());
        let mut tried = Vec::new();
        for _ in 0..4 {
            tried.push(names.address("host", 0).unwrap());
            names.known().sought.insert("host".to_owned());
            names.failed("host");
        }
        assert_eq!(
            tried,
            ["10.0.0.7", "10.0.0.8", "::1", "10.0.0.7"].map(socket)
        );
        names.found("host", std::iter::empty());
        assert_eq!(names.address("host", 0).unwrap(), socket("10.0.0.8"));
        names.found("host", ["10.0.0.9"].map(socket).into_iter());
        assert_eq!(names.address("host", 0).unwrap(), socket("10.0.0.9"));
    }
}
