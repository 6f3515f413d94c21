//! Listening until somebody presses Ctrl-C or nobody reads any more.

use redis_ipc::{BusEvent, Component, Stop, Turn};

use crate::output::Output;
use crate::problem::Problem;

/// Hands every turn to `print`. Ctrl-C and SIGTERM end it in peace.
pub(crate) fn watch(
    component: &mut Component,
    output: Output,
    mut print: impl FnMut(Turn<'_>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    component.set_stop(stop_on_signals()?);
    output.end_with_reader();
    loop {
        match component.next(None)? {
            Some(Turn::Stop) => return Ok(()),
            Some(Turn::Bus(event)) => note_bus(&event, output),
            Some(turn) => print(turn)?,
            None => {}
        }
    }
}

pub(crate) fn stop_on_signals() -> Result<Stop, Problem> {
    Stop::on_signals()
        .map_err(|error| Problem::failed(format!("the system refuses signal handlers: {error}")))
}

/// Tells that the bus went away or came back.
pub(crate) fn note_bus(event: &BusEvent, output: Output) {
    match event {
        BusEvent::Disconnected { why } => output.note(&format!("{why}; trying again")),
        BusEvent::Refused { why } => output.note(&format!("{why}; trying again")),
        BusEvent::Reconnected { .. } => output.note("the server is back"),
        BusEvent::ServerRestarted => {
            output.note("it was started anew: queues, settings and status may be gone");
        }
        _ => {}
    }
}
