//! The loop: who is ready is served, then everything that was written goes out.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, UnixListener};
use mio::{Events, Interest, Poll, Token};
use redis_ipc::{Endpoint, Stop};

use super::client::{Client, ClientId};
use super::error_reply;
use super::line::{Line, Stream};
use super::upstream::{Upstream, Waiting};
use crate::router::Cluster;
use crate::router::cluster::Options;
use crate::router::commands::Table;
use crate::router::layout::Layout;

/// How often it is looked whether a host is too slow, or somebody wants a stop.
const TICK: Duration = Duration::from_millis(100);

/// Tokens below this are those of listeners.
const LISTENERS: usize = 64;

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
    options: Options,
    pub(super) clients: Vec<Option<Client>>,
    generation: u32,
    pub(super) upstreams: Vec<Option<Upstream>>,
    /// By host: the connection that all clients share.
    shared: Vec<Option<usize>>,
    noted_clients: Vec<usize>,
    noted_upstreams: Vec<usize>,
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
        let mut server = Self {
            hub: Hub {
                registry: poll.registry().try_clone()?,
                shared: vec![None; layout.nodes.len()],
                layout,
                table: cluster.table(),
                options: cluster.options().clone(),
                clients: Vec::new(),
                generation: 0,
                upstreams: Vec::new(),
                noted_clients: Vec::new(),
                noted_upstreams: Vec::new(),
            },
            poll,
            listeners: Vec::new(),
        };
        for address in addresses.iter().take(LISTENERS) {
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
            match self.poll.poll(&mut events, Some(TICK)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                match event.token().0.checked_sub(LISTENERS) {
                    None => self.accept(event.token().0),
                    Some(place) => self.hub.ready(place, event),
                }
            }
            self.hub.flush();
            if last_tick.elapsed() >= TICK {
                last_tick = Instant::now();
                self.hub.give_up_slow_hosts();
                self.hub.flush();
            }
        }
        Ok(())
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
        for own in client.own {
            self.upstreams[own] = None;
        }
    }

    /// The shared connection to a host; the error is for its client.
    pub(super) fn shared(&mut self, host: usize) -> Result<usize, Vec<u8>> {
        if let Some(place) = self.shared[host] {
            return Ok(place);
        }
        let place = self.connect(host, None)?;
        self.shared[host] = Some(place);
        Ok(place)
    }

    /// A new connection to a host, a client's own or one for all.
    pub(super) fn connect(
        &mut self,
        host: usize,
        owner: Option<ClientId>,
    ) -> Result<usize, Vec<u8>> {
        let endpoint = &self.layout.nodes[host].host.endpoint;
        let place = vacant(&mut self.upstreams);
        let token = Token(LISTENERS + 2 * place + 1);
        let upstream = Upstream::connect(endpoint, host, owner).and_then(|mut upstream| {
            upstream.line.register(&self.registry, token)?;
            Ok(upstream)
        });
        match upstream {
            Ok(upstream) => {
                self.upstreams[place] = Some(upstream);
                self.note_upstream(place);
                Ok(place)
            }
            Err(error) => Err(self.host_error(host, &format!("{error}; the request was not sent"))),
        }
    }

    pub(super) fn host_error(&self, host: usize, what: &str) -> Vec<u8> {
        error_reply(&format!("{}: {what}", self.layout.nodes[host].host))
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
        match upstream.waiting.pop_front() {
            Some(Waiting::Client {
                client,
                request,
                part,
            }) => {
                self.deliver(client, request, part, frame);
            }
            Some(Waiting::Greeting) => {
                let text = String::from_utf8_lossy(frame);
                if let Some(refusal) = text.strip_prefix('-') {
                    return Err(format!("it refuses us: {}", refusal.trim_end()));
                }
            }
            None => match upstream.owner {
                Some(owner) if upstream.listens => self.hear(owner, upstream.host, frame),
                _ => return Err("it answers what was not asked".to_owned()),
            },
        }
        Ok(())
    }

    fn deliver(&mut self, id: ClientId, request: u64, part: u32, frame: &[u8]) {
        if let Some(client) = self.client(id) {
            client.answer(request, part, frame);
            self.note_client(id.place);
        }
    }

    pub(super) fn client(&mut self, id: ClientId) -> Option<&mut Client> {
        let client = self.clients.get_mut(id.place)?.as_mut()?;
        (client.id == id).then_some(client)
    }

    /// A connection to a host is of no use any more.
    fn fail_upstream(&mut self, place: usize, why: &str) {
        let Some(upstream) = self.upstreams[place].take() else {
            return;
        };
        if self.shared[upstream.host] == Some(place) {
            self.shared[upstream.host] = None;
        }
        let outcome = match upstream.line.has_sent {
            true => "may have been executed",
            false => "was not sent",
        };
        let error = self.host_error(upstream.host, &format!("{why}; the request {outcome}"));
        for waiting in upstream.waiting {
            if let Waiting::Client {
                client,
                request,
                part,
            } = waiting
            {
                self.deliver(client, request, part, &error);
            }
        }
        let Some(owner) = upstream.owner else { return };
        if let Some(client) = self.client(owner) {
            client.own.retain(|own| *own != place);
            // Whoever listens has to know that messages may be missing.
            if upstream.listens {
                self.close_client(owner.place);
            }
        }
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

/// The first empty place, a new one if there is none.
fn vacant<T>(places: &mut Vec<Option<T>>) -> usize {
    let vacant = places.iter().position(Option::is_none);
    vacant.unwrap_or_else(|| {
        places.push(None);
        places.len() - 1
    })
}
