//! Envelopes written, with the blanks that the original writes.

use crate::json::string::write_text;
use crate::write::Writer;

/// Writes a request. `args` and `kwargs` are JSON, an array and an object; what is absent or
/// empty is left out, as the original does.
///
/// ```
/// use redis_ipc_core::{dialect::redisrpc::write_request, write::Writer};
///
/// let mut buffer = [0; 128];
/// let mut w = Writer::new(&mut buffer);
/// write_request(&mut w, "add", "[5]", "{}", "calc:rpc:6UI9C2N5");
/// assert_eq!(
///     w.since(0),
///     br#"{"function_call": {"name": "add", "args": [5]}, "response_queue": "calc:rpc:6UI9C2N5"}"#
/// );
/// ```
pub fn write_request(
    w: &mut Writer<'_>,
    name: &str,
    args: &str,
    kwargs: &str,
    response_queue: &str,
) {
    w.put(b"{\"function_call\": {\"name\": ");
    write_text(w, name);
    if !is_empty(args) {
        w.put(b", \"args\": ");
        w.put(args.as_bytes());
    }
    if !is_empty(kwargs) {
        w.put(b", \"kwargs\": ");
        w.put(kwargs.as_bytes());
    }
    w.put(b"}, \"response_queue\": ");
    write_text(w, response_queue);
    w.put_byte(b'}');
}

/// Writes the response to a call that went well. `value` writes one JSON value.
///
/// ```
/// use redis_ipc_core::{dialect::redisrpc::write_return_value, write::Writer};
///
/// let mut buffer = [0; 64];
/// let mut w = Writer::new(&mut buffer);
/// write_return_value(&mut w, |w| w.put(b"5.0"));
/// assert_eq!(w.since(0), br#"{"return_value": 5.0}"#);
/// ```
pub fn write_return_value(w: &mut Writer<'_>, value: impl FnOnce(&mut Writer<'_>)) {
    w.put(b"{\"return_value\": ");
    value(w);
    w.put_byte(b'}');
}

/// Writes the response to a call that failed.
///
/// ```
/// use redis_ipc_core::{dialect::redisrpc::write_exception, write::Writer};
///
/// let mut buffer = [0; 64];
/// let mut w = Writer::new(&mut buffer);
/// write_exception(&mut w, "ValueError: not a number");
/// assert_eq!(w.since(0), br#"{"exception": "ValueError: not a number"}"#);
/// ```
pub fn write_exception(w: &mut Writer<'_>, text: &str) {
    w.put(b"{\"exception\": ");
    write_text(w, text);
    w.put_byte(b'}');
}

/// Whether a container is none, or one without elements.
fn is_empty(json: &str) -> bool {
    matches!(json, "" | "[]" | "{}" | "null")
}
