//! A process that any client can speak to as if all hosts were one server.
//!
//! One thread serves everybody. Each host has one connection that all clients share: requests go
//! over it as they came, in the order in which they came, and so do the answers back. A client
//! that pops with a wait, or subscribes, has connections of its own for that.
//!
//! Clients speak RESP2, or RESP3 after HELLO 3: then the hosts are spoken to in RESP3 for them.

mod client;
mod connecting;
mod crowd;
mod dispatch;
mod gather;
mod growing;
mod hub;
mod info;
mod introducing;
mod joined;
mod learning;
mod line;
mod listening;
mod looping;
mod names;
mod ourselves;
mod replies;
mod request;
mod room;
mod seeking;
mod taking;
mod through;
mod transaction;
mod turns;
mod upstream;
mod watching;

pub use looping::Server;

/// Bytes of requests that a client may have unanswered before it is not read from any more; as many
/// it may leave unread, and as many of replies are asked for at once, going by its last ones.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Bytes that a client may leave unread, beyond one reply, before it is disconnected: the hosts have
/// answered it already, and others wait for what comes behind on the same connections.
const MOST_UNREAD: usize = 1024 * 1024 * 1024;

/// As [`MOST_UNREAD`], for one that has subscribed to something; a server's own limit.
const MOST_UNHEARD: usize = 32 * 1024 * 1024;

/// What those are told who have one for it.
const NO_PASSWORD: &str = "the router has no password: its socket's mode says who is let in";

/// Bytes of an error's sentence: whoever sends megabytes as a command's name is not sent them back.
const LONGEST_SENTENCE: usize = 1024;

/// An error as a reply.
fn error_reply(text: &str) -> Vec<u8> {
    coded_reply("ERR", text)
}

/// An error with a code: clients know that `CLUSTERDOWN` was not executed and passes.
fn coded_reply(code: &str, text: &str) -> Vec<u8> {
    let mut reply = format!("-{code} ").into_bytes();
    let end = text.floor_char_boundary(LONGEST_SENTENCE);
    reply.extend(text[..end].bytes().map(|byte| match byte {
        b'\r' | b'\n' => b' ',
        byte => byte,
    }));
    reply.extend(b"\r\n");
    reply
}
