//! All connections, and what the hosts are.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Registry, Token};
use redis_ipc::Endpoint;
use redis_ipc_core::shard::slots;

use super::client::{Client, ClientId};
use super::crowd::Crowd;
use super::growing::Growing;
use super::learning::Learner;
use super::line::{Line, Stream};
use super::names::Names;
use super::replies::Afterwards;
use super::room::Room;
use super::seeking::{PAUSE, Seeker, stands_fast};
use super::upstream::Upstream;
use crate::router::Cluster;
use crate::router::commands::Table;
use crate::router::layout::{Layout, Node};

/// How often it is looked whether a host is too slow, or somebody wants a stop.
const TICK: Duration = Duration::from_millis(100);

/// How long the names of hosts are waited for at first; requests for hosts whose names are not known
/// then are refused until they are.
const LOOK_UP_LIMIT: Duration = Duration::from_millis(500);

/// Tokens below this are those of listeners, and the last of them is that of the seeker.
pub(super) const LISTENERS: usize = 64;
pub(super) const SEEKER: usize = LISTENERS - 1;

/// The router but for its loop.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) registry: Registry,
    pub(super) started: Instant,
    pub(super) cluster: Cluster,
    pub(super) layout: Arc<Layout>,
    /// There while hosts join.
    pub(super) growing: Option<Growing>,
    /// Connections on which not all is answered that was asked before hosts changed.
    pub(super) settling: usize,
    pub(super) table: Arc<Table>,
    pub(super) learner: Learner,
    /// All hosts that there were; those of the layout are among them…
    pub(super) hosts: Vec<Arc<Node>>,
    /// …at these places.
    pub(super) places: Vec<usize>,
    /// By host: where it is, unless that has to be found out.
    pub(super) addresses: Vec<Option<Endpoint>>,
    pub(super) names: Names,
    /// There if hosts may be elsewhere by and by.
    pub(super) seeker: Option<Seeker>,
    /// By place. Boxed, as upstreams are: each is taken out while it is at work and put back.
    pub(super) clients: Vec<Option<Box<Client>>>,
    /// Room for the words of the request at hand.
    pub(super) words: Vec<Range<usize>>,
    pub(super) generation: u32,
    pub(super) crowd: Crowd,
    pub(super) room: Room,
    /// Hosts that have slots by the word of others, though the layout says otherwise.
    pub(super) moved: HashMap<u16, usize>,
    /// How many clients pop from several hosts, and whether they have to ask again soon.
    pub(super) restless: bool,
    pub(super) gathering: usize,
    /// When all of them began anew last, for slots may have moved.
    pub(super) last_gathered: Instant,
    pub(super) upstreams: Vec<Option<Box<Upstream>>>,
    /// By host and protocol: the connection that all clients share.
    pub(super) shared: Vec<[Option<usize>; 2]>,
    /// When it was looked last which hosts have answered.
    pub(super) last_look: Instant,
    /// What replies have given to do, for when their connection is back in its place.
    pub(super) afterwards: Vec<Afterwards>,
    pub(super) noted_clients: Vec<usize>,
    pub(super) noted_upstreams: Vec<usize>,
    /// Tokens of those that may have more to be read, and have had their turn.
    pub(super) unread: Vec<usize>,
}

