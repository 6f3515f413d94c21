//! txredisapi's `HashRing`: consistent hashing with CRC-32.

use super::circle::{Circle, CircleError, Point};
use super::crc32::{Crc32, crc32};
use core::fmt::{Display, Write};

/// Points of a node.
const REPLICAS: usize = 160;

/// Points that so many nodes have.
///
/// ```
/// assert_eq!(redis_ipc_core::shard::ring::points(3), 480);
/// ```
#[must_use]
pub const fn points(nodes: usize) -> usize {
    nodes * REPLICAS
}

/// A line of points, [`points`] of them, sorted. Nodes are named `host:port`, or by the path of
/// their Unix socket.
///
/// ```
/// use redis_ipc_core::shard::Point;
/// use redis_ipc_core::shard::ring::{Ring, points};
///
/// let ring = Ring::new(&["localhost:6379", "localhost:6380"], [Point::EMPTY; points(2)])?;
/// assert_eq!(ring.node(b"print{7}"), ring.node(b"status{7}"));
/// # Ok::<(), redis_ipc_core::shard::CircleError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ring<S> {
    circle: Circle<S>,
}

impl<S: AsRef<[Point]> + AsMut<[Point]>> Ring<S> {
    /// Computes the points of all nodes. `storage` is an array, a slice or a vector.
    ///
    /// # Errors
    /// [`CircleError`] if there is no node, or if the storage has too little room.
    pub fn new<N: Display>(nodes: &[N], storage: S) -> Result<Self, CircleError> {
        let mut circle = Circle::new(storage, nodes.len(), points(nodes.len()))?;
        for (number, name) in (0..).zip(nodes) {
            for replica in 0..REPLICAS {
                let mut sum = Crc32::new();
                // A checksum takes all that is written.
                let _ = write!(sum, "{name}:{replica}");
                circle.add(sum.finish(), number);
            }
        }
        let circle = circle.close();
        Ok(Self { circle })
    }
}

impl<S: AsRef<[Point]>> Ring<S> {
    /// The place of `key`'s node in the list, the key's [hash tag](tag) considered.
    ///
    /// Compat: txredisapi does not close the circle: past its last point the owner of that point
    /// has everything, not that of the first.
    #[must_use]
    pub fn node(&self, key: &[u8]) -> usize {
        let at = crc32(tag(key));
        let point = self.circle.behind(at).or(self.points().last());
        point.map_or(0, |point| usize::from(point.node))
    }

    /// The points in their order.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        self.circle.points()
    }
}

/// The part of `key` that is hashed.
///
/// Compat: txredisapi matches `.+\{(.*)\}.*`. So something must stand before the `{`, the last
/// `{` with a `}` behind it counts, the last `}` ends the tag, an empty tag is one, and nothing
/// of this goes over a newline.
///
/// ```
/// use redis_ipc_core::shard::ring::tag;
///
/// assert_eq!(tag(b"x{a}{b}"), b"b");
/// assert_eq!(tag(b"{a}b"), b"{a}b");
/// assert_eq!(tag(b"a{}b"), b"");
/// ```
#[must_use]
pub fn tag(key: &[u8]) -> &[u8] {
    tag_in_first_line(key).unwrap_or(key)
}

fn tag_in_first_line(key: &[u8]) -> Option<&[u8]> {
    let line = key.split(|byte| *byte == b'\n').next()?;
    let end = line.iter().rposition(|byte| *byte == b'}')?;
    let inside = line.get(..end)?;
    let open = inside.iter().rposition(|byte| *byte == b'{')?;
    if open == 0 {
        return None;
    }
    inside.get(open + 1..)
}

#[cfg(test)]
mod tests {
    use super::super::vectors;
    use super::*;
    use crate::STRIDE;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn every_key_has_the_tag_and_the_node_that_txredisapi_gives_it() {
        let vectors = vectors::load();
        let sections = ["tx_ring_tcp", "tx_ring_unix"];
        for at in sections.into_iter().step_by(STRIDE) {
            let section = &vectors[at];
            let nodes = section["nodes"].as_array().unwrap().iter();
            let nodes: Vec<_> = nodes.map(|node| node.as_str().unwrap()).collect();
            let ring = Ring::new(&nodes, vec![Point::EMPTY; points(nodes.len())]).unwrap();
            assert_eq!(
                ring.points().len() as u64,
                section["points"].as_u64().unwrap()
            );
            for (number, key) in vectors::keys(&vectors).enumerate() {
                let expected = &section["tag_and_node"][number];
                assert_eq!(
                    tag(key.as_bytes()),
                    expected[0].as_str().unwrap().as_bytes()
                );
                assert_eq!(
                    nodes[ring.node(key.as_bytes())],
                    expected[1],
                    "{at}: {key:?}"
                );
            }
        }
    }

    #[test]
    fn tags_follow_the_regular_expression() {
        // Answers of Python's re.match with that expression.
        for (key, expected) in [
            ("x{a}{b", "a"),
            ("x{{a}}", "a}"),
            ("x}a{b}", "b"),
            ("x{a\n}", "x{a\n}"),
            ("x\ny{a}", "x\ny{a}"),
            ("x{a}\ny", "a"),
            ("x{a}b}", "a}b"),
            ("}{", "}{"),
            ("{", "{"),
        ] {
            assert_eq!(tag(key.as_bytes()), expected.as_bytes(), "{key:?}");
        }
    }
}
