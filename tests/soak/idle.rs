//! What components cost that do nothing but wait for commands.

use std::time::Duration;

use redis_ipc::{Component, Endpoint, Options};
use redis_ipc_tests::server::Server;

use crate::measure::{live_bytes, status};

/// Bytes for each component.
#[derive(Debug)]
pub(crate) struct Idle {
    pub(crate) components: usize,
    pub(crate) heap: i64,
    pub(crate) rss: u64,
    pub(crate) server_memory: u64,
    pub(crate) server_rss: u64,
}

pub(crate) fn measure(components: usize) -> Idle {
    raise_descriptor_limit();
    let server = Server::setup().config("maxclients 4000").start();
    let pid = server.pid().to_string();
    let place = Endpoint::unix(server.socket()).expect("a short path");
    let used = || {
        let info = server.cli(&["INFO", "memory"]).text();
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:"));
        line.and_then(|digits| digits.trim().parse::<u64>().ok())
            .unwrap_or(0)
    };
    let per_one = |bytes: u64| bytes / components as u64;
    let mut all = Vec::with_capacity(components);
    let (memory, server_rss) = (used(), status(&pid, "VmRSS"));
    let (rss, heap) = (status("self", "VmRSS"), live_bytes());
    for n in 0..components {
        let name = format!("idle{n}");
        let options = Options::default();
        let mut component =
            Component::connect_to(&place, &name, "main", options).expect("a place on the bus");
        component.serve_main().expect("a queue");
        let is_idle = matches!(component.next(Some(Duration::ZERO)), Ok(None));
        assert!(is_idle, "nobody asks for anything");
        all.push(component);
    }
    Idle {
        components,
        heap: (live_bytes() - heap) / i64::try_from(components).unwrap_or(1),
        rss: per_one((status("self", "VmRSS") - rss) * 1024),
        server_memory: per_one(used().saturating_sub(memory)),
        server_rss: per_one((status(&pid, "VmRSS") - server_rss) * 1024),
    }
}

/// Two connections each.
fn raise_descriptor_limit() {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).expect("more files");
}
