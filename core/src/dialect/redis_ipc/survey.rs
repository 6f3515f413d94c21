//! Takes an envelope apart where it stands.
//!
//! Peers put the standard members at the end, so as a rule one byte changes: the comma behind the
//! user's last member becomes the brace. Where user and standard members are mixed, blanks take the
//! place of what is not the user's, and a header text among them (there are at most six) moves
//! behind the payload. So a message is read in time linear in its length, whatever it holds.
//!
//! Only ASCII bytes are overwritten and texts move whole, so the message stays UTF-8 if it was, and
//! it is enough to check that once, at the end.

use core::ops::Range;

use super::read::{MAX_HEADER, Malformed, Origin};
use super::standard::{Kind, Standard};
use crate::json::{
    JsonError,
    object::{Cursor, Member, Members},
    string,
};

/// Where things stand in a message; all offsets in bytes.
pub(super) struct Survey {
    kind: Kind,
    /// The text, without quotes, of the last member with each standard name; `0..0` if there is
    /// none, or another value, or a text too long.
    texts: [Range<usize>; Standard::COUNT],
    tid: Option<u64>,
    level: Option<u64>,
    /// From the first of the user's members to the end of the last.
    user: Range<usize>,
    /// Whether a standard member stands between two of the user's.
    mixed: bool,
    /// Whether there may be an escape in a header text.
    escaped: bool,
}

impl Survey {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            texts: [const { 0..0 }; Standard::COUNT],
            tid: None,
            level: None,
            user: 0..0,
            mixed: false,
            escaped: false,
        }
    }

    /// Looks at the whole message and checks its syntax.
    pub(super) fn look(&mut self, bytes: &[u8]) -> Result<(), JsonError> {
        let mut cursor = Cursor::whole(bytes)?;
        // A payload without members is put where the first member stands.
        let first = cursor.position();
        self.user = first..first;
        let mut left_user = false;
        while let Some(member) = cursor.step(bytes)? {
            let name = bytes.get(member.name.clone()).unwrap_or_default();
            if let Some(standard) = self.kind.standard(name, member.escaped) {
                left_user = !self.user.is_empty();
                self.note(bytes, standard, &member);
                continue;
            }
            if self.user.is_empty() {
                self.user.start = member.whole.start;
            }
            self.user.end = member.whole.end;
            self.mixed |= left_user;
        }
        Ok(())
    }

    #[inline]
    fn note(&mut self, bytes: &[u8], standard: Standard, member: &Member) {
        match standard {
            Standard::Tid => self.tid = number(bytes.get(member.value.clone())),
            Standard::Level => self.level = number(bytes.get(member.value.clone())),
            _ => {
                self.escaped |= member.escaped;
                if let Some(place) = self.texts.get_mut(standard as usize) {
                    *place = text_of(bytes, standard, &member.value).unwrap_or(0..0);
                }
            }
        }
    }

    /// Refuses a message in which this member is missing, no text or too long.
    #[inline]
    pub(super) fn require(&self, bytes: &[u8], standard: Standard) -> Result<(), Malformed> {
        if self.place(standard).end > 0 {
            return Ok(());
        }
        Err(self.lack(bytes, standard))
    }

    /// Why there is no text for this member.
    #[cold]
    fn lack(&self, bytes: &[u8], standard: Standard) -> Malformed {
        let member = standard.name();
        let last = Members::new(bytes).ok().and_then(|members| {
            let named = members.flatten().filter(|member| {
                let name = bytes.get(member.name.clone()).unwrap_or_default();
                self.kind.standard(name, member.escaped) == Some(standard)
            });
            named.last()
        });
        let Some(Member { value, .. }) = last else {
            return Malformed::Missing(member);
        };
        if bytes.get(value.start) != Some(&b'"') {
            return Malformed::NotText(member);
        }
        let length = value.len() - 2;
        Malformed::TooLong { member, length }
    }

    /// Makes the payload stand alone, decodes the header texts and returns the whole text, in which
    /// they then are.
    #[inline]
    pub(super) fn separate<'a>(&mut self, bytes: &'a mut [u8]) -> Result<&'a str, Malformed> {
        if self.mixed {
            self.unmix(bytes)?;
        }
        // In front of a member stands a brace, a comma or a blank, and likewise behind it.
        put(bytes, self.user.start - 1, b'{');
        put(bytes, self.user.end, b'}');
        if self.escaped {
            self.unescape(bytes);
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
        let place = self.place(standard);
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
    fn place(&self, standard: Standard) -> Range<usize> {
        self.texts
            .get(standard as usize)
            .cloned()
            .unwrap_or_default()
    }

    /// Decodes the header texts.
    #[cold]
    fn unescape(&mut self, bytes: &mut [u8]) {
        for text in &mut self.texts {
            let raw = bytes.get_mut(text.clone()).unwrap_or_default();
            let length = string::unescape_in_place(raw);
            // What is left behind it may begin within a character: blanks keep the whole UTF-8.
            raw.get_mut(length..).unwrap_or_default().fill(b' ');
            text.end = text.start + length;
        }
    }

    /// Takes everything that is not the user's out of the user's part.
    #[cold]
    fn unmix(&mut self, bytes: &mut [u8]) -> Result<(), JsonError> {
        // Blanks must not hide that it was not.
        core::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
        self.blank_out(bytes);
        for index in 0..Standard::COUNT {
            self.move_out(bytes, index);
        }
        Ok(())
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
        let standard = self.kind.standard(name, member.escaped)?;
        if member.whole.start < self.user.start {
            return None;
        }
        let text = self.place(standard);
        if member.value.contains(&text.start) {
            return Some(text);
        }
        Some(member.whole.end..member.whole.end)
    }

    /// Moves a header text behind the user's part if it stands in it.
    fn move_out(&mut self, bytes: &mut [u8], index: usize) {
        let user = self.user.clone();
        let Some(text) = self.texts.get(index).cloned() else {
            return;
        };
        if text.start < user.start || text.end > user.end {
            return;
        }
        // The byte behind the user's part comes along: there the brace will stand.
        let part = bytes.get_mut(text.start..=user.end).unwrap_or_default();
        if text.len() > part.len() {
            return;
        }
        part.rotate_left(text.len());
        for other in &mut self.texts {
            if other.start > text.start && other.end <= user.end {
                *other = other.start - text.len()..other.end - text.len();
            }
        }
        self.user.end = user.end - text.len();
        if let Some(place) = self.texts.get_mut(index) {
            *place = self.user.end + 1..user.end + 1;
        }
    }
}

impl Standard {
    /// Bytes that a raw text of this member may have: a debug message is no header.
    const fn longest(self) -> usize {
        match self {
            Self::Message => usize::MAX - 2,
            _ => MAX_HEADER,
        }
    }
}

/// What stands between the quotes of a value, if it is a text and not too long.
#[inline]
fn text_of(bytes: &[u8], standard: Standard, value: &Range<usize>) -> Option<Range<usize>> {
    let quoted = bytes.get(value.start) == Some(&b'"');
    (quoted && value.len() <= standard.longest() + 2).then(|| value.start + 1..value.end - 1)
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
