//! Hosts that may be elsewhere by now: masters that Sentinels name, nodes of a Redis Cluster.
//!
//! Threads ask, so that nobody is held up. A request that was not executed, because its host is
//! away or says that it is another's, waits until that is known and is sent again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use mio::{Registry, Token, Waker};
use redis_ipc::Endpoint;

use super::hub::Hub;
use super::request;
use super::upstream::{Asked, Wandered};
use crate::router::commands::Table;
use crate::router::host::Host;
use crate::router::layout::Node;
use crate::router::map::FOREVER;
use crate::router::redirect::Redirect;

/// How often what waits is looked at.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// How often Sentinels are asked about one host at most.
const RESOLVING_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Seeker {
    tell: Sender<Found>,
    found: Receiver<Found>,
    waker: Arc<Waker>,
    /// Whether somebody asks who has which slot.
    #[cfg(feature = "redis")]
    asks_layout: bool,
    /// Hosts whose addresses somebody asks for.
    resolving: BTreeSet<usize>,
    /// When that was done last, by host.
    resolved: HashMap<usize, Instant>,
    delayed: Vec<Delayed>,
}

#[derive(Debug)]
enum Found {
    #[cfg(feature = "redis")]
    Layout,
    Address(usize, Option<Endpoint>),
}

/// How often a request is sent on at once; nodes that send it on in a circle do not agree yet.
pub(super) const MOST_HOPS: u8 = 5;

/// A pop that is sent on after longer than this was waiting at a host meanwhile.
const CALM: Duration = Duration::from_secs(1);

/// A request that waits to be sent again.
#[derive(Debug)]
struct Delayed {
    asked: Asked,
    own: bool,
    /// What its client is told if it waits for too long.
    reply: Vec<u8>,
}

impl Seeker {
    pub(super) fn new(registry: &Registry, token: Token) -> std::io::Result<Self> {
        let (tell, found) = channel();
        Ok(Self {
            tell,
            found,
            waker: Arc::new(Waker::new(registry, token)?),
            #[cfg(feature = "redis")]
            asks_layout: false,
            resolving: BTreeSet::new(),
            resolved: HashMap::new(),
            delayed: Vec::new(),
        })
    }

    /// Has a thread find something out.
    fn ask(&self, find: impl FnOnce() -> Found + Send + 'static) {
        let (tell, waker) = (self.tell.clone(), self.waker.clone());
        let work = move || {
            // The loop may have ended meanwhile.
            let _ = tell.send(find());
            let _ = waker.wake();
        };
        let _ = thread::Builder::new().name("seek".to_owned()).spawn(work);
    }
}

impl Hub {
    /// Whether hosts may be elsewhere by now.
    pub(super) fn seeks(&self) -> bool {
        self.seeker.is_some()
    }

    /// Finds out who has which slot.
    pub(super) fn seek_layout(&mut self) {
        #[cfg(feature = "redis")]
        if let Some(seeker) = &mut self.seeker
            && !seeker.asks_layout
            && self.cluster.topology().is_some()
        {
            seeker.asks_layout = true;
            let (seen, limit) = (self.layout.clone(), self.cluster.options().connect_limit);
            let cluster = self.cluster.clone();
            seeker.ask(move || {
                // If nobody says so, it is asked again as long as somebody waits for it.
                let _ = cluster.renew(&seen, limit);
                Found::Layout
            });
        }
    }

    /// The address of a host if it is known; else it is asked for.
    pub(super) fn address(&mut self, host: usize) -> Option<Endpoint> {
        if let Some(address) = &self.addresses[host] {
            return Some(address.clone());
        }
        let seeker = self.seeker.as_mut()?;
        if seeker.resolving.insert(host) {
            let endpoint = self.hosts[host].host.endpoint.clone();
            let limit = self.cluster.options().connect_limit;
            let before = seeker.resolved.insert(host, Instant::now());
            let again = before.is_some_and(|before| before.elapsed() < 2 * RESOLVING_PAUSE);
            seeker.ask(move || {
                // Who have to elect a successor are not to be kept from it.
                if again {
                    thread::sleep(RESOLVING_PAUSE);
                }
                let options = redis_ipc::Options::default().connect_limit(limit);
                Found::Address(host, endpoint.resolve(&options).ok())
            });
        }
        None
    }

    /// A host is not where it was, or not what it was.
    pub(super) fn forget(&mut self, host: usize) {
        self.forget_moved(host);
        if stands_fast(&self.hosts[host].host.endpoint) {
            self.seek_layout();
        } else {
            self.addresses[host] = None;
            for shared in std::mem::take(&mut self.shared[host]).into_iter().flatten() {
                self.fail_upstream(shared, "another server takes its place");
            }
        }
    }

    /// Somebody has found something out.
    pub(super) fn take_found(&mut self) {
        while let Some(seeker) = &mut self.seeker
            && let Ok(found) = seeker.found.try_recv()
        {
            match found {
                #[cfg(feature = "redis")]
                Found::Layout => {
                    seeker.asks_layout = false;
                    let layout = self.cluster.layout();
                    self.adopt(layout);
                }
                Found::Address(host, address) => {
                    seeker.resolving.remove(&host);
                    self.addresses[host] = address;
                }
            }
        }
        self.send_delayed();
        self.gather_all_again();
    }

