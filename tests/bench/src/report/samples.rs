//! What the programs measured: named numbers, one for each round.

use std::collections::BTreeMap;

use crate::Failure;

/// All rounds of every program, by group (what was measured) and who (the program).
pub(crate) struct Samples {
    groups: BTreeMap<String, BTreeMap<String, Vec<f64>>>,
}

impl Samples {
    /// Reads lines of the form `group.who number`.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let mut groups: BTreeMap<String, BTreeMap<String, Vec<f64>>> = BTreeMap::new();
        for line in text.lines() {
            let bad = || Failure::Broken(format!("not a sample: {line:?}"));
            let (name, number) = line.split_once(' ').ok_or_else(bad)?;
            let (group, who) = name.split_once('.').ok_or_else(bad)?;
            let number = number.trim().parse().map_err(|_| bad())?;
            let programs = groups.entry(group.to_owned()).or_default();
            programs.entry(who.to_owned()).or_default().push(number);
        }
        Ok(Self { groups })
    }

    /// The rounds of one program; none if it was not measured.
    pub(crate) fn rounds(&self, group: &str, who: &str) -> &[f64] {
        let programs = self.groups.get(group);
        programs.and_then(|p| p.get(who)).map_or(&[], Vec::as_slice)
    }

    /// Each program of a group with its median.
    pub(crate) fn medians(&self, group: &str) -> impl Iterator<Item = (&str, f64)> {
        let programs = self.groups.get(group).into_iter().flatten();
        programs.filter_map(|(who, rounds)| Some((who.as_str(), median(rounds)?)))
    }

    /// The median of everything, named `<group>_<who>`.
    pub(crate) fn all_medians(&self) -> impl Iterator<Item = (String, f64)> {
        let named = |group: &str, who: &str| format!("{group}_{who}");
        self.groups.keys().flat_map(move |group| {
            self.medians(group)
                .map(move |(who, median)| (named(group, who), median))
        })
    }

    /// The median over the rounds of `above` ÷ `below`, both taken from the same round, so that
    /// what slowed the machine down in one round slowed both.
    pub(crate) fn ratio(&self, group: &str, above: &str, below: &str) -> Option<f64> {
        let pairs = self
            .rounds(group, above)
            .iter()
            .zip(self.rounds(group, below));
        median(
            &pairs
                .map(|(above, below)| above / below)
                .collect::<Vec<f64>>(),
        )
    }
}

/// The middle one; of an even number the upper of the two in the middle.
fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_no_sample_is_refused() {
        for text in ["decode", "decode 5", "decode.ours five", "decode.ours"] {
            assert!(Samples::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_median_of_nothing_is_nothing() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    }
}
