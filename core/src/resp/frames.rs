//! Frames that several tests share, and loops that hold for any bytes.

use super::{MAX_LINE, ProtocolError, Reply, Scanner};
use crate::STRIDE;
use std::vec::Vec;

/// One frame each.
pub(super) const VALID: &[&[u8]] = &[
    b"+OK\r\n",
    b"+\r\n",
    b"+\xff\r\n",
    b"+a\rb\nc\r\r\n",
    b"-ERR unknown command\r\n",
    b":0\r\n",
    b":+5\r\n",
    b":-7\r\n",
    b":9223372036854775807\r\n",
    b":-9223372036854775808\r\n",
    b"$0\r\n\r\n",
    b"$3\r\nabc\r\n",
    b"$4\r\n\r\n\r\n\r\n",
    b"$13\r\n*1\r\n$1\r\nx\r\n\r\n\r\n",
    b"$-1\r\n",
    b"*-1\r\n",
    b"_\r\n",
    b"#t\r\n",
    b"#f\r\n",
    b",1.5\r\n",
    b",-36.600000000000001\r\n",
    b",1e+300\r\n",
    b",10\r\n",
    b",inf\r\n",
    b",-inf\r\n",
    b",nan\r\n",
    b",-nan\r\n",
    b"(3492890328409238509324850943850943825024385\r\n",
    b"(-1\r\n",
    b"!21\r\nSYNTAX invalid syntax\r\n",
    b"=15\r\ntxt:Some string\r\n",
    b"=4\r\nmkd:\r\n",
    b"*0\r\n",
    b"*2\r\n$5\r\nqueue\r\n$7\r\n{\"x\":1}\r\n",
    b"*3\r\n:1\r\n*2\r\n+a\r\n$-1\r\n*-1\r\n",
    b"*2\r\n*1\r\n*0\r\n%0\r\n",
    b"%2\r\n+first\r\n:1\r\n$6\r\nsecond\r\n*1\r\n_\r\n",
    b"~3\r\n#t\r\n,2\r\n(7\r\n",
    b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n",
    b"|1\r\n+ttl\r\n:3600\r\n$5\r\nvalue\r\n",
    b"|0\r\n|1\r\n|1\r\n+a\r\n+b\r\n+c\r\n+d\r\n:1\r\n",
    b"*2\r\n|1\r\n+k\r\n*1\r\n+v\r\n:1\r\n|0\r\n:2\r\n",
];

/// What no server may send, and what is said about it.
pub(super) fn wrong() -> Vec<(Vec<u8>, ProtocolError)> {
    use ProtocolError::{
        BadLength, BadTerminator, BadValue, LineTooLong, TooDeep, TooManyElements, UnknownType,
    };
    let limit = 1 << 20;
    let many = |elements| TooManyElements { elements, limit };
    let short: &[(&[u8], ProtocolError)] = &[
        (b"$-5\r\n", BadLength(b'$')),
        (b"*-2\r\n", BadLength(b'*')),
        (b"$ 3\r\nabc\r\n", BadLength(b'$')),
        (b"$+3\r\nabc\r\n", BadLength(b'$')),
        (b"$03\r\nabc\r\n", BadLength(b'$')),
        (b"$3\r\nabcXY", BadTerminator),
        (b"$3\r\nabc\rY", BadTerminator),
        (b"$3\r\nabc\n\r", BadTerminator),
        (b"*1\r\n$3\r\nabcd\r\n", BadTerminator),
        (b"*4294967295\r\n", many(4_294_967_295)),
        (b"*1048577\r\n", many(1_048_577)),
        (b"%524289\r\n", many(1_048_578)),
        (b">9999999999999999999\r\n", many(9_999_999_999_999_999_999)),
        (b"%9999999999999999999\r\n", many(u64::MAX)),
        (b"*18446744073709551616\r\n", BadLength(b'*')),
        (b"$?\r\n", BadLength(b'$')),
        (b"*?\r\n", BadLength(b'*')),
        (b"*\r\n", BadLength(b'*')),
        (b"%-1\r\n", BadLength(b'%')),
        (b"~-1\r\n", BadLength(b'~')),
        (b">-1\r\n", BadLength(b'>')),
        (b"|-1\r\n", BadLength(b'|')),
        (b"!-1\r\n", BadLength(b'!')),
        (b"=-1\r\n", BadLength(b'=')),
        (b"=3\r\ntxt\r\n", BadLength(b'=')),
        (b"=5\r\ntxt;a\r\n", BadValue(b'=')),
        (b"$3\nabc\r\n", BadLength(b'$')),
        (b"PING\r\n", UnknownType(b'P')),
        (b"HTTP/1.1 400 Bad Request\r\n", UnknownType(b'H')),
        (b"\r\n", UnknownType(b'\r')),
        (b"\0", UnknownType(0)),
        (b"\xff", UnknownType(0xff)),
        (b";4\r\n", UnknownType(b';')),
        (b".\r\n", UnknownType(b'.')),
        (b"*1\r\nx", UnknownType(b'x')),
        (b":9223372036854775808\r\n", BadValue(b':')),
        (b":-9223372036854775809\r\n", BadValue(b':')),
        (b":007\r\n", BadValue(b':')),
        (b":\r\n", BadValue(b':')),
        (b":1.5\r\n", BadValue(b':')),
        (b"_x\r\n", BadValue(b'_')),
        (b"#\r\n", BadValue(b'#')),
        (b"#true\r\n", BadValue(b'#')),
        (b",\r\n", BadValue(b',')),
        (b",1.\r\n", BadValue(b',')),
        (b",.5\r\n", BadValue(b',')),
        (b",1e\r\n", BadValue(b',')),
        (b",0x10\r\n", BadValue(b',')),
        (b",infinity\r\n", BadValue(b',')),
        (b"(\r\n", BadValue(b'(')),
        (b"(-\r\n", BadValue(b'(')),
        (b"(12a\r\n", BadValue(b'(')),
        (b"(1\r2\r\n", BadValue(b'(')),
    ];
    let long = |kind: &[u8], digit, count| [kind, &[digit].repeat(count), b"\r\n"].concat();
    let mut all: Vec<_> = short
        .iter()
        .map(|(bytes, error)| (bytes.to_vec(), *error))
        .collect();
    // Long ones take an interpreter minutes.
    if cfg!(miri) {
        return all;
    }
    all.push((b"*1\r\n".repeat(100_000), TooDeep));
    all.push((b"|1\r\n".repeat(100), TooDeep));
    all.push((long(b":", b'1', 70_000), BadValue(b':')));
    all.push((long(b"$", b'1', 70_000), BadLength(b'$')));
    all.push((long(b",", b'1', 70_000), LineTooLong));
    all.push((long(b"#", b't', 70_000), LineTooLong));
    all.push((long(b"+", b'x', MAX_LINE + 1), LineTooLong));
    all.push((long(b"-", b'\r', MAX_LINE + 1), LineTooLong));
    all.push((long(b"(", b'1', MAX_LINE + 1), LineTooLong));
    all
}

