//! Connecting to a host: its addresses, and noticing that it is gone.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, connect as begin, sockopt};

use super::connect::{finish, open};
use crate::options::Options;

/// How often a silent peer is asked whether it is there, before it is taken for gone.
const PROBES: u32 = 3;

/// A connected socket that does not block yet, to one of a host's addresses.
pub(super) fn connect(
    host: &str,
    port: u16,
    options: &Options,
    deadline: Instant,
) -> io::Result<OwnedFd> {
    let fd = connect_to_any(&resolve(host, port, deadline)?, deadline)?;
    sockopt::set_tcp_nodelay(&fd, true)?;
    keep_alive(&fd, options)?;
    Ok(fd)
}

/// Has the system notice a peer that is gone without a word.
fn keep_alive(fd: &OwnedFd, options: &Options) -> io::Result<()> {
    let Some(idle) = options.keep_alive else {
        return Ok(());
    };
    // The system counts in seconds, and not far.
    let idle = Duration::from_secs(idle.as_secs().clamp(1, 32_767));
    let interval = Duration::from_secs((idle.as_secs() / u64::from(PROBES)).max(1));
    sockopt::set_socket_keepalive(fd, true)?;
    sockopt::set_tcp_keepidle(fd, idle)?;
    sockopt::set_tcp_keepintvl(fd, interval)?;
    sockopt::set_tcp_keepcnt(fd, PROBES)?;
    let unacknowledged = (idle + interval * PROBES).as_millis();
    let unacknowledged = u32::try_from(unacknowledged).unwrap_or(u32::MAX);
    Ok(sockopt::set_tcp_user_timeout(fd, unacknowledged)?)
}

fn connect_to_any(addresses: &[SocketAddr], deadline: Instant) -> io::Result<OwnedFd> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for (number, address) in (0..).zip(addresses) {
        // One address that never answers must not use up the others' time.
        let share = u32::try_from(addresses.len()).unwrap_or(u32::MAX) - number;
        let left = deadline.saturating_duration_since(Instant::now());
        match connect_to(address, Instant::now() + left / share) {
            Ok(fd) => return Ok(fd),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn connect_to(address: &SocketAddr, deadline: Instant) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let fd = open(family)?;
    finish(&fd, || begin(&fd, address), deadline)?;
    Ok(fd)
}

/// The addresses of a host. A name is looked up on another thread: the system offers no limit
/// for that, and may take half a minute. A thread that nobody waits for any longer ends by
/// itself.
fn resolve(host: &str, port: u16, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (tell, told) = channel();
    let name = host.to_owned();
    std::thread::Builder::new()
        .name("name lookup".into())
        .spawn(move || {
            let found = (name.as_str(), port).to_socket_addrs();
            // Nobody may be listening any longer.
            let _ = tell.send(found.map(Vec::from_iter));
        })?;
    match told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(addresses) => addresses,
        Err(RecvTimeoutError::Timeout) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("the name {host} could not be looked up in time"),
        )),
        Err(RecvTimeoutError::Disconnected) => Err(io::ErrorKind::Other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn a_peer_that_is_gone_without_a_word_is_noticed_by_the_system() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let options = Options::default().keep_alive(Some(Duration::from_secs(9)));
        let fd = connect("localhost", port, &options, soon()).unwrap();
        assert!(sockopt::socket_keepalive(&fd).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&fd).unwrap(), Duration::from_secs(9));
        assert_eq!(sockopt::tcp_keepintvl(&fd).unwrap(), Duration::from_secs(3));
        assert_eq!(sockopt::tcp_keepcnt(&fd).unwrap(), 3);
        assert_eq!(sockopt::tcp_user_timeout(&fd).unwrap(), 18_000);
        assert!(sockopt::tcp_nodelay(&fd).unwrap());

        let fd = connect("localhost", port, &options.keep_alive(None), soon()).unwrap();
        assert!(!sockopt::socket_keepalive(&fd).unwrap());
        assert_eq!(sockopt::tcp_user_timeout(&fd).unwrap(), 0);
    }

    #[test]
    fn a_name_that_is_none_is_an_error_and_a_look_up_has_a_deadline() {
        assert!(resolve("no-such-host.invalid", 1, soon()).is_err());
        let late = resolve("localhost", 1, Instant::now()).map_err(|e| e.kind());
        assert!(matches!(late, Err(io::ErrorKind::TimedOut) | Ok(_)));
    }

    #[test]
    fn an_address_that_is_full_does_not_outlast_the_deadline() {
        // Nobody accepts, and the queue of connections is full: what follows is not answered.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let limit = Duration::from_millis(50);
        let mut queue = Vec::new();
        let error = loop {
            match connect_to(&address, Instant::now() + limit) {
                Ok(fd) => queue.push(fd),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
