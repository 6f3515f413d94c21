//! The loop: who is ready is served, then everything that was written goes out.

use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, UnixListener};
use mio::{Events, Interest, Poll, Token};
use redis_ipc::{Endpoint, Stop};
use redis_ipc_core::shard::slots;

use super::client::{Client, ClientId};
use super::line::{Line, Stream};
use super::seeking::{PAUSE, Seeker, stands_fast};
use super::upstream::{Asked, Purpose, Upstream, Waiting};
use super::{coded_reply, error_reply};
use crate::router::Cluster;
use crate::router::cluster::Options;
use crate::router::commands::Table;
use crate::router::layout::{Layout, Node};
use crate::router::redirect::Redirect;

/// How often it is looked whether a host is too slow, or somebody wants a stop.
const TICK: Duration = Duration::from_millis(100);

/// Tokens below this are those of listeners, and the last of them is that of the seeker.
const LISTENERS: usize = 64;
const SEEKER: usize = LISTENERS - 1;

/// A router that listens.
#[derive(Debug)]
pub struct Server {
    poll: Poll,
    listeners: Vec<Listener>,
    hub: Hub,
}

#[derive(Debug)]
enum Listener {
    Unix(UnixListener, PathBuf),
    Tcp(TcpListener),
}

/// All connections, and what the hosts are.
#[derive(Debug)]
pub(super) struct Hub {
    registry: mio::Registry,
    pub(super) layout: Arc<Layout>,
    pub(super) table: Arc<Table>,
    pub(super) options: Options,
    /// All hosts that there were; those of the layout are among them…
    pub(super) hosts: Vec<Arc<Node>>,
    /// …at these places.
    pub(super) places: Vec<usize>,
    /// By host: where it is, unless that has to be found out.
    pub(super) addresses: Vec<Option<Endpoint>>,
    /// There if hosts may be elsewhere by and by.
    pub(super) seeker: Option<Seeker>,
    pub(super) clients: Vec<Option<Client>>,
    generation: u32,
    /// Hosts that have slots by the word of others, though the layout says otherwise.
    moved: HashMap<u16, usize>,
    /// How many clients pop from several hosts, and whether they have to ask again soon.
    pub(super) restless: bool,
    pub(super) gathering: usize,
    pub(super) upstreams: Vec<Option<Upstream>>,
    /// By host and protocol: the connection that all clients share.
    pub(super) shared: Vec<[Option<usize>; 2]>,
    /// What replies have given to do, for when their connection is back in its place.
    afterwards: Vec<Afterwards>,
    noted_clients: Vec<usize>,
    noted_upstreams: Vec<usize>,
}

/// Something that may take connections other than that which it came from.
#[derive(Debug)]
enum Afterwards {
    Gathered(ClientId, usize, Vec<u8>),
    Changed(ClientId),
    Redirected(Asked, bool, usize, Vec<u8>),
}

impl Server {
    /// Begins to listen on Unix sockets (mode 0600) or TCP ports. A socket's file that nobody
    /// listens on any more is replaced.
    ///
    /// # Errors
    /// The address with what the system says, `AddrInUse` if somebody listens there.
    pub fn bind(cluster: &Cluster, addresses: &[Endpoint]) -> io::Result<Self> {
        let poll = Poll::new()?;
        let layout = cluster.layout();
        let mut hub = Hub {
            registry: poll.registry().try_clone()?,
            shared: Vec::new(),
            hosts: Vec::new(),
            places: Vec::new(),
            addresses: Vec::new(),
            seeker: None,
            layout: layout.clone(),
            table: cluster.table(),
            options: cluster.options().clone(),
            clients: Vec::new(),
            generation: 0,
            moved: HashMap::new(),
            restless: false,
            gathering: 0,
            upstreams: Vec::new(),
            afterwards: Vec::new(),
            noted_clients: Vec::new(),
            noted_upstreams: Vec::new(),
        };
        hub.adopt(layout);
        let fast = |node: &Arc<Node>| stands_fast(&node.host.endpoint);
        if hub.layout.rule.has_slots() || !hub.hosts.iter().all(fast) {
            hub.seeker = Some(Seeker::new(cluster, poll.registry(), Token(SEEKER))?);
        }
        let listeners = Vec::new();
        let mut server = Self {
            poll,
            listeners,
            hub,
        };
        for address in addresses.iter().take(SEEKER) {
            let listener = server.listen(address);
            let listener = listener.map_err(|error| {
                io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
            })?;
            server.listeners.push(listener);
        }
        Ok(server)
    }

