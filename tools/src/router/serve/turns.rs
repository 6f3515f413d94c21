//! Whose turn it is to be read: what comes as fast as it is read must not hold up others.

use super::client::Client;
use super::hub::Hub;

/// How often a connection is read from until it is the others' turn.
pub(super) const MOST_READS: usize = 2;

impl Hub {
    /// A client has had its turn.
    pub(super) fn read_client_later(&mut self, client: &mut Client) {
        if !std::mem::replace(&mut client.line.unread, true) {
            self.unread.push(2 * client.id.place);
        }
    }

    /// A connection to a host has had its turn.
    pub(super) fn read_upstream_later(&mut self, place: usize) {
        if let Some(Some(upstream)) = self.upstreams.get_mut(place)
            && !std::mem::replace(&mut upstream.line.unread, true)
        {
            self.unread.push(2 * place + 1);
        }
    }

    /// The next turn of those that may have more to be read.
    pub(super) fn read_on(&mut self) {
        for token in std::mem::take(&mut self.unread) {
            let place = token / 2;
            if token.is_multiple_of(2) {
                if let Some(Some(client)) = self.clients.get_mut(place) {
                    client.line.unread = false;
                    self.serve_client(place);
                }
            } else if let Some(Some(upstream)) = self.upstreams.get_mut(place) {
                upstream.line.unread = false;
                self.read_upstream(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use mio::Poll;

    use super::*;
    use crate::router::serve::line::Stream;
    use crate::router::{Cluster, Host, Placement};

    #[test]
    fn whoever_sends_much_is_read_in_turns() {
        let host = Host::new(0, "/run/nobody/listens".parse().unwrap());
        let cluster = Cluster::new([host], Placement::Partition).unwrap();
        let poll = Poll::new().unwrap();
        let mut hub = Hub::new(&cluster, poll.registry()).unwrap();
        let (mut client, ours) = UnixStream::pair().unwrap();
        client.set_nonblocking(true).unwrap();
        ours.set_nonblocking(true).unwrap();
        // What takes no answer, as much as there is room for.
        let written = client.write(&b"\r\n".repeat(1 << 20)).unwrap();
        hub.welcome(Stream::Unix(mio::net::UnixStream::from_std(ours)));
        let line = |hub: &Hub| hub.clients[0].as_ref().is_some_and(|own| own.line.readable);
        hub.clients[0].as_mut().unwrap().line.readable = true;
        hub.serve_client(0);
        let mut turns = 1;
        while line(&hub) {
            assert!(hub.patience().is_zero(), "it is read on at once");
            hub.read_on();
            turns += 1;
        }
        assert!(turns > 1, "{written} bytes at once");
        assert!(!hub.patience().is_zero(), "and then waited for");
    }
}
