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
    use std::os::unix::net::{UnixListener, UnixStream};

    use mio::Poll;
    use redis_ipc::Endpoint;
    use redis_ipc_tests::folder::Folder;

    use super::*;
    use crate::router::serve::line::{Line, Stream};
    use crate::router::{Cluster, Host, Placement};

    fn hub(poll: &Poll, host: Endpoint) -> Hub {
        let cluster = Cluster::new([Host::new(0, host)], Placement::Partition).unwrap();
        Hub::new(&cluster, poll.registry()).unwrap()
    }

    /// Writes as much as there is room for.
    fn fill(stream: &mut UnixStream, bytes: &[u8]) {
        stream.set_nonblocking(true).unwrap();
        while stream.write(bytes).is_ok() {}
    }

    /// How many turns it takes until all is read that has come; the first is begun.
    fn turns(hub: &mut Hub, line: impl Fn(&Hub) -> &Line) -> usize {
        let mut turns = 1;
        while line(hub).readable {
            assert!(hub.patience().is_zero(), "it is read on at once");
            hub.read_on();
            turns += 1;
        }
        assert!(!hub.patience().is_zero(), "and then waited for");
        turns
    }

    #[test]
    fn a_client_that_sends_much_is_read_in_turns() {
        let poll = Poll::new().unwrap();
        let mut hub = hub(&poll, "/run/nobody/listens".parse().unwrap());
        let (mut client, ours) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        // What takes no answer.
        fill(&mut client, &b"\r\n".repeat(1 << 20));
        hub.welcome(Stream::Unix(mio::net::UnixStream::from_std(ours)));
        hub.clients[0].as_mut().unwrap().line.readable = true;
        hub.serve_client(0);
        assert!(turns(&mut hub, |hub| &hub.clients[0].as_ref().unwrap().line) > 1);
    }

    #[test]
    fn a_host_that_answers_much_is_read_in_turns() {
        let (poll, folder) = (Poll::new().unwrap(), Folder::new());
        let path = folder.join("host");
        let listener = UnixListener::bind(&path).unwrap();
        let mut hub = hub(&poll, Endpoint::unix(path).unwrap());
        let place = hub.shared(0, 2).unwrap();
        let (mut host, _) = listener.accept().unwrap();
        // A reply that is not whole.
        host.write_all(b"$500000000\r\n").unwrap();
        fill(&mut host, &vec![b'x'; 1 << 20]);
        hub.upstreams[place].as_mut().unwrap().line.readable = true;
        hub.read_upstream(place);
        assert!(turns(&mut hub, |hub| &hub.upstreams[place].as_ref().unwrap().line) > 1);
    }
}
