//! Envelopes read, in the bytes they arrived in. Members with other names are ignored; of
//! duplicates the last one counts.

use super::super::fields::{Fields, Malformed, decode, utf8};

/// A request as it came from a server's queue.
///
/// ```
/// use redis_ipc_core::dialect::redisrpc::read_request;
///
/// let mut bytes =
///     br#"{"function_call": {"name": "add", "args": [5]}, "response_queue": "calc:rpc:6UI9C2N5"}"#.to_vec();
/// let request = read_request(&mut bytes).unwrap();
/// assert_eq!((request.name, request.args, request.kwargs), ("add", "[5]", "{}"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// The function.
    pub name: &'a str,
    /// Its arguments by position: a JSON array.
    pub args: &'a str,
    /// Its arguments by name: a JSON object.
    pub kwargs: &'a str,
    /// Where the response is to go. A peer's word: see
    /// [`response_of_peer`](crate::key::redisrpc::response_of_peer).
    pub response_queue: &'a str,
}

/// A request that cannot be served, and whom to tell, if it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused<'a> {
    /// What is wrong with it.
    pub why: Malformed,
    /// Where the exception is to go, if that can be read; as much a peer's word as in a
    /// [`Request`].
    pub response_queue: Option<&'a str>,
}

/// A response as it came from its queue.
///
/// ```
/// use redis_ipc_core::dialect::redisrpc::{Response, read_response};
///
/// let mut bytes = br#"{"return_value": 5.0}"#.to_vec();
/// assert_eq!(read_response(&mut bytes), Ok(Response::ReturnValue("5.0")));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response<'a> {
    /// What the function returned, JSON of any type.
    ReturnValue(&'a str),
    /// What it failed with. The Ruby server adds a backtrace, which is ignored.
    Exception(&'a str),
}

/// Reads a request in the bytes it arrived in.
///
/// # Errors
/// [`Refused`]: not JSON, or a member missing or of a wrong type.
pub fn read_request(bytes: &mut [u8]) -> Result<Request<'_>, Refused<'_>> {
    let refused = |why| Refused {
        why,
        response_queue: None,
    };
    if is_pickle(bytes) {
        return Err(Refused {
            why: Malformed::Pickle,
            response_queue: pickled_response_queue(bytes),
        });
    }
    let fields = Fields::of(bytes, ["function_call", "response_queue"]);
    let fields = fields.map_err(|why| refused(why.into()))?;
    let queue = fields.text(bytes, 1).map_err(refused)?;
    let call = Call::find(bytes, &fields);
    let queue = decode(bytes, queue);
    let name = call.as_ref().map(|call| decode(bytes, call.name.clone()));
    let text = utf8(bytes).map_err(|why| refused(why.into()))?;
    let part = |place| text.get(place).unwrap_or_default();
    match (&call, name) {
        (Ok(call), Ok(name)) => Ok(Request {
            name: part(name),
            args: call.args.clone().map_or("[]", part),
            kwargs: call.kwargs.clone().map_or("{}", part),
            response_queue: part(queue),
        }),
        (Err(why), _) | (_, Err(why)) => Err(Refused {
            why: *why,
            response_queue: Some(part(queue)),
        }),
    }
}

/// Where the parts of a function call stand.
struct Call {
    name: core::ops::Range<usize>,
    args: Option<core::ops::Range<usize>>,
    kwargs: Option<core::ops::Range<usize>>,
}

impl Call {
    fn find(bytes: &[u8], fields: &Fields<2>) -> Result<Self, Malformed> {
        let place = fields.container(bytes, 0, b'{')?;
        let place = place.ok_or(Malformed::Missing("function_call"))?;
        let call = Fields::within(bytes, &place, ["name", "args", "kwargs"])?;
        Ok(Self {
            name: call.text(bytes, 0)?,
            args: call.container(bytes, 1, b'[')?,
            kwargs: call.container(bytes, 2, b'{')?,
        })
    }
}

/// Reads a response in the bytes it arrived in. An exception that is null is none: the Python and
/// PHP clients read it so.
///
/// # Errors
/// [`Malformed`]: not JSON, or neither a return value nor an exception.
pub fn read_response(bytes: &mut [u8]) -> Result<Response<'_>, Malformed> {
    if is_pickle(bytes) {
        return Err(Malformed::Pickle);
    }
    let fields = Fields::of(bytes, ["return_value", "exception"])?;
    let exception = fields.value(1).and_then(|place| bytes.get(place));
    if exception.is_some_and(|exception| exception != b"null") {
        let exception = fields.text(bytes, 1)?;
        let exception = decode(bytes, exception);
        let text = utf8(bytes)?.get(exception);
        return Ok(Response::Exception(text.unwrap_or_default()));
    }
    let value = fields.value(0);
    let value = value.ok_or(Malformed::Missing("return_value"))?;
    let text = utf8(bytes)?.get(value);
    Ok(Response::ReturnValue(text.unwrap_or_default()))
}

