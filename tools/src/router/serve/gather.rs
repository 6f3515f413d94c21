//! Pops from keys of several hosts, where no single host can wait for them all.
//!
//! Each owner is asked for one item at a time, in the order of the keys, so that never two are
//! taken for one pop. While there is none, the owners tell of changes of the keys (client-side
//! tracking with BCAST, over a connection of the client's own to each), and all are asked again.

use std::time::{Duration, Instant};

use redis_ipc_core::resp::Reply;

use super::client::{Client, ClientId};
use super::error_reply;
use super::hub::Hub;
use super::seeking::MOST_HOPS;
use super::upstream::{Purpose, Waiting, write_bulk, write_request};
use crate::router::map::FOREVER;
use crate::router::redirect::Redirect;

/// How often all are asked again where slots move: as often as a node looks itself whether to send
/// on who waits in a BLPOP (`clientsCron` of redis-server).
const MOVES_PAUSE: Duration = Duration::from_secs(1);

/// A BLPOP or BRPOP that waits.
#[derive(Debug)]
pub(super) struct Gather {
    /// The client's request.
    request: u64,
    /// LPOP or RPOP.
    pop: &'static [u8],
    keys: Vec<Vec<u8>>,
    until: Option<Instant>,
    /// The key that is asked for next.
    at: usize,
    /// Whether an owner is being asked.
    asking: bool,
    /// Whether a key has changed since the first was asked for.
    changed: bool,
    /// Whether all keys were asked for once: what is there is given, however short the time is.
    went_round: bool,
    /// How often owners have named another one since the last pause.
    hops: u8,
    /// Until when owners that cannot be reached are sought, if there are such.
    sought_until: Option<Instant>,
    /// What it comes to once nothing is under way, if somebody has ended it.
    ended: Option<Vec<u8>>,
}

impl Gather {
    /// When its client is to be told that there was nothing.
    fn end(&self) -> Option<Instant> {
        self.until.filter(|_| self.went_round)
    }

    /// Asks nobody before all are asked again.
    fn pause(&mut self) {
        self.asking = false;
        self.at = self.keys.len();
        self.hops = 0;
        self.went_round = true;
    }
}

impl Hub {
    /// Begins a pop if these are the words of one whose keys several hosts have.
    pub(super) fn gathers(&mut self, client: &mut Client, bytes: usize, words: &[&[u8]]) -> bool {
        let [name, keys @ .., timeout] = words else {
            return false;
        };
        let pop: &[u8] = match &name.to_ascii_lowercase()[..] {
            b"blpop" => b"LPOP",
            b"brpop" => b"RPOP",
            _ => return false,
        };
        let unit = |key: &&[u8]| self.layout.rule.unit(key);
        let mut units = keys.iter().map(unit);
        let first = units.next();
        if units.all(|unit| Some(unit) == first) {
            return false;
        }
        let Some(patience) = seconds(timeout) else {
            client.answer_now(&error_reply("timeout is not a float or out of range"));
            return true;
        };
        let gather = Gather {
            request: client.ask(bytes),
            pop,
            keys: keys.iter().map(|key| key.to_vec()).collect(),
            until: (!patience.is_zero()).then(|| Instant::now() + patience),
            at: 0,
            asking: false,
            changed: false,
            went_round: false,
            hops: 0,
            sought_until: None,
            ended: None,
        };
        let mut frame = Vec::new();
        write_request(&mut frame, words);
        client.waits_in = Some(frame);
        client.blocked = true;
        client.gather = Some(gather);
        self.gathering += 1;
        self.ask_next_owner(client);
        true
    }

