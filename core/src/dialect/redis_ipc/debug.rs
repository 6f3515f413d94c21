//! Debug messages: `message`, `level` 0 (error) to 5, `channel`, then what all messages have.

use super::read::{Malformed, Origin};
use super::stamp::Stamp;
use super::standard::{Kind, Standard};
use super::survey::Survey;
use super::write;
use crate::json::string;
use crate::write::Writer;

/// Bytes that the text of a debug message has at most.
const MAX_MESSAGE: usize = 1023;
/// What a text ends in that was longer.
const CUT: &str = "[TRUNC]";

/// A debug message as it came from its channel.
///
/// ```
/// use redis_ipc_core::dialect::redis_ipc::read_debug;
///
/// let mut bytes = br#"{ "message": "smoke", "level": 1, "channel": "channel.debug.printer" }"#.to_vec();
/// let debug = read_debug(&mut bytes)?;
/// assert_eq!((debug.message, debug.level), ("smoke", Some(1)));
/// # Ok::<(), redis_ipc_core::dialect::redis_ipc::Malformed>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Debug<'a> {
    /// The text, of any length.
    pub message: &'a str,
    /// 0 (error) to 5, as far as the sender keeps to it.
    pub level: Option<u8>,
    /// The channel, as the sender wrote it.
    pub channel: Option<&'a str>,
    /// Who sent it.
    pub origin: Origin<'a>,
}

/// Reads a debug message in the bytes it arrived in.
///
/// # Errors
/// As [`read_command`](super::read_command); `message` must be there and be a text.
pub fn read_debug(bytes: &mut [u8]) -> Result<Debug<'_>, Malformed> {
    let mut survey = Survey::new(Kind::DEBUG);
    survey.look(bytes)?;
    survey.require(bytes, Standard::Message)?;
    let text = survey.separate(bytes)?;
    Ok(Debug {
        message: survey.text(text, Standard::Message).unwrap_or_default(),
        level: survey.level(),
        channel: survey.text(text, Standard::Channel),
        origin: survey.origin(text),
    })
}

/// Writes a whole debug message.
///
/// Compat: as in the C library a text of more than 1023 bytes is cut so that it has 1023, the last
/// seven being `[TRUNC]`; it is a little shorter where a character would be cut in two.
///
/// ```
/// use redis_ipc_core::dialect::redis_ipc::{Stamp, Timestamp, write_debug};
/// use redis_ipc_core::write::Writer;
///
/// let timestamp = Timestamp { seconds: 7, microseconds: 0 };
/// let stamp = Stamp { timestamp, component: "ui", thread: "main", tid: 9 };
/// let mut buffer = [0; 256];
/// let mut w = Writer::new(&mut buffer);
/// write_debug(&mut w, "ready", 3, "channel.debug.ui", &stamp);
/// assert_eq!(
///     w.since(0),
///     br#"{"message":"ready","level":3,"channel":"channel.debug.ui","timestamp":"7.000000","component":"ui","thread":"main","tid":9}"#
/// );
/// ```
pub fn write_debug(w: &mut Writer<'_>, message: &str, level: u8, channel: &str, stamp: &Stamp<'_>) {
    let (kept, end) = cut(message);
    w.put(b"{\"message\":\"");
    string::write_escaped(w, kept);
    w.put(end.as_bytes());
    w.put(b"\",\"level\":");
    w.put_decimal(level.into());
    w.put(b",\"channel\":\"");
    string::write_escaped(w, channel);
    write::close(w, stamp);
}

/// What is kept of a text, and what ends it.
fn cut(message: &str) -> (&str, &'static str) {
    if message.len() <= MAX_MESSAGE {
        return (message, "");
    }
    let mut end = MAX_MESSAGE - CUT.len();
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    (message.get(..end).unwrap_or_default(), CUT)
}

#[cfg(test)]
mod tests {
    use super::super::Timestamp;
    use super::*;
    use std::vec::Vec;

    const STAMP: Stamp<'_> = Stamp {
        timestamp: Timestamp {
            seconds: 1_795_229_003,
            microseconds: 172_647,
        },
        component: "printer",
        thread: "monitor",
        tid: 13490,
    };

    #[test]
    fn the_c_library_is_understood() {
        let recorded = r#"{ "message": "printer starting to smoke", "level": 1, "channel": "channel.debug.printer", "timestamp": "1795229003.172647", "component": "printer", "thread": "monitor", "tid": 13490 }"#;
        let mut bytes = Vec::from(recorded);
        let debug = read_debug(&mut bytes).unwrap();
        assert_eq!(debug.message, "printer starting to smoke");
        assert_eq!(
            (debug.level, debug.channel),
            (Some(1), Some("channel.debug.printer"))
        );
        assert_eq!(debug.origin.tid, Some(13490));
        let mut buffer = [0; 256];
        let mut w = Writer::new(&mut buffer);
        write_debug(&mut w, debug.message, 1, "channel.debug.printer", &STAMP);
        let blankless = recorded
            .replace("{ ", "{")
            .replace(" }", "}")
            .replace(": ", ":")
            .replace(", ", ",");
        assert_eq!(w.since(0), blankless.as_bytes());
    }

    #[test]
    fn long_texts_are_cut_where_the_original_cuts_them() {
        for (message, kept) in [
            ("x".repeat(1023), "x".repeat(1023)),
            ("x".repeat(1024), "x".repeat(1016) + CUT),
            ("x".repeat(4000), "x".repeat(1016) + CUT),
            ("ü".repeat(512), "ü".repeat(508) + CUT),
            ("€".repeat(342), "€".repeat(338) + CUT),
            ("\n".repeat(1024), "\n".repeat(1016) + CUT),
        ] {
            let mut buffer = [0; 4096];
            let mut w = Writer::new(&mut buffer);
            write_debug(&mut w, &message, 0, "channel.debug.printer", &STAMP);
            let debug = read_debug(w.since_mut(0)).unwrap();
            assert_eq!(debug.message, kept);
            assert!(debug.message.len() <= MAX_MESSAGE);
        }
    }

    #[test]
    fn a_message_is_a_text_and_the_rest_is_a_remark() {
        let mut bytes = br#"{"level":1}"#.to_vec();
        assert_eq!(read_debug(&mut bytes), Err(Malformed::Missing("message")));
        let mut bytes = br#"{"message":1}"#.to_vec();
        assert_eq!(read_debug(&mut bytes), Err(Malformed::NotText("message")));
        let mut bytes = br#"{"x":1,"level":256,"message":"\u0061","y":{},"channel":0}"#.to_vec();
        let debug = read_debug(&mut bytes).unwrap();
        assert_eq!(
            (debug.message, debug.level, debug.channel),
            ("a", None, None)
        );
    }
}
