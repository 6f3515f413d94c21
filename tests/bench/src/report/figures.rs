//! Which figures there are, how each is worked out, and its goal.

use std::fmt;

use super::samples::Samples;

/// One row of the table.
pub(crate) struct Figure {
    pub(crate) name: String,
    /// The samples it is made from.
    pub(crate) group: String,
    pub(crate) goal: Goal,
    how: How,
}

/// How the figure comes from the samples of its group.
#[derive(Clone, Copy)]
enum How {
    /// What ours was measured to take.
    Ours,
    /// Ours ÷ the peer of this name.
    OursOver(&'static str),
    /// The peer of this name ÷ ours.
    Over(&'static str),
    /// What this other way of ours takes ÷ ours.
    OtherOverOurs(&'static str),
    /// The first ÷ the second, neither of which need be ours.
    Between(&'static str, &'static str),
    /// Ours ÷ the best peer, where more is better.
    OursOverBest,
}

/// What the figure is to come to.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    None,
}

impl Goal {
    pub(crate) fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
            Self::None => true,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "≤ {limit}"),
            Self::AtLeast(limit) => write!(f, "≥ {limit}"),
            Self::None => Ok(()),
        }
    }
}

impl Figure {
    fn new(name: &str, group: &str, how: How, goal: Goal) -> Self {
        let (name, group) = (name.to_owned(), group.to_owned());
        Self {
            name,
            group,
            goal,
            how,
        }
    }

    /// A figure that is a plain measurement of ours.
    fn plain(name: &str, goal: Goal) -> Self {
        Self::new(name, name, How::Ours, goal)
    }

    /// The figure; nothing if ours, or what it is compared with, was not measured.
    pub(crate) fn value(&self, samples: &Samples) -> Option<f64> {
        let group = self.group.as_str();
        match self.how {
            How::Ours => samples
                .medians(group)
                .find(|&(who, _)| who == "ours")
                .map(|(_, m)| m),
            How::OursOver(peer) => samples.ratio(group, "ours", peer),
            How::Over(other) | How::OtherOverOurs(other) => samples.ratio(group, other, "ours"),
            How::Between(one, other) => samples.ratio(group, one, other),
            How::OursOverBest => samples
                .medians(group)
                .filter(|&(who, _)| who != "ours")
                .filter_map(|(peer, _)| samples.ratio(group, "ours", peer))
                .min_by(f64::total_cmp),
        }
    }
}

/// Every figure, in the order of the table.
pub(crate) fn figures() -> Vec<Figure> {
    let mut all = Vec::new();
    calls(&mut all);
    codec(&mut all);
    pipelining(&mut all);
    all.push(Figure::plain("size_c_example_static_bytes", Goal::None));
    sharding(&mut all);
    firmware(&mut all);
    all
}

fn calls(all: &mut Vec<Figure>) {
    use Goal::{AtLeast, AtMost, None};
    let p50 = "call_one_core_p50_us";
    let raw = How::OursOver("raw");
    all.push(Figure::new("call_one_core_vs_raw", p50, raw, AtMost(1.05)));
    let original = How::Over("original");
    all.push(Figure::new(
        "original_vs_call_one_core",
        p50,
        original,
        AtLeast(1.3),
    ));
    let c = How::OtherOverOurs("c");
    all.push(Figure::new("c_call_vs_call", p50, c, AtMost(1.05)));
    all.push(Figure::new(
        "original_vs_c_call",
        p50,
        How::Between("original", "c"),
        AtLeast(1.25),
    ));
    all.push(Figure::plain("call_one_core_p90_us", None));
    all.push(Figure::plain("call_one_core_p99_us", None));
    for part in ["p50", "p90", "p99"] {
        all.push(Figure::plain(&format!("call_unpinned_{part}_us"), None));
    }
    for dialect in ["redisbus", "redisrpc"] {
        let name = format!("{dialect}_call_vs_call");
        let how = How::OtherOverOurs(dialect);
        all.push(Figure::new(&name, p50, how, AtMost(1.1)));
    }
    for (name, measured) in [
        ("at_least_once_vs_call", p50),
        ("at_least_once_vs_call_mean", "call_one_core_mean_us"),
    ] {
        let durable = How::OtherOverOurs("at_least_once");
        all.push(Figure::new(name, measured, durable, AtMost(1.05)));
    }
    all.push(Figure::plain("at_least_once_allocs", AtMost(0.0)));
    all.push(Figure::plain("settings_cached_ns", AtMost(200.0)));
    all.push(Figure::plain("resume_ms", AtMost(100.0)));
    all.push(Figure::plain("idle_component_kb", None));
    all.push(Figure::plain("idle_component_server_kb", None));
    all.push(Figure::plain("call_syscalls", AtMost(6.1)));
    all.push(Figure::plain("call_allocs", AtMost(0.0)));
}

