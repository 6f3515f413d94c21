//! What hosts answer, and hosts that do not.

use std::time::Instant;

use super::client::ClientId;
use super::hub::Hub;
use super::through::Step;
use super::turns::MOST_READS;
use super::upstream::{Asked, Purpose, Upstream, Waiting};
use crate::router::redirect::Redirect;

/// Something that may take connections other than that which it came from.
#[derive(Debug)]
pub(super) enum Afterwards {
    Gathered(ClientId, usize, Vec<u8>),
    Changed(ClientId),
    Looked(ClientId, Step, Vec<u8>),
    WaitedInVain(ClientId),
    Redirected(Asked, bool, usize, Vec<u8>),
}

impl Hub {
    pub(super) fn read_upstream(&mut self, place: usize) {
        for _ in 0..MOST_READS {
            let Some(upstream) = self.upstreams[place].as_mut() else {
                return;
            };
            if !upstream.line.readable {
                return;
            }
            let received = upstream.line.receive();
            if let Err(why) = self.take_replies(place) {
                return self.fail_upstream(place, &why);
            }
            if let Err(error) = received {
                return self.fail_upstream(place, &error.to_string());
            }
        }
        self.read_upstream_later(place);
    }

    /// Hands replies to those who wait for them. The error is a sentence.
    pub(super) fn take_replies(&mut self, place: usize) -> Result<(), String> {
        // Taken out, for the replies go to others that are kept beside it.
        let Some(mut upstream) = self.upstreams[place].take() else {
            return Ok(());
        };
        let result = self.take_replies_of(&mut upstream);
        // A listener's client may have been closed meanwhile, and its connections with it.
        let orphaned = upstream
            .owner
            .is_some_and(|owner| self.client(owner).is_none());
        if !orphaned {
            let lets_go = upstream.is_greeted() && upstream.line.let_go();
            self.upstreams[place] = Some(upstream);
            if lets_go {
                self.note_upstream(place);
            }
        }
        for then in std::mem::take(&mut self.afterwards) {
            match then {
                Afterwards::Gathered(client, host, frame) => self.gathered(client, host, &frame),
                Afterwards::Changed(client) => self.gather_again(client),
                Afterwards::WaitedInVain(client) => {
                    self.with_client(client, |_, client| client.begin_wait_anew());
                }
                Afterwards::Looked(client, step, frame) => self.looked(client, step, &frame),
                Afterwards::Redirected(asked, own, host, reply) => {
                    self.redirected(asked, own, host, &reply);
                }
            }
        }
        result
    }

    fn take_replies_of(&mut self, upstream: &mut Upstream) -> Result<(), String> {
        let mut input = std::mem::take(&mut upstream.line.input);
        let mut any = false;
        while !input.bytes().is_empty() {
            let scanned = upstream.scanner.scan(input.bytes());
            let Some(end) = scanned.map_err(|error| error.to_string())? else {
                break;
            };
            any = true;
            self.take_reply(upstream, &input.bytes()[..end])?;
            input.take(end);
        }
        upstream.line.input = input;
        if any {
            upstream.heard = true;
            upstream.since = (!upstream.waiting.is_empty()).then(Instant::now);
        }
        Ok(())
    }

    fn take_reply(&mut self, upstream: &mut Upstream, frame: &[u8]) -> Result<(), String> {
        // A push answers nothing, and neither does a message to a RESP2 client that listens.
        if frame.first() == Some(&b'>') || upstream.waiting.is_empty() {
            return self.take_push(upstream, frame);
        }
        match upstream.waiting.pop_front() {
            Some(Waiting::Client(asked)) if asked.frame.is_some() && is_redirect(frame) => {
                let own = upstream.purpose == Purpose::Pops;
                upstream.sent_on = None;
                let then = Afterwards::Redirected(asked, own, upstream.host, frame.to_vec());
                self.afterwards.push(then);
            }
            Some(Waiting::Client(asked))
                if asked.frame.is_some() && is_aborted(upstream, frame) =>
            {
                let reply = upstream.sent_on.take().unwrap_or_default();
                let then = Afterwards::Redirected(asked, false, upstream.host, reply);
                self.afterwards.push(then);
            }
            Some(Waiting::Client(asked))
                if upstream.purpose == Purpose::Transactions && is_redirect(frame) =>
            {
                let reply = self.watched_elsewhere(frame);
                self.deliver(&asked, &reply);
            }
            Some(Waiting::Client(asked))
                if upstream.purpose == Purpose::Pops && self.is_renewed(&asked, frame) =>
            {
                self.afterwards.push(Afterwards::WaitedInVain(asked.client));
            }
            Some(Waiting::Client(asked)) => self.deliver(&asked, frame),
            Some(Waiting::Greeting) => upstream.greeted(frame)?,
            Some(Waiting::Vetting) => upstream.introduced(frame)?,
            Some(Waiting::Nobody) if is_redirect(frame) => {
                upstream.sent_on = Some(frame.to_vec());
                self.seek_layout();
            }
            Some(Waiting::Nobody) | None => {}
            Some(Waiting::Settled) => self.settling -= 1,
            Some(Waiting::Looking(client, step)) => {
                let then = Afterwards::Looked(client, step, frame.to_vec());
                self.afterwards.push(then);
            }
            Some(Waiting::Gathering(client)) => {
                let then = Afterwards::Gathered(client, upstream.host, frame.to_vec());
                self.afterwards.push(then);
            }
        }
        Ok(())
    }

