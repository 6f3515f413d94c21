//! What a session is told, in which pieces, and what it says.

use redis_ipc_core::session::{Incoming, Session, Storage};

/// Where a stream is cut, in all ways that are worth a test: nowhere, at one place, everywhere.
pub(crate) fn every_cut(length: usize) -> Vec<Vec<usize>> {
    let mut cuts = vec![vec![], (1..length).collect()];
    cuts.extend((1..length).map(|place| vec![place]));
    cuts
}

/// The pieces between the cuts.
pub(crate) fn pieces<'b>(bytes: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for cut in cuts.iter().copied().chain([bytes.len()]) {
        pieces.push(&bytes[start..cut]);
        start = cut;
    }
    pieces
}

/// Lets one piece arrive and hands on what it completes.
pub(crate) fn hear<S: Storage>(
    session: &mut Session<S>,
    mut piece: &[u8],
    mut found: impl FnMut(&mut Session<S>, Incoming),
) {
    while !piece.is_empty() {
        let space = session.space();
        let count = space.len().min(piece.len());
        assert_ne!(count, 0, "a session always has space");
        space[..count].copy_from_slice(&piece[..count]);
        session.received(count);
        piece = &piece[count..];
        while let Some(incoming) = session.poll().expect("RESP") {
            found(session, incoming);
        }
    }
}

/// Takes all that the session has to say.
pub(crate) fn said<S: Storage>(session: &mut Session<S>) -> String {
    let said = String::from_utf8(session.outgoing().to_vec()).expect("text");
    session.sent(said.len());
    said
}

/// A bulk as it is on the wire.
pub(crate) fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// A request, or a reply that is an array of bulks.
pub(crate) fn array(parts: &[&str]) -> String {
    sequence('*', parts)
}

/// A push of bulks.
pub(crate) fn push(parts: &[&str]) -> String {
    sequence('>', parts)
}

fn sequence(kind: char, parts: &[&str]) -> String {
    let bulks: String = parts.iter().copied().map(bulk).collect();
    format!("{kind}{}\r\n{bulks}", parts.len())
}

/// Numbers that look random and are the same in each run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 to `sides` - 1.
    pub(crate) fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % sides as u64).expect("below a usize")
    }

    /// Places at which a stream is cut, in pieces of 1 to `longest` bytes.
    pub(crate) fn cuts(&mut self, length: usize, longest: usize) -> Vec<usize> {
        let mut cuts = Vec::new();
        let mut place = 1 + self.below(longest);
        while place < length {
            cuts.push(place);
            place += 1 + self.below(longest);
        }
        cuts
    }
}

/// A buffer whose size the test chooses.
pub(crate) struct Fixed(Vec<u8>);

impl Fixed {
    pub(crate) fn new(size: usize) -> Self {
        Self(vec![0; size])
    }
}

impl Storage for Fixed {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}
