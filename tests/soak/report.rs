//! What is written down at the end.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::account::{Account, Told};
use crate::chaos::Chaos;
use crate::idle::Idle;
use crate::measure::{Sample, Trend};

pub(crate) struct Facts<'f> {
    pub(crate) lasted: Duration,
    pub(crate) account: &'f Account,
    pub(crate) chaos: &'f Chaos,
    pub(crate) before: &'f Sample,
    pub(crate) after: &'f Sample,
    pub(crate) trend: &'f Trend,
    pub(crate) left: Vec<String>,
    pub(crate) idle: &'f Idle,
}

pub(crate) struct Report {
    pub(crate) text: String,
    pub(crate) passed: bool,
}

/// How many bytes more than before may be in use: numbers in texts have grown by some digits.
const SLACK: i64 = 64 * 1024;

pub(crate) fn write(facts: &Facts<'_>) -> Report {
    let mut text = String::from("# Soak\n\nWritten by `make soak`.\n\n");
    let mut verdicts = Vec::new();
    describe(&mut text, facts);
    commands(&mut text, facts, &mut verdicts);
    leaks(&mut text, facts, &mut verdicts);
    idle(&mut text, facts.idle);
    let passed = verdicts.iter().all(|(_, good)| *good);
    text += "## Verdict\n\n";
    for (what, good) in &verdicts {
        let _ = writeln!(text, "- {}: {what}", if *good { "yes" } else { "**NO**" });
    }
    Report { text, passed }
}

fn describe(text: &mut String, facts: &Facts<'_>) {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model
        .unwrap_or(": unknown")
        .trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let _ = writeln!(
        text,
        "{:.1} minutes on {cores} cores of {model}, Linux {}, redis-server {} with an append-only \
         file, Unix socket, unoptimised build with all checks.\n\n## What happened\n\n| what | times |\n| --- | --- |",
        facts.lasted.as_secs_f64() / 60.0,
        kernel.trim(),
        facts.chaos.version
    );
    for (what, times) in &facts.chaos.strikes {
        let _ = writeln!(text, "| {what} | {times} |");
    }
    let resumed = &facts.chaos.resumed;
    let at = |part: usize| {
        let place = (resumed.len() * part / 100).min(resumed.len().saturating_sub(1));
        resumed
            .get(place)
            .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    let _ = writeln!(
        text,
        "\nFrom a restarted server's first answer to the first served command: median {:.1} ms, \
         90 % within {:.1} ms, longest {:.1} ms ({} restarts, with everybody coming back at once).\n\n\
         Components told of {} reconnections and {} restarts of the server. {} events were heard, \
         {} of them out of order. No call lasted longer than its time-out and {} ms.\n",
        at(50),
        at(90),
        at(100),
        resumed.len(),
        facts.account.reconnections.load(Relaxed),
        facts.account.restarts_told.load(Relaxed),
        facts.account.events.load(Relaxed),
        facts.account.events_out_of_order.load(Relaxed),
        facts.account.slowest_call_over_millis.load(Relaxed),
    );
}

fn commands(text: &mut String, facts: &Facts<'_>, verdicts: &mut Vec<(&'static str, bool)>) {
    let account = facts.account;
    *text += "## Commands\n\n| the caller was told | never executed | once | more than once |\n\
              | --- | --- | --- | --- |\n";
    let table = account.table();
    for (told, [never, once, more]) in &table {
        let told = match told {
            Told::Nothing => "nothing",
            Told::Answered => "the answer",
            Told::NotSent => "not sent",
            Told::Rejected => "rejected",
            Told::TakenBack => "not taken, and taken back",
            Told::TakenNotAnswered => "taken, and not answered in time",
            Told::Unknown => "unknown",
        };
        let _ = writeln!(text, "| {told} | {never} | {once} | {more} |");
    }
    let count = |wanted: Told| {
        let row = table.iter().find(|(told, _)| *told == wanted);
        row.map_or([0; 3], |(_, counts)| *counts)
    };
    let executed = |told| count(told)[1] + count(told)[2];
    let _ = writeln!(
        text,
        "\nMore than once is what at least once may come to.\n\nLeft behind in queues: {}.\n",
        if facts.left.is_empty() {
            "nothing".into()
        } else {
            facts.left.join(", ")
        }
    );
    let none = |counter: &std::sync::atomic::AtomicU64| counter.load(Relaxed) == 0;
    verdicts.extend([
        ("every command is accounted for", account.unaccounted() == 0),
        (
            "no call was answered wrongly",
            none(&account.wrong_answers) && none(&account.wrong_errors),
        ),
        (
            "what was answered was executed",
            count(Told::Answered)[0] == 0,
        ),
        (
            "what was not sent was not executed",
            executed(Told::NotSent) == 0,
        ),
        (
            "what was rejected was not executed",
            executed(Told::Rejected) == 0,
        ),
        (
            "what was taken back was not executed",
            executed(Told::TakenBack) == 0,
        ),
        (
            "who serves at most once executed nothing twice",
            none(&account.repeated),
        ),
        ("events came in order", none(&account.events_out_of_order)),
        ("no command is left behind", facts.left.is_empty()),
    ]);
}

fn leaks(text: &mut String, facts: &Facts<'_>, verdicts: &mut Vec<(&'static str, bool)>) {
    let (before, after) = (facts.before, facts.after);
    *text += "## Leaks\n\nEverybody at rest, before and after:\n\n| what | before | after |\n| --- | --- | --- |\n";
    let rows = [
        (
            "descriptors",
            before.descriptors.to_string(),
            after.descriptors.to_string(),
        ),
        (
            "threads",
            before.threads.to_string(),
            after.threads.to_string(),
        ),
        (
            "clients of the server",
            before.clients.to_string(),
            after.clients.to_string(),
        ),
        (
            "bytes allocated",
            before.live_bytes.to_string(),
            after.live_bytes.to_string(),
        ),
        (
            "resident kB",
            before.rss_kb.to_string(),
            after.rss_kb.to_string(),
        ),
    ];
    for (what, before, after) in rows {
        let _ = writeln!(text, "| {what} | {before} | {after} |");
    }
    *text += "\nOver time:\n\n| minute | resident kB | bytes allocated |\n| --- | --- | --- |\n";
    for (at, rss, live) in &facts.trend.0 {
        let _ = writeln!(text, "| {:.1} | {rss} | {live} |", at.as_secs_f64() / 60.0);
    }
    text.push('\n');
    verdicts.extend([
        (
            "no descriptor has leaked",
            after.descriptors <= before.descriptors,
        ),
        ("no thread has leaked", after.threads <= before.threads),
        ("no connection has leaked", after.clients <= before.clients),
        (
            "no memory has leaked",
            after.live_bytes <= before.live_bytes + SLACK,
        ),
    ]);
}

fn idle(text: &mut String, idle: &Idle) {
    let _ = writeln!(
        text,
        "## {} idle components\n\nOn one server, each with its two connections and a pop in flight; for each:\n\n\
         | where | bytes |\n| --- | --- |\n| its own heap | {} |\n| its process, resident | {} |\n\
         | redis-server, used_memory | {} |\n| redis-server, resident | {} |\n",
        idle.components, idle.heap, idle.rss, idle.server_memory, idle.server_rss
    );
}
