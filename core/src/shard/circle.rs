//! Points on a circle of 32-bit numbers, each owned by a node.

use core::fmt;

/// A point and the node that owns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// Where it is.
    pub at: u32,
    /// The node's place in the list of nodes.
    pub node: u16,
}

impl Point {
    /// What an array of points is filled with before it is built.
    pub const EMPTY: Self = Self { at: 0, node: 0 };
}

/// Why a placement cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CircleError {
    /// There is no node, or the weights of all are 0.
    NoNodes,
    /// More than 65,535 nodes.
    TooManyNodes,
    /// The storage is too small.
    NoRoom {
        /// Points that the nodes have.
        needed: usize,
        /// Points that the storage holds.
        capacity: usize,
    },
}

impl fmt::Display for CircleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNodes => f.write_str("no node has a weight above 0"),
            Self::TooManyNodes => write!(f, "more than {} nodes", u16::MAX),
            Self::NoRoom { needed, capacity } => {
                write!(f, "{needed} points do not fit {capacity} places")
            }
        }
    }
}

impl core::error::Error for CircleError {}

/// Sorted points in the caller's storage.
#[derive(Debug, Clone)]
pub(super) struct Circle<S> {
    storage: S,
    count: usize,
}

impl<S: AsRef<[Point]> + AsMut<[Point]>> Circle<S> {
    /// `needed` points of `nodes` nodes are going to be added.
    pub(super) fn new(storage: S, nodes: usize, needed: usize) -> Result<Self, CircleError> {
        if nodes > usize::from(u16::MAX) {
            return Err(CircleError::TooManyNodes);
        }
        if needed == 0 {
            return Err(CircleError::NoNodes);
        }
        let capacity = storage.as_ref().len();
        if needed > capacity {
            return Err(CircleError::NoRoom { needed, capacity });
        }
        Ok(Self { storage, count: 0 })
    }

    pub(super) fn add(&mut self, at: u32, node: u16) {
        if let Some(place) = self.storage.as_mut().get_mut(self.count) {
            *place = Point { at, node };
            self.count += 1;
        }
    }

    /// Puts the points in order. Of points in one place the node that is later in the list owns
    /// it, as in a Python dictionary that is filled in that order.
    pub(super) fn close(mut self) -> Self {
        if let Some(points) = self.storage.as_mut().get_mut(..self.count) {
            points.sort_unstable();
        }
        self.own_twins();
        self
    }

    fn own_twins(&mut self) {
        let Some(points) = self.storage.as_mut().get_mut(..self.count) else {
            return;
        };
        let mut later: Option<Point> = None;
        for point in points.iter_mut().rev() {
            match later {
                Some(twin) if twin.at == point.at => point.node = twin.node,
                _ => later = Some(*point),
            }
        }
    }
}

impl<S: AsRef<[Point]>> Circle<S> {
    pub(super) fn points(&self) -> &[Point] {
        self.storage.as_ref().get(..self.count).unwrap_or_default()
    }

    /// The first point greater than `at`.
    #[inline]
    pub(super) fn behind(&self, at: u32) -> Option<&Point> {
        let points = self.points();
        points.get(points.partition_point(|point| point.at <= at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_point_is_the_first_that_is_greater() {
        let mut circle = Circle::new([Point::EMPTY; 4], 3, 3).unwrap();
        for (at, node) in [(30, 2), (10, 0), (20, 1)] {
            circle.add(at, node);
        }
        let circle = circle.close();
        let behind = |at| circle.behind(at).map(|point| point.node);
        assert_eq!(
            [behind(0), behind(9), behind(10)],
            [Some(0), Some(0), Some(1)]
        );
        assert_eq!([behind(29), behind(30)], [Some(2), None]);
    }

    #[test]
    fn the_later_node_owns_a_place_that_two_have() {
        let mut circle = Circle::new([Point::EMPTY; 3], 3, 3).unwrap();
        for (at, node) in [(10, 2), (10, 1), (10, 0)] {
            circle.add(at, node);
        }
        assert_eq!(circle.close().behind(3).unwrap().node, 2);
    }

    #[test]
    fn what_cannot_be_built_is_refused_with_the_sizes() {
        let room = || [Point::EMPTY; 2];
        assert_eq!(Circle::new(room(), 1, 0).unwrap_err(), CircleError::NoNodes);
        let error = Circle::new(room(), 70_000, 1).unwrap_err();
        assert_eq!(error, CircleError::TooManyNodes);
        let (needed, capacity) = (3, 2);
        let error = Circle::new(room(), 1, 3).unwrap_err();
        assert_eq!(error, CircleError::NoRoom { needed, capacity });
    }
}
