//! The session and its machines in simulated time: no server, no clock, no sleep.

mod session;
mod wire;
