//! A real Redis Cluster of six nodes.

mod disagreeing;
mod exchanged;
mod library;
#[path = "../shard_members/play.rs"]
mod play;
#[path = "../shard_members/router.rs"]
mod router;
mod serve;
#[expect(dead_code, reason = "what other tests of the program need")]
#[path = "../ipc_tool/support.rs"]
mod support;

use std::time::Duration;

use redis_ipc_tests::redis_cluster::RedisCluster;
use redis_ipc_tools::router::{Cluster, Options};

/// No master is away for so long in a test that kills none.
const NEVER: Duration = Duration::from_secs(60);

const LONG: Duration = Duration::from_secs(60);

fn connect(nodes: &RedisCluster) -> Cluster {
    let options = Options {
        reply_limit: LONG,
        ..Options::default()
    };
    // Any node will do.
    let seed = nodes.urls()[4].parse().unwrap();
    Cluster::of_redis_cluster([seed], options).unwrap()
}
