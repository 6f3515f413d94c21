//! How to connect.

use std::ffi::c_char;
use std::time::Duration;

use super::code::{Fault, RIPC_ERR_USAGE};
use super::text::optional_name;
use crate::endpoint::Endpoint;
use crate::options::Options;

/// How to connect. Begin with RIPC_OPTIONS_INIT; whatever is 0 or NULL has its default.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ripc_options {
    /// sizeof(ripc_options) of the program, which may be older than the library.
    pub size: usize,
    /// Where the server is: a path, unix:///path?db=N or redis://[user:password@]host[:port][/db].
    /// By default RIPC_SERVER_PATH, then $RIPC_RUNTIME_DIR/redis-ipc/socket, then
    /// /run/redis-ipc/socket if that exists, then /tmp/redis-ipc/socket.
    pub address: *const c_char,
    /// How many milliseconds connecting may take: 5000.
    pub connect_ms: u32,
    /// How many milliseconds a request may take that does not wait on purpose: 5000.
    pub reply_ms: u32,
    /// How many bytes one message may have: 1048576. There is a buffer of that size at most for
    /// each direction of each connection; it starts at 16384.
    pub message_limit: usize,
}

/// What the options come to.
///
/// # Safety
/// `options` is null or leads to as many bytes as its member `size` says; its address is null or
/// ends with a NUL.
pub(super) unsafe fn read(options: *const ripc_options) -> Result<(Endpoint, Options), Fault> {
    let mut read = Options::default();
    if options.is_null() {
        return Ok((
            Endpoint::from_environment().map_err(crate::Error::from)?,
            read,
        ));
    }
    // SAFETY: it is not null, and its size is there at least.
    let size = unsafe { (&raw const (*options).size).read() };
    if size < size_of::<ripc_options>() {
        return Err(Fault::new(
            RIPC_ERR_USAGE,
            "the options do not begin with RIPC_OPTIONS_INIT",
        ));
    }
    // SAFETY: it has all members that are known here. A larger one is a later version's.
    let options = unsafe { options.read() };
    if options.connect_ms > 0 {
        read = read.connect_limit(Duration::from_millis(options.connect_ms.into()));
    }
    if options.reply_ms > 0 {
        read = read.reply_limit(Duration::from_millis(options.reply_ms.into()));
    }
    if options.message_limit > 0 {
        read = read.message_limit(options.message_limit);
    }
    // SAFETY: by contract it is null or ends with a NUL.
    let endpoint = match unsafe { optional_name(options.address) }? {
        Some(address) => address.parse(),
        None => Endpoint::from_environment(),
    };
    Ok((endpoint.map_err(crate::Error::from)?, read))
}
