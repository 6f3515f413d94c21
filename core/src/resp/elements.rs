//! The elements of an aggregate, one by one as they are asked for.

use super::reply::{Reply, read, read_length};
use super::{MIN_VALUE, whole_bulk};
use core::fmt;

/// The elements of an aggregate, read one by one.
///
/// Each element is parsed when it is asked for; one that is an aggregate itself is passed over by
/// its headers, and its own elements are read only if somebody asks for them.
///
/// ```
/// use redis_ipc_core::resp::Reply;
///
/// let reply = Reply::parse(b"%1\r\n+ports\r\n~2\r\n:80\r\n:443\r\n");
/// let mut pair = reply.elements().unwrap();
/// assert_eq!(pair.next().unwrap().bytes(), Some(&b"ports"[..]));
/// let ports = pair.next().unwrap().elements().unwrap();
/// assert!(ports.filter_map(|port| port.integer()).eq([80, 443]));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Elements<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Elements<'a> {
    /// No more elements than bytes can hold are believed, so that a header of bytes that were not
    /// scanned cannot cause endless work.
    #[inline]
    pub(super) fn new(count: u64, rest: &'a [u8]) -> Self {
        let possible = rest.len() / MIN_VALUE;
        let left = usize::try_from(count).map_or(possible, |count| count.min(possible));
        Self { rest, left }
    }

    #[inline(never)]
    fn next_any(&mut self) -> Reply<'a> {
        let Some((mut reply, rest)) = read(behind_attributes(self.rest)) else {
            self.rest = &[];
            return Reply::Null;
        };
        self.rest = match &mut reply {
            Reply::Array(inner) | Reply::Map(inner) | Reply::Set(inner) | Reply::Push(inner) => {
                inner.end()
            }
            _ => rest,
        };
        reply
    }

    /// Leaves these elements only the bytes that are theirs; what stands behind.
    fn end(&mut self) -> &'a [u8] {
        let rest = behind(self.left, self.rest);
        let own = self.rest.len() - rest.len();
        self.rest = self.rest.get(..own).unwrap_or_default();
        rest
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Reply<'a>;

    // Bulks are read without a call and without a reply being moved about in memory: left to the
    // compiler, whether they are depends on what else stands in this file. Small machines have
    // neither the stack to spare for what that takes nor the room for a copy at every loop.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    #[cfg_attr(not(target_pointer_width = "64"), inline)]
    fn next(&mut self) -> Option<Reply<'a>> {
        self.left = self.left.checked_sub(1)?;
        match whole_bulk(self.rest) {
            Some((body, rest)) => {
                self.rest = rest;
                Some(Reply::Bulk(body))
            }
            None => Some(self.next_any()),
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Elements<'_> {}

impl core::iter::FusedIterator for Elements<'_> {}

/// Shows the bytes, not the elements: they may be nested in each other.
impl fmt::Debug for Elements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of \"{}\"", self.left, self.rest.escape_ascii())
    }
}

/// What stands behind the attributes at the head of `bytes`.
pub(super) fn behind_attributes(mut bytes: &[u8]) -> &[u8] {
    while let Some((count, rest)) = read_attribute(bytes) {
        bytes = behind(count, rest);
    }
    bytes
}

/// How many keys and values an attribute has, and what stands behind its header.
fn read_attribute(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (pairs, rest) = read_length(bytes.strip_prefix(b"|")?)?;
    Some((Elements::new(pairs?.saturating_mul(2), rest).left, rest))
}

/// What stands behind `count` values; empty if the bytes are not those of a frame. One counter is
/// enough for values in values: it matters how many are still to come, not where they belong.
fn behind(count: usize, mut bytes: &[u8]) -> &[u8] {
    let mut missing = count;
    while missing > 0 {
        if let Some((values, rest)) = read_attribute(bytes) {
            missing = missing.saturating_add(values);
            bytes = rest;
            continue;
        }
        let Some((reply, rest)) = read(bytes) else {
            return &[];
        };
        missing -= 1;
        if let Some(inner) = reply.elements() {
            // Of a frame that was scanned the sum is small; of other bytes it may be anything, and
            // the bytes come to an end.
            missing = missing.wrapping_add(inner.left);
        }
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::frames::{VALID, wrong};
    use super::*;
    use std::vec::Vec;

    fn elements(frame: &[u8]) -> Vec<Reply<'_>> {
        Reply::parse(frame).elements().unwrap().collect()
    }

    #[test]
    fn an_aggregate_inside_is_passed_over_or_read() {
        let frame = b"*3\r\n*2\r\n%1\r\n+k\r\n|1\r\n+a\r\n+b\r\n*1\r\n:1\r\n:2\r\n*0\r\n+end\r\n";
        let outer = elements(frame);
        assert_eq!(outer[2], Reply::Simple(b"end"));
        assert_eq!(outer[1].elements().unwrap().len(), 0);
        let inner: Vec<_> = outer[0].elements().unwrap().collect();
        assert_eq!(inner[1], Reply::Integer(2));
        let pair: Vec<_> = inner[0].elements().unwrap().collect();
        assert_eq!(pair[0], Reply::Simple(b"k"));
        assert_eq!(pair[1], Reply::parse(b"*1\r\n:1\r\n"));
    }

    #[test]
    fn as_many_elements_come_as_were_announced() {
        for frame in VALID {
            let Some(mut all) = Reply::parse(frame).elements() else {
                continue;
            };
            for left in (0..all.len()).rev() {
                assert!(all.next().is_some());
                assert_eq!(all.len(), left);
            }
            assert!(all.next().is_none());
            assert_eq!(all.rest, b"", "{}", frame.escape_ascii());
        }
    }

    #[test]
    fn a_header_that_was_not_scanned_causes_no_work_that_its_bytes_do_not_justify() {
        for header in ["*9999999999999999999\r\n", "%9999999999999999999\r\n"] {
            let reply = Reply::parse(header.as_bytes());
            assert_eq!(reply.elements().unwrap().len(), 0);
        }
        let nested = b"*99999999\r\n*99999999\r\n*99999999\r\n:1\r\n";
        let all = Reply::parse(nested).elements().unwrap();
        assert!(all.count() <= nested.len());
        for (bytes, _) in wrong() {
            let _ = Reply::parse(&bytes);
        }
    }
}
