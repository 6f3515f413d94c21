#![doc = include_str!("../README.md")]

mod connection;
mod endpoint;
mod error;
mod options;
mod socket;
mod storage;

pub use connection::{Connection, Pipeline, Replies, Server};
pub use endpoint::{Endpoint, EndpointError, MAX_SOCKET_PATH_BYTES};
pub use error::{Error, Misunderstanding, Outcome, ServerError};
pub use options::Options;
