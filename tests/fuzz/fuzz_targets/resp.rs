//! Any bytes: scanned whole, byte by byte and through a small window they get one verdict, and
//! whatever was scanned can be read to its last element.

#![no_main]

use libfuzzer_sys::fuzz_target;
use redis_ipc_core::resp::{ProtocolError, Reply, Scanner};

type Verdict = Result<Option<usize>, ProtocolError>;

fuzz_target!(|bytes: &[u8]| {
    let verdict = Scanner::default().scan(bytes);
    assert_eq!(verdict, bytewise(bytes), "byte by byte");
    assert_eq!(verdict, windowed(bytes, 64), "through a window");
    if let Ok(Some(end)) = verdict {
        assert!(visit(&Reply::parse(&bytes[..end]), 0) <= end);
    }
    // What was not scanned is some reply, and never a panic.
    if let Some(elements) = Reply::parse(bytes).elements() {
        assert_eq!(elements.len(), elements.count());
    }
});

fn bytewise(bytes: &[u8]) -> Verdict {
    let mut scanner = Scanner::default();
    for end in 0..=bytes.len() {
        let found = scanner.scan(&bytes[..end])?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn windowed(bytes: &[u8], size: usize) -> Verdict {
    let mut scanner = Scanner::default();
    let mut start = 0;
    loop {
        let end = bytes.len().min(start + size);
        if let Some(found) = scanner.scan(&bytes[start..end])? {
            return Ok(Some(start + found));
        }
        let done = scanner.scanned();
        scanner.discard(done);
        start += done;
        if end == bytes.len() {
            return Ok(None);
        }
        assert!(done > 0, "a full window is stuck");
    }
}

fn visit(reply: &Reply<'_>, depth: usize) -> usize {
    assert!(depth <= 32);
    let elements = reply.elements();
    1 + elements.map_or(0, |all| all.map(|reply| visit(&reply, depth + 1)).sum())
}
