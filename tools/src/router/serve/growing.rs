//! Other hosts in the place of those there were, and hosts that join.

use std::sync::Arc;

use super::hub::{Hub, SEEKER};
use super::seeking::{Seeker, stands_fast};
use super::upstream::{Purpose, Waiting};
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
    /// Takes over where keys are by a cluster, and where they were if hosts join it.
    pub(super) fn take_hosts(&mut self, cluster: &Cluster) {
        self.growing = None;
        self.adopt(cluster.layout());
        if let Some(next) = cluster.next() {
            let (layout, places) = (self.layout.clone(), self.places.clone());
            self.growing = Some(Growing { layout, places });
            self.adopt(next.layout());
        }
        self.table = cluster.table();
        self.placement = cluster.placement();
        self.options = cluster.options().clone();
        for node in &self.layout.nodes {
            if let Some((name, _)) = node.host.endpoint.host() {
                self.names.seek(name);
            }
        }
    }

    /// Has other hosts take the place of those there are. Whoever waits for something at a host, or
    /// is told of something, is disconnected then, as by a server that ends: it may come elsewhere.
    pub(super) fn change_hosts(&mut self, cluster: &Cluster) -> std::io::Result<()> {
        self.refuse_delayed();
        let before = (self.layout.clone(), self.placement, self.growing.is_some());
        self.take_hosts(cluster);
        let hosts = |layout: &Layout| {
            let hosts = layout.nodes.iter().map(|node| node.host.clone());
            hosts.collect::<Vec<_>>()
        };
        if hosts(&before.0) != hosts(&self.layout) || before.1 != self.placement {
            (0..self.clients.len()).for_each(|place| self.begin_anew(place));
        }
        self.settle();
        let fast = |node: &Arc<Node>| stands_fast(&node.host.endpoint);
        if self.seeker.is_none() && !self.layout.nodes.iter().all(fast) {
            let token = mio::Token(SEEKER);
            self.seeker = Some(Seeker::new(cluster, &self.registry, token)?);
        }
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
        let told = client.watch.is_some() || client.own.iter().any(listens);
        if client.waits_for_others() || told {
            return self.close_client(place);
        }
        if let Some(transaction) = &mut client.transaction {
            transaction.spoil();
        }
        if client.through.is_none() {
            for own in client.own.drain(..) {
                self.upstreams[own] = None;
            }
        }
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
        self.settling == 0
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
