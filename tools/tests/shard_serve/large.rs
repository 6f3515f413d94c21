//! The largest value that a server takes: several times what a program for 32 bits can hold.

use std::time::Duration;

use redis_ipc::Connection;
use redis_ipc_tools::router::{Options, Promised};

use super::Router;

#[test]
fn a_value_as_large_as_a_server_takes_goes_in_by_a_map_and_out_by_the_router() {
    const LARGEST: usize = 512 << 20;
    let limit = Duration::from_secs(600);
    let options = Options {
        reply_limit: limit,
        ..Options::default()
    };
    let router = Router::with(2, 1, options);
    let keys = router.keys();
    let value = vec![b'x'; LARGEST];
    let mut map = router.cluster.map();
    let (set, small) = (map.set(&keys[0], &value), map.set(&keys[1], "small"));
    map.send(limit);
    small.wait().unwrap();
    set.wait().unwrap();
    let through = redis_ipc::Options::default()
        .reply_limit(limit)
        .message_limit(LARGEST + 1000);
    let mut client = Connection::open_with(&router.endpoint(), through).unwrap();
    for (key, value) in [(&keys[0], &value[..]), (&keys[1], b"small")] {
        let got = client.command(&["GET", key]).unwrap();
        assert!(got.bytes() == Some(value), "{key}");
    }
}
