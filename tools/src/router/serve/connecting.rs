//! Connections to hosts: those that all clients share, and clients' own.

use mio::Token;

use super::client::ClientId;
use super::hub::{Hub, LISTENERS, vacant};
use super::upstream::{Purpose, Upstream, Waiting, write_request};
use super::{coded_reply, error_reply};

impl Hub {
    /// The shared connection to a host; the error is for its client.
    pub(super) fn shared(&mut self, host: usize, protocol: u8) -> Result<usize, Vec<u8>> {
        let index = usize::from(protocol == 3);
        if let Some(place) = self.shared[host][index] {
            return Ok(place);
        }
        let place = self.connect(host, protocol, None, Purpose::Shared)?;
        self.shared[host][index] = Some(place);
        Ok(place)
    }

    /// A new connection to a host, a client's own or one for all.
    pub(super) fn connect(
        &mut self,
        host: usize,
        protocol: u8,
        owner: Option<ClientId>,
        purpose: Purpose,
    ) -> Result<usize, Vec<u8>> {
        if owner.is_some() && self.is_full() {
            return Err(self.unsent(host, "no descriptor is left for it"));
        }
        let Some(endpoint) = self.address(host) else {
            return Err(self.unsent(host, "it is not known where it is"));
        };
        let place = vacant(&mut self.upstreams);
        let token = Token(LISTENERS + 2 * place + 1);
        let whom = (host, self.hosts[host].clone());
        let names = &self.names;
        let upstream = Upstream::connect(&endpoint, whom, names, protocol, owner, purpose);
        let upstream = upstream.and_then(|mut upstream| {
            upstream.line.register(&self.registry, token)?;
            Ok(upstream)
        });
        match upstream {
            Ok(upstream) => {
                self.upstreams[place] = Some(Box::new(upstream));
                self.note_upstream(place);
                Ok(place)
            }
            Err(error) => {
                let reply = self.unsent(host, &error.to_string());
                self.forget(host);
                Err(reply)
            }
        }
    }

    /// Writes a request on a connection, whose reply is for `waiting`.
    pub(super) fn write<W: AsRef<[u8]>>(&mut self, place: usize, words: &[W], waiting: Waiting) {
        if let Some(Some(upstream)) = self.upstreams.get_mut(place) {
            write_request(&mut upstream.line.output, words);
            upstream.wait_for(waiting);
            self.note_upstream(place);
        }
    }

    /// As [`write`](Self::write), for a request as it goes out.
    pub(super) fn write_frame(&mut self, place: usize, frame: &[u8], waiting: Waiting) {
        if let Some(Some(upstream)) = self.upstreams.get_mut(place) {
            upstream.line.output.extend_from_slice(frame);
            upstream.wait_for(waiting);
            self.note_upstream(place);
        }
    }

    /// What a client is told whose request did not go out.
    pub(super) fn unsent(&self, host: usize, why: &str) -> Vec<u8> {
        let host = &self.hosts[host].host;
        coded_reply(
            "CLUSTERDOWN",
            &format!("{host}: {why}; the request was not sent"),
        )
    }

    /// What a client is told whose request may have been executed.
    pub(super) fn unknown(&self, host: usize, why: &str) -> Vec<u8> {
        let host = &self.hosts[host].host;
        error_reply(&format!(
            "{host}: {why}; the request may have been executed"
        ))
    }
}
