//! The session and its machines in simulated time: no server, no clock, no sleep.

mod call;
mod caller;
mod ending;
mod serve;
mod session;
mod subscription;
mod wire;
