//! Finding the end of a frame, wherever the bytes of it are cut.

use super::head::Head;
use super::{Limits, MAX_DEPTH, MAX_LINE, ProtocolError, decimal, whole_bulk};

/// Finds where a frame ends and checks it on the way; goes on where it was left.
///
/// A frame is one value of the protocol with all its elements and the attributes before it. What
/// was scanned is not looked at again, but for a line that was cut (at most 64
/// bytes). It reserves nothing and does not recurse: less than 200 bytes are all it takes,
/// whatever a peer sends.
///
/// ```
/// use redis_ipc_core::resp::{Reply, Scanner};
///
/// let mut scanner = Scanner::default();
/// let bytes = b"$5\r\nhello\r\n:7\r\n";
/// assert_eq!(scanner.scan(&bytes[..6]), Ok(None));
/// assert_eq!(scanner.scan(bytes), Ok(Some(11)));
/// assert_eq!(Reply::parse(&bytes[..11]).bytes(), Some(&b"hello"[..]));
/// assert_eq!(scanner.scan(&bytes[11..]), Ok(Some(4)));
/// ```
///
/// A frame that is longer than the buffer can be passed over, its size known:
///
/// ```
/// use redis_ipc_core::resp::Scanner;
///
/// let mut scanner = Scanner::default();
/// assert_eq!(scanner.scan(b"$100\r\nabc"), Ok(None));
/// assert_eq!((scanner.scanned(), scanner.total()), (9, 108));
/// scanner.discard(9);
/// assert_eq!(scanner.scan(&[b'x'; 64]), Ok(None));
/// assert_eq!((scanner.scanned(), scanner.total()), (64, 108));
/// ```
#[derive(Debug, Clone)]
pub struct Scanner {
    limits: Limits,
    part: Part,
    /// Where in the caller's bytes the scan goes on.
    at: usize,
    /// Bytes of this frame that the caller has dropped.
    dropped: u64,
    /// Elements still to come in the innermost open aggregate; one frame at the outermost level.
    left: u32,
    depth: usize,
    /// Elements still to come around it, outermost first.
    outer: [u32; MAX_DEPTH],
}

/// What the scan has come to.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// The type byte of a value.
    Head,
    /// The inside of a bulk of which that many bytes are missing, then a line end.
    Body(u64),
    /// The inside of a `+`, `-` or `(` line of which that many bytes have passed.
    Line { passed: usize, digits: bool },
}

enum Step {
    /// More bytes are needed.
    Short,
    /// One part has ended and another one begins.
    On,
    /// A value has ended.
    Value,
}

