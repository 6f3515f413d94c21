//! The envelopes of redis-ipc: members that the protocol adds to the user's own JSON object.
//!
//! ```text
//! {"method":"ping","x":12345,"results_queue":"…","command_id":"…","timestamp":"…","component":"…","thread":"…","tid":12345}
//!  └── the user's members ─┘ └── standard members, in this order ─────────────────────────────────────────────────────────┘
//! ```
//!
//! A command may bear one member more behind these, `command_deadline`: the text
//! `seconds.microseconds` of when its caller stops waiting. Whoever serves drops the command
//! from then on. None of the originals writes it, and they take it for one of the user's.
//!
//! A standard name is standard only in the kind of message that has it and only at the top: the
//! user's objects may hold any name inside.

mod debug;
mod error;
mod read;
mod stamp;
mod standard;
mod survey;
mod write;

pub use debug::{Debug, read_debug, write_debug};
pub use error::{PeerError, error_of, write_error};
pub use read::{
    Command, Event, MAX_HEADER, Malformed, Origin, Outcome, read_command, read_event, read_result,
};
pub use stamp::{Stamp, Timestamp};
pub use write::{EnvelopeError, finish_command, finish_command_until, finish_event, finish_result};
