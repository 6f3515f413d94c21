//! Takes an envelope apart where it stands.
//!
//! Peers put the standard members at the end, so as a rule one byte changes: the comma behind the
//! user's last member becomes the brace. Where user and standard members are mixed, blanks take the
//! place of what is not the user's, and a header text among them (there are at most five) moves
//! behind the payload. So a message is read in time linear in its length, whatever it holds.
//!
//! Only ASCII bytes are overwritten and texts move whole, so the message stays UTF-8 if it was, and
//! it is enough to check that once, at the end.

use core::ops::Range;

use super::read::{MAX_HEADER, Malformed, Origin};
use super::standard::{Kind, Standard};
use crate::json::{
    JsonError,
    object::{Cursor, Member},
    string,
};

/// Where things stand in a message; all offsets in bytes.
pub(super) struct Survey {
    kind: Kind,
    /// The value of the last member with each standard name, `0..0` if there is none. From
    /// [`separate`](Self::separate) on: the text without its quotes.
    values: [Range<usize>; Standard::COUNT],
    tid: Option<u64>,
    level: Option<u64>,
    /// From the first of the user's members to the end of the last.
    user: Range<usize>,
    /// Whether a standard member stands between two of the user's.
    mixed: bool,
}

impl Survey {
    /// Looks at the whole message and checks its syntax.
    #[inline]
    pub(super) fn of(bytes: &[u8], kind: Kind) -> Result<Self, Malformed> {
        let mut cursor = Cursor::whole(bytes)?;
        let mut survey = Self {
            kind,
            values: [const { 0..0 }; Standard::COUNT],
            tid: None,
            level: None,
            user: 0..0,
            mixed: false,
        };
        let first = cursor.position();
        let mut left_user = false;
        while let Some(member) = cursor.next(bytes)? {
            let name = bytes.get(member.name).unwrap_or_default();
            if let Some(standard) = kind.standard(name) {
                left_user = survey.user.end > 0;
                survey.note(bytes, standard, member.value);
                continue;
            }
            if survey.user.end == 0 {
                survey.user.start = member.whole.start;
            }
            survey.user.end = member.whole.end;
            survey.mixed |= left_user;
        }
        if survey.user.end == 0 {
            // A payload without members is put where the first member stood.
            survey.user = first..first;
        }
        Ok(survey)
    }

    #[inline]
    fn note(&mut self, bytes: &[u8], standard: Standard, value: Range<usize>) {
        match standard {
            Standard::Tid => self.tid = number(bytes.get(value)),
            Standard::Level => self.level = number(bytes.get(value)),
            _ => {
                if let Some(place) = self.values.get_mut(standard as usize) {
                    *place = value;
                }
            }
        }
    }

    /// Refuses a message in which this member is missing, no text or too long.
    #[inline]
    pub(super) fn require(&self, bytes: &[u8], standard: Standard) -> Result<(), Malformed> {
        let member = standard.name();
        let value = self.value(standard);
        if value.end == 0 {
            return Err(Malformed::Missing(member));
        }
        let Some(text) = between_quotes(bytes, &value) else {
            return Err(Malformed::NotText(member));
        };
        let length = text.len();
        if length > standard.longest() {
            return Err(Malformed::TooLong { member, length });
        }
        Ok(())
    }

