//! Hosts that send more than anybody else.

use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use redis_ipc::Endpoint;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Host, Options, Placement};

use super::Router;
use super::stand_in::stand_in;

/// A host that answers GET with a value of which it sends this much at once, and that goes away
/// when it is told to.
fn endless(folder: &Path, bytes: usize, end: Receiver<()>) -> Endpoint {
    stand_in(folder, move |stream| {
        write!(stream, "${}\r\n", bytes + 1).unwrap();
        stream.write_all(&vec![b'x'; bytes]).unwrap();
        end.recv().unwrap();
    })
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
