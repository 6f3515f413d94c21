//! The envelopes of redisrpc: a call of a method of an object that lives elsewhere.
//!
//! ```text
//! {"function_call": {"name": "add", "args": [5]}, "response_queue": "calc:rpc:6UI9C2N5"}
//! {"function_call": {"name": "pair", "kwargs": {"a": 4, "b": 5}}, "response_queue": "calc:rpc:7VQJQIBY"}
//! {"return_value": 5.0}
//! {"exception": "ZeroDivisionError('float division by zero')"}
//! ```

mod read;
mod write;

pub use super::fields::Malformed;
pub use read::{Refused, Request, Response, read_request, read_response};
pub use write::{write_exception, write_request, write_return_value};

use core::time::Duration;

/// How long a response that nobody takes is kept.
pub const RESPONSE_LIFE: Duration = Duration::from_secs(10);
