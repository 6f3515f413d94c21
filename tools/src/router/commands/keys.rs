//! The positions of a command's keys, found by its specifications.

use super::{Begin, Find, Spec};

/// The most specifications that a command has: those with two sources and a target have two.
const MOST_SPECS: usize = 4;

/// Positions of keys among the words of a command, in order.
#[derive(Debug, Clone, Default)]
pub struct Positions {
    ranges: [Range; MOST_SPECS],
    used: usize,
}

/// `first`, `first + step`, … up to `last`; empty if that is less than `first`.
#[derive(Debug, Clone, Copy, Default)]
struct Range {
    first: usize,
    /// One more than the position of the last.
    end: usize,
    step: usize,
}

impl Positions {
    /// `None` if the words are not as the specifications say.
    pub(super) fn find<W: AsRef<[u8]>>(specs: &[Spec], words: &[W]) -> Option<Self> {
        let mut positions = Self::default();
        for spec in specs {
            let Some(first) = spec.begin.position(words) else {
                continue;
            };
            // Servers heed the last such word, and the specification tells of the first.
            if spec.find.is_single() && spec.begin.comes_again(first, words) {
                return None;
            }
            let range = spec.find.range(first, words)?;
            *positions.ranges.get_mut(positions.used)? = range;
            positions.used += 1;
        }
        Some(positions)
    }

    /// Those of XREADGROUP, whose group and consumer may be called STREAMS, too, and stand anywhere
    /// before that word: by its specification only the usual order is understood.
    pub(super) fn of_group<W: AsRef<[u8]>>(words: &[W]) -> Option<Self> {
        let is = |at: usize, name: &str| {
            let word = words.get(at)?.as_ref();
            Some(word.eq_ignore_ascii_case(name.as_bytes()))
        };
        let mut at = 1;
        while !is(at, "STREAMS")? {
            at += if is(at, "GROUP")? { 3 } else { 1 };
        }
        let first = at + 1;
        let end = first + (words.len() - first) / 2;
        let mut positions = Self::of([Some(first)])?;
        positions.ranges[0].end = end;
        Some(positions)
    }

    /// These, as far as they are there; `None` if they are more than commands have.
    pub(super) fn of(all: impl IntoIterator<Item = Option<usize>>) -> Option<Self> {
        let mut positions = Self::default();
        for first in all.into_iter().flatten() {
            let (end, step) = (first + 1, 1);
            *positions.ranges.get_mut(positions.used)? = Range { first, end, step };
            positions.used += 1;
        }
        Some(positions)
    }
}

impl Range {
    fn len(&self) -> usize {
        self.end
            .saturating_sub(self.first)
            .div_ceil(self.step.max(1))
    }
}

impl Iterator for Positions {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let range = self.ranges[..self.used]
            .iter_mut()
            .find(|range| range.len() > 0)?;
        let position = range.first;
        range.first += range.step.max(1);
        Some(position)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.ranges[..self.used].iter().map(Range::len).sum();
        (len, Some(len))
    }
}

impl ExactSizeIterator for Positions {}

impl Begin {
    /// `None` if there is no such word: then there are no keys of this kind either.
    fn position<W: AsRef<[u8]>>(&self, words: &[W]) -> Option<usize> {
        match self {
            Self::Index(index) => {
                let index = usize::try_from(*index).ok()?;
                (index < words.len()).then_some(index)
            }
            Self::Keyword { word, from } => {
                let same = |at: &usize| words[*at].as_ref().eq_ignore_ascii_case(word.as_bytes());
                let found = match usize::try_from(*from) {
                    Ok(from) => (from..words.len()).find(same),
                    Err(_) => (1..words.len()).rev().find(same),
                };
                found.map(|at| at + 1)
            }
        }
    }

    /// Whether its word stands once more behind the key at that position.
    fn comes_again<W: AsRef<[u8]>>(&self, first: usize, words: &[W]) -> bool {
        let Self::Keyword { word, .. } = self else {
            return false;
        };
        let mut behind = words.iter().skip(first + 1);
        behind.any(|own| own.as_ref().eq_ignore_ascii_case(word.as_bytes()))
    }
}

impl Find {
    /// Whether it finds one key and no more.
    fn is_single(self) -> bool {
        matches!(self, Self::Range { last: 0, .. })
    }

    fn range<W: AsRef<[u8]>>(self, first: usize, words: &[W]) -> Option<Range> {
        let range = match self {
            Self::Range { last, step, limit } => {
                let step = usize::try_from(step).ok()?;
                let end = end_of(first, last, limit, words.len())?;
                Range { first, end, step }
            }
            Self::Count {
                count,
                first: behind,
                step,
            } => {
                let step = usize::try_from(step).ok()?;
                let word = words.get(first + usize::try_from(count).ok()?)?;
                let keys: usize = std::str::from_utf8(word.as_ref()).ok()?.parse().ok()?;
                let first = first + usize::try_from(behind).ok()?;
                let end = first.checked_add(keys.checked_mul(step)?)?;
                Range { first, end, step }
            }
        };
        (range.end <= words.len()).then_some(range)
    }
}

fn end_of(first: usize, last: i32, limit: i32, words: usize) -> Option<usize> {
    let from_end = usize::try_from(last.unsigned_abs()).ok()?;
    match (usize::try_from(last), usize::try_from(limit)) {
        (Ok(last), _) => Some(first + last + 1),
        (Err(_), Ok(limit)) if limit > 1 => {
            let part = words.checked_sub(first)? / limit;
            Some(first + (part + 1).checked_sub(from_end)?)
        }
        (Err(_), _) => (words + 1).checked_sub(from_end),
    }
}
