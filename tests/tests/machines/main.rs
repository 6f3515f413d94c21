//! The session and its machines in simulated time: no server, no clock, no sleep.

mod blocking_call;
mod blocking_link;
mod blocking_serve;
mod call;
mod caller;
mod ending;
mod polled_link;
mod program;
mod serve;
mod session;
mod subscription;
mod wire;
