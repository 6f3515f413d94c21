//! Reading one setting of another component, from the cache and from the server.

use std::hint::black_box;
use std::time::{Duration, Instant};

use redis_ipc::{Connection, HashKind, Turn};

use crate::{Failure, Outcome, call};

const FIELDS: usize = 20;
/// The component whose settings they are.
const WHOSE: &str = "panel";

/// Prints nanoseconds a read: of one field from the cache, and of the whole hash by HGETALL.
pub(crate) fn run(socket: &str, count: u32) -> Outcome {
    let mut server = Connection::open(&call::endpoint(socket)?)?;
    let key = format!("settings.{WHOSE}");
    for number in 0..FIELDS {
        server.hset(&key, format!("field{number}"), "a value")?;
    }
    let mut reader = call::join(socket, "reader")?;
    reader.watch_settings(WHOSE)?;
    loop {
        match reader.next(Some(Duration::from_secs(10)))? {
            Some(Turn::Changed(_)) => break,
            Some(_) => {}
            None => return Err(Failure::Broken("the settings do not come".to_owned())),
        }
    }
    let last = format!("field{}", FIELDS - 1);
    let begin = Instant::now();
    for _ in 0..count {
        let settings = reader.cached(HashKind::Settings, black_box(WHOSE));
        let field = settings.and_then(|settings| settings.field(black_box(&last)));
        if black_box(field) != Some("a value") {
            return Err(Failure::Broken("the cache is empty".to_owned()));
        }
    }
    println!("cached {}", per_one(begin, count));
    let asked = count / 100;
    let begin = Instant::now();
    for _ in 0..asked {
        black_box(server.hgetall(&key)?);
    }
    println!("hgetall {}", per_one(begin, asked));
    Ok(())
}

fn per_one(begin: Instant, count: u32) -> f64 {
    begin.elapsed().as_secs_f64() * 1e9 / f64::from(count.max(1))
}
