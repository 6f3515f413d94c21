#![doc = include_str!("../README.md")]

mod backoff;
#[cfg(feature = "dialects")]
pub mod bus;
#[cfg(feature = "capi")]
pub mod capi;
mod client;
mod component;
mod connection;
mod courier;
mod endpoint;
mod error;
mod exchange;
mod from_reply;
#[cfg(feature = "dialects")]
mod intake;
mod json;
mod monitor;
mod options;
mod pool;
#[cfg(feature = "dialects")]
mod random;
mod retry;
#[cfg(feature = "dialects")]
pub mod rpc;
mod scan;
mod script;
mod seconds;
mod socket;
mod storage;
mod subscriber;
mod sys;

pub use client::{Client, Kind, Lease};
#[doc = include_str!("../FAULTS.md")]
pub mod faults {}

/// What [`Connection`]'s typed commands take and give, beside bytes and numbers.
pub mod commands {
    pub use crate::connection::{
        AddOptions, BitOp, Combine, End, Entry, GeoSearch, Life, Member, MemberOf, NoStreamId,
        Pending, PendingEntry, Position, Role, SetOptions, Side, Since, Sort, StreamEntries,
        StreamId, Trim, Unit,
    };
}

pub use component::{
    BusEvent, CallError, Command, Component, Counters, DEFAULT_QUEUE_LIMIT, DebugMessage, Delivery,
    Event, Failure, Hash, HashKind, Job, Level, Limitation, Sender, Service, State, Stop, Taken,
    Turn, Watched,
};
pub use connection::{Connection, Pair, Pipeline, Replies, Server, Transaction, Watch};
pub use courier::{Courier, Letter};
#[cfg(feature = "tls")]
pub use endpoint::Tls;
pub use endpoint::{Endpoint, EndpointError, MAX_SOCKET_PATH_BYTES};
pub use error::{Error, Misunderstanding, Outcome, ServerError};
pub use from_reply::FromReply;
pub use monitor::{Monitor, Observed};
pub use options::Options;
pub use redis_ipc_core::resp::{Elements, ErrorReply, Reply};
pub use scan::Scan;
pub use script::Script;
#[cfg(feature = "tls")]
pub use socket::TlsStream;
pub use subscriber::{Heard, Message, Subscriber};