impl Scanner {
    /// Starts before a frame.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            part: Part::Head,
            at: 0,
            dropped: 0,
            left: 1,
            depth: 0,
            outer: [0; MAX_DEPTH],
        }
    }

    /// Looks for the end of the frame that `bytes` begins with, less what was
    /// [discarded](Self::discard) of it.
    ///
    /// `Some(end)`: the first `end` bytes complete the frame and the scanner stands before the
    /// next one, which begins there. `None`: call again with the same bytes and more behind them.
    /// Never blocks, never allocates; the work is proportional to the bytes that are new.
    ///
    /// # Errors
    /// [`ProtocolError`] if the bytes are not RESP or exceed a limit. The same call gives the same
    /// error again until [`reset`](Self::reset).
    #[inline]
    pub fn scan(&mut self, bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let between_frames = self.at == 0 && self.dropped == 0;
        if between_frames {
            // A frame of one value that is all there leaves the scanner as it is.
            if let Some(tail) = behind_simple(bytes, self.limits.bulk_bytes) {
                return Ok(Some(bytes.len() - tail.len()));
            }
        }
        loop {
            match self.step(bytes)? {
                Step::Short => return Ok(None),
                Step::On => {}
                Step::Value if self.value_ended() => return Ok(Some(self.frame_ended())),
                Step::Value => {}
            }
            if let Some(end) = self.pass_simple(bytes) {
                return Ok(Some(end));
            }
        }
    }

    /// Bytes at the beginning of the buffer that the scanner needs no more.
    ///
    /// They may be [discarded](Self::discard) if the frame is too long to be kept. There are some
    /// whenever [`scan`](Self::scan) wants more than a full buffer of
    /// [`MAX_HEADER`](super::MAX_HEADER) bytes.
    #[must_use]
    #[inline]
    pub const fn scanned(&self) -> usize {
        self.at
    }

    /// Tells that the caller has dropped the first `count` bytes of the frame's bytes, at most
    /// [`scanned`](Self::scanned): the next call's bytes begin behind them.
    pub fn discard(&mut self, count: usize) {
        let count = count.min(self.at);
        self.at -= count;
        self.dropped = self.dropped.saturating_add(count as u64);
    }

    /// Bytes that the frame takes as far as is known: those seen, discarded ones included, what is
    /// missing of the present bulk, and the least that its missing elements can take. Zero
    /// between two frames.
    #[must_use]
    pub fn total(&self) -> u64 {
        let seen = self.dropped.saturating_add(self.at as u64);
        if seen == 0 {
            return 0;
        }
        seen.saturating_add(self.promised())
    }

    /// Forgets the present frame: the next bytes begin a new one.
    pub fn reset(&mut self) {
        self.frame_ended();
    }

    /// Passes the simplest values as long as there are any; the frame's end if it was the last of
    /// them. Nothing is decided here that [`step`](Self::step) would decide otherwise. Both are
    /// kept apart because the short way is shorter without the long one's registers to save.
    #[inline(never)]
    fn pass_simple(&mut self, bytes: &[u8]) -> Option<usize> {
        if !matches!(self.part, Part::Head) {
            return None;
        }
        let mut rest = bytes.get(self.at..)?;
        let mut left = self.left;
        while left > 0 {
            match behind_simple(rest, self.limits.bulk_bytes) {
                Some(tail) => rest = tail,
                None => break,
            }
            left -= 1;
        }
        self.at = bytes.len() - rest.len();
        if left > 0 {
            self.left = left;
            return None;
        }
        self.left = 1;
        self.value_ended().then(|| self.frame_ended())
    }

    /// Passes one part of a value.
    #[inline(never)]
    fn step(&mut self, bytes: &[u8]) -> Result<Step, ProtocolError> {
        let Some(rest) = bytes.get(self.at..) else {
            return Ok(Step::Short);
        };
        match self.part {
            Part::Head => self.head(rest),
            Part::Body(missing) => self.body(rest, missing),
            Part::Line { passed, digits } => self.line(rest, passed, digits),
        }
    }

    fn head(&mut self, rest: &[u8]) -> Result<Step, ProtocolError> {
        Ok(match Head::read(rest, self.limits)? {
            Head::Short => Step::Short,
            Head::Value { taken } => self.value(taken),
            Head::Body { taken, missing } => self.enter(taken, Part::Body(missing)),
            Head::Line {
                taken,
                passed,
                digits,
            } => self.enter(taken, Part::Line { passed, digits }),
            Head::Attribute { taken, elements } => {
                self.open(elements, self.left)?;
                self.enter(taken, Part::Head)
            }
            Head::Aggregate { taken, elements } => {
                self.open(elements, self.left - 1)?;
                if elements == 0 {
                    self.value(taken)
                } else {
                    self.enter(taken, Part::Head)
                }
            }
        })
    }

    fn body(&mut self, rest: &[u8], missing: u64) -> Result<Step, ProtocolError> {
        let passed = usize::try_from(missing).map_or(rest.len(), |missing| missing.min(rest.len()));
        self.at += passed;
        self.part = Part::Body(missing - passed as u64);
        match rest.get(passed..) {
            Some([b'\r', b'\n', ..]) => Ok(self.value(2)),
            None | Some([] | [b'\r']) => Ok(Step::Short),
            Some(_) => Err(ProtocolError::BadTerminator),
        }
    }

    fn line(&mut self, rest: &[u8], passed: usize, digits: bool) -> Result<Step, ProtocolError> {
        let length = line_length(rest);
        let (text, end) = rest.split_at_checked(length).unwrap_or_default();
        let allowed = text.get(..MAX_LINE - passed).unwrap_or(text);
        if digits && !allowed.iter().all(u8::is_ascii_digit) {
            return Err(ProtocolError::BadValue(b'('));
        }
        if allowed.len() < length {
            return Err(ProtocolError::LineTooLong);
        }
        self.at += length;
        let passed = passed + length;
        self.part = Part::Line { passed, digits };
        Ok(if end.starts_with(b"\r\n") {
            self.value(2)
        } else {
            Step::Short
        })
    }

    /// Goes into an aggregate; `outer` values are still to come around it.
    fn open(&mut self, elements: u32, outer: u32) -> Result<(), ProtocolError> {
        let Some(place) = self.outer.get_mut(self.depth) else {
            return Err(ProtocolError::TooDeep);
        };
        if elements > 0 {
            *place = outer;
            self.depth += 1;
            self.left = elements;
        }
        Ok(())
    }

    fn enter(&mut self, taken: usize, part: Part) -> Step {
        self.at += taken;
        self.part = part;
        Step::On
    }

    fn value(&mut self, taken: usize) -> Step {
        self.at += taken;
        self.part = Part::Head;
        Step::Value
    }

    /// Counts a value that has ended, and the aggregates that end with it; whether the frame does.
    #[inline]
    fn value_ended(&mut self) -> bool {
        self.left -= 1;
        while self.left == 0 {
            let Some(depth) = self.depth.checked_sub(1) else {
                return true;
            };
            self.depth = depth;
            self.left = self.outer.get(depth).copied().unwrap_or(0);
        }
        false
    }

    /// Makes ready for the next frame; where this one ended.
    #[inline]
    fn frame_ended(&mut self) -> usize {
        let end = self.at;
        self.part = Part::Head;
        self.at = 0;
        self.dropped = 0;
        self.left = 1;
        self.depth = 0;
        end
    }

    /// The least that must still come behind what was seen.
    fn promised(&self) -> u64 {
        let outer = self.outer.iter().take(self.depth);
        let values: u64 = outer.map(|count| u64::from(*count)).sum::<u64>() + u64::from(self.left);
        let least = |values: u64| values * super::MIN_VALUE as u64;
        match self.part {
            Part::Head => least(values),
            Part::Body(missing) => (missing + 2).saturating_add(least(values - 1)),
            Part::Line { .. } => 2 + least(values - 1),
        }
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new(Limits::DEFAULT)
    }
}

/// What stands behind the value at the head of `rest` if it is one of those that servers send
/// most, is all there and right; `None` for everything that needs a closer look.
#[inline(always)]
fn behind_simple(rest: &[u8], bulk_bytes: u64) -> Option<&[u8]> {
    match *rest {
        [b'$', ..] => {
            let (body, tail) = whole_bulk(rest)?;
            (body.len() as u64 <= bulk_bytes).then_some(tail)
        }
        [b':', ref text @ ..] => {
            let (_, taken) = decimal::short(text).or_else(|| decimal::medium(text))?;
            text.get(taken as usize..)
        }
        [b'+', b'O', b'K', b'\r', b'\n', ref tail @ ..] => Some(tail),
        _ => None,
    }
}

/// Bytes before a line end or before what may be the first half of one. A CR or LF by itself is
/// part of the text: only both together end a line.
fn line_length(rest: &[u8]) -> usize {
    let mut from = 0;
    while let Some(found) = rest.iter().skip(from).position(|byte| *byte == b'\r') {
        let at = from + found;
        if matches!(rest.get(at + 1), None | Some(b'\n')) {
            return at;
        }
        from = at + 1;
    }
    rest.len()
}

#[cfg(test)]
mod tests;