/// What is counted in instructions, with its goal.
const CODEC: [(&str, f64); 7] = [
    ("decode_bulk", 300.0),
    ("decode_blpop", 650.0),
    ("decode_hgetall", 7_500.0),
    ("decode_mget", 190_000.0),
    ("encode_rpush", 484.0),
    ("envelope_scan", 4_000.0),
    ("envelope_encode", 2_000.0),
];

fn codec(all: &mut Vec<Figure>) {
    for (what, goal) in CODEC {
        all.push(Figure::plain(&format!("{what}_ir"), Goal::AtMost(goal)));
    }
    for (what, _) in CODEC {
        all.push(Figure::plain(&format!("{what}_allocs"), Goal::AtMost(0.0)));
    }
    for (what, _) in CODEC {
        all.push(Figure::plain(&format!("{what}_ns"), Goal::None));
    }
}

fn pipelining(all: &mut Vec<Figure>) {
    for command in ["set", "rpush"] {
        for batch in [1, 16, 64, 256] {
            let group = format!("pipeline_{command}_{batch}");
            let name = format!("{group}_vs_best");
            all.push(Figure::new(
                &name,
                &group,
                How::OursOverBest,
                Goal::AtLeast(1.0),
            ));
        }
    }
    for command in ["set", "rpush"] {
        let name = format!("pipeline_{command}_allocs");
        all.push(Figure::plain(&name, Goal::AtMost(0.0)));
    }
}

fn sharding(all: &mut Vec<Figure>) {
    use Goal::{AtLeast, AtMost, None};
    for (name, peer, least) in [
        ("redis_rs_vs_map_10k_get", "redis_rs_get", 1.0),
        ("redis_rs_vs_map_10k_mget", "redis_rs_mget", 1.0),
        ("rb_vs_map_10k_get", "rb", 30.0),
    ] {
        let group = "map_10k_us";
        all.push(Figure::new(name, group, How::Over(peer), AtLeast(least)));
    }
    let over = How::OursOver("twemproxy");
    for pipeline in ["p1", "p16"] {
        let (name, group) = (
            format!("router_vs_twemproxy_{pipeline}"),
            format!("router_{pipeline}_rps"),
        );
        all.push(Figure::new(&name, &group, over, AtLeast(1.0)));
    }
    for pipeline in ["p1", "p16"] {
        let (name, group) = (
            format!("router_p99_vs_twemproxy_{pipeline}"),
            format!("router_{pipeline}_p99_ms"),
        );
        all.push(Figure::new(&name, &group, over, AtMost(1.0)));
    }
    let placements = ["partition", "ketama", "consistent", "ring", "slots"];
    for (unit, goal) in [("ir", None), ("allocs", AtMost(0.0)), ("ns", None)] {
        for placement in placements {
            all.push(Figure::plain(&format!("place_{placement}_{unit}"), goal));
        }
    }
}

/// Bytes of the component on a microcontroller, bare and with frames on its line.
fn firmware(all: &mut Vec<Figure>) {
    for variant in ["firmware", "firmware_framed"] {
        let flash = format!("{variant}_flash_bytes");
        all.push(Figure::plain(&flash, Goal::AtMost(32_768.0)));
        let ram = format!("{variant}_ram_bytes");
        all.push(Figure::plain(&ram, Goal::AtMost(8192.0)));
    }
}