impl Hub {
    /// No connection yet. Hosts on TLS are refused by a router that was built without.
    pub(super) fn new(cluster: &Cluster, registry: &Registry) -> io::Result<Self> {
        let mut hub = Self {
            registry: registry.try_clone()?,
            started: Instant::now(),
            cluster: cluster.clone(),
            shared: Vec::new(),
            hosts: Vec::new(),
            places: Vec::new(),
            addresses: Vec::new(),
            names: Names::default(),
            seeker: None,
            layout: cluster.layout(),
            growing: None,
            settling: 0,
            table: cluster.table(),
            learner: Learner::default(),
            clients: Vec::new(),
            words: Vec::new(),
            generation: 0,
            crowd: Crowd::new(Instant::now()),
            room: Room::default(),
            moved: HashMap::new(),
            restless: false,
            gathering: 0,
            last_gathered: Instant::now(),
            upstreams: Vec::new(),
            last_look: Instant::now(),
            afterwards: Vec::new(),
            noted_clients: Vec::new(),
            noted_upstreams: Vec::new(),
            unread: Vec::new(),
        };
        hub.take_hosts(cluster)?;
        hub.names.wait(LOOK_UP_LIMIT);
        #[cfg(not(feature = "tls"))]
        if let Some(node) = hub.hosts.iter().find(|node| node.host.endpoint.is_secure()) {
            let why = format!("{}: the router was built without TLS", node.host);
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        Ok(hub)
    }

    /// How long to wait for events at most.
    pub(super) fn patience(&self) -> Duration {
        if !self.unread.is_empty() {
            return Duration::ZERO;
        }
        let end = self.next_end();
        let end = end.map(|end| end.saturating_duration_since(Instant::now()));
        end.map_or(self.tick(), |end| end.min(self.tick()))
    }

    pub(super) fn tick(&self) -> Duration {
        match self.delays() || self.restless {
            true => PAUSE,
            false => TICK,
        }
    }

    /// Takes over who the hosts are.
    pub(super) fn adopt(&mut self, layout: Arc<Layout>) {
        let place = |node: &Arc<Node>| {
            let same = |known: &Arc<Node>| known.host.endpoint == node.host.endpoint;
            let known = self.hosts.iter().position(same);
            match known {
                Some(place) => {
                    // Its number may be another one now.
                    self.hosts[place] = node.clone();
                    place
                }
                None => self.add_host(node.clone()),
            }
        };
        let places: Vec<_> = layout.nodes.iter().map(place).collect();
        // What all agree on need not be kept.
        let rule = &layout.rule;
        self.moved
            .retain(|slot, owner| places[rule.host_of_unit(usize::from(*slot))] != *owner);
        self.places = places;
        self.layout = layout;
    }

    pub(super) fn add_host(&mut self, node: Arc<Node>) -> usize {
        let endpoint = &node.host.endpoint;
        self.addresses
            .push(stands_fast(endpoint).then(|| endpoint.clone()));
        self.shared.push([None; 2]);
        self.hosts.push(node);
        self.hosts.len() - 1
    }

    /// The place of the host on which `key` lives.
    pub(super) fn host_of(&self, key: &[u8]) -> usize {
        let place = self.places[self.layout.rule.host(key)];
        if self.moved.is_empty() {
            return place;
        }
        self.moved.get(&slots::slot(key)).copied().unwrap_or(place)
    }

    /// A host has said that the slot of `key` is another's: not all may know of it yet.
    pub(super) fn note_moved(&mut self, key: &[u8], host: usize) {
        if self.layout.rule.has_slots() {
            self.moved.insert(slots::slot(key), host);
        }
        self.seek_layout();
    }

    /// What a host is said to have is not true any longer.
    pub(super) fn forget_moved(&mut self, host: usize) {
        self.moved.retain(|_, owner| *owner != host);
    }

    pub(super) fn welcome(&mut self, stream: Stream) {
        let place = vacant(&mut self.clients);
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let mut line = Line::new(stream);
        if line
            .register(&self.registry, Token(LISTENERS + 2 * place))
            .is_ok()
        {
            let client = Client::new(line, ClientId { place, generation });
            self.clients[place] = Some(Box::new(client));
        }
    }

    /// Something can be read or written.
    pub(super) fn ready(&mut self, token: usize, event: &mio::event::Event) {
        let place = token / 2;
        let reads = event.is_readable() || event.is_error();
        let ends = event.is_read_closed() || event.is_error();
        if token.is_multiple_of(2) {
            if let Some(Some(client)) = self.clients.get_mut(place) {
                client.line.readable |= reads || ends;
                client.line.ending |= ends;
                self.serve_client(place);
            }
        } else if let Some(Some(upstream)) = self.upstreams.get_mut(place) {
            upstream.line.readable |= reads || ends;
            upstream.line.ending |= ends;
            self.note_upstream(place);
            self.read_upstream(place);
        }
    }

    /// Sends what was written; clients that waited for room may go on then.
    pub(super) fn flush(&mut self) {
        while !(self.noted_upstreams.is_empty() && self.noted_clients.is_empty()) {
            for place in std::mem::take(&mut self.noted_upstreams) {
                let Some(Some(upstream)) = self.upstreams.get_mut(place) else {
                    continue;
                };
                upstream.line.noted = false;
                if let Err(error) = upstream.line.flush(&self.registry) {
                    self.fail_upstream(place, &error.to_string());
                }
            }
            self.flush_clients();
        }
    }

    /// Sends clients what was written for them.
    pub(super) fn flush_clients(&mut self) {
        for place in std::mem::take(&mut self.noted_clients) {
            self.flush_client(place);
        }
    }

    fn flush_client(&mut self, place: usize) {
        let Some(Some(client)) = self.clients.get_mut(place) else {
            return;
        };
        client.line.noted = false;
        let flushed = client.line.flush(&self.registry);
        let done = client.quits && client.is_idle() && client.line.unsent() == 0;
        if flushed.is_err() || done || client.reads_too_little() {
            self.close_client(place);
        } else if client.may_go_on_again() {
            self.serve_client(place);
        }
    }

    pub(super) fn note_client(&mut self, place: usize) {
        if let Some(Some(client)) = self.clients.get_mut(place)
            && !client.line.noted
        {
            client.line.noted = true;
            self.noted_clients.push(place);
        }
    }

    pub(super) fn note_upstream(&mut self, place: usize) {
        if let Some(Some(upstream)) = self.upstreams.get_mut(place)
            && !upstream.line.noted
        {
            upstream.line.noted = true;
            self.noted_upstreams.push(place);
        }
    }

    pub(super) fn close_client(&mut self, place: usize) {
        let Some(client) = self.clients.get_mut(place).and_then(Option::take) else {
            return;
        };
        self.gathering -= usize::from(client.gather.is_some());
        for own in client.own {
            self.upstreams[own] = None;
        }
    }

    /// Does something with a client and with others beside it, if the client is still there.
    pub(super) fn with_client(&mut self, id: ClientId, act: impl FnOnce(&mut Self, &mut Client)) {
        if self.client(id).is_none() {
            return;
        }
        let Some(mut client) = self.clients[id.place].take() else {
            return;
        };
        act(self, &mut client);
        self.clients[id.place] = Some(client);
        self.note_client(id.place);
    }

    pub(super) fn client(&mut self, id: ClientId) -> Option<&mut Client> {
        let client = self.clients.get_mut(id.place)?.as_deref_mut()?;
        (client.id == id).then_some(client)
    }
}

/// The first empty place, a new one if there is none.
pub(super) fn vacant<T>(places: &mut Vec<Option<T>>) -> usize {
    let vacant = places.iter().position(Option::is_none);
    vacant.unwrap_or_else(|| {
        places.push(None);
        places.len() - 1
    })
}