    /// Makes the payload stand alone, decodes the header texts and returns the whole text, in which
    /// they then are.
    #[inline]
    pub(super) fn separate<'a>(&mut self, bytes: &'a mut [u8]) -> Result<&'a str, Malformed> {
        self.strip_quotes(bytes);
        if self.mixed {
            self.unmix(bytes);
        }
        // In front of a member stands a brace, a comma or a blank, and likewise behind it.
        put(bytes, self.user.start - 1, b'{');
        put(bytes, self.user.end, b'}');
        for text in &mut self.values {
            let raw = bytes.get_mut(text.clone()).unwrap_or_default();
            if string::is_escaped(raw) {
                let length = string::unescape_in_place(raw);
                // The tail of an escape may be cut anywhere: blanks keep the whole UTF-8.
                raw.get_mut(length..).unwrap_or_default().fill(b' ');
                text.end = text.start + length;
            }
        }
        core::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8.into())
    }

    /// The payload in the text that [`separate`](Self::separate) returned.
    #[inline]
    pub(super) fn payload<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.user.start - 1..=self.user.end)
            .unwrap_or_default()
    }

    /// A header text in the text that [`separate`](Self::separate) returned.
    #[inline]
    pub(super) fn text<'a>(&self, text: &'a str, standard: Standard) -> Option<&'a str> {
        let place = self.value(standard);
        if place.end == 0 {
            return None;
        }
        text.get(place)
    }

    #[inline]
    pub(super) fn origin<'a>(&self, text: &'a str) -> Origin<'a> {
        Origin {
            timestamp: self.text(text, Standard::Timestamp),
            component: self.text(text, Standard::Component),
            thread: self.text(text, Standard::Thread),
            tid: self.tid,
        }
    }

    pub(super) fn level(&self) -> Option<u8> {
        self.level.and_then(|level| u8::try_from(level).ok())
    }

    #[inline]
    fn value(&self, standard: Standard) -> Range<usize> {
        self.values
            .get(standard as usize)
            .cloned()
            .unwrap_or_default()
    }

    /// From values to what stands between their quotes; what is no text or too long is forgotten.
    #[inline]
    fn strip_quotes(&mut self, bytes: &[u8]) {
        for (value, standard) in self.values.iter_mut().zip(Standard::ALL) {
            *value = match between_quotes(bytes, value) {
                Some(text) if text.len() <= standard.longest() => text,
                _ => 0..0,
            };
        }
    }

    /// Takes everything that is not the user's out of the user's part.
    #[cold]
    fn unmix(&mut self, bytes: &mut [u8]) {
        self.blank_out(bytes);
        for index in 0..Standard::COUNT {
            self.move_out(bytes, index);
        }
    }

    /// Blanks the standard members in the user's part, but for the texts that count.
    fn blank_out(&self, bytes: &mut [u8]) {
        let Ok(mut cursor) = Cursor::whole(bytes) else {
            return;
        };
        while let Ok(Some(member)) = cursor.next(bytes) {
            if member.whole.start >= self.user.end {
                break;
            }
            let Some(kept) = self.kept_of(bytes, &member) else {
                continue;
            };
            // One of the user's members follows, so the comma goes too.
            blank(bytes, member.whole.start..kept.start);
            blank(bytes, kept.end..cursor.position());
        }
    }

    /// If the member is a standard one of the user's part: the text in it that counts, or an empty
    /// range.
    fn kept_of(&self, bytes: &[u8], member: &Member) -> Option<Range<usize>> {
        let name = bytes.get(member.name.clone()).unwrap_or_default();
        let standard = self.kind.standard(name)?;
        if member.whole.start < self.user.start {
            return None;
        }
        let text = self.value(standard);
        if member.value.contains(&text.start) {
            return Some(text);
        }
        Some(member.whole.end..member.whole.end)
    }

    /// Moves a header text behind the user's part if it stands in it.
    fn move_out(&mut self, bytes: &mut [u8], index: usize) {
        let user = self.user.clone();
        let Some(text) = self.values.get(index).cloned() else {
            return;
        };
        if text.start < user.start || text.end > user.end {
            return;
        }
        // The byte behind the user's part comes along: there the brace will stand.
        let part = bytes.get_mut(text.start..=user.end).unwrap_or_default();
        part.rotate_left(text.len());
        for other in &mut self.values {
            if other.start > text.start && other.end <= user.end {
                *other = other.start - text.len()..other.end - text.len();
            }
        }
        self.user.end = user.end - text.len();
        if let Some(place) = self.values.get_mut(index) {
            *place = self.user.end + 1..user.end + 1;
        }
    }
}

impl Standard {
    /// Bytes that a raw text of this member may have: a debug message is no header.
    const fn longest(self) -> usize {
        match self {
            Self::Message => usize::MAX,
            _ => MAX_HEADER,
        }
    }
}

/// The raw text that a value is, if it is one.
#[inline]
fn between_quotes(bytes: &[u8], value: &Range<usize>) -> Option<Range<usize>> {
    if bytes.get(value.start) != Some(&b'"') {
        return None;
    }
    Some(value.start + 1..value.end.saturating_sub(1))
}

fn put(bytes: &mut [u8], at: usize, byte: u8) {
    if let Some(place) = bytes.get_mut(at) {
        *place = byte;
    }
}

fn blank(bytes: &mut [u8], range: Range<usize>) {
    bytes.get_mut(range).unwrap_or_default().fill(b' ');
}

/// A number without sign, fraction and exponent that fits.
#[inline]
fn number(value: Option<&[u8]>) -> Option<u64> {
    value?.iter().try_fold(0, |number: u64, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}