    fn listen(&self, address: &Endpoint) -> io::Result<Listener> {
        let (registry, token) = (self.poll.registry(), Token(self.listeners.len()));
        if let Some(path) = address.path() {
            let mut listener = listen_unix(path)?;
            registry.register(&mut listener, token, Interest::READABLE)?;
            return Ok(Listener::Unix(listener, path.to_owned()));
        }
        let host = address.host().unwrap_or_default();
        let listener = std::net::TcpListener::bind(host)?;
        listener.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(listener);
        registry.register(&mut listener, token, Interest::READABLE)?;
        Ok(Listener::Tcp(listener))
    }

    /// Serves until `stop` is requested, which is noticed within a tenth of a second.
    ///
    /// # Errors
    /// What the system says if it does not let us wait any more.
    pub fn run(&mut self, stop: &Stop) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut last_tick = Instant::now();
        while !stop.is_requested() {
            match self.poll.poll(&mut events, Some(self.hub.patience())) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            self.take_events(&events);
            // What has come meanwhile goes out together with it: fewer and larger writes are what
            // makes for speed, and nobody waits for them.
            if let Ok(()) = self.poll.poll(&mut events, Some(Duration::ZERO)) {
                self.take_events(&events);
            }
            self.hub.end_late_gathers();
            self.hub.flush();
            if last_tick.elapsed() >= self.hub.tick() {
                last_tick = Instant::now();
                self.hub.give_up_slow_hosts();
                self.hub.send_delayed();
                self.hub.gather_restlessly();
                self.hub.flush();
            }
        }
        Ok(())
    }

    fn take_events(&mut self, events: &Events) {
        for event in events {
            match event.token().0.checked_sub(LISTENERS) {
                None if event.token().0 == SEEKER => self.hub.take_found(),
                None => self.accept(event.token().0),
                Some(place) => self.hub.ready(place, event),
            }
        }
    }

    fn accept(&mut self, listener: usize) {
        loop {
            let stream = match &self.listeners[listener] {
                Listener::Unix(listener, _) => listener.accept().map(|(s, _)| Stream::Unix(s)),
                Listener::Tcp(listener) => listener.accept().map(|(stream, _)| {
                    let _ = stream.set_nodelay(true);
                    Stream::Tcp(stream)
                }),
            };
            match stream {
                Ok(stream) => self.hub.welcome(stream),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // No more of them, or no more descriptors: those who wait are told of again when
                // the next one comes.
                Err(_) => return,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for listener in &self.listeners {
            if let Listener::Unix(_, path) = listener {
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn listen_unix(path: &Path) -> io::Result<UnixListener> {
    if path.exists() {
        match std::os::unix::net::UnixStream::connect(path) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path)?,
            Err(error) => return Err(error),
            Ok(_) => return Err(ErrorKind::AddrInUse.into()),
        }
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

impl Hub {
    /// How long to wait for events at most.
    fn patience(&self) -> Duration {
        let end = self.next_end();
        let end = end.map(|end| end.saturating_duration_since(Instant::now()));
        end.map_or(self.tick(), |end| end.min(self.tick()))
    }

    fn tick(&self) -> Duration {
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

    fn welcome(&mut self, stream: Stream) {
        let place = vacant(&mut self.clients);
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let mut line = Line::new(stream);
        if line
            .register(&self.registry, Token(LISTENERS + 2 * place))
            .is_ok()
        {
            self.clients[place] = Some(Client::new(line, ClientId { place, generation }));
        }
    }

    /// Something can be read or written.
    fn ready(&mut self, token: usize, event: &mio::event::Event) {
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
    fn flush(&mut self) {
        while !(self.noted_upstreams.is_empty() && self.noted_clients.is_empty()) {
            for place in std::mem::take(&mut self.noted_upstreams) {
                let Some(Some(upstream)) = self.upstreams.get_mut(place) else {
                    continue;
                };
                upstream.line.noted = false;
                if let Err(error) = upstream.line.flush() {
                    self.fail_upstream(place, &error.to_string());
                }
            }
            for place in std::mem::take(&mut self.noted_clients) {
                self.flush_client(place);
            }
        }
    }

    fn flush_client(&mut self, place: usize) {
        let Some(Some(client)) = self.clients.get_mut(place) else {
            return;
        };
        client.line.noted = false;
        let flushed = client.line.flush();
        let done = client.quits && client.is_idle() && client.line.unsent() == 0;
        if flushed.is_err() || done {
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
        let Some(endpoint) = self.address(host) else {
            return Err(self.unsent(host, "it is not known where it is"));
        };
        let place = vacant(&mut self.upstreams);
        let token = Token(LISTENERS + 2 * place + 1);
        let upstream = Upstream::connect(&endpoint, host, protocol, owner, purpose);
        let upstream = upstream.and_then(|mut upstream| {
            upstream.line.register(&self.registry, token)?;
            Ok(upstream)
        });
        match upstream {
            Ok(upstream) => {
                self.upstreams[place] = Some(upstream);
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

    /// What a client is told whose request did not go out.
    fn unsent(&self, host: usize, why: &str) -> Vec<u8> {
        let host = &self.hosts[host].host;
        coded_reply(
            "CLUSTERDOWN",
            &format!("{host}: {why}; the request was not sent"),
        )
    }

    /// What a client is told whose request may have been executed.
    fn unknown(&self, host: usize, why: &str) -> Vec<u8> {
        let host = &self.hosts[host].host;
        error_reply(&format!(
            "{host}: {why}; the request may have been executed"
        ))
    }

    fn read_upstream(&mut self, place: usize) {
        loop {
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
    }

    /// Hands replies to those who wait for them. The error is a sentence.
    fn take_replies(&mut self, place: usize) -> Result<(), String> {
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
            self.upstreams[place] = Some(upstream);
        }
        for then in std::mem::take(&mut self.afterwards) {
            match then {
                Afterwards::Gathered(client, host, frame) => self.gathered(client, host, &frame),
                Afterwards::Changed(client) => self.gather_again(client),
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
                let then = Afterwards::Redirected(asked, own, upstream.host, frame.to_vec());
                self.afterwards.push(then);
            }
            Some(Waiting::Client(asked)) => self.deliver(&asked, frame),
            Some(Waiting::Greeting) => upstream.greeted(frame)?,
            Some(Waiting::Nobody) if is_redirect(frame) => self.seek_layout(),
            Some(Waiting::Nobody) | None => {}
            Some(Waiting::Gathering(client)) => {
                let then = Afterwards::Gathered(client, upstream.host, frame.to_vec());
                self.afterwards.push(then);
            }
        }
        Ok(())
    }

    fn take_push(&mut self, upstream: &Upstream, frame: &[u8]) -> Result<(), String> {
        match (&upstream.purpose, upstream.owner) {
            (Purpose::Listens, Some(owner)) => self.hear(owner, upstream.host, frame),
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

    pub(super) fn client(&mut self, id: ClientId) -> Option<&mut Client> {
        let client = self.clients.get_mut(id.place)?.as_mut()?;
        (client.id == id).then_some(client)
    }

    /// A connection to a host is of no use any more.
    pub(super) fn fail_upstream(&mut self, place: usize, why: &str) {
        let Some(upstream) = self.upstreams[place].take() else {
            return;
        };
        let (host, sent) = (upstream.host, upstream.line.has_sent);
        for shared in &mut self.shared[host] {
            *shared = shared.filter(|shared| *shared != place);
        }
        let error = match sent {
            true => self.unknown(host, why),
            false => self.unsent(host, why),
        };
        let owner = upstream.owner.filter(|owner| self.client(*owner).is_some());
        if let Some(client) = owner.and_then(|owner| self.client(owner)) {
            client.own.retain(|own| *own != place);
        }
        // Whoever listens has to know that messages may be missing; whose pop may have taken
        // something has to begin anew, as if the one server had gone.
        let waits = |waiting: &Waiting| matches!(waiting, Waiting::Client(_));
        let ends = match upstream.purpose {
            Purpose::Listens => true,
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
                Waiting::Greeting | Waiting::Nobody => {}
            }
        }
        // One that merely waited for changes waits no longer.
        if let (Purpose::Watches(_), Some(owner)) = (&upstream.purpose, owner) {
            self.gather_again(owner);
        }
        self.forget(host);
    }

    fn give_up_slow_hosts(&mut self) {
        let limit = self.options.reply_limit;
        for place in 0..self.upstreams.len() {
            let slow = self.upstreams[place].as_ref().is_some_and(|upstream| {
                let since = upstream.since.filter(|_| upstream.owner.is_none());
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

/// Whether a reply is an error that may send its request elsewhere.
fn is_redirect(frame: &[u8]) -> bool {
    let words = frame.strip_prefix(b"-").map(String::from_utf8_lossy);
    words.is_some_and(|words| Redirect::read(&words).is_some())
}

/// The first empty place, a new one if there is none.
fn vacant<T>(places: &mut Vec<Option<T>>) -> usize {
    let vacant = places.iter().position(Option::is_none);
    vacant.unwrap_or_else(|| {
        places.push(None);
        places.len() - 1
    })
}
