//! The threads of maps. A program of its own: what it looks at are all threads of its process.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use redis_ipc_tests::fork::in_child;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Placement, Promised, Value};

const LONG: Duration = Duration::from_secs(60);

/// The threads of maps that there are now.
fn threads() -> BTreeSet<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let tasks = tasks.map(|task| task.unwrap().path());
    // One that has just ended is none.
    let of_map = |task: &std::path::PathBuf| {
        fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "map\n")
    };
    let tasks = tasks.filter(of_map);
    tasks.map(|task| task.display().to_string()).collect()
}

fn count(cluster: &Cluster, times: i64) {
    for _ in 0..times {
        let mut map = cluster.map();
        let counted: Vec<_> = ["a", "b", "c", "d"]
            .map(|key| map.command(&["INCR", key]).unwrap())
            .into();
        map.send(LONG).wait();
        for promise in counted {
            assert!(matches!(promise.wait().unwrap(), Value::Integer(_)));
        }
    }
}

#[test]
fn threads_of_maps_are_used_again_not_by_a_child_process_and_end_with_their_cluster() {
    let farm = Farm::start(2, 2).unwrap();
    let cluster = farm.cluster(Placement::Partition).unwrap();
    let mut seen = BTreeSet::new();
    for _ in 0..100 {
        count(&cluster, 1);
        seen.extend(threads());
    }
    assert!(!seen.is_empty());
    assert!(seen.len() < 50, "{} threads for 100 maps", seen.len());

    // It has the list of threads, but not the threads.
    let child = in_child(|| count(&cluster, 3));
    child.join();
    count(&cluster, 1);

    drop(cluster);
    let limit = Instant::now() + LONG;
    while !threads().is_empty() {
        assert!(Instant::now() < limit, "the threads have not ended");
        thread::sleep(Duration::from_millis(1));
    }
}
