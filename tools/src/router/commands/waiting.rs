//! How long commands wait by their own words, before the server answers.
//!
//! Source of the rules: the pages of the commands at <https://redis.io/docs/latest/commands/>.

use std::time::Duration;

use super::Table;

/// How long a command may wait before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// So long, and no longer. None at all for most.
    For(Duration),
    /// Until something comes; or nobody knows how long.
    Forever,
}

impl Table {
    /// How long the command that begins with these words may wait for something before it answers.
    pub(crate) fn patience<W: AsRef<[u8]>>(&self, words: &[W]) -> Patience {
        match self.command(words) {
            Ok(command) if command.flags.blocking => patience(&command.name, words),
            _ => Patience::For(Duration::ZERO),
        }
    }
}

/// As [`Table::patience`], for one that waits. A server refuses a time that cannot be read.
fn patience<W: AsRef<[u8]>>(name: &str, words: &[W]) -> Patience {
    let word = |at: usize| words.get(at).map(AsRef::as_ref);
    let last = || word(words.len() - 1);
    match name {
        "blpop" | "brpop" | "bzpopmin" | "bzpopmax" | "blmove" | "brpoplpush" => seconds(last()),
        "blmpop" | "bzmpop" => seconds(word(1)),
        "xread" | "xreadgroup" => {
            let block = (1..words.len()).take_while(|at| !is(word(*at), "STREAMS"));
            let block = block.filter(|at| is(word(*at), "BLOCK")).last();
            match block.map(|at| number(word(at + 1)).map(|ms| ms / 1000.0)) {
                None => Patience::For(Duration::ZERO),
                Some(time) => of(time),
            }
        }
        _ => Patience::Forever,
    }
}

fn is(word: Option<&[u8]>, name: &str) -> bool {
    word.is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
}

fn seconds(word: Option<&[u8]>) -> Patience {
    of(number(word))
}

/// 0 is for ever.
fn of(seconds: Option<f64>) -> Patience {
    let Some(time) = seconds.map(Duration::try_from_secs_f64) else {
        return Patience::For(Duration::ZERO);
    };
    match time {
        Ok(time) if !time.is_zero() => Patience::For(time),
        _ => Patience::Forever,
    }
}

fn number(word: Option<&[u8]>) -> Option<f64> {
    std::str::from_utf8(word?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_wait_as_long_as_they_say() {
        let milliseconds = |count| Patience::For(Duration::from_millis(count));
        for (line, patience) in [
            ("GET a", milliseconds(0)),
            ("BLPOP a b 0.25", milliseconds(250)),
            ("blpop a 0", Patience::Forever),
            ("BLPOP a x", milliseconds(0)),
            ("BLPOP a -1", Patience::Forever),
            ("BLPOP a 1e300", Patience::Forever),
            ("BRPOPLPUSH a b 2", milliseconds(2000)),
            ("BLMOVE a b LEFT LEFT 3", milliseconds(3000)),
            ("BZPOPMIN a 1", milliseconds(1000)),
            ("BLMPOP 4 1 a LEFT", milliseconds(4000)),
            ("BZMPOP 0 1 a MIN", Patience::Forever),
            ("XREAD STREAMS a 0", milliseconds(0)),
            ("XREAD STREAMS block 0", milliseconds(0)),
            ("XREAD COUNT 2 BLOCK 70 STREAMS a $", milliseconds(70)),
            (
                "XREADGROUP GROUP g c BLOCK 0 STREAMS a >",
                Patience::Forever,
            ),
            (
                "XREADGROUP GROUP block c BLOCK 9 STREAMS a >",
                milliseconds(9),
            ),
        ] {
            let words: Vec<_> = line.split(' ').collect();
            assert_eq!(Table::bundled().patience(&words), patience, "{line}");
        }
    }
}