    /// Asks for the next key's item, or waits for a change when all were asked for.
    fn ask_next_owner(&mut self, client: &mut Client) {
        let Some(gather) = &mut client.gather else {
            return;
        };
        if gather.asking {
            return;
        }
        if let Some(reply) = gather.ended.take() {
            return self.end_gather(client, &reply);
        }
        if client.renews {
            client.gather = None;
            self.gathering -= 1;
            return client.begin_wait_anew();
        }
        if gather.at == gather.keys.len() && gather.changed {
            gather.changed = false;
            gather.at = 0;
        }
        let Some(key) = gather.keys.get(gather.at) else {
            gather.went_round = true;
            gather.sought_until = None;
            return;
        };
        let (pop, key) = (gather.pop, key.clone());
        let host = self.host_of(&key);
        match self.watcher(client, host) {
            Ok(place) => {
                let id = client.id;
                self.write(place, &[pop, &key], Waiting::Gathering(id));
                if let Some(gather) = &mut client.gather {
                    gather.asking = true;
                }
            }
            Err(error) => self.gather_later(client, &error),
        }
    }

    /// An owner cannot be reached, and was not asked. Where somebody names who takes its place, all
    /// are asked again soon, for as long as a reply may take.
    fn gather_later(&mut self, client: &mut Client, error: &[u8]) {
        let (now, limit) = (
            Instant::now(),
            self.cluster.options().reply_limit.min(FOREVER),
        );
        let seeks = self.seeks();
        let Some(gather) = &mut client.gather else {
            return;
        };
        let until = *gather.sought_until.get_or_insert(now + limit);
        if !seeks || until <= now {
            return self.end_gather(client, error);
        }
        gather.pause();
        self.restless = true;
        if gather.ended.is_some() {
            self.ask_next_owner(client);
        }
    }

    /// The client's connection to a host that tells of changes of its keys there.
    fn watcher(&mut self, client: &mut Client, host: usize) -> Result<usize, Vec<u8>> {
        let keys = client.gather.as_ref().map(|gather| &gather.keys[..]);
        let own = |key: &&Vec<u8>| self.host_of(key) == host;
        let mut prefixes: Vec<_> = keys
            .unwrap_or_default()
            .iter()
            .filter(own)
            .cloned()
            .collect();
        // Prefixes must not overlap.
        prefixes.sort_unstable();
        prefixes.dedup_by(|next, kept| next.starts_with(kept));
        let purpose = Purpose::Watches(prefixes);
        let stale = client.own.iter().copied().filter(|place| {
            let upstream = self.upstreams[*place].as_ref();
            upstream.is_some_and(|own| {
                own.host == host
                    && matches!(own.purpose, Purpose::Watches(_))
                    && own.purpose != purpose
            })
        });
        for place in stale.collect::<Vec<_>>() {
            self.upstreams[place] = None;
            client.own.retain(|own| *own != place);
        }
        self.own(client, host, 3, purpose)
    }

    /// An owner has answered.
    pub(super) fn gathered(&mut self, id: ClientId, host: usize, frame: &[u8]) {
        self.with_client(id, |hub, client| {
            let Some(gather) = &mut client.gather else {
                return;
            };
            gather.asking = false;
            let reply = Reply::parse(frame);
            match (&reply, reply.bytes()) {
                (Reply::Null, _) => gather.at += 1,
                (Reply::Error(error), _) => {
                    let words = error.to_string();
                    match Redirect::read(&words).filter(|_| hub.seeks()) {
                        Some(redirect) => return hub.gather_elsewhere(client, host, redirect),
                        None => return hub.end_gather(client, frame),
                    }
                }
                (_, Some(item)) => {
                    let mut whole = b"*2\r\n".to_vec();
                    write_bulk(&mut whole, &gather.keys[gather.at]);
                    write_bulk(&mut whole, item);
                    return hub.end_gather(client, &whole);
                }
                _ => return hub.end_gather(client, &error_reply("an owner answers a pop oddly")),
            }
            hub.ask_next_owner(client);
        });
    }

