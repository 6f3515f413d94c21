//! What somebody may have meant who wrote something else.

/// The candidate that `word` is most likely a misspelling of, if any is near enough.
pub(crate) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let near = candidates.into_iter().filter_map(|candidate| {
        let away = distance(word, candidate);
        let begun = word.len() >= 2 && candidate.starts_with(word);
        let limit = 1 + candidate.trim_start_matches('-').len() / 4;
        (begun || away <= limit).then_some((away, candidate))
    });
    near.min_by_key(|(away, _)| *away)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, left out, changed or swapped with their neighbour.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    let mut last = None;
    for (line, letter) in from.chars().enumerate() {
        let mut next = vec![line + 1];
        for (column, other) in to.iter().enumerate() {
            let changed = row[column] + usize::from(letter != *other);
            let mut least = changed.min(row[column + 1] + 1).min(next[column] + 1);
            let swapped = column > 0 && last == Some(*other) && to[column - 1] == letter;
            if swapped {
                least = least.min(before[column - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(letter);
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMANDS: [&str; 8] = [
        "up", "down", "call", "serve", "settings", "status", "event", "debug",
    ];

    #[test]
    fn slips_of_the_finger_are_understood() {
        for (slip, meant) in [
            ("cal", "call"),
            ("clal", "call"),
            ("setings", "settings"),
            ("stauts", "status"),
            ("events", "event"),
            ("set", "settings"),
            ("server", "serve"),
        ] {
            assert_eq!(nearest(slip, COMMANDS), Some(meant), "{slip}");
        }
    }

    #[test]
    fn what_is_like_nothing_else_stays_alone() {
        for word in ["", "x", "printer", "restart", "--json"] {
            assert_eq!(nearest(word, COMMANDS), None, "{word}");
        }
    }

    #[test]
    fn distances_count_single_slips() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("acb", "abc"), 1);
        assert_eq!(distance("xbc", "abc"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
