//! The loop: who is ready is served, then everything that was written goes out.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, UnixListener};
use mio::{Events, Interest, Poll, Token};
use redis_ipc::{Endpoint, Stop};

use super::NO_PASSWORD;
use super::hub::{Hub, LISTENERS, SEEKER};
use super::line::Stream;
use super::room::Room;
use crate::router::Cluster;

/// How long requests wait in a crowd for more to go with them, and…
const LONGEST_WAIT: Duration = Duration::from_micros(80);

/// …for how long nothing may come: then hosts have to be given something first, or want the core
/// that we wait on.
const LONGEST_QUIET: Duration = Duration::from_micros(20);

/// A router that listens.
///
/// It knows the commands that its cluster knows; when a client uses another one, hosts are asked for
/// theirs ([`Cluster::learn_commands`]), once a second at most.
#[derive(Debug)]
pub struct Server {
    poll: Poll,
    listeners: Vec<Listener>,
    hub: Hub,
    /// Somebody may wait who was not let in for lack of descriptors: nobody tells when there are some.
    crowded_out: bool,
}

#[derive(Debug)]
enum Listener {
    Unix(UnixListener, PathBuf),
    Tcp(TcpListener),
}

impl Server {
    /// Begins to listen on Unix sockets (mode 0600) or TCP ports. A socket's file that nobody
    /// listens on any more is replaced, no other file is. Blocks for half a second where the name of a
    /// host is not found sooner, for its first requests to find it known.
    ///
    /// # Errors
    /// The address with what the system says, `AddrInUse` if somebody listens there, `InvalidInput`
    /// if it has a password, a database or TLS, which clients would not get.
    pub fn bind(cluster: &Cluster, addresses: &[Endpoint]) -> io::Result<Self> {
        let poll = Poll::new()?;
        let hub = Hub::new(cluster, poll.registry())?;
        let listeners = Vec::new();
        let mut server = Self {
            poll,
            listeners,
            hub,
            crowded_out: false,
        };
        for address in addresses.iter().take(SEEKER) {
            let listener = server.listen(address);
            let listener = listener.map_err(|error| {
                let why = match (address.path(), error.kind()) {
                    (Some(_), ErrorKind::NotFound) => "its folder is not there".to_owned(),
                    _ => error.to_string(),
                };
                io::Error::new(error.kind(), format!("cannot listen on {address}: {why}"))
            })?;
            server.listeners.push(listener);
        }
        server.hub.room = Room::look();
        Ok(server)
    }

    fn listen(&self, address: &Endpoint) -> io::Result<Listener> {
        check(address)?;
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
        self.run_following(stop, || None)
    }

    /// As [`run`](Self::run), with hosts that may change: `news` is asked some ten times a second
    /// whether others have taken the place of those there are, or join them. It is not asked again
    /// before all that clients had asked for by the former ones is answered.
    ///
    /// Clients that watch keys or have subscribed are disconnected when hosts change, as by a server
    /// that ends. Those that wait in a pop wait anew, as long as they have said.
    ///
    /// # Errors
    /// As with [`run`](Self::run).
    pub fn run_following(
        &mut self,
        stop: &Stop,
        mut news: impl FnMut() -> Option<Cluster>,
    ) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut last_tick = Instant::now();
        while !stop.is_requested() {
            match self.poll.poll(&mut events, Some(self.hub.patience())) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            self.take_events(&events);
            self.hub.read_on();
            self.take_more(&mut events);
            self.hub.end_late_gathers();
            self.hub.flush();
            if last_tick.elapsed() >= self.hub.tick() {
                last_tick = Instant::now();
                self.hub.look_at_hosts();
                self.hub.take_commands();
                self.hub.send_delayed();
                self.hub.gather_restlessly();
                self.hub.renew_waits();
                if self.hub.is_settled()
                    && let Some(cluster) = news()
                {
                    self.hub.change_hosts(&cluster)?;
                }
                self.hub.flush();
                if std::mem::take(&mut self.crowded_out) {
                    (0..self.listeners.len()).for_each(|listener| self.accept(listener));
                }
            }
        }
        Ok(())
    }

    /// Takes what has come meanwhile, so that it goes out together with the rest: fewer and larger
    /// writes are what makes for speed. In a crowd more is waited for, without sleep, for to be
    /// woken takes longer; answers do not wait.
    fn take_more(&mut self, events: &mut Events) {
        let began = Instant::now();
        let crowded = self.hub.crowd.is_there(began);
        let mut last_came = began;
        loop {
            if crowded {
                self.hub.flush_clients();
            }
            if self.poll.poll(events, Some(Duration::ZERO)).is_err() {
                return;
            }
            self.take_events(events);
            let now = Instant::now();
            if !events.is_empty() {
                last_came = now;
            }
            if !crowded || now - began >= LONGEST_WAIT || now - last_came >= LONGEST_QUIET {
                return;
            }
        }
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
            if self.hub.is_full() {
                self.crowded_out = true;
                return;
            }
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
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.crowded_out = true;
                    return;
                }
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

/// Refuses an address that promises clients what they would not get: TLS, a password, a database.
fn check(address: &Endpoint) -> io::Result<()> {
    let why = match address {
        _ if address.is_secure() => "the router speaks TLS to hosts, not to clients",
        _ if address.password().is_some() => NO_PASSWORD,
        _ if address.database() != 0 => "the router has one database, 0: each host has its own",
        _ if address.path().is_none() && address.host().is_none() => "it is not one address",
        _ => return Ok(()),
    };
    Err(io::Error::new(ErrorKind::InvalidInput, why))
}

fn listen_unix(path: &Path) -> io::Result<UnixListener> {
    if path.exists() {
        if !fs::metadata(path)?.file_type().is_socket() {
            let why = "there is something that is no socket";
            return Err(io::Error::new(ErrorKind::AlreadyExists, why));
        }
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
