//! Which server each host has turned out to be, so that another one is noticed when it answers at
//! the host's address.
//!
//! A server has a number for each of its runs. No number says that a server which was started anew
//! is still the same one, but these say that it is not:
//!
//! - The run that answers is that of another host's server, with the same database: two addresses
//!   lead to one place, or hosts were exchanged.
//! - The run that answers had begun before the one before it answered for the last time: both ran
//!   at once, so that it is no restart. It may be a replica that took its place, which then has the
//!   history of the other (`master_replid2`).
//!
//! A server that was started after the other had ended is taken for its restart. Masters that
//! Sentinels name and nodes of a Redis Cluster are left to those who name them, but for the first
//! rule.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::host::Host;

/// Servers count their age in whole seconds, and clocks do not run alike.
const SLACK: Duration = Duration::from_secs(2);

/// What a server says of itself (INFO).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    run: String,
    age: Duration,
    /// Numbers of its history, and of that of the master that it has succeeded.
    histories: Vec<String>,
}

impl Identity {
    /// `None` if it does not say who it is.
    pub(crate) fn read(info: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut lines = info.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.map(str::trim)
        };
        let histories = ["master_replid", "master_replid2"].map(field);
        let histories = histories.into_iter().flatten();
        Some(Self {
            run: field("run_id")?.to_owned(),
            age: Duration::from_secs(field("uptime_in_seconds")?.parse().ok()?),
            histories: histories
                .filter(|id| id.bytes().any(|byte| byte != b'0'))
                .map(str::to_owned)
                .collect(),
        })
    }
}

/// The servers of the hosts of a cluster, as far as they were met.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identities {
    known: Arc<Mutex<Known>>,
}

/// All by the addresses of hosts.
#[derive(Debug, Default)]
struct Known {
    met: HashMap<String, Met>,
    /// Hosts that were refused, for they are these others.
    twins: HashMap<String, Host>,
}

/// The server that was met last at a host's address.
#[derive(Debug)]
struct Met {
    host: Host,
    identity: Identity,
    /// When it is known to have lived last.
    lived: Instant,
}

impl Identities {
    /// Takes note of who answers as `host`. The error is a sentence: it is not who it was, or it is
    /// another host as well.
    pub(crate) fn meet(&self, host: &Host, info: &str) -> Result<(), String> {
        let Some(identity) = Identity::read(info) else {
            return Ok(());
        };
        let now = Instant::now();
        let address = host.endpoint.to_string();
        let mut known = self.known();
        known.twins.remove(&address);
        let same_place = |other: &&Met| {
            other.host.endpoint != host.endpoint
                && other.host.endpoint.database() == host.endpoint.database()
                && other.identity.run == identity.run
        };
        if let Some(other) = known.met.values().find(same_place) {
            let other = other.host.clone();
            let why = format!("it is the server and the database of {other}");
            known.twins.insert(address, other);
            return Err(why);
        }
        if let Some(before) = known.met.get(&address) {
            before.is_succeeded_by(&identity, now)?;
        }
        let lived = now;
        let host = host.clone();
        known.met.insert(
            address,
            Met {
                host,
                identity,
                lived,
            },
        );
        Ok(())
    }

    /// A host has answered just now, over a connection whose server was [met](Self::meet).
    pub(crate) fn lives(&self, address: &str, when: Instant) {
        if let Some(met) = self.known().met.get_mut(address) {
            met.lived = met.lived.max(when);
        }
    }

    /// Forgets servers whose hosts are not among these any more.
    pub(crate) fn keep(&self, hosts: &[Host]) {
        let mut known = self.known();
        let stays = |met: &Met| hosts.iter().any(|host| host.endpoint == met.host.endpoint);
        known.met.retain(|_, met| stays(met));
        known.twins.clear();
    }

    /// The other host whose server and database a host was refused for.
    pub(crate) fn twin(&self, host: &Host) -> Option<Host> {
        self.known().twins.get(&host.endpoint.to_string()).cloned()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Met {
    /// Whether it can be that this one has taken its place by right.
    fn is_succeeded_by(&self, next: &Identity, now: Instant) -> Result<(), String> {
        let since = now.saturating_duration_since(self.lived);
        let endpoint = &self.host.endpoint;
        let named_by_others = endpoint.path().is_none() && endpoint.host().is_none();
        let knows = |history: &String| self.identity.histories.contains(history);
        if self.identity.run == next.run
            || next.age <= since + SLACK
            || named_by_others
            || next.histories.iter().any(knows)
        {
            return Ok(());
        }
        Err(format!(
            "it has run for {} s, and {} s ago another one answered there; whoever knows that it is \
             right connects anew",
            next.age.as_secs(),
            since.as_secs()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(run: &str, age: u64, histories: [&str; 2]) -> String {
        let [own, before] = histories;
        format!(
            "# Server\r\nrun_id:{run}\r\nuptime_in_seconds:{age}\r\n# Replication\r\n\
             master_replid:{own}\r\nmaster_replid2:{before}\r\n"
        )
    }

    fn host(id: u32, address: &str) -> Host {
        Host::new(id, address.parse().unwrap())
    }

    #[test]
    fn a_server_of_two_hosts_is_refused_and_one_with_two_databases_is_not() {
        let all = Identities::default();
        let server = info("a", 9, ["h", "0"]);
        all.meet(&host(0, "/a"), &server).unwrap();
        all.meet(&host(0, "/a"), &server).unwrap();
        all.meet(&host(1, "unix:///a?db=1"), &server).unwrap();
        all.meet(&host(2, "unix:///link?db=2"), &server).unwrap();
        let error = all.meet(&host(3, "/link"), &server).unwrap_err();
        assert!(error.contains("of host 0 (unix:///a)"), "{error}");
        all.keep(&[host(3, "/link")]);
        all.meet(&host(3, "/link"), &server).unwrap();
    }

    #[test]
    fn hosts_that_were_exchanged_are_noticed() {
        let all = Identities::default();
        let [one, other] = ["a", "b"].map(|run| info(run, 9, [run, "0"]));
        all.meet(&host(0, "/a"), &one).unwrap();
        all.meet(&host(1, "/b"), &other).unwrap();
        assert!(all.meet(&host(0, "/a"), &other).is_err());
        assert!(all.meet(&host(1, "/b"), &one).is_err());
    }

    #[test]
    fn a_restart_is_let_in_and_a_stranger_is_not() {
        let all = Identities::default();
        all.meet(&host(0, "/a"), &info("a", 100, ["h", "0"]))
            .unwrap();
        // As old as what has passed since then, more or less: it was started meanwhile.
        all.meet(&host(0, "/a"), &info("b", 1, ["i", "0"])).unwrap();
        let error = all.meet(&host(0, "/a"), &info("c", 60, ["j", "0"]));
        let error = error.unwrap_err();
        assert!(error.starts_with("it has run for 60 s"), "{error}");
        // A replica of the one before is let in although it is old.
        all.meet(&host(0, "/a"), &info("d", 60, ["k", "i"]))
            .unwrap();
        // Who does not say who he is cannot be told from anybody.
        all.meet(&host(0, "/a"), "").unwrap();
        // Sentinels know better.
        let sentinels = "redis-sentinel://h:1/bus";
        all.meet(&host(1, sentinels), &info("x", 60, ["h", "0"]))
            .unwrap();
        all.meet(&host(1, sentinels), &info("y", 60, ["i", "0"]))
            .unwrap();
    }
}
