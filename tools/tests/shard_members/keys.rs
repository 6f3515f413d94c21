//! Keys by the hosts that have them.

use redis_ipc_tools::router::Cluster;

/// A key on each host, in the order of their numbers.
pub(crate) fn one_on_each(cluster: &Cluster) -> Vec<String> {
    let on = |host| {
        let mut keys = (0..).map(|n| format!("k{n}"));
        keys.find(|key| cluster.host_of(key) == host)
    };
    (0..).take(cluster.hosts().len()).filter_map(on).collect()
}
