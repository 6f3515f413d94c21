//! The session and its machines in simulated time: no server, no clock, no sleep.

mod blocking_call;
mod blocking_link;
mod blocking_serve;
mod call;
mod caller;
mod ending;
mod model;
mod polled_link;
mod program;
mod serve;
mod session;
mod simulation;
mod subscription;
mod wire;
