//! What a process holds: memory, descriptors, threads, connections.

#![expect(
    unsafe_code,
    reason = "an allocator is unsafe by its nature; this one only counts"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use redis_ipc_tests::server::Server;

static LIVE: AtomicI64 = AtomicI64::new(0);

/// The system's allocator with a count of the bytes in use.
pub(crate) struct Counting;

// SAFETY: every request is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size().cast_signed() as i64, Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size().cast_signed() as i64, Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }
}

pub(crate) fn live_bytes() -> i64 {
    LIVE.load(Relaxed)
}

/// A number of `/proc/<who>/status`: kB of memory, or threads.
pub(crate) fn status(who: &str, field: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{who}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|rest| rest.trim_start_matches(':').split_whitespace().next());
    number.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// All that could leak, while everybody rests.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) descriptors: usize,
    pub(crate) threads: u64,
    pub(crate) live_bytes: i64,
    pub(crate) rss_kb: u64,
    pub(crate) clients: usize,
}

impl Sample {
    pub(crate) fn take(server: &Server) -> Self {
        Self {
            clients: server.cli(&["CLIENT", "LIST"]).text().lines().count(),
            descriptors: std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
            threads: status("self", "Threads"),
            live_bytes: live_bytes(),
            rss_kb: status("self", "VmRSS"),
        }
    }
}

/// Memory over time.
#[derive(Debug, Default)]
pub(crate) struct Trend(pub(crate) Vec<(Duration, u64, i64)>);

impl Trend {
    pub(crate) fn note(&mut self, at: Duration) {
        self.0.push((at, status("self", "VmRSS"), live_bytes()));
    }
}
