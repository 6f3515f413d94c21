//! rb's `Ketama`: consistent hashing with MD5, nodes with weights.

use super::circle::{Circle, CircleError, Point};
use super::md5::{Md5, md5};
use core::fmt::{Display, Write};

/// Rounds of four points that a node of average weight has.
const ROUNDS: usize = 40;

/// Points of one round: an MD5 sum cut in four.
const POINTS_PER_ROUND: usize = 4;

/// Points that so many nodes have at most, whatever their weights.
///
/// ```
/// assert_eq!(redis_ipc_core::shard::ketama::points(4), 640);
/// ```
#[must_use]
pub const fn points(nodes: usize) -> usize {
    nodes * ROUNDS * POINTS_PER_ROUND
}

/// A node by name, and its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node<N> {
    /// What is hashed.
    pub name: N,
    /// Its share of the keys, in proportion to the others'.
    pub weight: u32,
}

impl<N> Node<N> {
    /// A node of weight 1, as all have in rb unless told otherwise.
    pub const fn new(name: N) -> Self {
        Self { name, weight: 1 }
    }
}

/// A circle of points, [`points`] of them, sorted. Where a key lives depends on the names and
/// weights alone; to add or remove a node, build it anew from the list with or without it.
///
/// ```
/// use redis_ipc_core::shard::Point;
/// use redis_ipc_core::shard::ketama::{Ketama, Node, points};
///
/// let nodes = ["10.0.0.1:6379", "10.0.0.2:6379"].map(Node::new);
/// let ketama = Ketama::new(&nodes, [Point::EMPTY; points(2)])?;
/// assert_eq!(ketama.node(b"queues.commands.printer"), 0);
/// # Ok::<(), redis_ipc_core::shard::CircleError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ketama<S> {
    circle: Circle<S>,
}

impl<S: AsRef<[Point]> + AsMut<[Point]>> Ketama<S> {
    /// Computes the points of all nodes. `storage` is an array, a slice or a vector.
    ///
    /// # Errors
    /// [`CircleError`] if there is no node, or if the storage has too little room.
    pub fn new<N: Display>(nodes: &[Node<N>], storage: S) -> Result<Self, CircleError> {
        let total = nodes.iter().map(|node| u64::from(node.weight)).sum();
        let rounds = |node: &Node<N>| rounds(nodes.len(), node.weight, total);
        let needed = nodes.iter().map(|node| rounds(node) * POINTS_PER_ROUND);
        let mut circle = Circle::new(storage, nodes.len(), needed.sum())?;
        for (number, node) in (0..).zip(nodes) {
            for round in 0..rounds(node) {
                add_round(&mut circle, number, &node.name, round);
            }
        }
        let circle = circle.close();
        Ok(Self { circle })
    }
}

impl<S: AsRef<[Point]>> Ketama<S> {
    /// The place of `key`'s node in the list.
    #[must_use]
    pub fn node(&self, key: &[u8]) -> usize {
        let [at, ..] = words(md5(key));
        let point = self.circle.behind(at).or(self.points().first());
        point.map_or(0, |point| usize::from(point.node))
    }

    /// The points in their order.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        self.circle.points()
    }
}

/// How many rounds a node of `weight` has; a whole number, cut off. All nodes together have no more
/// than so many nodes of weight 1.
fn rounds(nodes: usize, weight: u32, total: u64) -> usize {
    let share = ((ROUNDS * nodes) as u64).saturating_mul(u64::from(weight));
    let rounds = share.checked_div(total).unwrap_or_default();
    usize::try_from(rounds).unwrap_or(usize::MAX)
}

fn add_round<S, N>(circle: &mut Circle<S>, node: u16, name: &N, round: usize)
where
    S: AsRef<[Point]> + AsMut<[Point]>,
    N: Display,
{
    let mut digest = Md5::new();
    // A digest takes all that is written.
    let _ = write!(digest, "{name}-{round}-salt");
    for at in words(digest.finish()) {
        circle.add(at, node);
    }
}

/// The digest as four little-endian numbers.
fn words(digest: [u8; 16]) -> [u32; POINTS_PER_ROUND] {
    let mut words = [0; POINTS_PER_ROUND];
    for (word, bytes) in words.iter_mut().zip(digest.chunks_exact(4)) {
        *word = u32::from_le_bytes(bytes.try_into().unwrap_or_default());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::vectors;
    use super::*;
    use crate::STRIDE;
    use std::vec;
    use std::vec::Vec;

    fn check(vectors: &serde_json::Value, at: &str, nodes: &[Node<&str>]) {
        let section = &vectors[at];
        let ketama = Ketama::new(nodes, vec![Point::EMPTY; points(nodes.len())]).unwrap();
        if let Some(points) = section["points"].as_u64() {
            assert_eq!(ketama.points().len() as u64, points, "{at}");
        }
        for (number, key) in vectors::keys(vectors).enumerate() {
            let node = nodes[ketama.node(key.as_bytes())].name;
            assert_eq!(node, section["node"][number], "{at}: {key:?}");
        }
    }

    fn nodes<'v>(vectors: &'v serde_json::Value, at: &str) -> Vec<Node<&'v str>> {
        let section = &vectors[at];
        let names = section["nodes"].as_array().unwrap().iter();
        let weight = |name| u32::try_from(section["weights"][name].as_u64().unwrap_or(1)).unwrap();
        names
            .map(|name| name.as_str().unwrap())
            .map(|name| Node {
                name,
                weight: weight(name),
            })
            .collect()
    }

    #[test]
    fn every_key_has_the_node_that_rb_gives_it() {
        let vectors = vectors::load();
        let sections = ["rb_ketama_names", "rb_ketama_weighted", "rb_ketama_removed"];
        for at in sections.into_iter().step_by(STRIDE) {
            check(&vectors, at, &nodes(&vectors, at));
        }
    }

    #[test]
    fn the_first_points_are_those_of_rb() {
        let vectors = vectors::load();
        let nodes = nodes(&vectors, "rb_ketama_names");
        let ketama = Ketama::new(&nodes, vec![Point::EMPTY; points(nodes.len())]).unwrap();
        let expected = vectors["rb_ketama_names"]["first_points"].as_array();
        for (point, expected) in ketama.points().iter().zip(expected.unwrap()) {
            assert_eq!(expected[0], point.at);
            assert_eq!(expected[1], nodes[usize::from(point.node)].name);
        }
    }

    #[test]
    fn a_node_of_weight_zero_gets_nothing_and_nodes_that_all_have_it_are_refused() {
        let mut nodes = [
            Node::new("a"),
            Node {
                name: "b",
                weight: 0,
            },
        ];
        let ketama = Ketama::new(&nodes, [Point::EMPTY; points(2)]).unwrap();
        assert!(ketama.points().iter().all(|point| point.node == 0));
        nodes[0].weight = 0;
        let error = Ketama::new(&nodes, [Point::EMPTY; points(2)]).unwrap_err();
        assert_eq!(error, CircleError::NoNodes);
    }

    #[test]
    fn storage_that_is_too_small_is_named_with_both_sizes() {
        let nodes = ["a", "b"].map(Node::new);
        let error = Ketama::new(&nodes, [Point::EMPTY; 319]).unwrap_err();
        let (needed, capacity) = (320, 319);
        assert_eq!(error, CircleError::NoRoom { needed, capacity });
    }
}
