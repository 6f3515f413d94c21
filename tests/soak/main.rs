//! Callers and components at work for as long as is asked for, while their server is killed,
//! stopped, paused, filled up and robbed of its clients. At the end every command is accounted
//! for and nothing has leaked; what was seen is written into a report.
//!
//! `cargo test --test soak -- 10 report.md`: ten minutes, the report into that file.

mod account;
mod chaos;
mod idle;
mod measure;
mod report;
mod work;

use std::sync::Arc;
use std::time::{Duration, Instant};

use account::Account;
use chaos::Chaos;
use measure::{Sample, Trend};
use redis_ipc_tests::server::Server;
use work::Crew;

#[global_allocator]
static ALLOCATOR: measure::Counting = measure::Counting;

fn main() {
    if let Ok(words) = std::env::var("SOAK_CHILD") {
        return work::be_a_child(&words);
    }
    let words: Vec<_> = std::env::args().skip(1).collect();
    let minutes = words.first().map_or(10.0, |word| {
        word.parse()
            .expect("the first argument is a number of minutes")
    });
    let report = soak(Duration::from_secs_f64(minutes * 60.0));
    print!("{}", report.text);
    if let Some(path) = words.get(1) {
        std::fs::write(path, &report.text).expect("a report that can be written");
    }
    if !report.passed {
        std::process::exit(1);
    }
}

fn soak(duration: Duration) -> report::Report {
    let idle = idle::measure(1000);
    let account = Arc::new(Account::new());
    let mut server = Server::setup().persistent().start();
    let crew = Crew::start(&server, &account);
    // Every buffer has grown to what it will ever need by then.
    crew.warm_up();
    let before = Sample::take(&server);
    let mut chaos = Chaos::new(&server);
    let mut trend = Trend::default();
    let begin = Instant::now();
    let mut next_sample = begin;
    crew.go();
    while begin.elapsed() < duration {
        chaos.strike(&mut server, &crew);
        if Instant::now() >= next_sample {
            trend.note(begin.elapsed());
            next_sample += duration / 20;
        }
    }
    chaos.make_peace(&mut server);
    crew.rest();
    let after = Sample::take(&server);
    let left = work::left_behind(&server);
    let child = crew.end();
    account.note_child(&child);
    let lasted = begin.elapsed();
    report::write(&report::Facts {
        lasted,
        account: &account,
        chaos: &chaos,
        before: &before,
        after: &after,
        trend: &trend,
        left,
        idle: &idle,
    })
}