/// The verdict on bytes that arrive one by one.
pub(super) fn bytewise(bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
    let mut scanner = Scanner::default();
    for end in 0..=bytes.len() {
        let found = scanner.scan(&bytes[..end])?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The verdict on bytes that pass through a buffer of `size` bytes, dropped as they are scanned.
pub(super) fn windowed(bytes: &[u8], size: usize) -> Result<Option<usize>, ProtocolError> {
    let mut scanner = Scanner::default();
    let mut start = 0;
    loop {
        let end = bytes.len().min(start + size);
        if let Some(found) = scanner.scan(&bytes[start..end])? {
            return Ok(Some(start + found));
        }
        let done = scanner.scanned();
        let known = scanner.total();
        scanner.discard(done);
        assert_eq!(scanner.total(), known, "what is known is not forgotten");
        start += done;
        if end == bytes.len() {
            return Ok(None);
        }
        assert!(
            done > 0,
            "a full buffer of {size} bytes is stuck at {start}"
        );
    }
}

/// Reads every element of every depth; how many values there are.
fn visit(reply: &Reply<'_>, depth: usize) -> usize {
    assert!(depth <= super::MAX_DEPTH);
    let elements = reply.elements();
    1 + elements.map_or(0, |all| all.map(|reply| visit(&reply, depth + 1)).sum())
}

/// Whole, byte by byte and through a window: one verdict; and nothing panics.
fn agree(bytes: &[u8]) {
    let shown = bytes.escape_ascii();
    let verdict = Scanner::default().scan(bytes);
    assert_eq!(verdict, bytewise(bytes), "byte by byte: {shown}");
    assert_eq!(verdict, windowed(bytes, 64), "through a window: {shown}");
    match verdict {
        Ok(Some(end)) => assert!(visit(&Reply::parse(&bytes[..end]), 0) <= end),
        _ => drop(Reply::parse(bytes)),
    }
    // What was not scanned may be cut or wrong anywhere.
    if let Some(elements) = Reply::parse(bytes).elements() {
        assert!(elements.len() <= bytes.len());
        assert_eq!(elements.len(), elements.count());
    }
}

#[test]
fn truncated_frames_agree_and_do_not_panic() {
    for frame in VALID {
        for cut in (0..=frame.len()).step_by(STRIDE) {
            agree(&frame[..cut]);
            agree(&frame[cut..]);
        }
    }
}

#[test]
fn frames_with_one_byte_changed_agree_and_do_not_panic() {
    for frame in VALID {
        for at in (0..frame.len()).step_by(STRIDE) {
            for byte in (0..=255).step_by(STRIDE) {
                let mut changed = frame.to_vec();
                changed[at] = byte;
                agree(&changed);
            }
        }
    }
}

#[test]
fn frames_with_a_byte_more_or_less_agree_and_do_not_panic() {
    for frame in VALID {
        for at in (0..frame.len()).step_by(STRIDE) {
            let mut shorter = frame.to_vec();
            shorter.remove(at);
            agree(&shorter);
            for byte in *b"0159-+\r\n*$:|%" {
                let mut longer = frame.to_vec();
                longer.insert(at, byte);
                agree(&longer);
            }
        }
    }
}

#[test]
fn two_frames_spliced_anywhere_agree_and_do_not_panic() {
    for (first, second) in VALID.iter().zip(VALID.iter().rev()) {
        for cut in (0..=first.len()).step_by(STRIDE) {
            let spliced = [&first[..cut], second].concat();
            agree(&spliced);
        }
    }
}
