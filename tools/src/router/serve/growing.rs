//! Other hosts in the place of those there were, and hosts that join.

use std::io;
use std::sync::Arc;

use mio::Token;
use redis_ipc_core::resp::Reply;

use super::hub::{Hub, SEEKER};
use super::seeking::{Seeker, stands_fast};
use super::upstream::{Asked, Purpose, Waiting};
use crate::router::Cluster;
use crate::router::layout::{Layout, Node};

/// Where keys were before hosts joined.
#[derive(Debug)]
pub(super) struct Growing {
    layout: Arc<Layout>,
    /// The places of its hosts.
    places: Vec<usize>,
}

impl Hub {
    /// Takes over where keys are by a cluster, and where they were if hosts join it. The error is
    /// the system's.
    pub(super) fn take_hosts(&mut self, cluster: &Cluster) -> io::Result<()> {
        self.growing = None;
        self.adopt(cluster.layout());
        if let Some(next) = cluster.next() {
            let (layout, places) = (self.layout.clone(), self.places.clone());
            self.growing = Some(Growing { layout, places });
            self.adopt(next.layout());
        }
        self.cluster = cluster.clone();
        self.take_commands();
        for node in &self.layout.nodes {
            if let Some((name, _)) = node.host.endpoint.host() {
                self.names.seek(name);
            }
        }
        let fast = |node: &Arc<Node>| stands_fast(&node.host.endpoint);
        let stay = !self.layout.rule.has_slots() && self.layout.nodes.iter().all(fast);
        if self.seeker.is_none() && !stay {
            self.seeker = Some(Seeker::new(&self.registry, Token(SEEKER))?);
        }
        Ok(())
    }

    /// Has other hosts take the place of those there are. Whoever watches something or is told of it
    /// is disconnected then, as by a server that ends: it may come elsewhere.
    pub(super) fn change_hosts(&mut self, cluster: &Cluster) -> io::Result<()> {
        self.refuse_delayed();
        let (layout, placement) = (self.layout.clone(), self.cluster.placement());
        self.take_hosts(cluster)?;
        let [before, now] =
            [&layout, &self.layout].map(|all| all.nodes.iter().map(|node| &node.host));
        if !before.eq(now) || placement != self.cluster.placement() {
            (0..self.clients.len()).for_each(|place| self.begin_anew(place));
        }
        self.renew_waits();
        self.settle();
        Ok(())
    }

    fn begin_anew(&mut self, place: usize) {
        let Some(Some(client)) = self.clients.get_mut(place) else {
            return;
        };
        let upstreams = &self.upstreams;
        let listens = |own: &usize| {
            let upstream = upstreams[*own].as_ref();
            upstream.is_some_and(|own| own.purpose == Purpose::Listens)
        };
        if client.watch.is_some() || client.own.iter().any(listens) {
            return self.close_client(place);
        }
        if let Some(transaction) = &mut client.transaction {
            transaction.spoil();
        }
        if client.is_idle() {
            for own in client.own.drain(..) {
                self.upstreams[own] = None;
            }
        }
        client.renews = client.waits_in.is_some();
        if client.renews && client.gather.is_some() {
            let id = client.id;
            self.gather_again(id);
        }
    }

    /// Has hosts end the pops that wait where items come no longer: again and again, for a pop may
    /// come later than what is to end it.
    pub(super) fn renew_waits(&mut self) {
        let clients = self.clients.iter().flatten();
        let renewed = clients.filter(|client| client.renews && client.gather.is_none());
        let mut blocked = Vec::new();
        for place in renewed.flat_map(|client| &client.own) {
            if let Some(own) = &self.upstreams[*place]
                && own.purpose == Purpose::Pops
                && !own.waiting.is_empty()
            {
                blocked.extend(own.server_id.map(|id| (own.host, id.to_string())));
            }
        }
        for (host, id) in blocked {
            if let Ok(place) = self.shared(host, 2) {
                self.write(place, &["CLIENT", "UNBLOCK", &id], Waiting::Nobody);
            }
        }
    }

    /// Whether nothing has come to whoever waits, where nothing will come any longer.
    pub(super) fn is_renewed(&mut self, asked: &Asked, frame: &[u8]) -> bool {
        let client = self.client(asked.client);
        let renews = client.is_some_and(|client| client.renews);
        renews && matches!(Reply::parse(frame), Reply::Null)
    }

    /// Finds out when all that was asked before is answered.
    fn settle(&mut self) {
        for place in 0..self.upstreams.len() {
            let shared = self.upstreams[place].as_ref();
            let shared = shared.filter(|upstream| upstream.owner.is_none());
            let busy = shared.is_some_and(|upstream| !upstream.waiting.is_empty());
            if busy {
                self.settling += 1;
                self.write(place, &["PING"], Waiting::Settled);
            }
        }
    }

    /// Whether all that was asked before hosts changed is answered.
    pub(super) fn is_settled(&self) -> bool {
        let mut clients = self.clients.iter().flatten();
        self.settling == 0 && !clients.any(|client| client.renews)
    }

    /// The place of the host on which `key` was, if that is to be another one now: it may be there
    /// still.
    pub(super) fn old_host_of(&self, key: &[u8]) -> Option<usize> {
        let growing = self.growing.as_ref()?;
        let old = growing.places[growing.layout.rule.host(key)];
        (old != self.host_of(key)).then_some(old)
    }

    pub(super) fn any_moves<'k>(&self, keys: impl IntoIterator<Item = &'k [u8]>) -> bool {
        let mut keys = keys.into_iter();
        self.growing.is_some() && keys.any(|key| self.old_host_of(key).is_some())
    }
}