/// Whether the bytes begin as a pickle does: of protocol 2 or later with its number, of an older
/// one with what a dictionary begins with. No JSON text begins so.
fn is_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, ..] | [b'(', b'd' | b'i' | b'l', ..])
}

/// The response queue that a pickle names: found as text, nothing of the pickle is decoded.
fn pickled_response_queue(bytes: &[u8]) -> Option<&str> {
    const INFIX: &[u8] = b":rpc:";
    const UNIQUE: usize = 8;
    let at = bytes.windows(INFIX.len()).rposition(|part| part == INFIX)?;
    let end = at + INFIX.len() + UNIQUE;
    let before = bytes.get(..at)?;
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"_-.:".contains(b);
    let length = before.iter().rev().take_while(|b| is_name(b)).count();
    core::str::from_utf8(bytes.get(at - length..end)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonError;
    use std::vec::Vec;

    fn why(text: &str) -> (Malformed, Option<std::string::String>) {
        let bytes = &mut *text.as_bytes().to_vec();
        let refused = read_request(bytes).unwrap_err();
        (refused.why, refused.response_queue.map(Into::into))
    }

    #[test]
    fn members_come_in_any_order_and_escaped() {
        let text = r#"{"more":1,"response_queue":"c\u003arpc:00000000","function_call":
            {"kwargs":{"a":1},"x":0,"name":"\u0061dd","args":null}}"#;
        let bytes = &mut *text.as_bytes().to_vec();
        let request = read_request(bytes).unwrap();
        assert_eq!(request.name, "add");
        assert_eq!(request.response_queue, "c:rpc:00000000");
        assert_eq!((request.args, request.kwargs), ("[]", r#"{"a":1}"#));
    }

    #[test]
    fn what_is_missing_or_wrong_is_told_to_whoever_waits() {
        let (what, whom) = why(r#"{"response_queue":"q"}"#);
        assert_eq!(what, Malformed::Missing("function_call"));
        assert_eq!(whom.as_deref(), Some("q"));
        let (what, whom) = why(r#"{"function_call":{"args":[]},"response_queue":"q"}"#);
        assert_eq!(what, Malformed::Missing("name"));
        assert_eq!(whom.as_deref(), Some("q"));
        let (what, _) = why(r#"{"function_call":{"name":"f","args":5},"response_queue":"q"}"#);
        assert_eq!(std::format!("{what}"), "member args is not an array");
        let (what, whom) = why(r#"{"function_call":{"name":"f"}}"#);
        assert_eq!((what, whom), (Malformed::Missing("response_queue"), None));
        assert_eq!(why("null").0, Malformed::Json(JsonError::NotAnObject));
    }

    #[test]
    fn a_pickle_is_known_and_its_response_queue_found() {
        let mut pickle = b"\x80\x04\x95q\0\0\0\0\0\0\0}\x94(\x8c\rfunction_call\x94}\x94\x8c\x04name\x94\x8c\x03add\x94s\x8c\x0eresponse_queue\x94\x8c\x11calc:rpc:6UI9C2N5\x94u.".to_vec();
        let refused = read_request(&mut pickle).unwrap_err();
        assert_eq!(refused.why, Malformed::Pickle);
        assert_eq!(refused.response_queue, Some("calc:rpc:6UI9C2N5"));
        let mut old = b"(dp0\nS'function_call'\n".to_vec();
        let refused = read_request(&mut old).unwrap_err();
        assert_eq!(refused.why, Malformed::Pickle);
        assert_eq!(refused.response_queue, None);
    }

    #[test]
    fn a_response_is_a_value_or_an_exception() {
        assert_eq!(
            read_response(&mut Vec::from(r#"{"exception":"a\"b","backtrace":["x"]}"#)),
            Ok(Response::Exception("a\"b"))
        );
        assert_eq!(
            read_response(&mut Vec::from(r#"{"return_value":null}"#)),
            Ok(Response::ReturnValue("null"))
        );
        assert_eq!(
            read_response(&mut Vec::from(r#"{"exception": null, "return_value": 5}"#)),
            Ok(Response::ReturnValue("5"))
        );
        for none in ["{}", r#"{"exception":null}"#] {
            assert_eq!(
                read_response(&mut Vec::from(none)),
                Err(Malformed::Missing("return_value"))
            );
        }
    }
}