    /// Whether requests wait to be sent again.
    pub(super) fn delays(&self) -> bool {
        let seeker = self.seeker.as_ref();
        seeker.is_some_and(|seeker| !seeker.delayed.is_empty())
    }

    /// Keeps a request until its host is known, or for as long as a reply may take, counted from
    /// when it was sent again first.
    pub(super) fn delay(&mut self, mut asked: Asked, own: bool, reply: &[u8]) {
        asked.wandered.hops = 0;
        self.patient(&mut asked);
        if let Some(seeker) = &mut self.seeker {
            seeker.delayed.push(Delayed {
                asked,
                own,
                reply: reply.to_vec(),
            });
        }
        self.seek_layout();
    }

    /// Until when a request is sent again.
    fn patient(&self, asked: &mut Asked) -> Instant {
        let limit = self.cluster.options().reply_limit.min(FOREVER);
        let until = &mut asked.wandered.until;
        *until.get_or_insert_with(|| Instant::now() + limit)
    }

    /// Sends requests again; those that have waited for too long are answered with why.
    pub(super) fn send_delayed(&mut self) {
        let Some(seeker) = &mut self.seeker else {
            return;
        };
        let now = Instant::now();
        for delayed in std::mem::take(&mut seeker.delayed) {
            let Delayed { asked, own, reply } = delayed;
            if asked.wandered.until.is_some_and(|until| until <= now) {
                self.deliver(&asked, &reply);
                continue;
            }
            let frame = asked.frame.clone().unwrap_or_default();
            let host = self.host_of(&key_of(&self.table, &frame));
            self.with_client(asked.client, |hub, client| {
                hub.send(client, host, asked, &frame, own, false);
            });
        }
    }

    /// Answers all requests that wait to be sent again: their keys may be elsewhere now.
    pub(super) fn refuse_delayed(&mut self) {
        if let Some(seeker) = &mut self.seeker {
            for Delayed { asked, reply, .. } in std::mem::take(&mut seeker.delayed) {
                self.deliver(&asked, &reply);
            }
        }
    }

    /// Takes a reply that sends a request elsewhere.
    pub(super) fn redirected(&mut self, mut asked: Asked, own: bool, host: usize, reply: &[u8]) {
        let now = Instant::now();
        let calm = |last: Instant| now.saturating_duration_since(last) > CALM;
        if own && asked.wandered.last.is_some_and(calm) {
            // It has waited there for an item until the slot was moved: a new journey.
            asked.wandered = Wandered::default();
        }
        if self.patient(&mut asked) <= now {
            return self.deliver(&asked, reply);
        }
        asked.wandered.last = Some(now);
        asked.wandered.hops += 1;
        if asked.wandered.hops > MOST_HOPS {
            return self.delay(asked, own, reply);
        }
        let words = String::from_utf8_lossy(reply.get(1..).unwrap_or_default()).into_owned();
        let (name, port, asking) = match Redirect::read(&words) {
            Some(Redirect::Moved(name, port)) => (name, port, false),
            // That is for a single command: a transaction waits until its slot has moved.
            Some(Redirect::Ask(..)) if asked.ahead > 0 => return self.delay(asked, own, reply),
            Some(Redirect::Ask(name, port)) => (name, port, true),
            _ => {
                self.delay(asked, own, reply);
                return self.forget(host);
            }
        };
        let target = self.host_at(host, name, port);
        let frame = asked.frame.clone().unwrap_or_default();
        if !asking {
            self.note_moved(&key_of(&self.table, &frame), target);
        }
        self.with_client(asked.client, |hub, client| {
            hub.send(client, target, asked, &frame, own, asking);
        });
    }

    /// The place of the host at an address, a new one if it is not known.
    pub(super) fn host_at(&mut self, asked: usize, name: &str, port: u16) -> usize {
        let asked = &self.hosts[asked].host.endpoint;
        let name = match (name, asked.host()) {
            ("", Some((own, _))) => own,
            (name, _) => name,
        };
        let endpoint = asked.clone().with_host(name, port);
        let known = self
            .hosts
            .iter()
            .position(|node| node.host.endpoint == endpoint);
        known.unwrap_or_else(|| {
            let host = Host::new(u32::MAX, endpoint);
            self.add_host(Arc::new(Node::new(host, self.cluster.options())))
        })
    }
}

/// The key of a request, or of the first in a transaction that has one; of PUBLISH, the channel.
fn key_of(table: &Table, frame: &[u8]) -> Vec<u8> {
    let mut ranges = Vec::new();
    let mut rest = frame;
    while let Ok(Some(end)) = request::parse(rest, &mut ranges) {
        let words: Vec<_> = ranges.iter().map(|range| &rest[range.clone()]).collect();
        let keys = table.keys(&words).ok();
        let key = match keys.and_then(|mut keys| keys.next()) {
            None if words[0].eq_ignore_ascii_case(b"publish") => Some(1),
            key => key,
        };
        if let Some(word) = key.and_then(|key| words.get(key)) {
            return word.to_vec();
        }
        rest = &rest[end..];
    }
    Vec::new()
}

/// Whether an address is always that of the same server.
pub(super) fn stands_fast(endpoint: &Endpoint) -> bool {
    endpoint.path().is_some() || endpoint.host().is_some()
}
