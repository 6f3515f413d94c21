//! One call through redis-ipc: a component and its caller, each a process of its own.
//!
//! The texts of the payloads are heapless ones, so that whatever the heap is asked for is
//! redis-ipc's doing; `ours_with_strings` has a `String` for each, as most programs do.

mod other;

use std::process::{Child, Command as Process};
use std::time::{Duration, Instant};

use redis_ipc::{
    Component, Connection, Delivery, Endpoint, Failure as Refusal, Options, Service, Stop,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Failure, Outcome};

/// Calls made before the clock is looked at, as many as the peers make.
const WARM_UP: u32 = 500;

/// Bytes of a message each way.
const MESSAGE: usize = 220;

const QUEUE: &str = "queues.commands.printer";

type Bounded = heapless::String<128>;

/// What the caller sends.
#[derive(Serialize, Deserialize)]
struct Print<T> {
    method: T,
    text: T,
}

/// What the component answers.
#[derive(Serialize, Deserialize)]
struct Printed<T> {
    done: bool,
    text: T,
}

/// Makes the calls and prints p50, p90, p99 in microseconds, and the mean of all but the slowest
/// percent.
pub(crate) fn run(who: &str, socket: &str, calls: u32) -> Outcome {
    match who {
        "ours" => call::<Bounded>(socket, calls, start(who, socket, calls)?),
        "at_least_once" => call::<Bounded>(socket, calls, start(who, socket, calls)?),
        "ours_with_strings" => call::<String>(socket, calls, start(who, socket, calls)?),
        "redisbus" | "redisrpc" => other::run(who, socket, calls),
        _ => Err(Failure::NotBuilt),
    }
}

/// What the process that [`run`] starts does: answers all calls, then ends.
pub(crate) fn component(who: &str, socket: &str, calls: u32) -> Outcome {
    match who {
        "ours" => serve::<Bounded>(socket, calls, Delivery::AtMostOnce),
        "at_least_once" => serve::<Bounded>(socket, calls, Delivery::AtLeastOnce { tries: 3 }),
        "ours_with_strings" => serve::<String>(socket, calls, Delivery::AtMostOnce),
        "redisbus" => other::work(socket, calls),
        "redisrpc" => other::serve(socket, calls),
        _ => Err(Failure::NotBuilt),
    }
}

pub(crate) fn endpoint(socket: &str) -> Result<Endpoint, Failure> {
    Ok(format!("unix://{socket}").parse()?)
}

pub(crate) fn join(socket: &str, name: &str) -> Result<Component, Failure> {
    let options = Options::default();
    Ok(Component::connect_to(
        &endpoint(socket)?,
        name,
        "main",
        options,
    )?)
}

/// Starts the component, on a queue that holds nothing of an earlier run.
fn start(who: &str, socket: &str, calls: u32) -> Result<Child, Failure> {
    Connection::open(&endpoint(socket)?)?.del(&[QUEUE])?;
    let mut process = Process::new(std::env::current_exe()?);
    process.args(["call-component", who, socket, &calls.to_string()]);
    Ok(process.spawn()?)
}

fn call<T: DeserializeOwned>(socket: &str, calls: u32, component: Child) -> Outcome {
    finish(measure::<T>(socket, calls), component)
}

/// Ends the component and prints how long the calls took.
fn finish(made: Result<Vec<Duration>, Failure>, mut component: Child) -> Outcome {
    if made.is_err() {
        component.kill()?;
    }
    let ended = component.wait()?;
    let durations = made?;
    if !ended.success() {
        return Err(Failure::Broken("the component failed".to_owned()));
    }
    print_percentiles(durations);
    Ok(())
}

fn measure<T: DeserializeOwned>(socket: &str, calls: u32) -> Result<Vec<Duration>, Failure> {
    let mut caller = join(socket, "caller")?;
    let padding = padding_of_command();
    let job = Print {
        method: "print",
        text: padding.as_str(),
    };
    time(calls, || {
        let printed: Printed<T> = caller.call("printer", &job, Duration::from_secs(10))?;
        Ok(printed.done)
    })
}

/// Makes the calls, which say whether it was done, and times each.
fn time(
    calls: u32,
    mut make: impl FnMut() -> Result<bool, Failure>,
) -> Result<Vec<Duration>, Failure> {
    let mut durations = Vec::with_capacity(calls as usize);
    for number in 0..WARM_UP + calls {
        let before = Instant::now();
        if !make()? {
            return Err(Failure::Broken("not done".to_owned()));
        }
        if number >= WARM_UP {
            durations.push(before.elapsed());
        }
    }
    Ok(durations)
}

fn serve<T>(socket: &str, calls: u32, delivery: Delivery) -> Outcome
where
    T: Serialize + DeserializeOwned + Clone + AsRef<str> + for<'t> TryFrom<&'t str>,
{
    let mut printer = join(socket, "printer")?;
    printer.set_delivery(delivery);
    let stop = Stop::new();
    let end = stop.clone();
    let mut left = WARM_UP + calls;
    let mut text: Option<T> = None;
    Service::new()
        .on_command(move |job: Print<T>, command| {
            left -= 1;
            if left == 0 {
                end.request();
            }
            if job.method.as_ref() != "print" || job.text.as_ref().is_empty() {
                return Err(Refusal::new("bad-job", "there is nothing to print"));
            }
            if text.is_none() {
                text = T::try_from(&padding_of_result(command.command_id())).ok();
            }
            let text = text.clone();
            let text = text.ok_or_else(|| Refusal::new("bad-result", "the text does not fit"))?;
            Ok(Printed { done: true, text })
        })
        .until(stop)
        .run(&mut printer)?;
    Ok(())
}

/// What brings the caller's message to its size.
fn padding_of_command() -> String {
    let id = format!("caller-main-{}-1234567890123456", std::process::id());
    let bare = format!(
        r#"{{"method":"print","text":"","results_queue":"queues.results.caller.main","command_id":"{id}",{}"#,
        stamp("caller")
    );
    "m".repeat(MESSAGE.saturating_sub(bare.len()).max(1))
}

/// What brings the component's message to its size.
fn padding_of_result(id: &str) -> String {
    let bare = format!(
        r#"{{"done":true,"text":"","command_id":"{id}",{}"#,
        stamp("printer")
    );
    "m".repeat(MESSAGE.saturating_sub(bare.len()).max(1))
}

/// The members that end every message, as long as in this process's own.
fn stamp(component: &str) -> String {
    let tid = std::process::id();
    format!(
        r#""timestamp":"1234567890.123456","component":"{component}","thread":"main","tid":{tid}}}"#
    )
}

fn print_percentiles(mut durations: Vec<Duration>) {
    durations.sort_unstable();
    for (name, percent) in [("p50", 50), ("p90", 90), ("p99", 99)] {
        let at = durations.len() * percent / 100;
        if let Some(duration) = durations.get(at) {
            println!("{name} {:.2}", duration.as_secs_f64() * 1e6);
        }
    }
    durations.truncate(durations.len() * 99 / 100);
    if !durations.is_empty() {
        let sum: Duration = durations.iter().sum();
        println!(
            "mean {:.2}",
            sum.as_secs_f64() * 1e6 / durations.len() as f64
        );
    }
}
