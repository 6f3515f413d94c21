use super::super::MAX_HEADER;
use super::super::frames::{VALID, bytewise, windowed, wrong};
use super::*;
use crate::STRIDE;
use std::vec::Vec;

fn scan(bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
    Scanner::default().scan(bytes)
}

#[test]
fn every_valid_frame_ends_where_it_ends() {
    for frame in VALID {
        let shown = frame.escape_ascii();
        assert_eq!(scan(frame), Ok(Some(frame.len())), "{shown}");
        let behind = [frame, &b"$3\r\nabc\r\n"[..]].concat();
        assert_eq!(scan(&behind), Ok(Some(frame.len())), "{shown}");
        assert_eq!(bytewise(&behind), Ok(Some(frame.len())), "{shown}");
    }
}

#[test]
fn a_frame_may_be_cut_anywhere() {
    for frame in VALID {
        for cut in (0..frame.len()).step_by(STRIDE) {
            let mut scanner = Scanner::default();
            assert_eq!(scanner.scan(&frame[..cut]), Ok(None));
            assert!(scanner.scanned() <= cut);
            assert!(scanner.total() <= frame.len() as u64);
            assert_eq!(scanner.scan(frame), Ok(Some(frame.len())));
            assert_eq!((scanner.scanned(), scanner.total()), (0, 0));
        }
    }
}

#[test]
fn every_wrong_frame_is_refused_whole_and_byte_by_byte() {
    for (bytes, error) in wrong() {
        let shown: Vec<u8> = bytes.iter().copied().take(40).collect();
        let shown = shown.escape_ascii();
        assert_eq!(scan(&bytes), Err(error), "{shown}");
        assert_eq!(bytewise(&bytes), Err(error), "{shown}");
        assert_eq!(windowed(&bytes, MAX_HEADER), Err(error), "{shown}");
    }
}

#[test]
fn the_same_call_gives_the_same_error_again() {
    for (bytes, error) in wrong() {
        let mut scanner = Scanner::default();
        assert_eq!(scanner.scan(&bytes), Err(error));
        assert_eq!(scanner.scan(&bytes), Err(error));
        scanner.reset();
        assert_eq!(scanner.scan(b"+OK\r\n"), Ok(Some(5)));
    }
}

#[test]
fn every_frame_passes_through_a_window_of_64_bytes() {
    let long = [b"+", &[b'x'; MAX_LINE][..], b"\r\n"].concat();
    let bulks = b"$1000\r\n".iter().chain(&[b'\r'; 1000]).chain(b"\r\n");
    let verbatim = b"=304\r\ntxt:".iter().chain(&[b'y'; 300]).chain(b"\r\n");
    let frames: [Vec<u8>; 2] = [bulks.copied().collect(), verbatim.copied().collect()];
    let all = VALID
        .iter()
        .copied()
        .chain([&long[..], &frames[0], &frames[1]]);
    for frame in all {
        let shown = frame.escape_ascii();
        assert_eq!(
            windowed(frame, MAX_HEADER),
            Ok(Some(frame.len())),
            "{shown}"
        );
        assert_eq!(windowed(frame, 1000), Ok(Some(frame.len())), "{shown}");
    }
}

#[test]
fn the_size_of_a_frame_is_known_from_its_headers() {
    let mut scanner = Scanner::default();
    assert_eq!(scanner.scan(b"*3\r\n$5000\r\nab"), Ok(None));
    // 4 + 7 seen, 5000 + 2 of the bulk, two more values of at least 3.
    assert_eq!(scanner.total(), 4 + 7 + 5002 + 6);
    let seen = scanner.scanned();
    assert_eq!(seen, 13);
    scanner.discard(seen);
    assert_eq!((scanner.scanned(), scanner.total()), (0, 5019));
    scanner.discard(100);
    assert_eq!(scanner.total(), 5019);
}

#[test]
fn fewer_bytes_than_before_are_too_few_and_no_harm() {
    let mut scanner = Scanner::default();
    assert_eq!(scanner.scan(b"*2\r\n:1\r\n"), Ok(None));
    assert_eq!(scanner.scan(b"*2"), Ok(None));
    assert_eq!(scanner.scan(b"*2\r\n:1\r\n:2\r\n"), Ok(Some(12)));
}

#[test]
fn depth_counts_open_aggregates() {
    let deepest = [b"*1\r\n".repeat(MAX_DEPTH), b":1\r\n".to_vec()].concat();
    assert_eq!(scan(&deepest), Ok(Some(deepest.len())));
    let deeper = b"*1\r\n".repeat(MAX_DEPTH + 1);
    assert_eq!(scan(&deeper), Err(ProtocolError::TooDeep));
    let attributes = b"|1\r\n".repeat(100_000);
    assert_eq!(scan(&attributes), Err(ProtocolError::TooDeep));
    let wide = [b"*2\r\n".to_vec(), b"*1\r\n*0\r\n".repeat(2)].concat();
    assert_eq!(scan(&wide), Ok(Some(wide.len())));
}

#[test]
fn limits_hold_to_the_unit() {
    let limits = Limits {
        bulk_bytes: 3,
        elements: 4,
    };
    let scan = |bytes: &[u8]| Scanner::new(limits).scan(bytes);
    assert_eq!(scan(b"$3\r\nabc\r\n"), Ok(Some(9)));
    let (bytes, limit) = (4, 3);
    let refused = Err(ProtocolError::BulkTooLong { bytes, limit });
    assert_eq!(scan(b"$4\r\nabcd\r\n"), refused);
    assert_eq!(scan(b"!4\r\n"), refused);
    assert_eq!(scan(b"*4\r\n"), Ok(None));
    assert_eq!(scan(b"%2\r\n"), Ok(None));
    let too_many = |elements| Err(ProtocolError::TooManyElements { elements, limit: 4 });
    assert_eq!(scan(b"*5\r\n"), too_many(5));
    assert_eq!(scan(b"%3\r\n"), too_many(6));
    assert_eq!(scan(b"|3\r\n"), too_many(6));
}