    /// An owner has said whom to ask instead.
    fn gather_elsewhere(&mut self, client: &mut Client, host: usize, redirect: Redirect<'_>) {
        let Some(gather) = &mut client.gather else {
            return;
        };
        let (pop, key) = (gather.pop, gather.keys[gather.at].clone());
        gather.hops += 1;
        let circles = gather.hops > MOST_HOPS;
        match redirect {
            Redirect::Moved(name, port) if !circles => {
                let owner = self.host_at(host, name, port);
                self.note_moved(&key, owner);
                self.ask_next_owner(client);
            }
            Redirect::Ask(name, port) if !circles => {
                let target = self.host_at(host, name, port);
                let place = match self.shared(target, 3) {
                    Ok(place) => place,
                    Err(error) => return self.end_gather(client, &error),
                };
                gather.asking = true;
                // Nobody tells of changes over there.
                self.restless = true;
                self.write(place, &["ASKING"], Waiting::Nobody);
                self.write(place, &[pop, &key], Waiting::Gathering(client.id));
            }
            _ => {
                gather.pause();
                self.restless = true;
                self.forget(host);
            }
        }
    }

    /// A key of the client's has changed, or may have.
    pub(super) fn gather_again(&mut self, id: ClientId) {
        self.with_client(id, |hub, client| {
            if let Some(gather) = &mut client.gather {
                gather.changed = true;
                hub.ask_next_owner(client);
            }
        });
    }

    /// Asks again where nobody tells of changes, and now and then where slots move: a node tells
    /// who waits for a change neither that a slot is another's now nor what comes in over there.
    pub(super) fn gather_restlessly(&mut self) {
        let may_have_moved =
            self.layout.rule.has_slots() && self.last_gathered.elapsed() >= MOVES_PAUSE;
        if std::mem::take(&mut self.restless) || may_have_moved {
            self.last_gathered = Instant::now();
            self.gather_all_again();
        }
    }

    /// All pops begin anew: hosts have changed.
    pub(super) fn gather_all_again(&mut self) {
        for id in self.gatherers() {
            self.gather_again(id);
        }
    }

    fn gatherers(&self) -> Vec<ClientId> {
        if self.gathering == 0 {
            return Vec::new();
        }
        let clients = self.clients.iter().flatten();
        let waiting = clients.filter(|client| client.gather.is_some());
        waiting.map(|client| client.id).collect()
    }

    /// When the first of those who wait is to be told that there was nothing.
    pub(super) fn next_end(&self) -> Option<Instant> {
        if self.gathering == 0 {
            return None;
        }
        let clients = self.clients.iter().flatten();
        clients
            .filter_map(|client| client.gather.as_ref()?.end())
            .min()
    }

    /// Ends the pops whose time is over.
    pub(super) fn end_late_gathers(&mut self) {
        let now = Instant::now();
        for id in self.gatherers() {
            self.with_client(id, |hub, client| {
                let late = |gather: &Gather| gather.end().is_some_and(|end| end <= now);
                if client.gather.as_ref().is_some_and(late) {
                    let null = client.null().to_vec();
                    hub.end_when_quiet(client, null);
                }
            });
        }
    }

    /// Ends a pop with a reply as soon as no owner is being asked: what it gives is not lost.
    pub(super) fn end_when_quiet(&mut self, client: &mut Client, reply: Vec<u8>) {
        if let Some(gather) = &mut client.gather {
            gather.ended.get_or_insert(reply);
            self.ask_next_owner(client);
        }
    }

    /// A connection of the pop has broken; an item may be gone with it.
    pub(super) fn gather_broken(&mut self, id: ClientId, sent: bool, error: &[u8]) {
        if sent {
            // As when a server goes: whoever waits has to begin anew.
            return self.close_client(id.place);
        }
        self.with_client(id, |hub, client| {
            hub.gather_later(client, error);
        });
    }

    fn end_gather(&mut self, client: &mut Client, reply: &[u8]) {
        if let Some(gather) = client.gather.take() {
            self.gathering -= 1;
            client.answer(gather.request, 0, reply);
        }
    }
}

fn seconds(word: &[u8]) -> Option<Duration> {
    let seconds: f64 = std::str::from_utf8(word).ok()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
