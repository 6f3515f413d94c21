//! A thermometer: a worker of redisbus with a timer, a reply of one value, a stream and a failure.
//!
//! It measures temperatures that are not there. By hand it goes like this:
//!
//! ```sh
//! eval "$(ipc-tool up)"
//! cargo run -p redis-ipc --example thermometer &
//! ipc-tool bus workers
//! ipc-tool bus call read --worker thermometer --jsondata '{"unit": "kelvin"}'
//! ipc-tool bus call history --worker thermometer --jsondata 3
//! ipc-tool bus call stop --worker thermometer
//! ```

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use redis_ipc::bus::{Desk, Request, Worker};
use redis_ipc::{Endpoint, Error, Failure, Options};
use serde::{Deserialize, Serialize};

/// So many measurements are kept.
const KEPT: usize = 600;

/// The data of the command `read`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Read {
    unit: Unit,
}

#[derive(Debug, Default, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Unit {
    #[default]
    Celsius,
    Kelvin,
}

/// The reply to it.
#[derive(Debug, Serialize)]
struct Temperature {
    value: f64,
    unit: Unit,
}

/// What was measured, in tenths of a degree Celsius, the newest first.
#[derive(Debug, Default)]
struct Thermometer {
    measured: RefCell<VecDeque<i32>>,
}

fn main() -> Result<(), Error> {
    let thermometer = Thermometer::default();
    let served = Worker::new("local", "thermometer")
        .class("Thermometer")
        .tell("sensor", "none")
        .on_start(|desk| {
            eprintln!("thermometer: serving as {}", desk.id());
            thermometer.measure();
            Ok(())
        })
        .every(Duration::from_millis(100), |_: &mut Desk, _| {
            thermometer.measure();
            Ok(())
        })
        .on("read", |read: Option<Read>, _| {
            Ok(thermometer.read(read.unwrap_or_default().unit))
        })
        .on_stream("history", |most: usize, request| {
            thermometer.history(most, request)
        })
        .on("calibrate", |(): (), _| {
            // The caller gets {"success": false, "msg": "no-sensor: there is nothing to calibrate"}.
            Err::<(), _>(Failure::new("no-sensor", "there is nothing to calibrate"))
        })
        .run(&Endpoint::from_environment()?, Options::default())?; // until it is stopped
    eprintln!("thermometer: {} messages dropped", served.messages_dropped);
    Ok(())
}

impl Thermometer {
    /// A saw's teeth between 20 and 25 degrees.
    fn measure(&self) {
        let mut measured = self.measured.borrow_mut();
        let next = measured.front().map_or(200, |last| (last - 199) % 50 + 200);
        measured.push_front(next);
        measured.truncate(KEPT);
    }

    fn read(&self, unit: Unit) -> Temperature {
        let tenths = self.measured.borrow().front().copied();
        let celsius = f64::from(tenths.unwrap_or_default()) / 10.0;
        let value = match unit {
            Unit::Celsius => celsius,
            Unit::Kelvin => celsius + 273.15,
        };
        Temperature { value, unit }
    }

    fn history(&self, most: usize, request: &mut Request<'_>) -> Result<(), Failure> {
        let measured = self.measured.borrow();
        let mut degrees = measured.iter().map(|tenths| f64::from(*tenths) / 10.0);
        degrees
            .by_ref()
            .take(most)
            .try_for_each(|value| request.send(&value))
    }
}
