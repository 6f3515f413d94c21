//! Calls `thermometer.read` and checks the answers: `caller TIMES`.

use std::error::Error;
use std::time::Duration;

use redis_ipc::Component;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Read {
    unit: &'static str,
}

#[derive(Deserialize)]
struct Reading {
    degrees: i32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let times = std::env::args().nth(1).ok_or("how many times?")?;
    let times: u32 = times.parse()?;
    let mut desk = Component::connect("desk", "main")?;
    for time in 0..times {
        let (unit, degrees) = [("C", 21), ("F", 70)][time as usize % 2];
        let read = Read { unit };
        let reading: Reading = desk.call("thermometer.read", &read, Duration::from_secs(60))?;
        if reading.degrees != degrees {
            return Err(format!("{} degrees {unit}", reading.degrees).into());
        }
    }
    Ok(())
}
