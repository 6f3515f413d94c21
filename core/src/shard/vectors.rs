//! What the original programs answered, for the tests of each placement.

use serde_json::Value;

/// All of it.
pub(super) fn load() -> Value {
    let text = include_str!("../../../tests/vectors/sharding.json");
    serde_json::from_str(text).expect("the vectors are JSON")
}

/// The keys that the answers are for.
pub(super) fn keys(vectors: &Value) -> impl Iterator<Item = &str> {
    let keys = vectors["keys"].as_array().expect("a list of keys");
    assert_eq!(keys.len(), 126);
    keys.iter().map(|key| key.as_str().expect("a text"))
}

/// The numbers in the list at `path`.
pub(super) fn numbers(vectors: &Value, path: &str) -> impl Iterator<Item = u64> {
    let list = vectors.pointer(path).and_then(Value::as_array);
    let list = list.expect("a list of numbers");
    assert!(!list.is_empty());
    list.iter().map(|number| number.as_u64().expect("a number"))
}