    fn take_push(&mut self, upstream: &Upstream, frame: &[u8]) -> Result<(), String> {
        match (&upstream.purpose, upstream.owner) {
            (Purpose::Listens, Some(owner)) => self.hear(owner, frame),
            (Purpose::Watches(_), Some(owner)) => self.afterwards.push(Afterwards::Changed(owner)),
            _ if frame.first() == Some(&b'>') => {}
            _ => return Err("it answers what was not asked".to_owned()),
        }
        Ok(())
    }

    pub(super) fn deliver(&mut self, asked: &Asked, frame: &[u8]) {
        if let Some(client) = self.client(asked.client) {
            client.answer(asked.request, asked.part, frame);
            self.note_client(asked.client.place);
        }
    }

    /// A connection to a host is of no use any more.
    pub(super) fn fail_upstream(&mut self, place: usize, why: &str) {
        let Some(upstream) = self.upstreams[place].take() else {
            return;
        };
        let (host, sent) = (upstream.host, upstream.line.has_sent);
        if let (false, Some((name, _))) = (sent, upstream.endpoint.host()) {
            self.names.failed(name);
        }
        for shared in &mut self.shared[host] {
            *shared = shared.filter(|shared| *shared != place);
        }
        let error = match sent {
            true => self.unknown(host, why),
            false => self.unsent(host, why),
        };
        let owner = upstream.owner.filter(|owner| self.client(*owner).is_some());
        let mut watches = false;
        if let Some(client) = owner.and_then(|owner| self.client(owner)) {
            client.own.retain(|own| *own != place);
            watches = client.watch.take_if(|watch| watch.place == place).is_some();
        }
        // Whoever listens has to know that messages may be missing, and whoever watches that
        // changes may be; whose pop may have taken something has to begin anew, as if the one
        // server had gone.
        let waits = |waiting: &Waiting| matches!(waiting, Waiting::Client(_));
        let ends = match upstream.purpose {
            Purpose::Listens => true,
            Purpose::Transactions => sent && watches,
            Purpose::Pops => sent && upstream.waiting.iter().any(waits),
            _ => false,
        };
        if let (true, Some(owner)) = (ends, owner) {
            self.close_client(owner.place);
        }
        for waiting in upstream.waiting {
            match waiting {
                Waiting::Client(asked) if !sent && asked.frame.is_some() => {
                    self.delay(asked, upstream.purpose == Purpose::Pops, &error);
                }
                Waiting::Client(asked) => self.deliver(&asked, &error),
                Waiting::Gathering(client) => self.gather_broken(client, sent, &error),
                Waiting::Looking(client, step) => {
                    self.look_broken(client, step, &self.unsent(host, why), &error);
                }
                Waiting::Settled => self.settling -= 1,
                Waiting::Greeting | Waiting::Vetting | Waiting::Nobody => {}
            }
        }
        // One that merely waited for changes waits no longer.
        if let (Purpose::Watches(_), Some(owner)) = (&upstream.purpose, owner) {
            self.gather_again(owner);
        }
        self.forget(host);
    }

    /// Looks which hosts have answered since the last look, and which should have.
    pub(super) fn look_at_hosts(&mut self) {
        let last_look = std::mem::replace(&mut self.last_look, Instant::now());
        for upstream in self.upstreams.iter_mut().flatten() {
            if std::mem::take(&mut upstream.heard) && upstream.is_greeted() {
                self.hosts[upstream.host].lives(last_look);
            }
        }
        self.give_up_slow_hosts();
    }

    fn give_up_slow_hosts(&mut self) {
        let limit = self.cluster.options().reply_limit;
        for place in 0..self.upstreams.len() {
            let slow = self.upstreams[place].as_mut().is_some_and(|upstream| {
                upstream.note_progress();
                let waits = upstream.owner.is_some() && upstream.purpose != Purpose::Moving;
                let counts = !waits || !upstream.is_greeted();
                let since = upstream.since.filter(|_| counts);
                since.is_some_and(|since| since.elapsed() > limit)
            });
            if slow {
                self.fail_upstream(
                    place,
                    &format!("no answer within {} s", limit.as_secs_f64()),
                );
            }
        }
    }
}

/// Whether a reply says that a transaction was not executed because one of its commands was sent
/// elsewhere.
fn is_aborted(upstream: &Upstream, frame: &[u8]) -> bool {
    upstream.sent_on.is_some() && frame.starts_with(b"-EXECABORT ")
}

/// Whether a reply is an error that may send its request elsewhere.
fn is_redirect(frame: &[u8]) -> bool {
    let words = frame.strip_prefix(b"-").map(String::from_utf8_lossy);
    words.is_some_and(|words| Redirect::read(&words).is_some())
}
