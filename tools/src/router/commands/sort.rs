//! The keys of SORT, which no specification gives: patterns of BY and GET make keys of what is sorted.
//!
//! Source of the rules: <https://redis.io/docs/latest/commands/sort/>.

use super::keys::Positions;

/// The key that is sorted, and that of STORE. `None` if there are others that only the server can
/// make, or words that SORT does not have.
pub(super) fn keys<W: AsRef<[u8]>>(words: &[W]) -> Option<Positions> {
    let mut at = 2;
    let mut store = None;
    while at < words.len() {
        let option = words[at].as_ref().to_ascii_uppercase();
        let value = words.get(at + 1).map(AsRef::as_ref);
        at += match (&option[..], value) {
            (b"ASC" | b"DESC" | b"ALPHA", _) => 1,
            (b"LIMIT", Some(_)) => 3,
            // Not sorted by anything.
            (b"BY", Some(pattern)) if !pattern.contains(&b'*') => 2,
            // The elements themselves.
            (b"GET", Some(b"#")) => 2,
            (b"STORE", Some(_)) => {
                store = Some(at + 1);
                2
            }
            _ => return None,
        };
    }
    Positions::of([Some(1), store])
}
