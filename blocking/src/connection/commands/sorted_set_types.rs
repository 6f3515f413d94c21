//! How members of sorted sets are added, and how several sets become one.

use super::arguments::{Argument, Words};

/// A member of a sorted set and its score.
pub type Member = (Vec<u8>, f64);

/// The key of a sorted set, and a member that was taken from it with its score.
pub type MemberOf = (Vec<u8>, Vec<u8>, f64);

/// Under what conditions members are added to a sorted set; by default all are, and have the
/// score that is given.
///
/// ```
/// use redis_ipc::commands::AddOptions;
///
/// let records = AddOptions::new().if_greater().count_changed();
/// assert_ne!(records, AddOptions::default());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct AddOptions {
    presence: Option<&'static str>,
    comparison: Option<&'static str>,
    changed: bool,
}

impl AddOptions {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only new members; the scores of others stay.
    pub fn if_absent(mut self) -> Self {
        self.presence = Some("NX");
        self
    }

    /// Only members that are there.
    pub fn if_present(mut self) -> Self {
        self.presence = Some("XX");
        self
    }

    /// New members, and those whose score grows.
    pub fn if_greater(mut self) -> Self {
        self.comparison = Some("GT");
        self
    }

    /// New members, and those whose score shrinks.
    pub fn if_less(mut self) -> Self {
        self.comparison = Some("LT");
        self
    }

    /// Counts members whose score has changed, too.
    pub fn count_changed(mut self) -> Self {
        self.changed = true;
        self
    }
}

impl Words for AddOptions {
    fn words(&self) -> impl Argument {
        (self.presence, self.comparison, self.changed.then_some("CH"))
    }
}

/// How the scores of a member of several sorted sets become one; by default their sum.
///
/// ```
/// use redis_ipc::commands::Combine;
///
/// let blend = Combine::sum().weights(&[1.0, 0.5]);
/// assert_ne!(blend, Combine::highest());
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use]
pub struct Combine {
    weights: Vec<f64>,
    aggregate: Option<&'static str>,
}

impl Combine {
    /// Their sum.
    pub fn sum() -> Self {
        Self::default()
    }

    /// The lowest.
    pub fn lowest() -> Self {
        Self {
            aggregate: Some("MIN"),
            ..Self::default()
        }
    }

    /// The highest.
    pub fn highest() -> Self {
        Self {
            aggregate: Some("MAX"),
            ..Self::default()
        }
    }

    /// Multiplies the scores of each set by a number first, one for each set.
    pub fn weights(mut self, weights: &[f64]) -> Self {
        self.weights = weights.to_vec();
        self
    }
}

impl Words for Combine {
    fn words(&self) -> impl Argument {
        let weights = (!self.weights.is_empty()).then_some(("WEIGHTS", self.weights.as_slice()));
        (
            weights,
            self.aggregate.map(|aggregate| ("AGGREGATE", aggregate)),
        )
    }
}
