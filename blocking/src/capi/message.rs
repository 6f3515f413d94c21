//! What arrives, as C sees it.

use std::ffi::c_int;

use super::text::ripc_text;

/// What a message is.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ripc_kind {
    /// A command, to be answered by ripc_answer() or ripc_fail().
    RIPC_COMMAND = 1,
    /// An event that was subscribed to.
    RIPC_EVENT = 2,
    /// A debug message that was subscribed to.
    RIPC_DEBUG = 3,
    /// The present state of settings or a status that is watched.
    RIPC_CHANGED = 4,
    /// The bus went away or came back. Nothing needs to be done about it.
    RIPC_BUS = 5,
    /// The timer.
    RIPC_TICK = 6,
    /// Somebody has asked for a stop. Nothing is in flight any more.
    RIPC_STOP = 7,
}

/// What a RIPC_CHANGED or RIPC_BUS message is about.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ripc_detail {
    /// Nothing more.
    RIPC_DETAIL_NONE = 0,
    /// RIPC_CHANGED: the settings of the component.
    RIPC_SETTINGS = 1,
    /// RIPC_CHANGED: the status of the component.
    RIPC_STATUS = 2,
    /// RIPC_BUS: the connection broke. It is made anew, again and again.
    RIPC_DISCONNECTED = 3,
    /// RIPC_BUS: the server refuses to work for now: it is loading, or its memory is full.
    RIPC_REFUSED = 4,
    /// RIPC_BUS: the connection is back, with every subscription, watch and queue.
    RIPC_RECONNECTED = 5,
    /// RIPC_BUS: the connection is back, but the server has forgotten everything. This
    /// component's own status was written again.
    RIPC_SERVER_RESTARTED = 6,
}

/// Something that arrived. The library owns it; later versions may add members at its end.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ripc_message {
    /// What it is: a ripc_kind, or one that a later version has.
    pub kind: c_int,
    /// RIPC_CHANGED and RIPC_BUS: which, a ripc_detail. Else 0.
    pub detail: c_int,
    /// RIPC_COMMAND: what to answer it by. Else 0.
    pub job: u64,
    /// RIPC_COMMAND: how often it was begun before, where commands are served at least once.
    pub tries: u64,
    /// RIPC_DEBUG: from 0, an error, to 5, a detail; -1 if it does not say. RIPC_BUS, once it is
    /// back: how many milliseconds it was gone. Else 0.
    pub number: i64,
    /// RIPC_COMMAND and RIPC_EVENT: the sender's members, one JSON object. RIPC_CHANGED: all
    /// fields, one JSON object of texts; {} if there are none. RIPC_DEBUG: the message.
    /// RIPC_BUS: the reason, where there is one.
    pub text: ripc_text,
    /// RIPC_EVENT and RIPC_DEBUG: whose channel it came by. RIPC_CHANGED: whose hash it is.
    pub component: ripc_text,
    /// RIPC_COMMAND: the subqueue, RIPC_EVENT: the subchannel, if it came by one.
    pub name: ripc_text,
    /// RIPC_EVENT: the whole channel.
    pub channel: ripc_text,
    /// RIPC_COMMAND: its id.
    pub command_id: ripc_text,
    /// Who sent a command, an event or a debug message, in the sender's own words.
    pub sender_component: ripc_text,
    /// The name of the sender's thread.
    pub sender_thread: ripc_text,
    /// When it was sent: seconds.microseconds since 1970.
    pub sender_timestamp: ripc_text,
    /// The number of the sender's thread; -1 if it does not say.
    pub sender_tid: i64,
}
