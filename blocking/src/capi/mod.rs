//! The library for C and C++: what `include/ripc.h` declares.
//!
//! The header is made from these files by cbindgen, comments included, so the comments of what is
//! exported are written for programmers of C. A handle is no address but a token: see `token`.
//! Every exported function goes through `entry`, where panics end.

#![expect(unsafe_code, reason = "what comes from C is pointers")]
#![expect(
    non_camel_case_types,
    reason = "types have the names that the header gives them"
)]
#![expect(
    clippy::doc_markdown,
    clippy::missing_safety_doc,
    reason = "comments go into the header, where they say what a caller must see to"
)]
#![allow(
    rustdoc::broken_intra_doc_links,
    rustdoc::invalid_html_tags,
    reason = "what the header shows as it is, rustdoc takes for links and tags"
)]

mod call;
mod code;
mod config;
mod counters;
mod courier;
mod debug;
mod entry;
mod events;
mod handle;
mod handlers;
mod hash;
mod json;
mod letter;
mod lifecycle;
mod looping;
mod message;
mod options;
mod serve;
mod state;
mod text;
mod token;
mod watch;

pub use call::*;
pub use code::*;
pub use config::*;
pub use counters::*;
pub use courier::*;
pub use debug::*;
pub use events::*;
pub use handlers::*;
pub use hash::*;
pub use json::*;
pub use lifecycle::*;
pub use looping::*;
pub use message::*;
pub use options::*;
pub use serve::*;
pub use state::*;
pub use text::{ripc_pair, ripc_text};
pub use token::ripc;
pub use watch::*;
