//! Hosts that send more than anybody else.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use redis_ipc::Endpoint;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Host, Options, Placement};

use super::Router;

/// A host that answers GET with a value of which it sends this much at once, and that goes away
/// when it is told to.
fn endless(folder: &Path, bytes: usize, end: Receiver<()>) -> Endpoint {
    let path = folder.join("endless");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut requests = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut next = |word: &str| requests.find(|line| line.as_ref().is_ok_and(|l| l == word));
        for _ in 0..2 {
            next("INFO");
            stream.write_all(b"$-1\r\n").unwrap();
        }
        next("GET");
        write!(stream, "${}\r\n", bytes + 1).unwrap();
        stream.write_all(&vec![b'x'; bytes]).unwrap();
        end.recv().unwrap();
    });
    Endpoint::unix(path).unwrap()
}

#[test]
fn a_reply_of_megabytes_that_is_not_whole_holds_up_nobody_else() {
    let farm = Farm::start(1, 1).unwrap();
    let (tell, told) = channel();
    let hosts = [
        Host::new(0, farm.endpoint(0)),
        Host::new(1, endless(farm.folder(), 100_000_000, told)),
    ];
    let cluster = Cluster::with(hosts, Placement::Partition, Options::default()).unwrap();
    let router = Router::over(farm, cluster);
    let (mut lazy, mut other, keys) = (router.client(), router.client(), router.keys());
    lazy.send(&["GET", &keys[1]]);
    lazy.send(&["INCR", &keys[0]]);
    for _ in 0..100 {
        assert!(!other.command(&["INCR", &keys[0]]).is_error());
    }
    tell.send(()).unwrap();
    let reply = lazy.receive().text();
    assert!(reply.contains("host 1 (unix://"), "{reply}");
    assert!(!lazy.receive().is_error());
}
