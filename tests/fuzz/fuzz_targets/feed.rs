//! A connection's bytes: in one piece and cut at any places they are the same messages.
//!
//! The first byte says how many cuts there are, the next ones how far apart; the rest arrives.

#![no_main]

use libfuzzer_sys::fuzz_target;
use redis_ipc_core::session::{Incoming, Session};
use redis_ipc_core::write::{TooLong, Writer};

fuzz_target!(|input: &[u8]| {
    let Some((&count, rest)) = input.split_first() else {
        return;
    };
    let count = usize::from(count % 16).min(rest.len());
    let (cuts, bytes) = rest.split_at(count);
    let whole = messages(bytes, &[]);
    assert_eq!(whole, messages(bytes, cuts), "cut at {cuts:?}");
    assert_eq!(whole, messages(bytes, &[1]), "byte by byte");
});

/// What the messages are, as text; the last one is the error that ended them, if one did.
fn messages(bytes: &[u8], cuts: &[u8]) -> Vec<String> {
    let mut session = Session::new([0; 1024], [0; 1024]);
    let asked = session.requests(40, |w: &mut Writer<'_>| {
        w.put(b"x");
        Ok::<(), TooLong>(())
    });
    assert!(asked.is_ok());
    session.sent(1);
    let mut seen = Vec::new();
    let mut rest = bytes;
    let mut sizes = cuts.iter().cycle().map(|size| usize::from(*size).max(1));
    while !rest.is_empty() {
        let space = session.space();
        let size = sizes.next().unwrap_or(usize::MAX);
        let size = size.min(rest.len()).min(space.len());
        assert!(size > 0, "there is always room for more");
        let (piece, behind) = rest.split_at(size);
        space[..size].copy_from_slice(piece);
        session.received(size);
        rest = behind;
        loop {
            match session.poll() {
                // How much of a long one was seen when it was given up depends on the pieces.
                Ok(Some(Incoming::TooLong { of, .. })) => seen.push(format!("too long: {of:?}")),
                Ok(Some(incoming)) => seen.push(format!("{incoming:?} {:?}", session.frame())),
                Ok(None) => break,
                Err(error) => {
                    seen.push(format!("{error:?}"));
                    return seen;
                }
            }
        }
    }
    seen
}
